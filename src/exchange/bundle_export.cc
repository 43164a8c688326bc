#include "exchange/bundle_export.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::exchange {

namespace {
constexpr std::string_view kMarkSpace = "carrier";
constexpr std::int64_t kIdleMs = 10 * 60 * 1000;
constexpr std::size_t kFrameBytes = 5;
constexpr std::size_t kEntryBytes = 54;
constexpr std::size_t kGoneBytes = 36;  // gone_entry()

std::string mark_key(MemberId const& to, std::uint8_t lane) {
  return to.str() + "/" + std::to_string(lane);
}

// All of a batch but its envelopes.
std::uint64_t batch_overhead(MemberId const& from, MemberId const& to) {
  return 2 + 32 + 1 + from.str().size() + 1 + to.str().size() + 1 + 8 + 32 + 2 + 64;
}
}  // namespace

// kv space "carrier", key "<peer>/<lane>".
struct CarrierExport::Mark {
  LanePosition sent;
  std::uint64_t received_n = 0;

  static Result<Mark> decode(BytesView bytes) {
    codec::Reader in(bytes, "carrier.mark");
    if (in.u16() != 1) in.reject(Code::kUnsupported, "unknown version");
    Mark out;
    out.sent.n = in.u64();
    out.sent.chain = in.fixed<Hash>();
    out.received_n = in.u64();
    AMIC_TRY_VOID(in.finish());
    return out;
  }
  Bytes encode() const {
    codec::Writer out;
    out.u16(1).u64(sent.n).raw(sent.chain.view()).u64(received_n);
    return out.take();
  }
};

Result<LaneBatch> make_lane_batch(CarrierParts const& parts, MemberId const& to, std::uint8_t lane,
                                  LanePosition const& after, std::uint64_t last_n) {
  auto const count = static_cast<std::size_t>(last_n - after.n);
  AMIC_TRY(auto const rows, parts.store.sent(to, lane, after.n, count));
  if (rows.size() != count || rows.back().n != last_n)
    return fail(Code::kConflict, "queue", range_text(lane, {after.n + 1, last_n}) + " has changed");
  Batch batch;
  batch.community = parts.exchange.community().id;
  batch.from = parts.keys.self;
  batch.to = to;
  batch.lane = lane;
  batch.first_n = after.n + 1;
  batch.chain_before = after.chain;
  LaneBatch out;
  out.end = after;
  for (auto const& row : rows) {
    std::vector<store::Record> records;
    if (row.seq != 0) {
      AMIC_TRY(records, parts.store.log_read(row.seq, 1, limits::kEnvelopeBytesMax));
    }
    bool const gone = records.empty() || records.front().shredded;
    batch.envelopes.push_back(gone ? gone_entry(row.digest) : std::move(records.front().bytes));
    out.end = {row.n, chain_next(out.end.chain, row.digest)};
  }
  out.bytes = encode(sign_batch(std::move(batch), parts.keys.node));
  return out;
}

// ---- Planning ---------------------------------------------------------------------------------

Result<std::unique_ptr<CarrierExport>> CarrierExport::begin(CarrierParts parts,
                                                            ExportRequest request) {
  if (request.to == parts.keys.self ||
      parts.exchange.community().head.member(request.to) == nullptr)
    return fail(Code::kUnknownMember, "to", request.to.str());
  if (request.part_bytes_max != 0 && request.part_bytes_max < kPartBytesMin)
    return fail(Code::kOutOfRange, "max_bytes", "at least " + std::to_string(kPartBytesMin));
  std::unique_ptr<CarrierExport> out(new CarrierExport(parts));
  auto& header = out->header_;
  header.community = parts.exchange.community().id;
  header.realm = parts.realm;
  header.from = parts.keys.self;
  header.to = request.to;
  header.export_id = parts.random.fixed<EnvelopeId>();
  header.created_ms = parts.clock.now_ms();
  header.since_last = request.since_last;
  AMIC_TRY_VOID(out->plan(request));
  return out;
}

Result<std::array<CarrierExport::Mark, kLaneCount>> CarrierExport::load_marks() const {
  std::array<Mark, kLaneCount> out;
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    AMIC_TRY(auto const bytes,
             parts_.store.kv_get(std::string(kMarkSpace), mark_key(header_.to, lane)));
    if (bytes) {
      AMIC_TRY(out[lane], Mark::decode(*bytes));
    }
  }
  return out;
}

