// How commands talk to a running node: over its own HTTP API, with the token of this run that the
// node leaves in run/ for whoever may read its directory, or with a token of their own.
#pragma once

#include <memory>
#include <string>

#include "json/json.h"
#include "net/http.h"
#include "node/cli.h"

namespace amic::node {

// What `node run` writes into run/ (api.json), mode 0600; removed at the end.
struct RunFile {
  std::string api_url;
  std::string link_address;
  std::string token;
  std::int64_t pid = 0;
};
Result<void> write_run_file(DataDir const& dir, RunFile const& file);
Result<RunFile> read_run_file(DataDir const& dir);
void remove_run_file(DataDir const& dir);

// --dir D, or --url U with --token-from file:PATH|env:NAME|fd:N.
struct ApiArguments {
  std::string dir;
  std::string url;
  std::string token_from;
};
void add_api_options(CLI::App& command, ApiArguments& arguments);
// A subcommand with these options.
CLI::App& add_api_command(CLI::App& group, std::string name, std::string help,
                          ApiArguments& arguments);

class ApiClient {
 public:
  // kUnavailable if `dir` has no running node.
  static Result<std::unique_ptr<ApiClient>> connect(ApiArguments const& arguments);
  ApiClient(std::string const& url, std::string token);
  ~ApiClient();

  // The response's body for a 2xx; otherwise the problem as an Error with its stable code.
  Result<std::string> get(std::string const& target);
  Result<std::string> post(std::string const& target, std::string body,
                           std::string const& idempotency_key = {});
  Result<std::string> put(std::string const& target, std::string body);
  Result<std::string> remove(std::string const& target);
  // An address that logs in to the web face once with this client's token. The code is behind a
  // '#': browsers send it to nobody.
  Result<std::string> login_link(std::int64_t valid_s);
  // For what isn't JSON: the whole response of a 2xx.
  Result<net::Response> send(net::Request request);
  // Without a bound on time or size: a long body goes out from `request.source`, one that comes in
  // goes to `on_chunk` as it arrives. Fails as send(), and with kTimeout if nothing moves.
  Result<net::Response> transfer(net::Request request,
                                 std::function<bool(std::string_view)> on_chunk);

 private:
  Result<std::string> call(net::Request request);  // send()'s body
  net::Runtime runtime_{1};
  std::unique_ptr<net::Client> client_;
  Result<net::Endpoint> endpoint_;
  std::string token_;
};

}  // namespace amic::node
