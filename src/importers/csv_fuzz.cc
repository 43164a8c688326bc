#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "importers/csv.h"
#include "importers/incidents.h"

// Any bytes: every record ends, accounts sum up, and both importers stay within them.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic::importers;
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  CsvReader reader(text);
  std::size_t last = 0;
  for (CsvRecord record; reader.next(record);) {
    CHECK(record.line > last);
    last = record.line;
  }
  for (auto const& result : {import_asam(text), import_imb(text)}) {
    if (!result) continue;
    CHECK(result->accepted + result->quarantined + result->rejected == result->rows);
    CHECK(result->incidents.size() + result->duplicates == result->accepted);
  }
  return 0;
}
