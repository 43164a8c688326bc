// What peers refused, kept in the store so that a restart doesn't hide it.
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
}  // namespace

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
