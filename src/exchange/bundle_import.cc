#include "exchange/bundle_import.h"

#include <algorithm>
#include <future>
#include <set>
#include <tuple>

#include "codec/codec.h"

namespace amic::exchange {

namespace {
// Refusals of the bytes themselves; anything else is this node's own trouble and may pass.
bool is_fault_of_section(Code code) {
  switch (code) {
    case Code::kOverloaded:
    case Code::kUnavailable:
    case Code::kTimeout:
    case Code::kDiskFull:
    case Code::kReadOnly:
    case Code::kCorrupt:
    case Code::kIo:
    case Code::kLocked:
    case Code::kInternal:
      return false;
    default:
      return true;
  }
}

std::uint64_t count_of(NumberRange const& range) {
  return range.empty() ? 0 : range.last_n - range.first_n + 1;
}
}  // namespace

// ---- One section ------------------------------------------------------------------------------

Result<void> ExchangeSink::check(CarrierHeader const& header, CarrierManifest const& manifest) {
  return verify_carrier(header, manifest, parts_.exchange.community(), parts_.realm,
                        parts_.keys.self);
}

Result<SectionOutcome> ExchangeSink::take(MemberId const& from, Section const& section) {
  AMIC_TRY(auto const entry, describe_section(section.type, section.body));
  SectionOutcome outcome;
  outcome.type = entry.type;
  outcome.lane = entry.lane;
  outcome.range = entry.range;
  return section.type == SectionType::kBatch ? take_batch(from, std::move(outcome), section.body)
                                             : take_receipt(from, std::move(outcome), section.body);
}

Result<SectionOutcome> ExchangeSink::take_batch(MemberId const& from, SectionOutcome out,
                                                BytesView bytes) {
  AMIC_TRY(auto const before_bytes, parts_.exchange.current_receipt(from, out.lane));
  AMIC_TRY(auto const before, decode_receipt(before_bytes));
  out.position = before.n;
  std::promise<Result<Bytes>> promise;
  parts_.exchange.accept(from, bytes,
                         [&](Result<Bytes> receipt) { promise.set_value(std::move(receipt)); });
  auto const answer = promise.get_future().get();
  if (!answer) {
    Code const code = answer.error().code;
    if (code == Code::kGap && before.n + 1 < out.range.first_n)
      out.gap = {before.n + 1, out.range.first_n - 1};
    else if (is_fault_of_section(code))
      out.problem = answer.error();
    else
      return fail(answer.error());
    return out;
  }
  AMIC_TRY(auto const receipt, decode_receipt(*answer));
  out.position = receipt.n;
  auto const first_new = std::max(before.n + 1, out.range.first_n);
  if (receipt.n < first_new || first_new > out.range.last_n) {
    out.held = count_of(out.range);
    return out;
  }
  NumberRange const fresh{first_new, std::min(receipt.n, out.range.last_n)};
  out.held = count_of(out.range) - count_of(fresh);
  out.refused_total = receipt.refused_total;
  out.refused = receipt.refused;
  out.accepted = count_of(fresh) - std::min<std::uint64_t>(count_of(fresh), receipt.refused_total);
  return out;
}

// A receipt for less than we have one for is an old file, or the peer was restored from a backup:
// by file nobody can tell, so nothing is given back to the queue. Over the link the peer says so.
Result<SectionOutcome> ExchangeSink::take_receipt(MemberId const& from, SectionOutcome out,
                                                  BytesView bytes) {
  AMIC_TRY(auto const before, acked_n(from, out.lane));
  auto const after = parts_.exchange.late_receipt(from, bytes);
  if (!after) {
    if (!is_fault_of_section(after.error().code)) return fail(after.error());
    out.position = before;
    out.problem = after.error();
    return out;
  }
  out.position = *after;
  if (*after > before && out.range.last_n == *after)
    out.accepted = *after - before;
  else
    out.held = 1;
  return out;
}

Result<std::uint64_t> ExchangeSink::acked_n(MemberId const& from, std::uint8_t lane) const {
  AMIC_TRY(auto const states, parts_.exchange.links());
  for (auto const& state : states)
    if (state.peer == from) return state.lanes[lane].acked_n;
  return fail(Code::kUnknownMember, "receipt.from", from.str());
}

// ---- All files --------------------------------------------------------------------------------

std::string MissingNumbers::text() const {
  auto const numbers = range_text(lane, range);
  if (part == 0) return numbers + " of " + from.str() + " is missing: it is in an earlier file";
  return "part " + std::to_string(part) + " of " + std::to_string(parts) +
         " is missing: " + numbers;
}

namespace {
struct Checked {
  CarrierFile const* file = nullptr;
  CarrierHeader header;
  std::uint64_t sections = 0;
};

tl::unexpected<Error> in_file(CarrierFile const& file, Error error) {
  error.where = file.name + ": " + error.where;
  return fail(std::move(error));
}

Result<Checked> check_file(CarrierFile const& file, CarrierSink& sink) {
  AMIC_TRY(auto const source, file.open());
  auto reader = CarrierReader::open(*source);
  if (!reader) return in_file(file, reader.error());
  for (;;) {  // ends: the reader bounds the sections
    auto const section = reader->next();
    if (!section) return in_file(file, section.error());
    if (!*section) break;
  }
  auto const good = sink.check(reader->header(), reader->manifest());
  if (!good) return in_file(file, good.error());
  return Checked{&file, reader->header(), reader->seen().size()};
}

class Importer {
 public:
  Importer(CarrierSink& sink, std::function<void(std::uint64_t, std::uint64_t)> progress)
      : sink_(sink), progress_(std::move(progress)) {}

