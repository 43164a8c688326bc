#include "node/data_dir.h"

#include "node/files.h"

namespace amic::node {

namespace {
// Says which file an error of its contents is about.
tl::unexpected<Error> in_file(std::filesystem::path const& path, Error error) {
  error.detail = path.string() + ": " + error.detail;
  return fail(std::move(error));
}
}  // namespace

Result<DataDir> DataDir::create(std::filesystem::path const& root) {
  if (root.empty()) return fail(Code::kUsage, "data directory", "empty");
  AMIC_TRY_VOID(make_private_directory(root));
  DataDir out(root);
  for (auto const& path : {out.keys(), out.launch_file().parent_path(), out.store(), out.run()})
    AMIC_TRY_VOID(make_private_directory(path));
  return out;
}

Result<DataDir> DataDir::open(std::filesystem::path const& root) {
  DataDir out(root);
  std::error_code ignored;
  if (!std::filesystem::is_directory(root, ignored))
    return fail(Code::kNotFound, root.string(), "no such data directory; see amic node init");
  if (!std::filesystem::exists(out.config_file(), ignored))
    return fail(Code::kNotFound, out.config_file().string(),
                "not a complete node; amic node init makes or completes one");
  return out;
}

Result<Config> DataDir::config() const {
  AMIC_TRY(std::string const text, read_file(config_file()));
  return parse_config(text);
}

Result<consent::Card> DataDir::card() const {
  AMIC_TRY(std::string const text, read_file(card_file()));
  auto card = consent::card_from_text(text);
  if (!card) return in_file(card_file(), card.error());
  return card;
}

Result<std::optional<consent::Transcript>> DataDir::launch() const {
  auto const text = read_file(launch_file());
  if (!text && text.error().code == Code::kNotFound) return std::optional<consent::Transcript>{};
  if (!text) return fail(text.error());
  auto transcript = consent::transcript_from_text(*text);
  if (!transcript) return in_file(launch_file(), transcript.error());
  return std::optional<consent::Transcript>(std::move(*transcript));
}

}  // namespace amic::node
