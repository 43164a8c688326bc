// CSV as of RFC 4180, read one record at a time out of a text in memory: quoted fields may hold
// commas, doubled quotes and line breaks. Total: any input is read to its end; a bad record is
// reported and reading goes on at the next line break outside quotes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace amic::importers {

struct CsvLimits {
  std::size_t field_bytes_max = 64 << 10;
  std::size_t record_bytes_max = 256 << 10;
  std::size_t fields_max = 256;
};

struct CsvRecord {
  std::vector<std::string> fields;
  std::size_t line = 0;   // 1-based line on which the record starts
  std::string_view text;  // its exact source, without the line break that ends it
  // Set if the record breaks RFC 4180 or a limit: kMalformed or kTooLarge, `where` = "line N" of
  // the offence itself. The fields are then incomplete.
  std::optional<Error> error;
};

// Line breaks are LF or CRLF. A leading UTF-8 byte order mark is skipped. Empty lines are no
// records. Fields are bytes: whether they are UTF-8 is the caller's to decide (text_repair.h).
class CsvReader {
 public:
  explicit CsvReader(std::string_view text, CsvLimits limits = {});
  // False at the end of the text. `record` is overwritten.
  bool next(CsvRecord& record);

 private:
  void read_field(CsvRecord& record);
  void read_quoted(CsvRecord& record);
  void read_plain(CsvRecord& record);
  void keep(CsvRecord& record, char c);
  void refuse(CsvRecord& record, Code code, std::string detail) const;
  std::size_t break_size() const;  // of the line break at at_: 0, 1 or 2

  std::string_view text_;
  CsvLimits limits_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t kept_ = 0;  // bytes kept of the current record
  std::string field_;
};

// One field per value: quoted where it must be, CRLF at the end. The inverse of CsvReader.
std::string csv_line(std::vector<std::string> const& fields);

}  // namespace amic::importers
