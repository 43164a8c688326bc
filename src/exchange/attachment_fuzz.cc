// Bodies of descriptions, and the rows that are noted of them.
#include <cstdlib>

#include "exchange/attachment.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input(data, size);
  auto const attachment = exchange::decode_attachment(input);
  if (attachment && exchange::encode(*attachment) != to_bytes(input)) std::abort();
  if (attachment && attachment->plan().sealed_size() < attachment->size) std::abort();
  // A name that is taken has no way out of its directory.
  auto const name = as_text(input);
  if (exchange::check_file_name(name, "name") &&
      (name.empty() || name.find('/') != std::string_view::npos || name.front() == '.'))
    std::abort();
  return 0;
}
