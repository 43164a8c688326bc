// Reading STIX objects.
#include <algorithm>

#include "api/routes.h"
#include "base/limits.h"
#include "codec/codec.h"

namespace amic::api {

namespace {
constexpr std::string_view kList = "objects";

Result<store::PageFilter> read_filter(Services const& services, Call const& call) {
  store::PageFilter filter;
  AMIC_TRY(filter.limit, query_limit(call, services.options.page_default, limits::kPageMax));
  AMIC_TRY(filter.after_ord, query_cursor(services, call, "cursor", kList));
  if (auto const types = call.query_value("type")) filter.types = split(*types);
  if (auto const ids = call.query_value("id")) filter.ids = split(*ids);
  if (auto const creator = call.query_value("creator")) {
    AMIC_TRY(filter.creator, at("query.creator", MemberId::parse(*creator)));
  }
  if (auto const after = call.query_value("added_after")) {
    AMIC_TRY(filter.added_after_us, at("query.added_after", codec::parse_rfc3339_us(*after)));
  }
  if (auto const originator = call.query_value("originator")) {
    AMIC_TRY(filter.creator, at("query.originator", MemberId::parse(*originator)));
  }
  auto const version = call.query_value("version").value_or("last");
  if (version == "all")
    filter.select = store::VersionSelect::kAll;
  else if (version == "first")
    filter.select = store::VersionSelect::kFirst;
  else if (version != "last")
    return fail(Code::kMalformed, "query.version", "last, first or all");
  return filter;
}

// Object bodies are stored as exact JSON text: they are joined, never parsed again.
std::string objects_json(std::vector<store::ObjectRow> const& rows, std::string_view tail) {
  std::size_t total = 64 + tail.size();
  for (auto const& row : rows) total += row.body.size() + 1;
  std::string out;
  out.reserve(total);
  out += "{\"objects\":[";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) out += ',';
    out += rows[i].body;
  }
  out += "],\"originators\":[";  // of each object in turn; member names need no escapes
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.append(i > 0 ? ",\"" : "\"").append(rows[i].creator.str()).append("\"");
  out += ']';
  out += tail;
  out += '}';
  return out;
}

Result<net::Response> list_objects(Services& services, Call const& call) {
  AMIC_TRY(auto const filter, read_filter(services, call));
  AMIC_TRY(auto const page, page_within_reach(services.deps.store, filter, *call.reach));
  std::string tail;
  if (page.more && !page.rows.empty())
    tail = ",\"next\":\"" + services.cursors.seal(kList, page.rows.back().ord) + "\"";
  return text_json_response(200, objects_json(page.rows, tail));
}

Result<std::optional<MemberId>> read_originator(Call const& call) {
  auto const text = call.query_value("originator");
  if (!text) return std::optional<MemberId>();
  AMIC_TRY(auto member, at("query.originator", MemberId::parse(*text)));
  return std::optional(std::move(member));
}

// Several members may have shared an object under one id. Each one's stands for itself: the answer
// says whose it is, and who else has one.
Result<net::Response> get_object(Services& services, Call const& call) {
  auto const& id = call.path.at("id");
  AMIC_TRY(auto const originator, read_originator(call));
  AMIC_TRY(auto row, services.deps.store.get(id, call.readable(), originator));
  if (!row) return fail(Code::kNotFound, "path.id", "no such object");
  AMIC_TRY(auto const members, services.deps.store.creators(id, call.readable()));
  std::string all;
  for (auto const& member : members) all.append(all.empty() ? "" : ", ").append(member.str());
  auto response = text_json_response(200, std::move(row->body));
  response.headers.emplace_back("amic-originator", row->creator.str());
  response.headers.emplace_back("amic-originators", std::move(all));
  return response;
}

Result<net::Response> get_versions(Services& services, Call const& call) {
  AMIC_TRY(auto const originator, read_originator(call));
  AMIC_TRY(auto const rows,
           services.deps.store.versions(call.path.at("id"), call.readable(), originator));
  if (rows.empty()) return fail(Code::kNotFound, "path.id", "no such object");
  return text_json_response(200, objects_json(rows, ""));
}

Result<net::Response> get_relations(Services& services, Call const& call) {
  auto const& id = call.path.at("id");
  AMIC_TRY(auto const limit, query_limit(call, services.options.page_default, limits::kPageMax));
  json::object out;
  for (bool const outgoing : {true, false}) {
    AMIC_TRY(auto const edges, services.deps.store.edges(id, outgoing, limit, call.readable()));
    json::array list;
    for (auto const& edge : edges)
      list.push_back({{"id", outgoing ? edge.to : edge.from}, {"relation", edge.relation}});
    out[outgoing ? "refers_to" : "referred_by"] = std::move(list);
  }
  return json_response(200, out);
}
}  // namespace

std::vector<Route> object_routes() {
  return {
      {"GET", "/api/v1/objects", Access::kRead, answers(list_objects),
       "STIX objects in the order they were added; type, id, creator, added_after, version=all"},
      {"GET", "/api/v1/objects/{id}", Access::kRead, answers(get_object),
       "The latest version of one object, by the originator named or by the first that has one"},
      {"GET", "/api/v1/objects/{id}/versions", Access::kRead, answers(get_versions),
       "Every version of one object, oldest first"},
      {"GET", "/api/v1/objects/{id}/relations", Access::kRead, answers(get_relations),
       "What the object refers to and what refers to it"},
  };
}

}  // namespace amic::api
