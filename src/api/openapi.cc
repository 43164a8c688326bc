#include "api/openapi.h"

#include "api/routes.h"
#include "api/taxii.h"

namespace amic::api {

namespace {
std::string_view access_text(Access access) {
  switch (access) {
    case Access::kPublic:
      return "public";
    case Access::kRead:
      return "read";
    case Access::kShare:
      return "share";
    case Access::kAdmin:
      return "admin";
    case Access::kAudit:
      return "audit";
    case Access::kAny:
      return "any valid token";
  }
  return "";
}

json::object reference(std::string_view kind, std::string_view name) {
  return {{"$ref", "#/components/" + std::string(kind) + "/" + std::string(name)}};
}

json::object content(std::string_view media_type, json::object schema) {
  json::object media{{"schema", std::move(schema)}};
  json::object out;
  out[media_type] = std::move(media);
  return out;
}

// Names in braces of a pattern, e.g. {"id"}.
json::array path_parameters(std::string_view pattern) {
  json::array out;
  for (auto open = pattern.find('{'); open != std::string_view::npos;
       open = pattern.find('{', open + 1)) {
    auto const close = pattern.find('}', open);
    auto const name = pattern.substr(open + 1, close - open - 1);
    out.push_back({{"name", name},
                   {"in", "path"},
                   {"required", true},
                   {"schema", json::object{{"type", "string"}}}});
  }
  return out;
}

std::string_view failure_text(int status) {
  switch (status) {
    case 400:
      return "The request is malformed; where names the place";
    case 401:
      return "No valid token";
    case 403:
      return "The token may not";
    case 404:
      return "There is none that the token may read";
    case 406:
      return "The media types of Accept are not spoken here";
    case 409:
      return "In conflict with something under way";
    case 413:
      return "Too large";
    case 415:
      return "The Content-Type is not spoken here";
    case 422:
      return "Understood and refused; the code says why";
    case 429:
      return "Too much waits; retry later";
    case 503:
      return "Not ready";
    default:
      return "Refused";
  }
}

json::object responses(Route const& route, OperationDoc const& doc) {
  bool const taxii = route.pattern.starts_with("/taxii2/");
  auto const refused = [&](int status) {
    return json::object{
        {"description", failure_text(status)},
        {"content", taxii ? content(kTaxiiMediaType, reference("schemas", "TaxiiError"))
                          : content("application/problem+json", reference("schemas", "Problem"))}};
  };
  json::object done{{"description", "Done"}};
  if (!doc.schema.empty())
    done["content"] = content(doc.media_type, reference("schemas", doc.schema));
  else if (!doc.media_type.empty())
    done["content"] = content(doc.media_type, {});
  json::object out;
  out[std::to_string(doc.success)] = std::move(done);
  auto failures = doc.failures;
  if (route.access != Access::kPublic) failures.insert(failures.end(), {401, 403});
  failures.push_back(429);
  if (taxii) failures.push_back(406);
  for (int const status : failures) out[std::to_string(status)] = refused(status);
  out["default"] = refused(0);
  return out;
}

json::object operation(Route const& route) {
  json::object out;
  out["summary"] = route.summary;
  out["x-amic-access"] = access_text(route.access);
  if (route.access == Access::kPublic) out["security"] = json::array{};
  auto const* doc = operation_doc(route.method, route.pattern);
  if (doc == nullptr) return out;  // a test names the route
  out["operationId"] = doc->id;
  auto parameters = path_parameters(route.pattern);
  for (auto const name : doc->parameters) parameters.push_back(reference("parameters", name));
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  if (!doc->request_schema.empty()) {
    bool const taxii = route.pattern.starts_with("/taxii2/");
    out["requestBody"] =
        json::object{{"required", true},
                     {"content", content(taxii ? kTaxiiMediaType : doc->request_media_type,
                                         reference("schemas", doc->request_schema))}};
  }
  out["responses"] = responses(route, *doc);
  return out;
}
}  // namespace

std::string openapi_document(std::string_view version) {
  json::object paths;
  for (auto const& route : routes()) {
    auto& entry = paths[route.pattern];
    if (!entry.is_object()) entry = json::object{};
    std::string method{route.method};
    for (auto& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    entry.as_object()[method] = operation(route);
  }
  json::object const bearer{{"type", "http"}, {"scheme", "bearer"}};
  json::object const basic{{"type", "http"},
                           {"scheme", "basic"},
                           {"description", "User name: the token's id; password: its secret"}};
  json::object document;
  document["openapi"] = "3.1.0";
  document["info"] = json::object{{"title", "AMIC node"},
                                  {"version", version},
                                  {"description",
                                   "A member's own node. Reads return what the "
                                   "token's clearance may see, and nothing else "
                                   "can be inferred from them."}};
  document["paths"] = std::move(paths);
  document["components"] =
      json::object{{"securitySchemes", json::object{{"bearer", bearer}, {"basic", basic}}},
                   {"schemas", openapi_schemas()},
                   {"parameters", openapi_parameters()}};
  document["security"] =
      json::array{json::object{{"bearer", json::array{}}}, json::object{{"basic", json::array{}}}};
  return json::serialize(document);
}

}  // namespace amic::api
