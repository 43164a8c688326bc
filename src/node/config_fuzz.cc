// A configuration that is accepted is written back as one that means the same.
#include "base/check.h"
#include "node/config.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  auto const config = node::parse_config(as_text(BytesView{data, size}));
  if (config) CHECK(node::parse_config(node::format_config(*config)).value() == *config);
  return 0;
}
