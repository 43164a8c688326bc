#include "benchmarks/demo.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "benchmarks/measure.h"
#include "benchmarks/report.h"
#include "json/json.h"
#include "node/demo.h"
#include "node/share_request.h"

namespace amic::bench {

Demo::Demo(std::filesystem::path amic, std::size_t members) : amic_(std::move(amic)) {
  auto const command = quoted(amic_) + " demo --members " + std::to_string(members) + " --dir " +
                       quoted(dir()) + " --port-base 19400 --no-traffic --detach 2>&1";
  Stopwatch const watch;
  std::unique_ptr<FILE, int (*)(FILE*)> in(::popen(command.c_str(), "r"), &::pclose);
  CHECK(in != nullptr);
  char line[4096];
  std::string said;
  while (std::fgets(line, sizeof line, in.get()) != nullptr) {
    said += line;
    if (said.ends_with('\n') && std::string_view(line).find("launched:") != std::string::npos)
      launched_s_ = watch.seconds();
    if (std::string_view(line).find("every link up") != std::string::npos)
      linked_s_ = watch.seconds();
  }
  if (linked_s_ == 0) std::fprintf(stderr, "%s", said.c_str());
  CHECK(linked_s_ > 0);
  for (auto const& entry : std::filesystem::directory_iterator(dir()))
    if (node::DataDir::open(entry.path())) nodes_.push_back(entry.path());
  std::sort(nodes_.begin(), nodes_.end());
  CHECK(nodes_.size() == members);
}

Demo::~Demo() {
  auto const command = quoted(amic_) + " demo --stop --dir " + quoted(dir()) + " >/dev/null 2>&1";
  if (std::system(command.c_str()) != 0) progress("the demonstration did not stop cleanly");
}

std::vector<std::string> Demo::members() const {
  std::vector<std::string> out;
  for (auto const& dir : nodes_)
    out.push_back(must(must(node::DataDir::open(dir)).card()).member.str());
  return out;
}

void Demo::wait_quiet() const {
  for (auto const& dir : nodes_) {
    auto const client = client_of(dir);
    while (links_of(*client, "ROUTINE").waiting)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::this_thread::sleep_for(std::chrono::seconds(5));
}

std::unique_ptr<node::ApiClient> client_of(std::filesystem::path const& dir) {
  return must(node::ApiClient::connect({dir.string(), "", ""}));
}

std::int64_t pid_of(std::filesystem::path const& dir) {
  return must(node::read_run_file(must(node::DataDir::open(dir)))).pid;
}

Memory memory_of(std::int64_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  Memory out;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name;
    double kib = 0;
    fields >> name >> kib;
    if (name == "VmRSS:") out.resident_mb = kib / 1024;
    if (name == "VmHWM:") out.most_resident_mb = kib / 1024;
    if (name == "RssAnon:") out.anonymous_mb = kib / 1024;
  }
  CHECK(out.resident_mb > 0);
  return out;
}

Links links_of(node::ApiClient& client, std::string_view precedence) {
  auto const value = must(json::parse(must(client.get("/api/v1/links"))));
  Links out;
  for (auto const& link : value.as_object().at("links").as_array()) {
    auto const& peer = link.as_object();
    out.waiting = out.waiting || peer.at("waiting").to_number<std::uint64_t>() > 0;
    for (auto const& lane : peer.at("lanes").as_array())
      if (std::string_view(lane.as_object().at("precedence").get_string()) == precedence)
        out.acknowledged.push_back(lane.as_object().at("acknowledged").to_number<std::uint64_t>());
  }
  return out;
}

std::string share_text(std::vector<std::string> const& rel_to, std::string_view precedence,
                       std::string const& bundle) {
  json::object marking;
  marking["classification"] = "RESTRICTED";
  marking["tlp"] = "TLP:AMBER";
  json::array named;
  for (auto const& id : rel_to) named.emplace_back(id);
  marking["rel_to"] = std::move(named);
  marking["purpose"] = "measurement";
  return node::share_request_text(std::move(marking), precedence, false, node::kStixMediaType,
                                  bundle);
}

}  // namespace amic::bench
