#include "node/local_api.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <future>

#include "crypto/keyfile.h"
#include "node/files.h"

namespace amic::node {

namespace {
constexpr std::int64_t kTimeoutMs = 120'000;

std::filesystem::path run_file(DataDir const& dir) {
  return dir.run() / "api.json";
}

// Problem details as the Error they were made from.
Error error_of(net::Response const& response) {
  Error out{Code::kInternal, "api", "HTTP " + std::to_string(response.status)};
  auto const body = json::parse(response.body);
  if (!body || !body->is_object()) return out;
  auto const& problem = body->get_object();
  auto const text = [&](char const* name) -> std::string {
    auto const* value = problem.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string().c_str()) : "";
  };
  auto const name = text("code");
#define X(id, stable_name, http, retry) \
  if (name == stable_name) out.code = Code::id;
  AMIC_ERROR_CODES(X)
#undef X
  out.where = text("where");
  out.detail = text("detail");
  return out;
}
}  // namespace

Result<void> write_run_file(DataDir const& dir, RunFile const& file) {
  json::object object;
  object["api_url"] = file.api_url;
  object["link_address"] = file.link_address;
  object["token"] = file.token;
  object["pid"] = file.pid;
  remove_run_file(dir);  // a crash may have left one; the store's lock says that nobody runs
  return write_new_file(run_file(dir), json::serialize(object) + "\n");
}

Result<RunFile> read_run_file(DataDir const& dir) {
  auto const text = read_file(run_file(dir));
  if (!text)
    return fail(
        Code::kUnavailable, dir.root().string(),
        "the node is not running; start it with: amic node run --dir " + dir.root().string());
  AMIC_TRY(auto const value, json::parse(*text));
  if (!value.is_object()) return fail(Code::kCorrupt, run_file(dir).string());
  auto const& object = value.get_object();
  RunFile out;
  AMIC_TRY(out.api_url, json::get_string(object, "api_url", ""));
  AMIC_TRY(out.link_address, json::get_string(object, "link_address", ""));
  AMIC_TRY(out.token, json::get_string(object, "token", ""));
  AMIC_TRY(out.pid, json::get_int(object, "pid", ""));
  return out;
}

void remove_run_file(DataDir const& dir) {
  std::error_code ignored;
  std::filesystem::remove(run_file(dir), ignored);
}

void add_api_options(CLI::App& command, ApiArguments& arguments) {
  auto* dir = command.add_option("--dir", arguments.dir, "Directory of the running node");
  auto* url = command.add_option("--url", arguments.url, "Or its API, e.g. http://127.0.0.1:7080");
  command
      .add_option("--token-from", arguments.token_from,
                  "With --url: where the token is (file:PATH, env:NAME or fd:N)")
      ->needs(url);
  url->excludes(dir);
}

CLI::App& add_api_command(CLI::App& group, std::string name, std::string help,
                          ApiArguments& arguments) {
  auto* command = group.add_subcommand(std::move(name), std::move(help));
  add_api_options(*command, arguments);
  return *command;
}

Result<std::unique_ptr<ApiClient>> ApiClient::connect(ApiArguments const& arguments) {
  if (!arguments.url.empty()) {
    if (arguments.token_from.empty())
      return fail(Code::kUsage, "--token-from", "is needed with --url");
    AMIC_TRY(auto const token, crypto::read_passphrase(arguments.token_from, "Token: "));
    return std::make_unique<ApiClient>(arguments.url, std::string(as_text(token.view())));
  }
  if (arguments.dir.empty()) return fail(Code::kUsage, "--dir", "give --dir, or --url");
  AMIC_TRY(auto const dir, DataDir::open(arguments.dir));
  AMIC_TRY(auto const run, read_run_file(dir));
  return std::make_unique<ApiClient>(run.api_url, run.token);
}

ApiClient::ApiClient(std::string const& url, std::string token)
    : endpoint_(net::parse_endpoint(url)), token_(std::move(token)) {
  auto client = net::Client::create(runtime_, {});
  if (client) client_ = std::move(*client);
  runtime_.start();
}

ApiClient::~ApiClient() {
  client_.reset();
  runtime_.stop();
}

Result<net::Response> ApiClient::send(net::Request request) {
  if (!endpoint_) return fail(endpoint_.error());
  if (!client_) return fail(Code::kInternal, "client");
  request.headers.emplace_back("authorization", "Bearer " + token_);
  AMIC_TRY(auto response, client_->call(*endpoint_, std::move(request), kTimeoutMs));
  if (response.status / 100 != 2) return fail(error_of(response));
  return response;
}

Result<net::Response> ApiClient::transfer(net::Request request,
                                          std::function<bool(std::string_view)> on_chunk) {
  if (!endpoint_) return fail(endpoint_.error());
  if (!client_) return fail(Code::kInternal, "client");
  request.headers.emplace_back("authorization", "Bearer " + token_);
  auto const done = std::make_shared<std::promise<Result<net::Response>>>();
  auto result = done->get_future();
  client_->stream(*endpoint_, std::move(request), std::move(on_chunk),
                  [done](Result<net::Response> response) { done->set_value(std::move(response)); });
  AMIC_TRY(auto response, result.get());
  if (response.status / 100 != 2) return fail(error_of(response));
  return response;
}

Result<std::string> ApiClient::call(net::Request request) {
  AMIC_TRY(auto response, send(std::move(request)));
  return std::move(response.body);
}

Result<std::string> ApiClient::get(std::string const& target) {
  net::Request request;
  request.target = target;
  return call(std::move(request));
}

Result<std::string> ApiClient::put(std::string const& target, std::string body) {
  net::Request request;
  request.method = "PUT";
  request.target = target;
  request.headers.emplace_back("content-type", "application/json");
  request.body = std::move(body);
  return call(std::move(request));
}

Result<std::string> ApiClient::post(std::string const& target, std::string body,
                                    std::string const& idempotency_key) {
  net::Request request;
  request.method = "POST";
  request.target = target;
  request.headers.emplace_back("content-type", "application/json");
  if (!idempotency_key.empty()) request.headers.emplace_back("idempotency-key", idempotency_key);
  request.body = std::move(body);
  return call(std::move(request));
}

Result<std::string> ApiClient::remove(std::string const& target) {
  net::Request request;
  request.method = "DELETE";
  request.target = target;
  return call(std::move(request));
}

Result<std::string> ApiClient::login_link(std::int64_t valid_s) {
  AMIC_TRY(auto const answer,
           post("/api/v1/session/codes", json::serialize(json::object{{"valid_s", valid_s}})));
  AMIC_TRY(auto const value, json::parse(answer));
  AMIC_TRY(auto const code, json::get_string(value.as_object(), "code", ""));
  if (!endpoint_) return fail(endpoint_.error());
  return endpoint_->scheme + "://" + endpoint_->host + ":" + std::to_string(endpoint_->port) +
         "/login#" + code;
}

}  // namespace amic::node
