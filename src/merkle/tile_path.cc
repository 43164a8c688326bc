#include "merkle/merkle.h"
#include "merkle/text.h"

namespace amic::merkle {

namespace {

constexpr std::uint8_t kLevelMax = 63;                             // C2SP tlog-tiles
constexpr std::uint64_t kIndexMax = (std::uint64_t{1} << 56) - 1;  // leaves fit 64 bits
constexpr std::size_t kPathBytesMax = 64;

// 1234067 -> "x001/x234/067".
std::string index_path(std::uint64_t index) {
  std::string out;
  bool last = true;
  do {
    std::string group = std::to_string(index % 1000);
    group.insert(0, 3 - group.size(), '0');
    out = last ? group : "x" + group + "/" + out;
    last = false;
    index /= 1000;
  } while (index > 0);
  return out;
}

std::string path_of(std::string const& kind, std::uint64_t index, unsigned width) {
  std::string out = "tile/" + kind + "/" + index_path(index);
  if (width != kTileWidth) out += ".p/" + std::to_string(width);
  return out;
}

// Digits, 'x' and '/' in any arrangement; the caller compares with the canonical spelling.
std::optional<std::uint64_t> index_value(std::string_view text) {
  std::uint64_t value = 0;
  for (char const c : text) {
    if (c == 'x' || c == '/') continue;
    if (c < '0' || c > '9' || value > kIndexMax / 10) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value > kIndexMax) return std::nullopt;
  return value;
}

}  // namespace

std::string tile_path(std::uint8_t level, std::uint64_t index, unsigned width) {
  return path_of(std::to_string(level), index, width);
}

std::string entries_path(std::uint64_t index, unsigned width) {
  return path_of("entries", index, width);
}

Result<TileName> parse_tile_path(std::string_view path) {
  auto const bad = [](char const* detail) { return fail(Code::kMalformed, "tile.path", detail); };
  constexpr std::string_view kPrefix = "tile/";
  if (path.size() > kPathBytesMax) return bad("too long");
  if (!path.starts_with(kPrefix)) return bad("does not start with tile/");
  std::string_view rest = path.substr(kPrefix.size());
  std::size_t const slash = rest.find('/');
  if (slash == std::string_view::npos) return bad("no index");
  std::string_view const kind = rest.substr(0, slash);
  rest = rest.substr(slash + 1);

  TileName name;
  name.entries = kind == "entries";
  if (!name.entries) {
    auto const level = internal::parse_decimal(kind);
    if (!level || *level > kLevelMax) return bad("level is not 0..63");
    name.level = static_cast<std::uint8_t>(*level);
  }
  if (std::size_t const partial = rest.find(".p/"); partial != std::string_view::npos) {
    auto const width = internal::parse_decimal(rest.substr(partial + 3));
    if (!width || *width == 0 || *width >= kTileWidth) return bad("width is not 1..255");
    name.width = static_cast<unsigned>(*width);
    rest = rest.substr(0, partial);
  }
  auto const index = index_value(rest);
  if (!index) return bad("bad index");
  name.index = *index;
  std::string const canonical = name.entries ? entries_path(name.index, name.width)
                                             : tile_path(name.level, name.index, name.width);
  if (path != canonical) return bad("not the canonical spelling");
  return name;
}

}  // namespace amic::merkle