  Result<ImportReport> run(std::vector<Checked> files);

 private:
  struct Gap {
    CarrierHeader header;
    std::uint8_t lane = 0;
    NumberRange range;
  };
  Result<void> take_file(Checked const& file);
  void count(CarrierHeader const& header, std::string const& name, SectionOutcome const& outcome);
  void name_missing();

  CarrierSink& sink_;
  std::function<void(std::uint64_t, std::uint64_t)> progress_;
  std::uint64_t done_ = 0, total_ = 0;
  std::vector<Gap> gaps_;
  std::set<std::pair<EnvelopeId, std::uint16_t>> given_;
  ImportReport report_;
};

Result<ImportReport> Importer::run(std::vector<Checked> files) {
  auto const key = [](Checked const& c) {
    return std::tuple(c.header.from, c.header.created_ms, c.header.export_id, c.header.part);
  };
  std::sort(files.begin(), files.end(),
            [&](Checked const& a, Checked const& b) { return key(a) < key(b); });
  for (auto const& file : files) {
    total_ += file.sections;
    given_.insert({file.header.export_id, file.header.part});
  }
  for (auto const& file : files) AMIC_TRY_VOID(take_file(file));
  name_missing();
  report_.files = files.size();
  return std::move(report_);
}

Result<void> Importer::take_file(Checked const& file) {
  AMIC_TRY(auto const source, file.file->open());
  auto reader = CarrierReader::open(*source);
  if (!reader) return in_file(*file.file, reader.error());
  if (reader->header() != file.header)
    return fail(Code::kConflict, file.file->name, "it was changed while it was read");
  std::array<bool, kLaneCount> blocked{};
  for (;;) {
    auto const section = reader->next();
    if (!section) return in_file(*file.file, section.error());
    if (!*section) return {};
    auto const& entry = reader->seen().back();
    if (progress_) progress_(++done_, total_);
    // After a gap the rest of a lane can only be refused as well.
    if (entry.type == SectionType::kBatch && blocked[entry.lane]) continue;
    auto const outcome = sink_.take(file.header.from, **section);
    if (!outcome) return in_file(*file.file, outcome.error());
    if (entry.type == SectionType::kBatch && (!outcome->gap.empty() || outcome->problem))
      blocked[entry.lane] = true;
    if (!outcome->gap.empty()) gaps_.push_back({file.header, entry.lane, outcome->gap});
    count(file.header, file.file->name, *outcome);
  }
}

void Importer::count(CarrierHeader const& header, std::string const& name,
                     SectionOutcome const& outcome) {
  auto& lane = report_.lanes[header.from][outcome.lane];
  if (outcome.problem)
    report_.problems.push_back(name + ": " +
                               section_text({outcome.type, outcome.lane, outcome.range, 0, {}}) +
                               ": " + outcome.problem->text());
  if (outcome.type == SectionType::kReceipt) {
    lane.receipted += outcome.accepted;
    return;
  }
  lane.accepted += outcome.accepted;
  lane.held += outcome.held;
  lane.refused_total += outcome.refused_total;
  lane.position = std::max(lane.position, outcome.position);
  for (auto const& refused : outcome.refused)
    if (lane.refused.size() < kRefusedListedMax) lane.refused.push_back(refused);
}

// A later file may have brought what an earlier one lacked.
void Importer::name_missing() {
  auto const add = [this](MissingNumbers missing) {
    if (std::find(report_.missing.begin(), report_.missing.end(), missing) == report_.missing.end())
      report_.missing.push_back(std::move(missing));
  };
  for (auto const& gap : gaps_) {
    auto const& header = gap.header;
    auto next = std::max(gap.range.first_n, report_.lanes[header.from][gap.lane].position + 1);
    for (std::size_t i = 0; i < header.parts.size(); ++i) {
      auto const& range = header.parts[i][gap.lane];
      if (range.empty() || range.last_n < next || range.first_n > gap.range.last_n) continue;
      if (range.first_n > next) add({header.from, gap.lane, {next, range.first_n - 1}, 0, 0});
      NumberRange const lacking{std::max(next, range.first_n),
                                std::min(range.last_n, gap.range.last_n)};
      auto const part = static_cast<std::uint16_t>(i + 1);
      // A part that is here and waits for an earlier one is not missing.
      if (!given_.contains({header.export_id, part}))
        add({header.from, gap.lane, lacking, part,
             static_cast<std::uint16_t>(header.parts.size())});
      next = lacking.last_n + 1;
    }
    if (next <= gap.range.last_n) add({header.from, gap.lane, {next, gap.range.last_n}, 0, 0});
  }
}
}  // namespace

Result<ImportReport> import_carriers(std::vector<CarrierFile> const& files, CarrierSink& sink,
                                     std::function<void(std::uint64_t, std::uint64_t)> progress) {
  std::vector<Checked> checked;
  for (auto const& file : files) {
    AMIC_TRY(auto good, check_file(file, sink));
    checked.push_back(std::move(good));
  }
  return Importer(sink, std::move(progress)).run(std::move(checked));
}

// ---- JSON -------------------------------------------------------------------------------------

json::object to_json(SectionOutcome const& outcome) {
  json::object out;
  out["type"] = outcome.type == SectionType::kBatch ? "batch" : "receipt";
  out["precedence"] = precedence_name(static_cast<Precedence>(outcome.lane));
  out["first"] = outcome.range.first_n;
  out["last"] = outcome.range.last_n;
  out["accepted"] = outcome.accepted;
  out["held"] = outcome.held;
  out["position"] = outcome.position;
  out["refused_total"] = outcome.refused_total;
  json::array refused;
  for (auto const& one : outcome.refused) refused.push_back({{"n", one.n}, {"code", one.code}});
  out["refused"] = std::move(refused);
  if (!outcome.gap.empty())
    out["gap"] = json::object{{"first", outcome.gap.first_n}, {"last", outcome.gap.last_n}};
  if (outcome.problem)
    out["problem"] = json::object{{"code", code_name(outcome.problem->code)},
                                  {"where", outcome.problem->where},
                                  {"detail", outcome.problem->detail}};
  return out;
}

namespace {
Result<std::uint64_t> number(json::object const& object, std::string_view name) {
  AMIC_TRY(auto const value, json::get_int(object, name, ""));
  if (value < 0) return fail(Code::kOutOfRange, "/" + std::string(name));
  return static_cast<std::uint64_t>(value);
}

Result<Error> problem_from_json(json::value const& value) {
  if (!value.is_object()) return fail(Code::kWrongType, "/problem", "an object");
  auto const& object = value.get_object();
  Error out;
  AMIC_TRY(auto const code, json::get_string(object, "code", "/problem"));
#define X(id, name, http, retry) \
  if (code == (name)) out.code = Code::id;
  AMIC_ERROR_CODES(X)
#undef X
  AMIC_TRY(out.where, json::get_string(object, "where", "/problem"));
  AMIC_TRY(out.detail, json::get_string(object, "detail", "/problem"));
  return out;
}
}  // namespace

Result<SectionOutcome> outcome_from_json(json::value const& value) {
  if (!value.is_object()) return fail(Code::kWrongType, "", "an object");
  auto const& object = value.get_object();
  SectionOutcome out;
  AMIC_TRY(auto const type, json::get_string(object, "type", ""));
  out.type = type == "batch" ? SectionType::kBatch : SectionType::kReceipt;
  AMIC_TRY(auto const precedence, json::get_string(object, "precedence", ""));
  AMIC_TRY(auto const lane, parse_precedence(precedence));
  out.lane = static_cast<std::uint8_t>(lane);
  AMIC_TRY(out.range.first_n, number(object, "first"));
  AMIC_TRY(out.range.last_n, number(object, "last"));
  AMIC_TRY(out.accepted, number(object, "accepted"));
  AMIC_TRY(out.held, number(object, "held"));
  AMIC_TRY(out.position, number(object, "position"));
  AMIC_TRY(auto const refused_total, number(object, "refused_total"));
  out.refused_total = static_cast<std::uint32_t>(refused_total);
  if (auto const* refused = object.if_contains("refused"); refused && refused->is_array())
    for (auto const& one : refused->get_array()) {
      if (!one.is_object()) return fail(Code::kWrongType, "/refused");
      AMIC_TRY(auto const n, number(one.get_object(), "n"));
      AMIC_TRY(auto const code, json::get_string(one.get_object(), "code", "/refused"));
      out.refused.push_back({n, code});
    }
  if (auto const* gap = object.if_contains("gap"); gap && gap->is_object()) {
    AMIC_TRY(out.gap.first_n, number(gap->get_object(), "first"));
    AMIC_TRY(out.gap.last_n, number(gap->get_object(), "last"));
  }
  if (auto const* problem = object.if_contains("problem")) {
    AMIC_TRY(out.problem, problem_from_json(*problem));
  }
  return out;
}

}  // namespace amic::exchange
