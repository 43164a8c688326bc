#include "node/saying.h"

#include <CLI/CLI.hpp>

#include "codec/codec.h"
#include "crypto/keyfile.h"
#include "crypto/sign.h"
#include "node/files.h"

namespace amic::node {

namespace {
namespace fs = std::filesystem;

// root.key, governance.key, ...
Result<crypto::KeyRole> role_of(fs::path const& file) {
  for (unsigned role = 1; role <= 7; ++role)
    if (file.filename() ==
        std::string(crypto::key_role_name(static_cast<crypto::KeyRole>(role))) + ".key")
      return static_cast<crypto::KeyRole>(role);
  return fail(Code::kUsage, "--key", "a key file is called governance.key or root.key");
}

// A key that was moved away is still sealed under the lock of the node that made it, unless it has
// one beside it.
Result<crypto::SigningKey> signing_key(ApiArguments const& api, SigningArguments const& signing,
                                       Context& context) {
  if (api.dir.empty() && signing.key.empty())
    return fail(Code::kUsage, "--key", "is needed with --url: the node has no governance key");
  fs::path const file =
      signing.key.empty() ? fs::path(api.dir) / "keys" / "governance.key" : fs::path(signing.key);
  AMIC_TRY(auto const role, role_of(file));
  fs::path const folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::error_code ignored;
  Passphrase passphrase;
  fs::path lock_folder = folder;
  if (!api.dir.empty()) {
    AMIC_TRY(auto const dir, DataDir::open(api.dir));
    AMIC_TRY(passphrase, unlock(dir, signing.passphrase_from, context));
    if (!fs::exists(folder / "lock", ignored)) lock_folder = dir.keys();
  } else if (!signing.passphrase_from.empty()) {
    AMIC_TRY(passphrase, crypto::read_passphrase(signing.passphrase_from, "Passphrase: "));
  }
  AMIC_TRY(auto const lock, crypto::KeyLock::open(lock_folder, passphrase));
  AMIC_TRY(auto const seed, lock.at(folder).load(role));
  return crypto::SigningKey::from_seed(seed.view());
}

Result<json::object> parsed(std::string const& text) {
  AMIC_TRY(auto value, json::parse(text));
  if (!value.is_object()) return fail(Code::kMalformed, "answer", "an object is wanted");
  return std::move(value.get_object());
}

// Statements of an answer that wait, the objection's reason after the objection.
std::vector<json::object> waiting_in(json::object const& answer) {
  std::vector<json::object> out;
  auto const* sent = answer.if_contains("sent");
  if (sent != nullptr && sent->is_bool() && !sent->get_bool()) out.push_back(answer);
  if (auto const* reason = answer.if_contains("reason"); reason != nullptr && reason->is_object())
    for (auto& one : waiting_in(reason->get_object())) out.push_back(std::move(one));
  return out;
}
}  // namespace

void add_signing_options(CLI::App& command, SigningArguments& arguments) {
  command.add_option("--key", arguments.key,
                     "Key file, if the running node has none; default: keys/governance.key");
  command.add_option("--passphrase-from", arguments.passphrase_from,
                     "Of the key file: file:PATH, fd:N, env:NAME or prompt; default: as in "
                     "config.toml");
}

Result<std::string> signed_answer(ApiClient& client, ApiArguments const& api,
                                  SigningArguments const& signing, std::string answer,
                                  Context& context) {
  AMIC_TRY(auto merged, parsed(answer));
  auto const waiting = waiting_in(merged);
  if (waiting.empty()) return answer;
  AMIC_TRY(auto const key, signing_key(api, signing, context));
  for (auto const& one : waiting) {
    if (field(one, "key") != codec::to_hex(key.verify_key().view()))
      return fail(Code::kWrongIdentity, "--key",
                  "statement " + field(one, "statement") + " waits for the key " +
                      field(one, "key") + "; sign it with amic motion sign --key FILE");
    AMIC_TRY(auto const message, codec::from_base64(field(one, "message")));
    json::object request{{"statement", field(one, "statement")},
                         {"signature", codec::to_hex(key.sign(message).view())}};
    AMIC_TRY(auto const text, client.post("/api/v1/consent/signatures", json::serialize(request)));
    AMIC_TRY(auto const done, parsed(text));
    if (field(one, "statement") == field(merged, "statement")) {
      merged["sent"] = done.at("sent");
      merged.erase("message");
      merged.erase("key");
    } else {
      merged["reason"] = done;
    }
  }
  return json::serialize(merged);
}

Result<json::object> say(ApiArguments const& api, SigningArguments const& signing,
                         std::string const& target, json::object const& request, Context& context) {
  AMIC_TRY(auto const client, ApiClient::connect(api));
  AMIC_TRY(auto answer, client->post(target, json::serialize(request)));
  AMIC_TRY(auto const text, signed_answer(*client, api, signing, std::move(answer), context));
  return parsed(text);
}

Result<std::string> text_or_file(std::string const& value) {
  if (!value.starts_with("@")) return value;
  return read_file(value.substr(1));
}

std::string field(json::object const& object, std::string_view name) {
  auto const* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return "";
  return value->is_string() ? std::string(value->get_string().c_str()) : json::serialize(*value);
}

std::string grouped(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    if (i > 0 && i % 8 == 0) out += ' ';
    out += hex[i];
  }
  return out;
}

json::array comma_separated(std::string_view text) {
  json::array out;
  while (!text.empty()) {
    auto const comma = text.find(',');
    out.emplace_back(text.substr(0, comma));
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
  }
  return out;
}

}  // namespace amic::node
