#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "obs/log.h"
#include "tlog/tlog.h"

namespace amic::tlog {

namespace {

constexpr std::uint8_t kSeenVersion = 1;
constexpr char kLastIncarnation[] = "/last";  // after an origin, in kv space "witness"
constexpr std::uint8_t kEvidenceVersion = 1;
constexpr std::size_t kOriginBytesMax = 255;
// An add-checkpoint body: the note, at most 63 lines of 45 bytes and the old size.
constexpr std::size_t kRequestBytesMax = limits::kNoteBytesMax + 4096;

WitnessAnswer plain(int status, std::string body) {
  return {status, std::move(body), "text/plain; charset=utf-8"};
}

WitnessAnswer conflict(std::uint64_t known_size) {
  return {409, std::to_string(known_size) + "\n", "text/x.tlog.size"};
}

std::string evidence_prefix(std::string const& origin, EvidenceKind kind) {
  return origin + (kind == EvidenceKind::kConflict ? "/conflict/" : "/unproven/");
}

}  // namespace

Bytes encode(Evidence const& evidence) {
  return codec::Writer()
      .u8(kEvidenceVersion)
      .u8(static_cast<std::uint8_t>(evidence.kind))
      .i64(evidence.at_ms)
      .str8(evidence.origin)
      .vec32(as_bytes(evidence.known_note))
      .vec32(as_bytes(evidence.request))
      .take();
}

Result<Evidence> decode_evidence(BytesView bytes) {
  codec::Reader reader(bytes, "evidence");
  if (reader.u8() != kEvidenceVersion) reader.reject(Code::kUnsupported, "version");
  std::uint8_t const kind = reader.u8();
  if (kind != 1 && kind != 2) reader.reject(Code::kOutOfRange, "kind");
  Evidence out;
  out.kind = static_cast<EvidenceKind>(kind);
  out.at_ms = reader.i64();
  out.origin = reader.str8(kOriginBytesMax);
  out.known_note = as_text(reader.vec32(limits::kNoteBytesMax));
  out.request = as_text(reader.vec32(kRequestBytesMax));
  AMIC_TRY_VOID(reader.finish());
  return out;
}

Witness::Witness(store::Store& store, Log& log, std::string name, crypto::SigningKey cosigner_key,
                 Clock const& clock)
    : store_(store),
      log_(log),
      name_(std::move(name)),
      key_(std::move(cosigner_key)),
      clock_(clock) {}

merkle::NoteVerifier Witness::verifier() const {
  return {name_, merkle::NoteKeyType::kCosignatureV1, key_.verify_key()};
}

Result<Witness::Seen> Witness::seen(std::string const& origin) {
  Seen out;
  out.root = merkle::empty_root();
  AMIC_TRY(std::optional<Bytes> const bytes, store_.kv_get(kWitnessSpace, origin));
  if (!bytes) return out;
  codec::Reader reader(*bytes, "witness.seen");
  if (reader.u8() != kSeenVersion) reader.reject(Code::kUnsupported, "version");
  out.size = reader.u64();
  out.root = reader.fixed<Hash>();
  out.note = as_text(reader.vec32(limits::kNoteBytesMax));
  if (auto const done = reader.finish(); !done) {
    return fail(Code::kCorrupt, "witness." + origin, done.error().text());
  }
  return out;
}

Result<std::uint64_t> Witness::known_size(std::string const& origin) {
  AMIC_TRY(Seen const before, seen(origin));
  return before.size;
}

WitnessAnswer Witness::add_checkpoint(std::string_view body,
                                      std::vector<merkle::NoteVerifier> const& logs) {
  if (body.size() > kRequestBytesMax) return plain(400, "request is too large\n");
  auto const request = merkle::parse_add_checkpoint(body);
  if (!request) return plain(400, request.error().text() + "\n");
  auto const note = merkle::parse_note(request->checkpoint_note);
  if (!note) return plain(400, note.error().text() + "\n");
  auto const checkpoint = merkle::parse_checkpoint_text(note->text);
  if (!checkpoint) return plain(400, checkpoint.error().text() + "\n");
  std::vector<merkle::NoteVerifier> known;
  Line line;
  for (auto const& log : logs)
    if (auto const incarnation = incarnation_of(checkpoint->origin, log.name)) {
      line = {log.name, *incarnation};
      known.push_back({checkpoint->origin, log.type, log.key});
    }
  if (known.empty()) return plain(404, "unknown log\n");
  if (!merkle::verify_note(*note, known)) return plain(403, "no trusted signature\n");
  if (request->old_size > checkpoint->size) {
    return plain(400, "old size is above the checkpoint's\n");
  }
  return decide(*request, body, *note, *checkpoint, line);
}

Result<std::uint32_t> Witness::last_incarnation(std::string const& first_origin) {
  AMIC_TRY(std::optional<Bytes> const bytes,
           store_.kv_get(kWitnessSpace, first_origin + kLastIncarnation));
  if (!bytes) return std::uint32_t{1};
  codec::Reader reader(*bytes, "witness.last");
  std::uint32_t const number = reader.u32();
  AMIC_TRY_VOID(reader.finish());
  return number;
}

Result<std::string> Witness::last_note(std::string const& first_origin) {
  std::lock_guard const lock(mutex_);
  AMIC_TRY(std::uint32_t const incarnation, last_incarnation(first_origin));
  auto const origin = incarnation_origin(first_origin, incarnation);
  AMIC_TRY(Seen const last, seen(origin));
  if (last.note.empty()) return std::string();
  AMIC_TRY(merkle::Note note, merkle::parse_note(last.note));
  std::erase_if(note.signatures, [&](auto const& signature) { return signature.name != origin; });
  return merkle::format_note(note);
}

WitnessAnswer Witness::decide(merkle::AddCheckpoint const& request, std::string_view body,
                              merkle::Note const& note, merkle::Checkpoint const& checkpoint,
                              Line const& line) {
  // Compare and persist are one step: two requests never see the same state.
  std::lock_guard const lock(mutex_);
  auto const last = last_incarnation(line.first_origin);
  if (!last) return plain(500, "witness state is unreadable\n");
  if (line.incarnation < *last) return plain(403, "this log has begun anew since\n");
  auto const before = seen(checkpoint.origin);
  if (!before) return plain(500, "witness state is unreadable\n");
  bool const first = before->note.empty();
  if (!first && checkpoint.size == before->size && checkpoint.root != before->root) {
    keep_evidence(EvidenceKind::kConflict, checkpoint.origin, *before, body, note.text);
    return conflict(before->size);
  }
  if (request.old_size != before->size) return conflict(before->size);
  if (checkpoint.size == before->size && checkpoint.root != before->root) {
    return conflict(before->size);  // an empty tree with another root than the empty one
  }
  if (!merkle::verify_consistency(before->size, before->root, checkpoint.size, checkpoint.root,
                                  request.consistency)) {
    if (!first) {
      keep_evidence(EvidenceKind::kUnproven, checkpoint.origin, *before, body, note.text);
    }
    return plain(422, "consistency proof does not hold\n");
  }
  if (first || checkpoint.size != before->size) {
    std::vector<store::Append> units(1);
    units.front().kv.push_back({kWitnessSpace, checkpoint.origin,
                                codec::Writer()
                                    .u8(kSeenVersion)
                                    .u64(checkpoint.size)
                                    .raw(checkpoint.root.view())
                                    .vec32(as_bytes(request.checkpoint_note))
                                    .take()});
    // What was cosigned of the incarnation before stays under its own origin.
    if (line.incarnation > *last)
      units.front().kv.push_back({kWitnessSpace, line.first_origin + kLastIncarnation,
                                  codec::Writer().u32(line.incarnation).take()});
    if (!log_.append(std::move(units))) return plain(503, "witness state was not stored\n");
    if (line.incarnation > *last)
      obs::log(obs::Level::kWarn, "tlog.peer_restarted", {{"origin", checkpoint.origin}});
  }
  constexpr std::int64_t kMsPerSecond = 1000;
  return plain(200, merkle::format_signature(
                        merkle::cosign(note.text, name_, clock_.now_ms() / kMsPerSecond, key_)));
}

void Witness::keep_evidence(EvidenceKind kind, std::string const& origin, Seen const& before,
                            std::string_view body, std::string const& text) {
  std::string const prefix = evidence_prefix(origin, kind);
  // One row for one pair of checkpoints, however often it is sent.
  Hash const pair = crypto::sha256({as_bytes(before.note), as_bytes(text)});
  std::string const key = prefix + codec::to_hex(pair.view());
  auto const held = store_.kv_scan(kEvidenceSpace, prefix, limits::kLogEvidenceMax);
  if (!held) return;  // the checkpoint is refused all the same; the next attempt is kept
  std::size_t count = 0;
  for (auto const& [held_key, value] : *held) {
    if (held_key == key) return;
    if (held_key.starts_with(prefix)) ++count;
  }
  if (count >= limits::kLogEvidenceMax) return;
  std::vector<store::Append> units(1);
  units.front().kv.push_back(
      {kEvidenceSpace, key,
       encode(Evidence{kind, clock_.now_ms(), origin, before.note, std::string(body)})});
  // A failed write loses this copy only: the refusal stands and the next attempt is kept.
  static_cast<void>(log_.append(std::move(units)).has_value());
}

Result<std::vector<std::pair<std::string, Evidence>>> Witness::evidence(
    std::string const& after_key, std::size_t count_max) {
  AMIC_TRY(auto const rows, store_.kv_scan(kEvidenceSpace, after_key, count_max));
  std::vector<std::pair<std::string, Evidence>> out;
  for (auto const& [key, value] : rows) {
    AMIC_TRY(Evidence item, decode_evidence(value));
    out.emplace_back(key, std::move(item));
  }
  return out;
}

}  // namespace amic::tlog
