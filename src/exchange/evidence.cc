#include "exchange/evidence.h"

#include <algorithm>
#include <cstdio>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "merkle/note.h"

namespace amic::exchange {

namespace {
constexpr std::uint16_t kVersion = 1;
constexpr std::string_view kFileMagic = "AMICE\r\n\x1a";
constexpr std::string_view kBatchDomain = "amic/batch/v1";
constexpr std::string_view kStatementSpace = "statement";
constexpr std::string_view kEvidenceSpace = "equivocation";
constexpr std::size_t kBodyBytesMax = 1 << 20;
constexpr std::size_t kStatementBytesMax = 64 << 10;
constexpr std::size_t kScanRows = 64;

Result<MemberId> member_of(codec::Reader& in) {
  auto const text = in.str8(16);
  AMIC_TRY_VOID(in.check());
  return MemberId::parse(text);
}

void write_head(codec::Writer& out, BatchStatement const& statement) {
  out.u16(kVersion).raw(statement.community.view());
  out.str8(statement.from.str()).str8(statement.to.str()).u8(statement.lane);
  out.u64(statement.first_n).raw(statement.chain_before.view());
  out.u16(static_cast<std::uint16_t>(statement.entries.size()));
}

// The chain values that a statement asserts: at first_n - 1, first_n, ... last_n.
std::vector<Hash> chain_of(BatchStatement const& statement) {
  std::vector<Hash> out{statement.chain_before};
  for (auto const& entry : statement.entries) out.push_back(chain_next(out.back(), entry.digest));
  return out;
}

// The first number for which the two assert different sequences; nullopt if there is none.
std::optional<std::uint64_t> contradiction(BatchStatement const& a, BatchStatement const& b) {
  auto const chain_a = chain_of(a), chain_b = chain_of(b);
  auto const from = std::max(a.first_n, b.first_n) - 1;
  auto const upto = std::min(a.last_n(), b.last_n());
  for (auto n = from; n <= upto; ++n)
    if (chain_a[n - (a.first_n - 1)] != chain_b[n - (b.first_n - 1)]) return n;
  return std::nullopt;
}

std::string key_of(MemberId const& peer, std::uint8_t lane) {
  return peer.str() + "/" + std::to_string(lane);
}

std::string evidence_key(LaneEvidence const& evidence) {
  char n[17];
  std::snprintf(
      n, sizeof n, "%016llx",
      static_cast<unsigned long long>(contradiction(evidence.first, evidence.second).value_or(0)));
  return key_of(evidence.first.from, evidence.first.lane) + "/" + n;
}
}  // namespace

// ---- Statements -------------------------------------------------------------------------------

BatchStatement statement_of(Batch const& batch) {
  BatchStatement out;
  out.community = batch.community;
  out.from = batch.from;
  out.to = batch.to;
  out.lane = batch.lane;
  out.first_n = batch.first_n;
  out.chain_before = batch.chain_before;
  for (auto const& entry : batch.envelopes)
    out.entries.push_back({entry_digest(entry), gone_digest(entry).has_value()});
  out.signature = batch.signature;
  return out;
}

Bytes encode(BatchStatement const& statement) {
  codec::Writer out;
  write_head(out, statement);
  for (auto const& entry : statement.entries) out.u8(entry.gone ? 1 : 0).raw(entry.digest.view());
  out.raw(statement.signature.view());
  return out.take();
}

Result<BatchStatement> decode_statement(BytesView bytes) {
  codec::Reader in(bytes, "statement");
  BatchStatement out;
  if (in.u16() != kVersion) in.reject(Code::kUnsupported, "unknown version");
  out.community = in.fixed<CommunityId>();
  AMIC_TRY(out.from, member_of(in));
  AMIC_TRY(out.to, member_of(in));
  out.lane = in.u8();
  out.first_n = in.u64();
  out.chain_before = in.fixed<Hash>();
  std::size_t const count = in.u16();
  if (in.ok() && (out.lane >= kLaneCount || count == 0 || count > limits::kBatchEnvelopesMax ||
                  out.first_n == 0 || out.first_n > UINT64_MAX - count))
    in.reject(Code::kOutOfRange, "lane, number or count");
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    auto const gone = in.u8();
    if (gone > 1) in.reject(Code::kOutOfRange, "gone is 0 or 1");
    out.entries.push_back({in.fixed<Hash>(), gone == 1});
  }
  out.signature = in.fixed<crypto::Signature>();
  AMIC_TRY_VOID(in.finish());
  return out;
}

