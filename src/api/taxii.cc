#include "api/taxii.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "net/media_type.h"
#include "net/problem.h"

namespace amic::api {

net::Response taxii_response(int status, std::string json_text) {
  auto out = text_json_response(status, std::move(json_text));
  for (auto& [name, value] : out.headers)
    if (name == "content-type") value = kTaxiiMediaType;
  return out;
}

bool is_taxii_target(std::string_view target) {
  auto const path = target.substr(0, target.find('?'));
  return path == "/taxii2" || path.starts_with("/taxii2/");
}

namespace {
// The error message resource, from the problem details that the rest of the service speaks.
std::string error_message(std::string_view problem_text) {
  auto const problem = json::parse(problem_text);
  json::object out;
  if (!problem || !problem->is_object()) return R"({"title":"Error"})";
  auto const& in = problem->get_object();
  auto const copy = [&](char const* from, char const* to) {
    if (auto const* value = in.if_contains(from)) out[to] = *value;
  };
  copy("title", "title");
  copy("detail", "description");
  copy("code", "error_code");
  if (auto const* status = in.if_contains("status")) out["http_status"] = json::serialize(*status);
  if (auto const* where = in.if_contains("where")) out["details"] = json::object{{"where", *where}};
  return json::serialize(out);
}
}  // namespace

net::Responder taxii_responder(net::Responder respond) {
  return [respond = std::move(respond)](net::Response response) {
    if (response.header("content-type") == "application/problem+json") {
      for (auto& [name, value] : response.headers)
        if (name == "content-type") value = kTaxiiMediaType;
      response.body = error_message(response.body);
    }
    respond(std::move(response));
  };
}

namespace {
Result<void> check_accept(Call const& call) {
  auto const header = call.request.header("accept");
  if (header.empty() || header == kTaxiiMediaType) return {};
  static std::array<net::MediaType, 1> const offers{
      net::MediaType{"application", "taxii+json", {{"version", "2.1"}}, 1000}};
  auto const accept = net::parse_accept(header);
  if (accept && net::negotiate(*accept, offers)) return {};
  return fail(Code::kNotAcceptable, "header.accept",
              "this server speaks " + std::string(kTaxiiMediaType));
}

Result<void> check_content_type(Call const& call) {
  auto const type = net::parse_media_type(call.request.header("content-type"));
  if (type && type->is("application/taxii+json")) {
    auto const version = type->parameter("version");
    if (version.empty() || version == "2.1") return {};
  }
  return fail(Code::kUnsupportedMedia, "header.content-type", std::string(kTaxiiMediaType));
}

Result<void> check_root(Call const& call) {
  auto const root = call.path.find("root");
  if (root == call.path.end() || root->second == kTaxiiRoot) return {};
  return fail(Code::kNotFound, "path.root", "no such API root");
}

using Reply = Result<net::Response> (*)(Services&, Call const&);

Handle taxii(Reply reply) {
  return answers([reply](Services& services, Call const& call) -> Result<net::Response> {
    AMIC_TRY_VOID(check_accept(call));
    AMIC_TRY_VOID(check_root(call));
    return reply(services, call);
  });
}

void add_objects(Services& services, Call call, net::Responder respond) {
  for (auto const check : {check_accept, check_root, check_content_type})
    if (auto const good = check(call); !good) return respond(net::problem(good.error()));
  taxii_add_objects(services, std::move(call), std::move(respond));
}

Result<net::Response> discovery(Services& services, Call const&) {
  auto const root = "/taxii2/" + std::string(kTaxiiRoot) + "/";
  json::object out;
  out["title"] = services.deps.exchange.community().head.community_name;
  out["description"] = "Node of " + services.deps.exchange.self().str();
  out["default"] = root;
  out["api_roots"] = json::array{root};
  return taxii_response(200, json::serialize(out));
}

Result<net::Response> api_root(Services& services, Call const&) {
  json::object out;
  out["title"] = services.deps.exchange.community().head.community_name + ", " +
                 services.deps.exchange.realm().str();
  out["versions"] = json::array{kTaxiiMediaType};
  out["max_content_length"] =
      std::min(services.options.server.body_bytes_max, limits::kBodyBytesMax);
  return taxii_response(200, json::serialize(out));
}

json::object collection_json(TaxiiCollection const& collection, identity::Principal const& who) {
  return {{"id", collection.id},
          {"title", collection.title},
          {"description", collection.description},
          {"alias", collection.alias},
          {"can_read", collection.readable() && who.may(identity::Scope::kRead)},
          {"can_write", collection.writable() && who.may(identity::Scope::kShare)},
          {"media_types", json::array{kStixMediaType}}};
}

Result<net::Response> collections(Services& services, Call const& call) {
  json::array list;
  for (auto const& collection : services.collections->all())
    list.push_back(collection_json(collection, call.who));
  return taxii_response(200, json::serialize(json::object{{"collections", std::move(list)}}));
}

Result<net::Response> collection(Services& services, Call const& call) {
  AMIC_TRY(auto const found, find_taxii_collection(services, call));
  return taxii_response(200, json::serialize(collection_json(found, call.who)));
}

// Only originators delete, and what they do travels as an item: never by this door.
Result<net::Response> refuse_delete(Services& services, Call const& call) {
  AMIC_TRY_VOID(find_taxii_collection(services, call));
  return fail(Code::kForbidden, "method", "objects are not deleted over TAXII");
}
}  // namespace

std::vector<Route> taxii_routes() {
  return {
      {"GET", "/taxii2/", Access::kAny, taxii(discovery), "TAXII discovery: the API roots"},
      {"GET", "/taxii2/{root}/", Access::kAny, taxii(api_root), "The API root"},
      {"GET", "/taxii2/{root}/status/{id}/", Access::kShare, taxii(taxii_status),
       "What became of objects that this token added"},
      {"GET", "/taxii2/{root}/collections/", Access::kAny, taxii(collections),
       "The collections and what the token may do with each"},
      {"GET", "/taxii2/{root}/collections/{id}/", Access::kAny, taxii(collection),
       "One collection"},
      {"GET", "/taxii2/{root}/collections/{id}/manifest/", Access::kRead, taxii(taxii_manifest),
       "Ids, versions and dates of a collection's objects"},
      {"GET", "/taxii2/{root}/collections/{id}/objects/", Access::kRead, taxii(taxii_objects),
       "A collection's objects in the order they were added"},
      {"POST", "/taxii2/{root}/collections/{id}/objects/", Access::kShare, add_objects,
       "Add objects to the local import: they reach nobody else"},
      {"GET", "/taxii2/{root}/collections/{id}/objects/{object}/", Access::kRead,
       taxii(taxii_object), "One object"},
      {"DELETE", "/taxii2/{root}/collections/{id}/objects/{object}/", Access::kAny,
       taxii(refuse_delete), "Always refused: deletions travel as items"},
      {"GET", "/taxii2/{root}/collections/{id}/objects/{object}/versions/", Access::kRead,
       taxii(taxii_versions), "The versions of one object"},
  };
}

}  // namespace amic::api