Result<void> CarrierExport::plan_receipts(ExportRequest const& request,
                                          std::array<Mark, kLaneCount> const& marks) {
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    AMIC_TRY(auto bytes, parts_.exchange.current_receipt(header_.to, lane));
    AMIC_TRY(auto const receipt, decode_receipt(bytes));
    if (receipt.n == 0 || (request.since_last && receipt.n <= marks[lane].received_n)) continue;
    receipts_.push_back({lane, std::move(bytes)});
  }
  return {};
}

// Walks the lane from what the peer has signed for. Where the last export ended is believed only if
// the queue still has the same envelopes up to there: after a restore it may not.
Result<void> CarrierExport::plan_lane(std::uint8_t lane, LanePosition at, Mark const* mark,
                                      std::uint64_t room, std::vector<Planned>& out) const {
  std::uint64_t const overhead = batch_overhead(header_.from, header_.to);
  auto const start = at;
  std::size_t const first = out.size();
  bool skipping = mark != nullptr && mark->sent.n > at.n;
  std::uint64_t envelope_bytes = 0;
  for (;;) {  // ends: each turn takes at least one of finitely many rows
    AMIC_TRY(auto const rows,
             parts_.store.sent(header_.to, lane, at.n, limits::kBatchEnvelopesMax));
    if (rows.empty()) break;
    for (auto const& row : rows) {
      if (row.n != at.n + 1)
        return fail(Code::kConflict, "queue",
                    range_text(lane, {at.n + 1, at.n + 1}) + " is not held: see amic link list");
      LanePosition const before = at;
      at = {row.n, chain_next(at.chain, row.digest)};
      if (skipping) {
        if (row.n < mark->sent.n) continue;
        if (at.chain != mark->sent.chain) return plan_lane(lane, start, nullptr, room, out);
        skipping = false;
        continue;
      }
      // What was erased since travels as its digest.
      std::uint64_t const bytes = std::max<std::uint64_t>(row.bytes, kGoneBytes);
      std::uint64_t const size = overhead + 4 + bytes;
      if (4 + bytes > room)
        return fail(Code::kOutOfRange, "max_bytes",
                    "an envelope of " + std::to_string(bytes) + " bytes does not fit");
      bool const joins = out.size() > first && out.back().last_n == before.n &&
                         before.n - out.back().after.n < limits::kBatchEnvelopesMax &&
                         envelope_bytes + bytes <= limits::kBatchBytesMax &&
                         out.back().size + 4 + bytes <= overhead + room;
      if (joins) {
        out.back().last_n = row.n;
        out.back().size += 4 + bytes;
        envelope_bytes += bytes;
      } else {
        out.push_back({lane, before, row.n, size});
        envelope_bytes = bytes;
      }
    }
  }
  // The mark is past the end of the queue: it was made before this node was restored.
  if (skipping) return plan_lane(lane, start, nullptr, room, out);
  return {};
}

Result<std::vector<CarrierExport::Planned>> CarrierExport::plan_lanes(
    ExportRequest const& request, std::array<Mark, kLaneCount> const& marks,
    std::uint64_t room) const {
  AMIC_TRY(auto const acked, parts_.exchange.out_positions(header_.to));
  std::vector<Planned> out;
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane)
    AMIC_TRY_VOID(plan_lane(lane, {acked[lane].n, acked[lane].chain},
                            request.since_last ? &marks[lane] : nullptr, room, out));
  return out;
}

std::uint64_t CarrierExport::part_overhead(std::size_t parts) const {
  auto header = header_;
  header.parts.resize(parts);
  std::uint64_t out = kCarrierMagic.size() + 4 + encode(header).size();
  for (auto const& receipt : receipts_) out += kFrameBytes + receipt.bytes.size() + kEntryBytes;
  return out + kFrameBytes + 2 + 32 + 4 + 64;
}

void CarrierExport::pack(std::vector<Planned> planned, std::uint64_t room) {
  plan_.assign(1, {});
  std::uint64_t used = 0;
  for (auto& batch : planned) {
    std::uint64_t const size = kFrameBytes + kEntryBytes + batch.size;
    bool const full =
        !plan_.back().empty() &&
        (used + size > room || plan_.back().size() + kLaneCount >= limits::kCarrierSectionsMax);
    if (full) {
      plan_.emplace_back();
      used = 0;
    }
    used += size;
    plan_.back().push_back(std::move(batch));
  }
}

