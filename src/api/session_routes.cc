// Logging in and out of the web face.
#include "api/routes.h"
#include "api/session_auth.h"
#include "codec/codec.h"
#include "net/problem.h"

namespace amic::api {

namespace {
constexpr std::string_view kLoginFields[] = {"token", "code"};
constexpr std::string_view kCodeFields[] = {"valid_s"};
constexpr std::int64_t kValidSecondsMax = 1'000'000'000;  // far beyond what is allowed: no overflow

// Without the port: a new connection is no new address.
std::string address_of(net::Request const& request) {
  return request.remote_address.substr(0, request.remote_address.rfind(':'));
}

json::object session_json(Services const& services, identity::Principal const& who,
                          std::optional<UnixMs> ends_ms) {
  json::array scopes;
  for (auto const scope : who.scopes) scopes.emplace_back(identity::scope_name(scope));
  json::object out;
  out["name"] = who.name;
  out["token_id"] = who.token_id;
  out["scopes"] = std::move(scopes);
  out["clearance"] = marking::classification_name(who.reader.clearance);
  out["member"] = services.deps.exchange.self().str();
  if (ends_ms) {
    out["ends"] = codec::to_rfc3339(*ends_ms);
    out["idle_s"] = services.sessions.rules().idle_ms / 1000;
  }
  return out;
}

Result<json::object> read_object(std::string_view text, std::span<std::string_view const> known) {
  AMIC_TRY(auto const value, json::parse(text));
  if (!value.is_object()) return fail(Code::kWrongType, "", "an object is wanted");
  AMIC_TRY_VOID(check_fields(value.get_object(), known, ""));
  return value.get_object();
}

// The token that a session shall stand for.
Result<Hash> read_login(Services& services, std::string_view text) {
  AMIC_TRY(auto const request, read_object(text, kLoginFields));
  if (request.contains("token") == request.contains("code"))
    return fail(Code::kMissingField, "/token", "give either token or code");
  if (request.contains("code")) {
    AMIC_TRY(auto const code, json::get_string(request, "code", ""));
    return services.sessions.take_code(code, services.deps.clock.now_ms());
  }
  AMIC_TRY(auto const token, json::get_string(request, "token", ""));
  return identity::secret_sha256(token);
}

Result<net::Response> log_in(Services& services, Call const& call) {
  if (!call.request.header("origin").empty() && !from_own_page(call.request))
    return fail(Code::kForbidden, "header.origin", "a session is for this node's own pages alone");
  auto const now_ms = services.deps.clock.now_ms();
  if (!services.sessions.attempt(address_of(call.request), now_ms))
    return fail(Code::kOverloaded, "session", "too many attempts to log in; wait a little");
  AMIC_TRY(auto const token, read_login(services, call.request.body));
  AMIC_TRY(auto const who, services.tokens.authenticate_sha256(token, now_ms));
  AMIC_TRY(auto const opened, services.sessions.open(token, now_ms, services.deps.random));
  auto response = json_response(201, session_json(services, who, opened.ends_ms));
  response.headers.emplace_back("set-cookie",
                                session_cookie(services, call.request, opened.secret));
  return response;
}

Result<net::Response> show_session(Services& services, Call const& call) {
  std::optional<UnixMs> ends_ms;
  if (call.by_session) {
    auto const secret = session_secret(services, call.request.header("cookie"));
    AMIC_TRY(auto const found,
             services.sessions.find(secret, services.deps.clock.now_ms(), /*use=*/false));
    ends_ms = found.ends_ms;
  }
  return json_response(200, session_json(services, call.who, ends_ms));
}

Result<net::Response> log_out(Services& services, Call const& call) {
  services.sessions.close(session_secret(services, call.request.header("cookie")));
  net::Response out;
  out.status = 204;
  out.headers = {{"set-cookie", session_cookie(services, call.request, "")},
                 {"cache-control", "no-store"}};
  return out;
}

Result<net::Response> make_code(Services& services, Call const& call) {
  AMIC_TRY(auto const request, read_object(call.request.body, kCodeFields));
  auto const& rules = services.sessions.rules();
  std::int64_t valid_ms = rules.code_ms;
  if (auto const* wanted = request.if_contains("valid_s")) {
    if (!wanted->is_int64() || wanted->get_int64() < 0 || wanted->get_int64() > kValidSecondsMax)
      return fail(Code::kOutOfRange, "/valid_s", "a whole number of seconds is wanted");
    valid_ms = wanted->get_int64() * 1000;
  }
  auto const now_ms = services.deps.clock.now_ms();
  AMIC_TRY(auto const code,
           services.sessions.make_code(call.token_sha256, valid_ms, now_ms, services.deps.random));
  return json_response(
      201, json::object{{"code", code}, {"expires", codec::to_rfc3339(now_ms + valid_ms)}});
}
}  // namespace

std::vector<Route> session_routes() {
  return {
      {"POST", "/api/v1/session", Access::kPublic, answers(log_in),
       "Log in to the web face with a token or a one-time code; the answer sets a cookie"},
      {"GET", "/api/v1/session", Access::kAny, answers(show_session),
       "Who asks, and what they may"},
      {"DELETE", "/api/v1/session", Access::kAny, answers(log_out), "Log out"},
      {"POST", "/api/v1/session/codes", Access::kAny, answers(make_code),
       "A code that logs in once with the token that asks"},
  };
}

}  // namespace amic::api
