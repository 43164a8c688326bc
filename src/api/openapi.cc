#include "api/openapi.h"

#include "api/routes.h"

namespace amic::api {

namespace {
std::string_view access_text(Access access) {
  switch (access) {
    case Access::kPublic: return "public";
    case Access::kRead: return "read";
    case Access::kShare: return "share";
    case Access::kAdmin: return "admin";
    case Access::kAudit: return "audit";
    case Access::kAny: return "any valid token";
  }
  return "";
}

json::object schema_ref(std::string_view name) {
  return {{"$ref", "#/components/schemas/" + std::string(name)}};
}

json::object string_schema(std::string_view description) {
  return {{"type", "string"}, {"description", description}};
}

json::object problem_schema() {
  return {{"type", "object"},
          {"description", "RFC 9457 problem details"},
          {"properties",
           json::object{{"type", string_schema("urn:amic:error:<code>")},
                        {"title", string_schema("For people")},
                        {"status", json::object{{"type", "integer"}}},
                        {"code", string_schema("Stable text name of the error")},
                        {"where", string_schema("JSON pointer, parameter or step")},
                        {"detail", string_schema("What is wrong")}}},
          {"required", json::array{"type", "status", "code"}}};
}

json::object marking_schema() {
  json::object strings{{"type", "array"}, {"items", json::object{{"type", "string"}}}};
  return {{"type", "object"},
          {"properties",
           json::object{{"classification",
                         json::object{{"enum", json::array{"UNCLASSIFIED", "RESTRICTED",
                                                           "CONFIDENTIAL", "SECRET",
                                                           "TOP SECRET"}}}},
                        {"rel_to", strings},
                        {"tlp", json::object{{"enum", json::array{"TLP:CLEAR", "TLP:GREEN",
                                                                  "TLP:AMBER", "TLP:AMBER+STRICT",
                                                                  "TLP:RED"}}}},
                        {"handling", strings},
                        {"purpose", string_schema("What it may be used for")},
                        {"expires", string_schema("RFC 3339; from then on it reaches nobody")}}},
          {"required", json::array{"classification"}},
          {"additionalProperties", false}};
}

json::object share_schema() {
  return {{"type", "object"},
          {"properties",
           json::object{{"marking", schema_ref("Marking")},
                        {"precedence", json::object{{"enum", json::array{"FLASH", "IMMEDIATE",
                                                                         "PRIORITY", "ROUTINE"}}}},
                        {"private", json::object{{"type", "boolean"}}},
                        {"lineage", json::object{{"type", "array"},
                                                 {"items", string_schema("SHA-256 in hex")}}},
                        {"bundle", json::object{{"type", "object"},
                                                {"description", "STIX 2.1 bundle or object"}}},
                        {"media_type", string_schema("With body_base64")},
                        {"body_base64", string_schema("Any other body")}}},
          {"required", json::array{"marking"}},
          {"additionalProperties", false}};
}

json::object token_schema() {
  return {{"type", "object"},
          {"properties", json::object{{"name", string_schema("For people and logs")},
                                      {"scopes", string_schema("read,share,admin,audit")},
                                      {"clearance", string_schema("Highest classification read")},
                                      {"expires", string_schema("RFC 3339")}}},
          {"required", json::array{"name", "scopes", "clearance"}}};
}

// Names in braces of a pattern, e.g. {"id"}.
json::array path_parameters(std::string_view pattern) {
  json::array out;
  for (auto open = pattern.find('{'); open != std::string_view::npos;
       open = pattern.find('{', open + 1)) {
    auto const close = pattern.find('}', open);
    auto name = pattern.substr(open + 1, close - open - 1);
    if (name.ends_with("...")) name.remove_suffix(3);
    out.push_back({{"name", name},
                   {"in", "path"},
                   {"required", true},
                   {"schema", json::object{{"type", "string"}}}});
  }
  return out;
}

json::object operation(Route const& route) {
  json::object out;
  out["summary"] = route.summary;
  out["operationId"] = std::string(route.method) + " " + std::string(route.pattern);
  auto parameters = path_parameters(route.pattern);
  if (route.method == "GET" && route.pattern.starts_with("/api/v1/") &&
      route.access == Access::kRead)
    for (auto const* name : {"limit", "cursor"})
      parameters.push_back({{"name", name},
                            {"in", "query"},
                            {"schema", json::object{{"type", "string"}}}});
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  if (route.method == "POST") {
    auto const* schema = route.pattern == "/api/v1/items"    ? "ShareRequest"
                         : route.pattern == "/api/v1/tokens" ? "TokenRequest"
                                                             : "StixEnvelope";
    out["requestBody"] = json::object{
        {"required", true},
        {"content", json::object{{"application/json", json::object{{"schema", schema_ref(schema)}}}}}};
  }
  out["responses"] = json::object{
      {"2XX", json::object{{"description", "Done"}}},
      {"default",
       json::object{{"description", "Refused"},
                    {"content", json::object{{"application/problem+json",
                                              json::object{{"schema", schema_ref("Problem")}}}}}}}};
  out["x-amic-access"] = access_text(route.access);
  if (route.access == Access::kPublic) out["security"] = json::array{};
  return out;
}
}  // namespace

std::string openapi_document(std::string_view version) {
  json::object paths;
  for (auto const& route : routes()) {
    std::string pattern{route.pattern};
    if (auto const dots = pattern.find("...}"); dots != std::string::npos) pattern.erase(dots, 3);
    auto& entry = paths[pattern];
    if (!entry.is_object()) entry = json::object{};
    std::string method{route.method};
    for (auto& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    entry.as_object()[method] = operation(route);
  }
  json::object const bearer{{"type", "http"}, {"scheme", "bearer"}};
  json::object const basic{{"type", "http"}, {"scheme", "basic"}};
  json::object document;
  document["openapi"] = "3.1.0";
  document["info"] = json::object{{"title", "AMIC node"},
                                  {"version", version},
                                  {"description", "A member's own node. Reads return what the "
                                                  "token's clearance may see, and nothing else "
                                                  "can be inferred from them."}};
  document["paths"] = std::move(paths);
  document["components"] = json::object{
      {"securitySchemes", json::object{{"bearer", bearer}, {"basic", basic}}},
      {"schemas", json::object{{"Problem", problem_schema()},
                               {"Marking", marking_schema()},
                               {"ShareRequest", share_schema()},
                               {"TokenRequest", token_schema()},
                               {"StixEnvelope", json::object{{"type", "object"}}}}}};
  document["security"] = json::array{json::object{{"bearer", json::array{}}},
                                     json::object{{"basic", json::array{}}}};
  return json::serialize(document);
}

}  // namespace amic::api
