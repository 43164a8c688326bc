#include "envelope/outer.h"

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::envelope {

namespace internal {

namespace {

constexpr std::string_view kMagic = "AMIC";
constexpr std::size_t kRecipientsMax = limits::kMembersMax;  // the originator's own wrap included

// The part that names: who, when, how urgent. Bad values end the read.
void read_address(codec::Reader& in, Header& header) {
  if (!equal(in.raw(kMagic.size()), as_bytes(kMagic))) in.reject(Code::kMalformed, "magic");
  header.version = in.u16();
  if (header.version != kVersion) in.reject(Code::kUnsupported, "version");
  header.suite = static_cast<Suite>(in.u16());
  if (header.suite != Suite::kEd25519X25519) in.reject(Code::kUnsupported, "suite");
  header.community = in.fixed<CommunityId>();
  header.id = in.fixed<EnvelopeId>();
  if (auto realm = Realm::parse(in.str8())) {
    header.realm = *std::move(realm);
  } else {
    in.reject(Code::kMalformed, "realm");
  }
  header.kind = static_cast<Kind>(in.u8());
  if (header.kind < Kind::kItem || header.kind > Kind::kAttachment)
    in.reject(Code::kOutOfRange, "kind");
  if (auto const precedence = precedence_from_lane(in.u8())) {
    header.precedence = *precedence;
  } else {
    in.reject(Code::kOutOfRange, "precedence");
  }
  header.epoch = in.u64();
  if (auto sender = MemberId::parse(in.str8())) {
    header.sender = *std::move(sender);
  } else {
    in.reject(Code::kMalformed, "sender");
  }
  header.created_ms = in.i64();
}

void read_wraps(codec::Reader& in, Outer& out) {
  BytesView const view = in.vec16(kRecipientsMax * kWrapBytes);
  if (view.empty() || view.size() % kWrapBytes != 0) return in.reject(Code::kMalformed, "wraps");
  codec::Reader wraps(view, "envelope.wraps");
  while (wraps.left() > 0) {
    Wrap wrap;
    wrap.key_id = wraps.fixed<KeyId>();
    wrap.enc = wraps.raw(32);
    wrap.wrapped_key = wraps.raw(kWrappedKeyBytes);
    if (!out.wraps.empty() && !(out.wraps.back().key_id < wrap.key_id))
      return in.reject(Code::kMalformed, "wraps are not strictly ascending by key id");
    out.header.recipient_key_ids.push_back(wrap.key_id);
    out.wraps.push_back(wrap);
  }
}

}  // namespace

Result<Outer> parse(BytesView envelope) {
  if (envelope.size() > limits::kEnvelopeBytesMax)
    return fail(Code::kTooLarge, "envelope", "more than the largest envelope");
  Outer out;
  codec::Reader in(envelope, "envelope");
  read_address(in, out.header);
  out.address = envelope.first(in.offset());
  read_wraps(in, out);
  out.header_bytes = envelope.first(in.offset());
  out.ciphertext = in.vec32(limits::kEnvelopeBytesMax);
  out.signature = in.fixed<crypto::Signature>();
  AMIC_TRY_VOID(in.finish());
  return out;
}

Bytes outer_message(BytesView header_bytes, BytesView ciphertext) {
  Bytes out;
  out.reserve(header_bytes.size() + Hash::kSize);
  append(out, header_bytes);
  append(out, crypto::sha256(ciphertext).view());
  return out;
}

Bytes wrap_info(EnvelopeId const& id, KeyId const& key) {
  Bytes out = to_bytes(kWrapDomain);
  append(out, id.view());
  append(out, key.view());
  return out;
}

}  // namespace internal

KeyId key_id(CommunityId const& community, crypto::SealPublicKey const& key) {
  Hash const hash = crypto::sha256({community.view(), key.view()});
  return *KeyId::from(hash.view().first(KeyId::kSize));
}

Result<Header> parse_header(BytesView envelope) {
  AMIC_TRY(internal::Outer outer, internal::parse(envelope));
  return std::move(outer.header);
}

Result<void> verify_outer(BytesView envelope, crypto::VerifyKey const& sender_node_key) {
  AMIC_TRY(internal::Outer const outer, internal::parse(envelope));
  Bytes const message = internal::outer_message(outer.header_bytes, outer.ciphertext);
  if (!crypto::verify_in_domain(sender_node_key, internal::kOuterDomain, message, outer.signature))
    return fail(Code::kBadSignature, "envelope.outer");
  return {};
}

Hash digest(BytesView envelope) {
  return crypto::sha256(envelope);
}

}  // namespace amic::envelope
