// Evidence of equivocation: two statements signed with one key that contradict each other. It needs
// nobody's word to be believed: whoever has the launch transcript can verify it.
// docs/formats/evidence.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exchange/exchange.h"
#include "tlog/tlog.h"

namespace amic::exchange {

// A batch without its envelopes: all that its signature is over.
struct BatchStatement {
  struct Entry {
    Hash digest;        // of the envelope
    bool gone = false;  // the batch named it by digest only (gone_entry())
    bool operator==(Entry const&) const = default;
  };
  CommunityId community;
  MemberId from, to;
  std::uint8_t lane = 0;
  std::uint64_t first_n = 0;
  Hash chain_before;
  std::vector<Entry> entries;
  crypto::Signature signature;
  std::uint64_t last_n() const { return first_n + entries.size() - 1; }
  bool operator==(BatchStatement const&) const = default;
};
BatchStatement statement_of(Batch const& batch);
Bytes encode(BatchStatement const& statement);
Result<BatchStatement> decode_statement(BytesView bytes);  // structure and limits only
Result<void> verify_statement(BatchStatement const& statement, consent::Head const& head,
                              CommunityId const& community);

struct LaneEvidence {  // two sequences in one lane
  UnixMs noticed_ms = 0;
  BatchStatement first, second;
  bool operator==(LaneEvidence const&) const = default;
};

// What verifying found.
struct Equivocation {
  MemberId member;  // whose key signed both
  bool proven = true;
  std::string text;  // for people: what contradicts what
};

enum class EvidenceFileKind : std::uint8_t { kLane = 1, kLog = 2 };
struct EvidenceFile {
  EvidenceFileKind kind = EvidenceFileKind::kLane;
  Bytes body;  // encoded LaneEvidence or tlog::Evidence
  bool operator==(EvidenceFile const&) const = default;
};
Bytes encode(EvidenceFile const& file);
Result<EvidenceFile> decode_evidence_file(BytesView bytes);
Bytes encode(LaneEvidence const& evidence);
Result<LaneEvidence> decode_lane_evidence(BytesView bytes);

// kRejected: the two do not contradict each other. kBadSignature, kUnknownMember,
// kUnknownCommunity. Needs nothing but the community.
Result<Equivocation> verify_lane_evidence(LaneEvidence const& evidence,
                                          consent::Community const& community);
// `proven` is false for what may also come of a wrong proof by somebody else.
Result<Equivocation> verify_log_evidence(tlog::Evidence const& evidence,
                                         consent::Community const& community);
Result<Equivocation> verify_evidence(BytesView file, consent::Community const& community);

// ---- What a node keeps ------------------------------------------------------------------------
// kv space "statement", key "<peer>/<lane>": the last batch taken of each lane. kv space
// "equivocation", key "<peer>/<lane>/<n in hex>": at most kLaneEvidenceMax of a peer, the first.
inline constexpr std::size_t kLaneEvidenceMax = 16;

store::KvPut statement_put(Batch const& batch);
// Evidence that `batch`, well signed, contradicts the statement kept; nullopt if that can't be
// shown (none was kept yet).
Result<std::optional<LaneEvidence>> find_equivocation(store::Store& store, Batch const& batch,
                                                      consent::Community const& community,
                                                      UnixMs now_ms);
// nullopt: it is kept already, or there are enough of this peer.
Result<std::optional<store::KvPut>> evidence_put(store::Store& store, LaneEvidence const& evidence);
Result<std::size_t> count_evidence(store::Store& store, MemberId const& peer);

struct KeptEvidence {
  std::string id;  // first 16 bytes of the file's SHA-256, in hex
  EvidenceFileKind kind = EvidenceFileKind::kLane;
  UnixMs noticed_ms = 0;
  Bytes file;
};
Result<std::vector<KeptEvidence>> kept_evidence(store::Store& store);

}  // namespace amic::exchange
