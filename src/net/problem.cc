#include "net/problem.h"

#include "codec/codec.h"
#include "json/json.h"

namespace amic::net {
namespace {

// "bad_signature" -> "Bad signature"
std::string title(std::string_view code) {
  std::string out(code);
  for (char& c : out)
    if (c == '_') c = ' ';
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z')
    out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

// where and detail may quote the request, which need not be UTF-8.
std::string printable(std::string const& text) {
  if (codec::is_utf8(text)) return text;
  std::string out;
  for (char c : text) out += static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return out;
}

}  // namespace

Response problem(Error const& error) {
  return problem_with_status(code_http_status(error.code), error);
}

Response problem_with_status(int status, Error const& error) {
  Response out;
  out.status = status;
  std::string const name(code_name(error.code));
  json::object body;
  body["type"] = "urn:amic:error:" + name;
  body["title"] = title(name);
  body["status"] = out.status;
  body["code"] = name;
  body["retryable"] = code_retryable(error.code);
  if (out.status != 500) {
    if (!error.where.empty()) body["where"] = printable(error.where);
    if (!error.detail.empty()) body["detail"] = printable(error.detail);
  }
  out.headers.emplace_back("content-type", "application/problem+json");
  if (error.code == Code::kUnauthorized) out.headers.emplace_back("www-authenticate", "Bearer");
  if (error.code == Code::kOverloaded || error.code == Code::kUnavailable)
    out.headers.emplace_back("retry-after", "1");
  out.body = json::serialize(body);
  return out;
}

Response problem(Code code, std::string where, std::string detail) {
  return problem(Error{code, std::move(where), std::move(detail)});
}

}  // namespace amic::net
