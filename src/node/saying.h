// What commands have in common that say something in the member's name: what the running node can't
// sign itself is signed here, with a key file, and handed back to it.
#pragma once

#include <string>

#include "node/local_api.h"

namespace amic::node {

struct SigningArguments {
  std::string key;              // file; empty: governance.key of --dir
  std::string passphrase_from;  // as in config.toml if empty
};
void add_signing_options(CLI::App& command, SigningArguments& arguments);

// `answer` is what the node said to a word of this member. If it waits for a signature, that is
// made and posted, and the node's last answer comes back.
Result<std::string> signed_answer(ApiClient& client, ApiArguments const& api,
                                  SigningArguments const& signing, std::string answer,
                                  Context& context);

// Says it and signs what must be signed: a request and its answer, an object.
Result<json::object> say(ApiArguments const& api, SigningArguments const& signing,
                         std::string const& target, json::object const& request, Context& context);

// "text", or the contents of FILE for "@FILE".
Result<std::string> text_or_file(std::string const& value);
// Member of an answer as text; "" if there is none.
std::string field(json::object const& object, std::string_view name);
// 64 digits in groups of eight, to be read aloud.
std::string grouped(std::string_view hex);
json::array comma_separated(std::string_view text);

}  // namespace amic::node