Result<void> CarrierExport::plan(ExportRequest const& request) {
  AMIC_TRY(auto const marks, load_marks());
  AMIC_TRY_VOID(plan_receipts(request, marks));
  // The more parts, the longer the table in each header: again until it fits.
  std::uint64_t room = UINT64_MAX;
  for (std::size_t parts = 1;; parts = plan_.size()) {
    if (request.part_bytes_max != 0) {
      std::uint64_t const overhead = part_overhead(parts) + kFrameBytes + kEntryBytes +
                                     batch_overhead(header_.from, header_.to);
      if (overhead + 1024 > request.part_bytes_max)
        return fail(Code::kOutOfRange, "max_bytes", "too many parts: give a larger size");
      room = request.part_bytes_max - overhead;
    }
    AMIC_TRY(auto planned, plan_lanes(request, marks, room));
    auto const used = request.part_bytes_max == 0 ? 0 : part_overhead(parts);
    pack(std::move(planned), request.part_bytes_max == 0 ? room : request.part_bytes_max - used);
    if (plan_.size() > limits::kCarrierPartsMax)
      return fail(Code::kOutOfRange, "max_bytes", "more than 1,024 parts: give a larger size");
    if (plan_.size() <= parts || request.part_bytes_max == 0) break;
  }
  for (auto const& part : plan_) {
    auto& ranges = header_.parts.emplace_back();
    for (auto const& batch : part) {
      auto& range = ranges[batch.lane];
      if (range.empty()) range.first_n = batch.after.n + 1;
      range.last_n = batch.last_n;
      envelopes_ += batch.last_n - batch.after.n;
      bytes_ += batch.size;
    }
  }
  return {};
}

// ---- Writing ----------------------------------------------------------------------------------

Bytes CarrierExport::start_part() {
  header_.part = static_cast<std::uint16_t>(part_ + 1);
  auto const body = encode(header_);
  manifest_ = {};
  manifest_.header_sha256 = crypto::sha256(body);
  codec::Writer out;
  out.raw(as_bytes(kCarrierMagic)).vec32(body);
  return out.take();
}

Result<Bytes> CarrierExport::section(SectionType type, Bytes body) {
  AMIC_TRY(auto entry, describe_section(type, body));
  manifest_.sections.push_back(entry);
  auto out = section_frame(type, body.size());
  append(out, body);
  return out;
}

Bytes CarrierExport::end_part() {
  auto const body = encode(sign_manifest(std::move(manifest_), parts_.keys.node));
  auto out = section_frame(SectionType::kManifest, body.size());
  append(out, body);
  return out;
}

Result<std::optional<CarrierExport::Piece>> CarrierExport::next() {
  if (part_ >= plan_.size()) return std::nullopt;
  auto const& batches = plan_[part_];
  Piece out;
  out.part = static_cast<std::uint16_t>(part_ + 1);
  auto step = step_++;
  if (step == 0) {
    out.bytes = start_part();
    return out;
  }
  if (--step < receipts_.size()) {
    AMIC_TRY(out.bytes, section(SectionType::kReceipt, receipts_[step].bytes));
    return out;
  }
  step -= receipts_.size();
  if (step < batches.size()) {
    auto const& planned = batches[step];
    AMIC_TRY(auto batch,
             make_lane_batch(parts_, header_.to, planned.lane, planned.after, planned.last_n));
    bool const follows = step + 1 == batches.size() || batches[step + 1].lane != planned.lane ||
                         batches[step + 1].after == batch.end;
    if (!follows)
      return fail(Code::kConflict, "queue", "it was renumbered meanwhile: export again");
    ends_[planned.lane] = batch.end;
    AMIC_TRY(out.bytes, section(SectionType::kBatch, std::move(batch.bytes)));
    return out;
  }
  out.bytes = end_part();
  out.last_of_part = true;
  ++part_;
  step_ = 0;
  return out;
}

