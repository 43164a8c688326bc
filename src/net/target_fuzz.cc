// Request targets, media types and endpoints: what they accept must hold what their headers
// promise.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/http.h"
#include "net/media_type.h"
#include "net/target.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic::net;
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  if (auto const target = parse_target(text)) {
    require(target->segments.size() <= kTargetSegmentsMax);
    require(target->query.size() <= kQueryPairsMax);
    std::string rebuilt;
    for (auto const& segment : target->segments) rebuilt += "/" + percent_encode(segment);
    if (rebuilt.empty()) rebuilt = "/";
    if (rebuilt.size() <= kTargetBytesMax) {
      auto const again = parse_target(rebuilt);
      require(again && again->segments == target->segments);
    }
  }
  if (auto const type = parse_media_type(text)) {
    auto const again = parse_media_type(type->text());
    require(again && *again == *type);
  }
  if (auto const accept = parse_accept(text)) {
    require(!accept->empty() && accept->size() <= kMediaRangesMax);
    MediaType const offers[] = {{"application", "json", {}, 1000}, {"text", "html", {}, 1000}};
    auto const chosen = negotiate(*accept, offers);
    require(!chosen || *chosen < 2);
  }
  if (auto const endpoint = parse_endpoint(text)) {
    require(endpoint->port != 0 && !endpoint->host.empty());
  }
  if (auto const decoded = percent_decode(text)) {
    require(percent_decode(percent_encode(*decoded)).value() == *decoded);
  }
  return 0;
}
