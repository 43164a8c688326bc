// Sealing and opening: the two layers put together.
#include "envelope/envelope.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "envelope/inner.h"
#include "envelope/outer.h"

namespace amic::envelope {

namespace {

using crypto::Secret;

// (key id, key), ascending: the order of the wraps.
using Slots = std::vector<std::pair<KeyId, crypto::SealPublicKey>>;

Result<Slots> slots_of(Contents const& contents, std::vector<Recipient> const& recipients) {
  constexpr char kWhere[] = "envelope.recipients";
  std::vector<MemberId> expected = contents.recipients;
  expected.insert(std::upper_bound(expected.begin(), expected.end(), contents.originator),
                  contents.originator);
  std::vector<MemberId> named;
  Slots slots;
  for (Recipient const& recipient : recipients) {
    named.push_back(recipient.member);
    slots.emplace_back(key_id(contents.community, recipient.key), recipient.key);
  }
  std::sort(named.begin(), named.end());
  if (named != expected)
    return fail(Code::kOutOfRange, kWhere, "not the contents' recipients and the originator");
  std::sort(slots.begin(), slots.end());
  auto const same = [](auto const& a, auto const& b) { return a.first == b.first; };
  if (std::adjacent_find(slots.begin(), slots.end(), same) != slots.end())
    return fail(Code::kOutOfRange, kWhere, "two recipients with one key");
  return slots;
}

Bytes encode_address(Contents const& contents) {
  codec::Writer out;
  out.raw(as_bytes("AMIC"));
  out.u16(kVersion);
  out.u16(static_cast<std::uint16_t>(contents.suite));
  out.raw(contents.community.view());
  out.raw(contents.id.view());
  out.str8(contents.realm.str());
  out.u8(static_cast<std::uint8_t>(contents.kind));
  out.u8(static_cast<std::uint8_t>(contents.precedence));
  out.u64(contents.epoch);
  out.str8(contents.originator.str());
  out.i64(contents.created_ms);
  return out.take();
}

// Header bytes: the address, and the content key wrapped for each slot.
Result<Bytes> make_header(EnvelopeId const& envelope, BytesView address, Slots const& slots,
                          Secret const& content_key, Random& random) {
  Hash const bound_to = crypto::sha256(address);
  codec::Writer header;
  header.raw(address);
  header.u16(static_cast<std::uint16_t>(slots.size() * internal::kWrapBytes));
  for (auto const& [id, key] : slots) {
    AMIC_TRY(crypto::HpkeSealed const sealed,
             crypto::hpke_seal(key, internal::wrap_info(envelope, id), bound_to.view(),
                               content_key.view(), random));
    header.raw(id.view()).raw(sealed.enc.view()).raw(sealed.ciphertext);
  }
  return header.take();
}

}  // namespace

Result<Bytes> seal(Contents const& contents, std::vector<Recipient> const& recipients,
                   crypto::SigningKey const& originator_key, crypto::SigningKey const& node_key,
                   Random& random) {
  AMIC_TRY_VOID(internal::check_contents(contents));
  AMIC_TRY(Slots const slots, slots_of(contents, recipients));

  Bytes const statement = internal::encode_statement(contents, crypto::sha256(contents.body));
  Bytes const inner = internal::encode_inner(
      statement, crypto::sign_in_domain(originator_key, internal::kInnerDomain, statement),
      contents.body);
  Bytes const address = encode_address(contents);
  std::size_t const size = address.size() + 2 + slots.size() * internal::kWrapBytes + 4 +
                           crypto::stream_sealed_size(inner.size(), limits::kBodyChunkBytes) +
                           crypto::Signature::kSize;
  if (size > limits::kEnvelopeBytesMax)
    return fail(Code::kTooLarge, "envelope", "does not fit, even compressed");

  Secret content_key(internal::kContentKeyBytes);
  random.fill(content_key.mutable_view());
  AMIC_TRY(Bytes const header, make_header(contents.id, address, slots, content_key, random));
  Bytes const ciphertext = crypto::stream_seal(content_key.view(), crypto::sha256(header).view(),
                                               inner, limits::kBodyChunkBytes);
  Bytes out;
  out.reserve(size);
  append(out, header);
  append(out, codec::Writer().u32(static_cast<std::uint32_t>(ciphertext.size())).bytes());
  append(out, ciphertext);
  append(out, crypto::sign_in_domain(node_key, internal::kOuterDomain,
                                     internal::outer_message(header, ciphertext))
                  .view());
  return out;
}

namespace {

Result<Secret> unwrap(internal::Outer const& outer, crypto::SealKey const& key) {
  KeyId const mine = key_id(outer.header.community, key.public_key());
  auto const wrap = std::find_if(outer.wraps.begin(), outer.wraps.end(),
                                 [&](internal::Wrap const& w) { return w.key_id == mine; });
  if (wrap == outer.wraps.end()) return fail(Code::kNotRecipient, "envelope.wraps");
  auto content_key = crypto::hpke_open(key, wrap->enc, internal::wrap_info(outer.header.id, mine),
                                       crypto::sha256(outer.address).view(), wrap->wrapped_key);
  if (!content_key) return fail(Code::kBadSignature, "envelope.wrap", "does not open");
  return content_key;
}

// Every field that stands in both layers, by name, so that a refusal can say which one differs.
Result<void> check_agreement(Header const& header, Contents const& contents) {
  auto const differs = [](char const* field) {
    return fail(Code::kRejected, "envelope.header", std::string(field) + " is not what was signed");
  };
  if (header.suite != contents.suite) return differs("suite");
  if (header.community != contents.community) return differs("community");
  if (header.id != contents.id) return differs("id");
  if (header.realm != contents.realm) return differs("realm");
  if (header.kind != contents.kind) return differs("kind");
  if (header.precedence != contents.precedence) return differs("precedence");
  if (header.epoch != contents.epoch) return differs("epoch");
  if (header.sender != contents.originator) return differs("sender");
  if (header.created_ms != contents.created_ms) return differs("created");
  if (header.recipient_key_ids.size() != contents.recipients.size() + 1)
    return differs("number of recipients");
  return {};
}

Result<void> check_addressee(Contents const& contents, MemberId const& self) {
  bool const named =
      std::binary_search(contents.recipients.begin(), contents.recipients.end(), self);
  if (named || self == contents.originator) return {};
  return fail(Code::kNotRecipient, "envelope.recipients", "the originator did not name this node");
}

}  // namespace

Result<Contents> open(BytesView envelope, MemberId const& self, crypto::SealKey const& key,
                      crypto::VerifyKey const& originator_node_key) {
  AMIC_TRY(internal::Outer const outer, internal::parse(envelope));
  AMIC_TRY(Secret const content_key, unwrap(outer, key));
  auto plain = crypto::stream_open(content_key.view(), crypto::sha256(outer.header_bytes).view(),
                                   outer.ciphertext, limits::kBodyChunkBytes);
  if (!plain) return fail(Code::kBadSignature, "envelope.body", "does not open");

  AMIC_TRY(internal::Inner const inner, internal::decode_inner(*plain));
  if (!crypto::verify_in_domain(originator_node_key, internal::kInnerDomain, inner.statement,
                                inner.signature))
    return fail(Code::kBadSignature, "envelope.inner");
  AMIC_TRY(internal::Statement statement, internal::decode_statement(inner.statement));
  Contents& contents = statement.contents;
  AMIC_TRY_VOID(check_agreement(outer.header, contents));
  AMIC_TRY_VOID(check_addressee(contents, self));
  AMIC_TRY(contents.body, internal::take_body(inner, *std::move(plain)));
  if (crypto::sha256(contents.body) != statement.body_sha256)
    return fail(Code::kRejected, "envelope.body", "not the body that was signed");
  return std::move(contents);
}

}  // namespace amic::envelope