Result<void> verify_statement(BatchStatement const& statement, consent::Head const& head,
                              CommunityId const& community) {
  if (statement.community != community)
    return fail(Code::kUnknownCommunity, "statement.community", "of another community");
  auto const* card = head.member(statement.from);
  if (card == nullptr) return fail(Code::kUnknownMember, "statement.from", statement.from.str());
  codec::Writer message;
  write_head(message, statement);
  for (auto const& entry : statement.entries)
    message.raw((entry.gone ? envelope::digest(gone_entry(entry.digest)) : entry.digest).view());
  if (!crypto::verify_in_domain(card->node, kBatchDomain, message.bytes(), statement.signature))
    return fail(Code::kBadSignature, "statement.signature",
                "not signed by the node of " + statement.from.str());
  return {};
}

// ---- Files ------------------------------------------------------------------------------------

Bytes encode(LaneEvidence const& evidence) {
  codec::Writer out;
  out.u16(kVersion).i64(evidence.noticed_ms);
  out.vec32(encode(evidence.first)).vec32(encode(evidence.second));
  return out.take();
}

Result<LaneEvidence> decode_lane_evidence(BytesView bytes) {
  codec::Reader in(bytes, "evidence");
  LaneEvidence out;
  if (in.u16() != kVersion) in.reject(Code::kUnsupported, "unknown version");
  out.noticed_ms = in.i64();
  auto const first = in.vec32(kStatementBytesMax);
  auto const second = in.vec32(kStatementBytesMax);
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY(out.first, decode_statement(first));
  AMIC_TRY(out.second, decode_statement(second));
  return out;
}

Bytes encode(EvidenceFile const& file) {
  codec::Writer out;
  out.raw(as_bytes(kFileMagic)).u16(kVersion).u8(static_cast<std::uint8_t>(file.kind));
  out.vec32(file.body);
  return out.take();
}

Result<EvidenceFile> decode_evidence_file(BytesView bytes) {
  if (!as_text(bytes).starts_with(kFileMagic))
    return fail(Code::kMalformed, "evidence", "not an evidence file");
  codec::Reader in(bytes.subspan(kFileMagic.size()), "evidence");
  EvidenceFile out;
  if (in.u16() != kVersion) in.reject(Code::kUnsupported, "unknown version");
  auto const kind = in.u8();
  if (in.ok() && kind != 1 && kind != 2) in.reject(Code::kOutOfRange, "kind is 1 or 2");
  out.kind = static_cast<EvidenceFileKind>(kind);
  out.body = to_bytes(in.vec32(kBodyBytesMax));
  AMIC_TRY_VOID(in.finish());
  return out;
}

// ---- Verifying --------------------------------------------------------------------------------

Result<Equivocation> verify_lane_evidence(LaneEvidence const& evidence,
                                          consent::Community const& community) {
  auto const& a = evidence.first;
  auto const& b = evidence.second;
  if (a.from != b.from || a.to != b.to || a.lane != b.lane)
    return fail(Code::kRejected, "evidence", "two different lanes");
  AMIC_TRY_VOID(verify_statement(a, community.head, community.id));
  AMIC_TRY_VOID(verify_statement(b, community.head, community.id));
  auto const n = contradiction(a, b);
  if (!n) return fail(Code::kRejected, "evidence", "the two statements agree");
  return Equivocation{a.from, true,
                      "The node key of " + a.from.str() +
                          " signed two different sequences of envelopes to " + a.to.str() +
                          ": they differ at " +
                          std::string(precedence_name(static_cast<Precedence>(a.lane))) + " " +
                          std::to_string(*n) + "."};
}

namespace {

Result<merkle::Checkpoint> checkpoint_of(std::string_view note_text,
                                         merkle::NoteVerifier const& log) {
  AMIC_TRY(auto const note, merkle::parse_note(note_text));
  AMIC_TRY(auto const signers, merkle::verify_note(note, {log}));
  static_cast<void>(signers);  // not empty: verify_note refuses that
  AMIC_TRY(auto checkpoint, merkle::parse_checkpoint_text(note.text));
  if (checkpoint.origin != log.name) return fail(Code::kRejected, "evidence", "of another log");
  return checkpoint;
}

// Whose log it is. The realm is part of the origin, and not known here.
consent::Card const* owner_of(std::string const& origin, consent::Community const& community) {
  auto const prefix_of = [&](consent::Card const& card) {
    auto const of = tlog::log_origin(community.id, card.member, Realm());
    return of.substr(0, of.find('/') + 1);
  };
  for (auto const& card : community.head.members)
    if (origin.starts_with(prefix_of(card))) return &card;
  return nullptr;
}
}  // namespace

