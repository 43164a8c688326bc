#include "importers/rows.h"

#include <algorithm>
#include <unordered_map>

#include "importers/tables.h"
#include "importers/text_repair.h"
#include "importers/vessel_names.h"

namespace amic::importers {
namespace {

constexpr std::size_t kRefusedTextMax = 64 << 10;

struct Header {
  std::vector<std::string> names;  // "" = unnamed
  std::vector<bool> dropped;
};

Result<Header> read_header(CsvReader& reader, Dataset const& dataset) {
  CsvRecord record;
  if (!reader.next(record)) return fail(Code::kMalformed, "line 1", "no header line");
  if (record.error) return fail(*record.error);
  Header header;
  for (std::string const& field : record.fields) {
    std::string name = collapsed(field);
    bool const plain = std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-';
    });
    if (!plain || name.size() > 64)
      return fail(Code::kMalformed, "line 1",
                  "a column name with other than letters, digits, _ and -");
    if (!name.empty() &&
        std::find(header.names.begin(), header.names.end(), name) != header.names.end())
      return fail(Code::kDuplicateKey, "line 1", "column " + name + " is given twice");
    header.dropped.push_back(std::find(dataset.dropped.begin(), dataset.dropped.end(), name) !=
                             dataset.dropped.end());
    header.names.push_back(std::move(name));
  }
  for (std::string_view const name : dataset.required)
    if (std::find(header.names.begin(), header.names.end(), name) == header.names.end())
      return fail(Code::kMissingField, "line 1", "no column " + std::string(name));
  return header;
}

// Fields as named columns. A row may lack unnamed columns at its end and nothing else.
Result<Row> to_row(CsvRecord const& record, Header const& header, Notes& notes) {
  std::size_t const given = record.fields.size();
  auto const rest =
      header.names.begin() + static_cast<std::ptrdiff_t>(std::min(given, header.names.size()));
  if (given > header.names.size() ||
      !std::all_of(rest, header.names.end(), [](auto const& name) { return name.empty(); }))
    return fail(Code::kMalformed, "",
                std::to_string(given) + " fields where the header has " +
                    std::to_string(header.names.size()));
  Row row;
  bool repaired = false;
  for (std::size_t i = 0; i < given; ++i) {
    if (header.dropped[i]) continue;
    if (header.names[i].empty()) {
      if (!record.fields[i].empty())
        return fail(Code::kMalformed, "", "text in a column without a name");
      continue;
    }
    std::string text;
    Encoding const encoding = to_utf8(record.fields[i], text);
    if (encoding == Encoding::kUnknown)
      return fail(Code::kBadUtf8, header.names[i], "neither UTF-8 nor Windows-1252");
    repaired = repaired || encoding == Encoding::kWindows1252;
    row.columns.emplace_back(header.names[i], std::move(text));
  }
  if (repaired) ++notes["text decoded from Windows-1252"];
  return row;
}

class Run {
 public:
  Run(Dataset const& dataset, Options const& options) : dataset_(dataset), options_(options) {
    result_.source = dataset.source.key;
    result_.shared = shared_objects(dataset.source, !options.redact_vessels);
  }

  void take(CsvRecord const& record, Header const& header) {
    ++result_.rows;
    if (record.error) return refuse(record, RowFate::kRejected, *record.error);
    auto row = to_row(record, header, result_.notes);
    if (!row) {
      RowFate const fate =
          row.error().code == Code::kMalformed ? RowFate::kRejected : RowFate::kQuarantined;
      return refuse(record, fate, row.error());
    }
    Notes notes;
    auto facts = dataset_.convert(*row, options_, notes);
    if (!facts) return refuse(record, RowFate::kQuarantined, facts.error());
    std::string print = fingerprint(*row);
    auto const [held, fresh] = seen_.try_emplace(facts->key, std::move(print));
    if (!fresh) return again(record, *row, held->second);
    for (auto const& [note, count] : notes) result_.notes[note] += count;
    Incident incident = make_incident(dataset_.source, *facts, options_);
    incident.line = record.line;
    incident.coast = facts->country;
    result_.incidents.push_back(std::move(incident));
    ++result_.accepted;
  }

  ImportResult finish() {
    for (std::string_view const name : dataset_.dropped)
      result_.notes["column " + std::string(name) + " left out on purpose: contested"] =
          result_.rows;
    return std::move(result_);
  }

 private:
  // A key met before: the same row again, or two rows that claim one reference.
  void again(CsvRecord const& record, Row const& row, std::string const& held) {
    if (fingerprint(row) == held) {
      ++result_.accepted;
      ++result_.duplicates;
      return;
    }
    refuse(
        record, RowFate::kQuarantined,
        Error{Code::kConflict, "reference", "an earlier row has this reference and other content"});
  }

  void refuse(CsvRecord const& record, RowFate fate, Error const& error) {
    RefusedRow refused{record.line, fate, error.code, error.detail,
                       std::string(record.text.substr(0, kRefusedTextMax))};
    if (!error.where.empty()) refused.reason = error.where + ": " + error.detail;
    ++(fate == RowFate::kRejected ? result_.rejected : result_.quarantined);
    result_.refused.push_back(std::move(refused));
  }

  Dataset const& dataset_;
  Options const& options_;
  ImportResult result_;
  std::unordered_map<std::string, std::string> seen_;
};

}  // namespace

std::string fingerprint(Row const& row) {
  json::object o;
  for (auto const& [name, text] : row.columns) o[name] = text;
  return json::canonical(json::value(std::move(o)));
}

void put(json::object& object, std::string_view name, std::string_view text) {
  if (!text.empty()) object[name] = text;
}

void put_vessel(json::object& extension, std::string_view raw, std::string_view type_text,
                std::string_view status_text) {
  json::object vessel;
  put(vessel, "raw", raw);
  put(vessel, "type", vessel_type_of(type_text));
  put(vessel, "status", vessel_status_of(status_text));
  if (!vessel.empty()) extension["vessel"] = std::move(vessel);
}

std::string redact_narrative(std::string_view text, std::vector<std::string> const& vessels,
                             Notes& notes) {
  bool withheld = false;
  std::string redacted = redact_text(text, vessels, withheld);
  if (!withheld) return redacted;
  ++notes["narrative withheld: capitals throughout"];
  return "Narrative withheld: it is in capitals, where a vessel's name cannot be told apart.";
}

void set_description(Facts& facts, std::string const& text, Notes& notes) {
  facts.description = without_controls(text);
  if (facts.description != text) ++notes["control characters shown as spaces"];
}

std::string_view Row::get(std::string_view name) const {
  for (auto const& [column, text] : columns)
    if (column == name) return text;
  return "";
}

Result<ImportResult> import_rows(std::string_view csv, Dataset const& dataset,
                                 Options const& options) {
  CsvReader reader(csv, options.csv);
  AMIC_TRY(Header const header, read_header(reader, dataset));
  Run run(dataset, options);
  CsvRecord record;
  while (reader.next(record)) run.take(record, header);
  return run.finish();
}

}  // namespace amic::importers
