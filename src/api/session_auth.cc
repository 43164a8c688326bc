#include "api/session_auth.h"

#include "codec/codec.h"

namespace amic::api {

namespace {
constexpr std::string_view kSecurePrefix = "__Host-";

// Nodes on one machine differ by port alone, and cookies don't: each has a name of its own.
std::string cookie_name(Services const& services) {
  auto const& exchange = services.deps.exchange;
  return "amic-" + exchange.self().str() + "-" +
         codec::to_hex(exchange.community().id.view()).substr(0, 8);
}

bool is_secure(net::Request const& request) {
  return request.header("origin").starts_with("https://");
}

bool changes_state(net::Request const& request) {
  return request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS";
}

std::string_view cookie_value(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    auto const semicolon = header.find(';');
    auto part = header.substr(0, semicolon);
    header = semicolon == std::string_view::npos ? "" : header.substr(semicolon + 1);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    if (part.size() > name.size() && part[name.size()] == '=' && part.starts_with(name))
      return part.substr(name.size() + 1);
  }
  return {};
}
}  // namespace

Credentials credentials_of(net::Request const& request) {
  return {std::string(request.header("authorization")), std::string(request.header("cookie"))};
}

bool from_own_page(net::Request const& request) {
  auto const site = request.header("sec-fetch-site");
  if (!site.empty() && site != "same-origin" && (site != "none" || changes_state(request)))
    return false;
  auto const origin = request.header("origin");
  if (origin.empty()) return !changes_state(request) || site == "same-origin";
  auto const scheme_end = origin.find("://");
  return scheme_end != std::string_view::npos &&
         origin.substr(scheme_end + 3) == request.header("host");
}

std::string_view session_secret(Services const& services, std::string_view cookie_header) {
  auto const name = cookie_name(services);
  auto const secure = cookie_value(cookie_header, std::string(kSecurePrefix) + name);
  return secure.empty() ? cookie_value(cookie_header, name) : secure;
}

std::string session_cookie(Services const& services, net::Request const& request,
                           std::string_view secret) {
  bool const secure = is_secure(request);
  std::string out = secure ? std::string(kSecurePrefix) : "";
  out += cookie_name(services) + "=" + std::string(secret) + "; Path=/; HttpOnly; SameSite=Strict";
  if (secure) out += "; Secure";
  if (secret.empty()) out += "; Max-Age=0";
  return out;
}

Result<Caller> authenticate(Services& services, net::Request const& request) {
  auto const now_ms = services.deps.clock.now_ms();
  auto const authorization = request.header("authorization");
  auto const secret = session_secret(services, request.header("cookie"));
  Caller out;
  if (!authorization.empty() || secret.empty()) {
    AMIC_TRY(out.who, services.tokens.authenticate_header(authorization, now_ms));
    out.token_sha256 = services.tokens.sha256_of_header(authorization);
    return out;
  }
  AMIC_TRY(auto const session, services.sessions.find(secret, now_ms, /*use=*/true));
  if (!from_own_page(request))
    return fail(Code::kForbidden, "header.origin", "a session is for this node's own pages alone");
  AMIC_TRY(out.who, services.tokens.authenticate_sha256(session.token_sha256, now_ms));
  out.token_sha256 = session.token_sha256;
  out.by_session = true;
  return out;
}

Result<identity::Principal> still_valid(Services& services, Credentials const& credentials) {
  auto const now_ms = services.deps.clock.now_ms();
  auto const secret = session_secret(services, credentials.cookie);
  if (!credentials.authorization.empty() || secret.empty())
    return services.tokens.authenticate_header(credentials.authorization, now_ms);
  AMIC_TRY(auto const session, services.sessions.find(secret, now_ms, /*use=*/false));
  AMIC_TRY(auto who, services.tokens.authenticate_sha256(session.token_sha256, now_ms));
  if (!who.may(identity::Scope::kAdmin))
    AMIC_TRY_VOID(services.sessions.find(secret, now_ms, /*use=*/true));
  return who;
}

net::Responder confined(net::Responder respond) {
  return [respond = std::move(respond)](net::Response response) {
    std::erase_if(response.headers,
                  [](auto const& h) { return h.first == "x-content-type-options"; });
    response.headers.emplace_back("x-content-type-options", "nosniff");
    response.headers.emplace_back("content-security-policy",
                                  "default-src 'none'; frame-ancestors 'none'; sandbox");
    response.headers.emplace_back("cross-origin-resource-policy", "same-origin");
    response.headers.emplace_back("referrer-policy", "no-referrer");
    respond(std::move(response));
  };
}

}  // namespace amic::api
