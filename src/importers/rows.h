// The loop that all row importers share: header, encoding, duplicates, accounts. Internal.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "importers/incidents.h"
#include "importers/objects.h"

namespace amic::importers {

struct Row {
  Columns columns;                                    // named columns, in file order, UTF-8
  std::string_view get(std::string_view name) const;  // "" if there is no such column
};

using Notes = std::map<std::string, std::uint32_t>;

struct Dataset {
  Source source;
  std::vector<std::string_view> required;
  std::vector<std::string_view> dropped;  // never leaves the reader
  // An error quarantines the row: `where` = column, `detail` = why.
  std::function<Result<Facts>(Row const&, Options const&, Notes&)> convert;
};

Result<ImportResult> import_rows(std::string_view csv, Dataset const& dataset,
                                 Options const& options);

}  // namespace amic::importers
