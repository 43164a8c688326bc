#include "node/counter_file.h"

#include <charconv>

#include "node/files.h"

namespace amic::node {

Result<std::uint64_t> CounterFile::read() {
  auto const text = read_file(path_, 64);
  if (!text && text.error().code == Code::kNotFound) return std::uint64_t{0};
  if (!text) return fail(text.error());
  std::uint64_t out = 0;
  auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
  bool const rest_is_newline = std::string_view(end, text->data() + text->size()) == "\n";
  if (error != std::errc() || !rest_is_newline)
    return fail(Code::kCorrupt, path_.string(), "not a counter");
  return out;
}

Result<void> CounterFile::advance(std::uint64_t to) {
  AMIC_TRY(auto const now, read());
  if (to <= now) return {};
  return replace_file(path_, std::to_string(to) + "\n");
}

}  // namespace amic::node