Result<Equivocation> verify_log_evidence(tlog::Evidence const& evidence,
                                         consent::Community const& community) {
  auto const* card = owner_of(evidence.origin, community);
  if (card == nullptr) return fail(Code::kUnknownMember, "evidence.origin", evidence.origin);
  merkle::NoteVerifier const log{evidence.origin, merkle::NoteKeyType::kEd25519, card->log};
  AMIC_TRY(auto const known, checkpoint_of(evidence.known_note, log));
  AMIC_TRY(auto const request, merkle::parse_add_checkpoint(evidence.request));
  AMIC_TRY(auto const shown, checkpoint_of(request.checkpoint_note, log));
  Equivocation out;
  out.member = card->member;
  auto const sizes = std::to_string(known.size) + " and " + std::to_string(shown.size);
  if (known.size == shown.size && known.root != shown.root) {
    out.text = "The log key of " + card->member.str() + " signed two different logs of size " +
               std::to_string(known.size) + ".";
    return out;
  }
  if (known.size == shown.size || shown.size < known.size)
    return fail(Code::kRejected, "evidence", "the two checkpoints agree");
  out.proven = false;
  out.text = "Checkpoints of " + card->member.str() + " at sizes " + sizes +
             " came with a proof that does not join them. That alone proves nothing: ask its log "
             "for the right proof. If it has none, it shows two histories.";
  return out;
}

Result<Equivocation> verify_evidence(BytesView bytes, consent::Community const& community) {
  AMIC_TRY(auto const file, decode_evidence_file(bytes));
  if (file.kind == EvidenceFileKind::kLane) {
    AMIC_TRY(auto const evidence, decode_lane_evidence(file.body));
    return verify_lane_evidence(evidence, community);
  }
  AMIC_TRY(auto const evidence, tlog::decode_evidence(file.body));
  return verify_log_evidence(evidence, community);
}

// ---- Keeping ----------------------------------------------------------------------------------

store::KvPut statement_put(Batch const& batch) {
  return {std::string(kStatementSpace), key_of(batch.from, batch.lane),
          encode(statement_of(batch))};
}

Result<std::optional<LaneEvidence>> find_equivocation(store::Store& store, Batch const& batch,
                                                      consent::Community const& community,
                                                      UnixMs now_ms) {
  AMIC_TRY(auto const kept,
           store.kv_get(std::string(kStatementSpace), key_of(batch.from, batch.lane)));
  if (!kept) return std::nullopt;
  LaneEvidence out;
  out.noticed_ms = now_ms;
  AMIC_TRY(out.first, decode_statement(*kept));
  out.second = statement_of(batch);
  // Only what would convince a stranger is evidence.
  if (!verify_lane_evidence(out, community)) return std::nullopt;
  return out;
}

Result<std::size_t> count_evidence(store::Store& store, MemberId const& peer) {
  auto const prefix = peer.str() + "/";
  AMIC_TRY(auto const rows,
           store.kv_scan(std::string(kEvidenceSpace), prefix, kLaneEvidenceMax + 1));
  std::size_t out = 0;
  for (auto const& [key, value] : rows) out += key.starts_with(prefix) ? 1 : 0;
  return out;
}

Result<std::optional<store::KvPut>> evidence_put(store::Store& store,
                                                 LaneEvidence const& evidence) {
  auto key = evidence_key(evidence);
  AMIC_TRY(auto const held, store.kv_get(std::string(kEvidenceSpace), key));
  AMIC_TRY(auto const count, count_evidence(store, evidence.first.from));
  if (held || count >= kLaneEvidenceMax) return std::nullopt;
  return store::KvPut{std::string(kEvidenceSpace), std::move(key), encode(evidence)};
}

namespace {
KeptEvidence kept(EvidenceFileKind kind, UnixMs noticed_ms, Bytes body) {
  KeptEvidence out;
  out.kind = kind;
  out.noticed_ms = noticed_ms;
  out.file = encode(EvidenceFile{kind, std::move(body)});
  out.id = codec::to_hex(crypto::sha256(out.file).view().first(16));
  return out;
}

Result<void> collect(store::Store& store, std::string const& space, EvidenceFileKind kind,
                     std::vector<KeptEvidence>& out) {
  for (std::string after;;) {  // ends: keys only rise
    AMIC_TRY(auto rows, store.kv_scan(space, after, kScanRows));
    for (auto& [key, value] : rows) {
      after = key;
      if (kind == EvidenceFileKind::kLane) {
        AMIC_TRY(auto const evidence, decode_lane_evidence(value));
        out.push_back(kept(kind, evidence.noticed_ms, std::move(value)));
      } else {
        AMIC_TRY(auto const evidence, tlog::decode_evidence(value));
        out.push_back(kept(kind, evidence.at_ms, std::move(value)));
      }
    }
    if (rows.size() < kScanRows) return {};
  }
}
}  // namespace

Result<std::vector<KeptEvidence>> kept_evidence(store::Store& store) {
  std::vector<KeptEvidence> out;
  AMIC_TRY_VOID(collect(store, std::string(kEvidenceSpace), EvidenceFileKind::kLane, out));
  AMIC_TRY_VOID(collect(store, tlog::kEvidenceSpace, EvidenceFileKind::kLog, out));
  return out;
}

}  // namespace amic::exchange
