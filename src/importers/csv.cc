#include "importers/csv.h"

#include <utility>

namespace amic::importers {

namespace {
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
}

CsvReader::CsvReader(std::string_view text, CsvLimits limits) : text_(text), limits_(limits) {
  if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
}

std::size_t CsvReader::break_size() const {
  if (at_ >= text_.size()) return 0;
  if (text_[at_] == '\n') return 1;
  return text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n' ? 2 : 0;
}

void CsvReader::refuse(CsvRecord& record, Code code, std::string detail) const {
  if (record.error) return;  // the first offence is the cause of the rest
  record.error = Error{code, "line " + std::to_string(line_), std::move(detail)};
}

void CsvReader::keep(CsvRecord& record, char c) {
  if (field_.size() >= limits_.field_bytes_max) {
    refuse(record, Code::kTooLarge,
           "a field is longer than " + std::to_string(limits_.field_bytes_max) + " bytes");
  } else if (kept_ >= limits_.record_bytes_max) {
    refuse(record, Code::kTooLarge,
           "a record is longer than " + std::to_string(limits_.record_bytes_max) + " bytes");
  } else {
    field_.push_back(c);
    ++kept_;
  }
}

void CsvReader::read_quoted(CsvRecord& record) {
  std::size_t const opened = line_;
  ++at_;  // the quote
  while (at_ < text_.size()) {
    char const c = text_[at_];
    if (c == '"') {
      if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        ++at_;
      } else {
        ++at_;
        return;
      }
    }
    if (c == '\n') ++line_;
    keep(record, c);
    ++at_;
  }
  refuse(record, Code::kMalformed,
         "the quote opened on line " + std::to_string(opened) + " is never closed");
}

void CsvReader::read_plain(CsvRecord& record) {
  while (at_ < text_.size() && text_[at_] != ',' && break_size() == 0) {
    if (text_[at_] == '"') refuse(record, Code::kMalformed, "a quote inside an unquoted field");
    if (text_[at_] == '\r') refuse(record, Code::kMalformed, "a carriage return without line feed");
    keep(record, text_[at_]);
    ++at_;
  }
}

void CsvReader::read_field(CsvRecord& record) {
  field_.clear();
  if (at_ < text_.size() && text_[at_] == '"') {
    read_quoted(record);
    if (at_ < text_.size() && text_[at_] != ',' && break_size() == 0) {
      refuse(record, Code::kMalformed, "text after a closing quote");
      read_plain(record);
    }
  } else {
    read_plain(record);
  }
  if (record.fields.size() >= limits_.fields_max) {
    refuse(record, Code::kTooLarge, "more than " + std::to_string(limits_.fields_max) + " fields");
  } else {
    record.fields.push_back(field_);
  }
}

bool CsvReader::next(CsvRecord& record) {
  record.fields.clear();
  record.error.reset();
  kept_ = 0;
  while (std::size_t const size = break_size()) {  // empty lines
    at_ += size;
    ++line_;
  }
  if (at_ >= text_.size()) return false;
  record.line = line_;
  std::size_t const begin = at_;
  for (;;) {
    read_field(record);
    if (at_ >= text_.size() || text_[at_] != ',') break;
    ++at_;
  }
  record.text = text_.substr(begin, at_ - begin);
  if (std::size_t const size = break_size()) {
    at_ += size;
    ++line_;
  }
  return true;
}

std::string csv_line(std::vector<std::string> const& fields) {
  std::string out;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out.push_back(',');
    // A lone empty field must be quoted, or the line would be an empty line, which is no record.
    bool const quote = fields[i].find_first_of("\",\r\n") != std::string::npos ||
                       (fields.size() == 1 && fields[i].empty());
    if (!quote) {
      out += fields[i];
      continue;
    }
    out.push_back('"');
    for (char const c : fields[i]) {
      if (c == '"') out.push_back('"');
      out.push_back(c);
    }
    out.push_back('"');
  }
  return out + "\r\n";
}

}  // namespace amic::importers
