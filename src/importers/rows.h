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

// The whole row in canonical JSON: equal for rows equal in every column.
std::string fingerprint(Row const& row);

// What the converters share.
void put(json::object& object, std::string_view name, std::string_view text);  // unless empty
void put_vessel(json::object& extension, std::string_view raw, std::string_view type_text,
                std::string_view status_text);
// The narrative without `vessels`, or a sentence that says why it is withheld.
std::string redact_narrative(std::string_view text, std::vector<std::string> const& vessels,
                             Notes& notes);
// What people read: `text` with control characters as spaces.
void set_description(Facts& facts, std::string const& text, Notes& notes);

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
