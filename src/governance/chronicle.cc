#include "governance/chronicle.h"

#include <algorithm>
#include <thread>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::governance {

namespace {

constexpr std::string_view kFormat = "amic/history/v1";
constexpr std::string_view kArmor = "AMIC HISTORY";
constexpr std::size_t kKeysAtOnce = 256;

std::string key_of(std::uint64_t epoch) {
  codec::Writer out;
  out.u64(epoch);
  return codec::to_hex(out.bytes());
}

Result<Bytes> read_decision(store::Store& store, BytesView id) {
  auto const record_id = EnvelopeId::from(id);
  if (!record_id) return fail(Code::kCorrupt, "log", "the note of a decision is damaged");
  AMIC_TRY(auto record, store.log_find(*record_id));
  if (!record) return fail(Code::kCorrupt, "log", "the record of a decision is lost");
  return std::move(record->bytes);
}

// Every head on the way, the launch's first. The decisions are verified already.
Result<std::shared_ptr<consent::Heads>> heads_of(consent::History const& history,
                                                 std::vector<Bytes> const& decisions) {
  std::vector<consent::Community> past;
  consent::Community at{history.genesis.id, history.genesis.head, history.genesis.head_digest, {}};
  for (auto const& bytes : decisions) {
    past.push_back(at);
    AMIC_TRY(auto const decision, consent::decode_decision(bytes));
    AMIC_TRY(auto const motion, consent::decode_motion(decision.motion.body));
    AMIC_TRY(at.head, consent::apply(at.head, motion));
    at.head_digest = consent::head_digest(consent::encode(at.head));
  }
  auto out = std::make_shared<consent::Heads>(history.now);
  for (auto one = past.rbegin(); one != past.rend(); ++one)
    AMIC_TRY_VOID(out->add_past(std::move(*one)));
  return out;
}

}  // namespace

Result<Chronicle> chronicle_of(consent::Transcript transcript,
                               std::vector<Bytes> const& decisions) {
  Chronicle out;
  out.transcript = std::move(transcript);
  unsigned const threads = std::max(1U, std::thread::hardware_concurrency());
  AMIC_TRY(out.history, consent::verify_history(out.transcript, decisions, threads));
  AMIC_TRY(out.heads, heads_of(out.history, decisions));
  return out;
}

Result<Chronicle> load_chronicle(store::Store& store, consent::Transcript transcript) {
  AMIC_TRY(auto const decisions, decisions_after(store, 0, SIZE_MAX));
  return chronicle_of(std::move(transcript), decisions);
}

Result<std::vector<Bytes>> decisions_after(store::Store& store, std::uint64_t after_epoch,
                                           std::size_t bytes_max) {
  std::vector<Bytes> out;
  std::size_t bytes = 0;
  std::string after = key_of(after_epoch);
  for (;;) {  // ends: keys rise
    AMIC_TRY(auto const found, store.kv_scan(std::string(kDecisionSpace), after, kKeysAtOnce));
    for (auto const& [key, id] : found) {
      AMIC_TRY(auto decision, read_decision(store, id));
      bytes += decision.size();
      if (!out.empty() && bytes > bytes_max) return out;
      out.push_back(std::move(decision));
    }
    if (found.size() < kKeysAtOnce) return out;
    after = found.back().first;
  }
}

store::Append decision_unit(Bytes const& decision, std::uint64_t epoch_made, UnixMs now_ms) {
  store::Append unit;
  store::Record record;
  record.kind = store::RecordKind::kGovernance;
  record.digest = crypto::sha256(decision);
  record.id = *EnvelopeId::from(record.digest.view().first(EnvelopeId::kSize));
  record.at_ms = now_ms;
  record.bytes = decision;
  unit.kv.push_back({std::string(kDecisionSpace), key_of(epoch_made), to_bytes(record.id.view())});
  unit.records.push_back(std::move(record));
  return unit;
}

Bytes encode(HistoryFile const& file) {
  codec::Writer out;
  out.str8(kFormat).vec32(consent::encode(file.transcript));
  out.u32(static_cast<std::uint32_t>(file.decisions.size()));
  for (auto const& decision : file.decisions) out.vec32(decision);
  out.vec32(file.motion ? consent::encode(*file.motion) : Bytes{});
  return out.take();
}

Result<HistoryFile> decode_history_file(BytesView bytes) {
  codec::Reader in(bytes, "history");
  if (in.str8() != kFormat) in.reject(Code::kUnsupported, "not an amic/history/v1");
  BytesView const launch = in.vec32(kHistoryFileBytesMax);
  std::size_t const count = in.u32();
  HistoryFile out;
  for (std::size_t i = 0; i < count && in.ok(); ++i)
    out.decisions.push_back(
        to_bytes(in.vec32(limits::kMotionBytesMax + limits::kCertificateBytesMax + 4096)));
  BytesView const motion = in.vec32(limits::kMotionBytesMax + 4096);
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY(out.transcript, consent::decode_transcript(launch));
  if (!motion.empty()) {
    AMIC_TRY(out.motion, consent::decode_statement(motion));
  }
  return out;
}

std::string to_text(HistoryFile const& file) {
  return codec::to_armor(kArmor, encode(file));
}

Result<HistoryFile> history_file_from_text(std::string_view text) {
  AMIC_TRY(auto const bytes, codec::from_armor(kArmor, text));
  return decode_history_file(bytes);
}

}  // namespace amic::governance
