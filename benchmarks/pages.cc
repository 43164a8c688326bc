// TAXII pages of 100 objects over keep-alive. A client walks all that is held once, page after
// page, and checks that it gets every object exactly once; then wrk asks for those same pages again
// and again: every second one by `next`, the others by `added_after`, as clients that come back do.
// Beside it: the same number of bytes from memory, by our own server without anything behind it.
#include "benchmarks/local_node.h"
#include "benchmarks/measure.h"
#include "benchmarks/sections.h"
#include "benchmarks/wrk.h"
#include "net/http.h"

namespace amic::bench {

namespace {
constexpr char kSection[] = "TAXII pages";
constexpr std::string_view kObjects = "/taxii2/amic/collections/all/objects/?limit=100";
constexpr char kAccept[] = "application/taxii+json;version=2.1";
constexpr int kConnections = 8;

struct Walk {
  std::vector<std::string> paths;
  std::size_t objects = 0;
  std::size_t bytes = 0;
};

std::string encoded(std::string_view timestamp) {
  std::string out;
  for (char const c : timestamp) out += c == ':' ? "%3A" : std::string(1, c);
  return out;
}

std::size_t objects_in(std::string_view page) {
  auto const value = must(json::parse(page));
  auto const* list = value.as_object().if_contains("objects");
  return list == nullptr ? 0 : list->as_array().size();
}

Walk walk(LocalNode& node, LocalNode::Api const& api) {
  auto const client = must(net::Client::create(node.runtime(), {}));
  net::Endpoint const endpoint{"http", "127.0.0.1", api.port};
  Walk out;
  std::string path(kObjects);
  for (;;) {
    net::Request request;
    request.target = path;
    request.headers = {{"authorization", "Bearer " + api.token}, {"accept", kAccept}};
    auto const page = must(client->call(endpoint, request, 30'000));
    if (page.status != 200) progress(page.body);
    CHECK(page.status == 200);
    out.paths.push_back(path);
    out.objects += objects_in(page.body);
    out.bytes += page.body.size();
    constexpr std::string_view kNext = "\"next\":\"";
    auto const at = page.body.substr(0, 256).find(kNext);
    if (at == std::string::npos) return out;
    auto const begin = at + kNext.size();
    auto const next = page.body.substr(begin, page.body.find('"', begin) - begin);
    path = std::string(kObjects) +
           (out.paths.size() % 2 == 0
                ? "&next=" + next
                : "&added_after=" + encoded(page.header("x-taxii-date-added-last")));
  }
}

// Pages a second that one thread gets from the store, without HTTP.
double store_pages(LocalNode& node, double seconds) {
  auto& store = node.store();
  store::AudienceSet all;
  for (auto const& audience : must(store.audiences())) all.push_back(audience.id);
  store::PageFilter filter;
  std::size_t pages = 0;
  double const begin = thread_cpu_seconds();
  while (thread_cpu_seconds() - begin < seconds) {
    auto const page = must(store.page(filter, all));
    filter.after_ord = page.more ? page.rows.back().ord : 0;
    ++pages;
  }
  return static_cast<double>(pages) / (thread_cpu_seconds() - begin);
}

double constant_pages(LocalNode& node, std::filesystem::path const& scratch, std::size_t bytes,
                      int seconds) {
  std::string const body(bytes, 'x');
  auto const server =
      must(net::Server::listen(node.runtime(), {}, [&body](net::Request, net::Responder respond) {
        net::Response response;
        response.headers = {{"content-type", kAccept}};
        response.body = body;
        respond(std::move(response));
      }));
  auto const load = run_wrk(scratch, server->port(), "none", kAccept, {"/"}, seconds, kConnections);
  server->stop();
  return load.requests_per_second;
}
}  // namespace

void measure_pages(Settings const& settings, LocalNode& node, Report& report) {
  progress("==> TAXII pages of 100 objects");
  auto const api = node.start_api();
  auto const pages = walk(node, api);
  store::AudienceSet all;
  for (auto const& audience : must(node.store().audiences())) all.push_back(audience.id);
  CHECK(pages.objects == must(node.store().object_count(all)));
  std::size_t const page_bytes = pages.bytes / pages.paths.size();
  double const from_store = store_pages(node, settings.quick ? 0.3 : 2);

  int const seconds = settings.quick ? 2 : 10;
  exchange::testing::TemporaryDirectory scratch;
  run_wrk(scratch.path(), api.port, api.token, kAccept, pages.paths, 1, kConnections);  // warm
  double const cpu = process_cpu_seconds();
  auto const load =
      run_wrk(scratch.path(), api.port, api.token, kAccept, pages.paths, seconds, kConnections);
  double const cpu_us = (process_cpu_seconds() - cpu) / (load.requests_per_second * seconds) * 1e6;
  double const constant = constant_pages(node, scratch.path(), page_bytes, seconds);
  report.add({kSection,
              "pages over keep-alive",
              load.requests_per_second,
              "/s",
              Bar{false, 2000},
              {{"same bytes from memory", constant, "/s"},
               {"processor time", cpu_us, "us a page"},
               {"store alone", from_store, "/s a core"},
               {"mean page", static_cast<double>(page_bytes) / 1024, "KiB"},
               {"of objects held", static_cast<double>(pages.objects), ""}}});
  report.add({kSection, "p99 of a page", load.p99_ms, "ms", {}, {{"p50", load.p50_ms, "ms"}}});
}

}  // namespace amic::bench
