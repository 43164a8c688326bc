// What peers refused, which lanes went back, and what still may have to go out: kept in the store
// so that a restart neither hides nor forgets it.
#include <algorithm>
#include <cstdio>

#include "codec/codec.h"
#include "exchange/engine.h"

namespace amic::exchange {

namespace {
constexpr std::string_view kSpace = "refusal";

std::string key_of(MemberId const& peer, PeerRefusal const& refusal) {
  char tail[32];
  std::snprintf(tail, sizeof tail, "/%u/%016llx", static_cast<unsigned>(refusal.lane),
                static_cast<unsigned long long>(refusal.n));
  return peer.str() + tail;
}

Result<PeerRefusal> decode(BytesView bytes) {
  codec::Reader in(bytes, "refusal");
  if (in.u16() != 1) in.reject(Code::kUnsupported, "unknown version");
  PeerRefusal out;
  out.lane = in.u8();
  out.n = in.u64();
  out.item = in.fixed<EnvelopeId>();
  out.code = in.str8();
  out.at_ms = in.i64();
  AMIC_TRY_VOID(in.finish());
  return out;
}

constexpr std::string_view kRollbackSpace = "rollback";
constexpr std::string_view kReturnedSpace = "returned";

std::string lane_prefix(MemberId const& peer, std::uint8_t lane) {
  return peer.str() + "/" + std::to_string(lane) + "/";
}

Result<Rollback> decode_rollback(BytesView bytes) {
  codec::Reader in(bytes, "rollback");
  if (in.u16() != 1) in.reject(Code::kUnsupported, "unknown version");
  Rollback out;
  out.lane = in.u8();
  out.of_peer = in.u8() != 0;
  out.from_n = in.u64();
  out.upto_n = in.u64();
  out.at_ms = in.i64();
  AMIC_TRY_VOID(in.finish());
  return out;
}
}  // namespace

store::KvPut rollback_put(MemberId const& peer, Rollback const& rollback) {
  codec::Writer out;
  out.u16(1).u8(rollback.lane).u8(rollback.of_peer ? 1 : 0);
  out.u64(rollback.from_n).u64(rollback.upto_n).i64(rollback.at_ms);
  return {std::string(kRollbackSpace),
          lane_prefix(peer, rollback.lane) + (rollback.of_peer ? "peer" : "own"), out.take()};
}

Result<std::vector<Rollback>> load_rollbacks(store::Store& store, MemberId const& peer) {
  auto const prefix = peer.str() + "/";
  AMIC_TRY(auto const rows, store.kv_scan(std::string(kRollbackSpace), prefix, 2 * kLaneCount));
  std::vector<Rollback> out;
  for (auto const& [key, value] : rows) {
    if (!key.starts_with(prefix)) break;
    AMIC_TRY(auto rollback, decode_rollback(value));
    out.push_back(rollback);
  }
  return out;
}

store::KvPut mark_put(MemberId const& peer, std::uint8_t lane, EnvelopeId const& id) {
  return {std::string(kReturnedSpace), lane_prefix(peer, lane) + codec::to_hex(id.view()), Bytes{}};
}

store::KvPut mark_delete(MemberId const& peer, std::uint8_t lane, EnvelopeId const& id) {
  return {std::string(kReturnedSpace), lane_prefix(peer, lane) + codec::to_hex(id.view()), {}};
}

Result<std::vector<EnvelopeId>> load_marks(store::Store& store, MemberId const& peer,
                                           std::uint8_t lane, std::size_t count_max) {
  auto const prefix = lane_prefix(peer, lane);
  AMIC_TRY(auto const rows, store.kv_scan(std::string(kReturnedSpace), prefix, count_max));
  std::vector<EnvelopeId> out;
  for (auto const& [key, value] : rows) {
    if (!key.starts_with(prefix)) break;
    AMIC_TRY(auto const bytes, codec::from_hex(key.substr(prefix.size())));
    auto const id = EnvelopeId::from(bytes);
    if (!id) return fail(Code::kCorrupt, "kv.returned", "not an envelope's id");
    out.push_back(*id);
  }
  return out;
}

store::KvPut refusal_put(MemberId const& peer, PeerRefusal const& refusal) {
  codec::Writer out;
  out.u16(1).u8(refusal.lane).u64(refusal.n).raw(refusal.item.view());
  out.str8(refusal.code).i64(refusal.at_ms);
  return {std::string(kSpace), key_of(peer, refusal), out.take()};
}

store::KvPut refusal_delete(MemberId const& peer, PeerRefusal const& refusal) {
  return {std::string(kSpace), key_of(peer, refusal), std::nullopt};
}

Result<std::vector<PeerRefusal>> load_refusals(store::Store& store, MemberId const& peer) {
  // Keys of one peer are neighbours: "MY/" sorts before every "MY/..." and after "MX/...".
  auto const prefix = peer.str() + "/";
  AMIC_TRY(auto const rows, store.kv_scan(std::string(kSpace), prefix, kPeerRefusalsMax));
  std::vector<PeerRefusal> out;
  for (auto const& [key, value] : rows) {
    if (!key.starts_with(prefix)) break;
    AMIC_TRY(auto refusal, decode(value));
    out.push_back(std::move(refusal));
  }
  std::sort(out.begin(), out.end(), [](auto const& a, auto const& b) { return a.at_ms < b.at_ms; });
  return out;
}

}  // namespace amic::exchange
