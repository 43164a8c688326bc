#include "net/http.h"

#include <charconv>
#include <condition_variable>
#include <mutex>

#include "base/limits.h"
#include "net/text.h"

namespace amic::net {
namespace {

std::string_view find_header(Headers const& headers, std::string_view lower_name) {
  for (auto const& [name, value] : headers)
    if (name == lower_name) return value;
  return {};
}

// A letter-digit-hyphen name, an IPv4 address, or (in brackets) an IPv6 address: checked for
// characters only, since resolving decides the rest.
bool is_host(std::string_view host, bool brackets) {
  if (host.empty() || host.size() > limits::kAddressBytesMax) return false;
  for (char c : host) {
    bool const hex = (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f');
    bool const name = hex || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.';
    if (brackets ? !(hex || c == ':' || c == '.') : !name) return false;
  }
  return !brackets || host.find(':') != std::string_view::npos;
}

// Waits for one outcome; if its sender is destroyed without having sent, so does the waiting end.
class Outcome {
 public:
  void set(Result<Response> result) {
    std::lock_guard const lock(mutex_);
    if (!result_) result_.emplace(std::move(result));
    ready_.notify_all();
  }
  Result<Response> wait() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return result_.has_value(); });
    return std::move(*result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::optional<Result<Response>> result_;
};

struct OutcomeSender {
  explicit OutcomeSender(std::shared_ptr<Outcome> to_outcome) : to(std::move(to_outcome)) {}
  OutcomeSender(OutcomeSender const&) = delete;
  OutcomeSender& operator=(OutcomeSender const&) = delete;
  ~OutcomeSender() { to->set(fail(Code::kUnavailable, "client.stopped")); }
  std::shared_ptr<Outcome> to;
};

}  // namespace

std::string_view Request::header(std::string_view lower_name) const {
  return find_header(headers, lower_name);
}

std::string_view Response::header(std::string_view lower_name) const {
  return find_header(headers, lower_name);
}

Result<Endpoint> parse_endpoint(std::string_view url) {
  auto const bad = [](char const* why) { return fail(Code::kMalformed, "endpoint", why); };
  Endpoint out;
  auto const colons = url.find("://");
  if (colons == std::string_view::npos) return bad("no scheme");
  out.scheme = to_lower(url.substr(0, colons));
  if (out.scheme != "http" && out.scheme != "https") return bad("scheme is not http or https");
  out.port = out.scheme == "https" ? 443 : 80;
  url.remove_prefix(colons + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  bool const brackets = url.starts_with('[');
  auto const end = brackets ? url.find(']') : url.find(':');
  if (brackets && end == std::string_view::npos) return bad("no ']'");
  auto const host = brackets ? url.substr(1, end - 1) : url.substr(0, end);
  if (!is_host(host, brackets)) return bad("bad host");
  out.host = to_lower(host);
  auto rest = end == std::string_view::npos ? std::string_view{} : url.substr(end + brackets);
  if (rest.empty()) return out;
  if (rest.front() != ':' || rest.size() < 2 || rest.size() > 6) return bad("bad port");
  rest.remove_prefix(1);
  auto const [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), out.port);
  if (error != std::errc{} || stop != rest.data() + rest.size() || out.port == 0)
    return bad("bad port");
  return out;
}

Result<Response> Client::call(Endpoint endpoint, Request request, std::int64_t timeout_ms) {
  auto const outcome = std::make_shared<Outcome>();
  auto sender = std::make_shared<OutcomeSender>(outcome);
  send(std::move(endpoint), std::move(request), timeout_ms,
       [sender](Result<Response> result) { sender->to->set(std::move(result)); });
  sender.reset();
  return outcome->wait();
}

}  // namespace amic::net
