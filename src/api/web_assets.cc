#include "api/web_assets.h"

#include <algorithm>
#include <string>

namespace amic::api {

namespace {
// Every address a screen can have; the rest of its state is in the query.
constexpr std::string_view kPages[] = {"/",          "/login", "/watch", "/write",
                                       "/search",    "/graph", "/links", "/log",
                                       "/decisions", "/admin", "/help"};

constexpr std::string_view kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

WebAsset const* find(std::span<WebAsset const> assets, std::string_view path) {
  auto const found =
      std::find_if(assets.begin(), assets.end(), [&](auto const& a) { return a.path == path; });
  return found == assets.end() ? nullptr : &*found;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Whether Accept-Encoding names the coding without refusing it (";q=0", RFC 9110 section 12.5.3).
bool accepts(std::string_view header, std::string_view coding) {
  while (!header.empty()) {
    auto const comma = header.find(',');
    auto const part = header.substr(0, comma);
    header = comma == std::string_view::npos ? "" : header.substr(comma + 1);
    auto const semicolon = part.find(';');
    if (trimmed(part.substr(0, semicolon)) != coding) continue;
    if (semicolon == std::string_view::npos) return true;
    auto const weight = trimmed(part.substr(semicolon + 1));
    return weight.find_first_of("123456789") != std::string_view::npos;
  }
  return false;
}
}  // namespace

std::optional<net::Response> web_response(std::span<WebAsset const> assets,
                                          net::Request const& request) {
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  auto const path = std::string_view(request.target).substr(0, request.target.find('?'));
  bool const page = std::find(std::begin(kPages), std::end(kPages), path) != std::end(kPages);
  auto const* asset = page ? find(assets, "/index.html") : find(assets, path);
  if (asset == nullptr || (!page && !path.starts_with("/assets/"))) return std::nullopt;

  net::Response out;
  out.headers = {
      {"content-type", std::string(asset->media_type)},
      {"content-security-policy", std::string(kContentPolicy)},
      {"x-content-type-options", "nosniff"},
      {"referrer-policy", "no-referrer"},
      {"cross-origin-opener-policy", "same-origin"},
      {"cross-origin-resource-policy", "same-origin"},
      {"permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"},
      {"cache-control", page ? "no-store" : "public, max-age=31536000, immutable"},
      {"vary", "accept-encoding"}};
  auto const codings = request.header("accept-encoding");
  if (!asset->brotli.empty() && accepts(codings, "br")) {
    out.headers.emplace_back("content-encoding", "br");
    out.body = asset->brotli;
  } else if (!asset->gzip.empty() && accepts(codings, "gzip")) {
    out.headers.emplace_back("content-encoding", "gzip");
    out.body = asset->gzip;
  } else {
    out.body = asset->plain;
  }
  return out;
}

}  // namespace amic::api
