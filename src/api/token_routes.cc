// Making, listing and revoking tokens.
#include "api/routes.h"
#include "codec/codec.h"
#include "net/problem.h"

namespace amic::api {

namespace {
json::object token_json(identity::TokenInfo const& info) {
  json::array scopes;
  for (auto const scope : info.scopes) scopes.emplace_back(identity::scope_name(scope));
  json::object out;
  out["id"] = info.id;
  out["name"] = info.name;
  out["scopes"] = std::move(scopes);
  out["clearance"] = marking::classification_name(info.clearance);
  out["created"] = codec::to_rfc3339(info.created_ms);
  if (info.expires_ms) out["expires"] = codec::to_rfc3339(*info.expires_ms);
  return out;
}

constexpr std::string_view kTokenFields[] = {"name", "scopes", "clearance", "expires"};

Result<identity::TokenInfo> read_token(std::string_view text) {
  AMIC_TRY(auto const value, json::parse(text));
  if (!value.is_object()) return fail(Code::kWrongType, "", "an object is wanted");
  auto const& request = value.get_object();
  AMIC_TRY_VOID(check_fields(request, kTokenFields, ""));
  identity::TokenInfo out;
  AMIC_TRY(out.name, json::get_string(request, "name", ""));
  AMIC_TRY(auto const clearance, json::get_string(request, "clearance", ""));
  AMIC_TRY(out.clearance, at("/clearance", marking::parse_classification(clearance)));
  AMIC_TRY(auto const scopes, json::get_string(request, "scopes", ""));
  AMIC_TRY(out.scopes, at("/scopes", identity::parse_scopes(scopes)));
  if (request.contains("expires")) {
    AMIC_TRY(auto const expires, json::get_string(request, "expires", ""));
    AMIC_TRY(auto const us, at("/expires", codec::parse_rfc3339_us(expires)));
    out.expires_ms = us / 1000;
  }
  return out;
}

void commit_put(Services& services, store::KvPut put, net::Response answer,
                net::Responder respond) {
  store::Append unit;
  unit.kv.push_back(std::move(put));
  services.deps.committer.commit(
      std::move(unit),
      [answer = std::move(answer), respond = std::move(respond)](Result<std::uint64_t> stored) {
        respond(stored ? answer : net::problem(stored.error()));
      });
}

void create_token(Services& services, Call call, net::Responder respond) {
  auto wanted = read_token(call.request.body);
  if (!wanted) return respond(net::problem(wanted.error()));
  auto made =
      identity::make_token(std::move(*wanted), services.deps.clock.now_ms(), services.deps.random);
  if (!made) return respond(net::problem(made.error()));
  auto body = token_json(made->info);
  body["secret"] = made->secret;
  commit_put(services, std::move(made->put), json_response(201, body), std::move(respond));
}

Result<net::Response> list_tokens(Services& services, Call const&) {
  AMIC_TRY(auto const all, services.tokens.list());
  json::array list;
  for (auto const& info : all) list.push_back(token_json(info));
  return json_response(200, json::object{{"tokens", std::move(list)}});
}

void revoke_token(Services& services, Call call, net::Responder respond) {
  auto put = services.tokens.revoke(call.path.at("id"));
  if (!put) return respond(net::problem(put.error()));
  net::Response done;
  done.status = 204;
  commit_put(services, std::move(*put), std::move(done), std::move(respond));
}
}  // namespace

std::vector<Route> token_routes() {
  return {
      {"POST", "/api/v1/tokens", Access::kAdmin, create_token,
       "Make a token; its secret is shown once"},
      {"GET", "/api/v1/tokens", Access::kAdmin, answers(list_tokens), "Tokens, never secrets"},
      {"DELETE", "/api/v1/tokens/{id}", Access::kAdmin, revoke_token, "Revoke a token at once"},
  };
}

}  // namespace amic::api