void CarrierExport::mark_exported(std::function<void(Result<void>)> done) {
  auto marks = load_marks();
  if (!marks) return done(fail(marks.error()));
  for (auto const& receipt : receipts_)
    if (auto const decoded = decode_receipt(receipt.bytes))
      (*marks)[receipt.lane].received_n = decoded->n;
  store::Append unit;
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    auto& mark = (*marks)[lane];
    if (ends_[lane].n != 0) mark.sent = ends_[lane];
    if (mark.sent.n != 0 || mark.received_n != 0)
      unit.kv.push_back({std::string(kMarkSpace), mark_key(header_.to, lane), mark.encode()});
  }
  if (unit.kv.empty()) return done({});
  parts_.committer.commit(std::move(unit), [done = std::move(done)](Result<std::uint64_t> stored) {
    done(stored ? Result<void>{} : fail(stored.error()));
  });
}

// ---- Exports under way ------------------------------------------------------------------------

json::object export_json(CarrierExport const& work) {
  json::array parts;
  for (std::size_t i = 0; i < work.parts().size(); ++i) {
    json::array lanes;
    for (std::uint8_t lane = 0; lane < kLaneCount; ++lane)
      if (auto const& range = work.parts()[i][lane]; !range.empty())
        lanes.push_back({{"precedence", precedence_name(static_cast<Precedence>(lane))},
                         {"first", range.first_n},
                         {"last", range.last_n}});
    parts.push_back({{"part", i + 1}, {"lanes", std::move(lanes)}});
  }
  // As it will be read again, from here or over HTTP: numbers are signed in JSON text.
  auto const number = [](std::uint64_t n) { return static_cast<std::int64_t>(n); };
  return {{"id", codec::to_uuid(work.id().view())},
          {"to", work.to().str()},
          {"created", codec::to_rfc3339(work.created_ms())},
          {"parts", std::move(parts)},
          {"envelopes", number(work.envelopes())},
          {"bytes", number(work.bytes())},
          {"receipts", number(work.receipts())}};
}

Result<std::shared_ptr<CarrierExport>> CarrierExports::begin(ExportRequest request) {
  {
    std::lock_guard const lock(mutex_);
    auto const now_ms = parts_.clock.now_ms();
    std::erase_if(entries_, [&](auto const& e) { return now_ms - e.second->touched_ms > kIdleMs; });
    if (entries_.size() >= limits::kCarrierExportsMax)
      return fail(Code::kOverloaded, "exports", "too many under way");
  }
  AMIC_TRY(auto made, CarrierExport::begin(parts_, std::move(request)));
  auto entry = std::make_shared<Entry>();
  entry->work = std::move(made);
  std::lock_guard const lock(mutex_);
  entry->touched_ms = parts_.clock.now_ms();
  entries_[entry->work->id()] = entry;
  return entry->work;
}

Result<std::optional<CarrierExport::Piece>> CarrierExports::piece(EnvelopeId const& id,
                                                                  std::uint64_t index) {
  std::shared_ptr<Entry> entry;
  {
    std::lock_guard const lock(mutex_);
    auto const found = entries_.find(id);
    if (found == entries_.end()) return fail(Code::kNotFound, "path.id", "no such export");
    entry = found->second;
    entry->touched_ms = parts_.clock.now_ms();
  }
  std::lock_guard const lock(entry->turn);
  if (index + 1 == entry->given) return entry->last;
  if (index != entry->given)
    return fail(Code::kConflict, "path.piece", "the next one is " + std::to_string(entry->given));
  AMIC_TRY(entry->last, entry->work->next());
  ++entry->given;
  return entry->last;
}

void CarrierExports::end(EnvelopeId const& id, bool safe, std::function<void(Result<void>)> done) {
  std::shared_ptr<Entry> entry;
  {
    std::lock_guard const lock(mutex_);
    auto const found = entries_.find(id);
    if (found != entries_.end()) entry = found->second;
  }
  if (!entry) return done(fail(Code::kNotFound, "path.id", "no such export"));
  std::lock_guard const turn(entry->turn);
  if (safe && !entry->work->finished())
    return done(fail(Code::kConflict, "export", "not all of it was fetched"));
  {
    std::lock_guard const lock(mutex_);
    entries_.erase(id);
  }
  if (!safe) return done({});
  // The export must live until its mark is durable.
  entry->work->mark_exported(
      [entry, done = std::move(done)](Result<void> marked) { done(std::move(marked)); });
}

}  // namespace amic::exchange
