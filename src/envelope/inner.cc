#include "envelope/inner.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "compress/compress.h"
#include "crypto/hash.h"

namespace amic::envelope::internal {

namespace {

constexpr UnixMs kCreatedMsMax = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z
constexpr std::size_t kMediaTypeBytesMax = 255;
constexpr std::size_t kStatementBytesMax = 32 << 10;
constexpr char kBody[] = "envelope.body";

template <class T>
bool strictly_ascending(std::vector<T> const& values) {
  return std::adjacent_find(values.begin(), values.end(),
                            [](T const& a, T const& b) { return !(a < b); }) == values.end();
}

Result<void> check_recipients(Contents const& contents) {
  constexpr char kWhere[] = "envelope.recipients";
  auto const& recipients = contents.recipients;
  if (recipients.size() >= limits::kMembersMax)
    return fail(Code::kTooLarge, kWhere, "more members than a community can have");
  if (!strictly_ascending(recipients))
    return fail(Code::kOutOfRange, kWhere, "not sorted, or somebody named twice");
  if (!recipients.empty() && recipients.front().empty())
    return fail(Code::kOutOfRange, kWhere, "an empty member name");
  if (std::binary_search(recipients.begin(), recipients.end(), contents.originator))
    return fail(Code::kOutOfRange, kWhere, "the originator is not a recipient");
  return {};
}

Result<void> check_media_type(std::string_view text) {
  constexpr char kWhere[] = "envelope.media_type";
  if (text.size() > kMediaTypeBytesMax) return fail(Code::kTooLarge, kWhere);
  bool const printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7E; });
  if (text.empty() || !printable) return fail(Code::kOutOfRange, kWhere, "printable ASCII");
  return {};
}

}  // namespace

Result<void> check_contents(Contents const& contents) {
  if (contents.suite != Suite::kEd25519X25519)
    return fail(Code::kUnsupported, "envelope.suite", "unknown suite");
  if (contents.kind < Kind::kItem || contents.kind > Kind::kAttachment)
    return fail(Code::kOutOfRange, "envelope.kind", "unknown kind");
  if (static_cast<unsigned>(contents.precedence) >= kLaneCount)
    return fail(Code::kOutOfRange, "envelope.precedence", "unknown precedence");
  if (contents.originator.empty()) return fail(Code::kOutOfRange, "envelope.originator", "nobody");
  if (contents.created_ms < 0 || contents.created_ms > kCreatedMsMax)
    return fail(Code::kOutOfRange, "envelope.created_ms", "1970 to 9999");
  AMIC_TRY_VOID(check_recipients(contents));
  if (contents.marking.size() > limits::kMarkingBytesMax)
    return fail(Code::kTooLarge, "envelope.marking");
  if (contents.lineage.size() > limits::kLineageMax)
    return fail(Code::kTooLarge, "envelope.lineage");
  if (!strictly_ascending(contents.lineage))
    return fail(Code::kOutOfRange, "envelope.lineage", "not sorted, or one named twice");
  AMIC_TRY_VOID(check_media_type(contents.media_type));
  if (contents.body.size() > limits::kBodyBytesMax) return fail(Code::kTooLarge, kBody);
  return {};
}

Bytes encode_statement(Contents const& contents, Hash const& body_sha256) {
  codec::Writer out;
  out.raw(contents.community.view());
  out.u16(static_cast<std::uint16_t>(contents.suite));
  out.raw(contents.id.view());
  out.str8(contents.realm.str());
  out.u8(static_cast<std::uint8_t>(contents.kind));
  out.u8(static_cast<std::uint8_t>(contents.precedence));
  out.u64(contents.epoch);
  out.str8(contents.originator.str());
  out.i64(contents.created_ms);
  out.u8(static_cast<std::uint8_t>(contents.recipients.size()));
  for (MemberId const& member : contents.recipients) out.str8(member.str());
  out.vec16(contents.marking);
  out.u16(static_cast<std::uint16_t>(contents.lineage.size()));
  for (Hash const& parent : contents.lineage) out.raw(parent.view());
  out.str8(contents.media_type);
  out.raw(body_sha256.view());
  return out.take();
}

namespace {

MemberId read_member(codec::Reader& in, char const* what) {
  auto member = MemberId::parse(in.str8());
  if (member) return *std::move(member);
  in.reject(Code::kMalformed, what);
  return {};
}

}  // namespace

Result<Statement> decode_statement(BytesView bytes) {
  codec::Reader in(bytes, "envelope.statement");
  Statement out;
  Contents& contents = out.contents;
  contents.community = in.fixed<CommunityId>();
  contents.suite = static_cast<Suite>(in.u16());
  contents.id = in.fixed<EnvelopeId>();
  if (auto realm = Realm::parse(in.str8())) {
    contents.realm = *std::move(realm);
  } else {
    in.reject(Code::kMalformed, "realm");
  }
  contents.kind = static_cast<Kind>(in.u8());
  contents.precedence = static_cast<Precedence>(in.u8());
  contents.epoch = in.u64();
  contents.originator = read_member(in, "originator");
  contents.created_ms = in.i64();
  unsigned const recipients = in.u8();
  for (unsigned i = 0; i < recipients && in.ok(); ++i)
    contents.recipients.push_back(read_member(in, "recipient"));
  contents.marking = to_bytes(in.vec16(limits::kMarkingBytesMax));
  unsigned const parents = in.u16();
  for (unsigned i = 0; i < parents && in.ok(); ++i) contents.lineage.push_back(in.fixed<Hash>());
  contents.media_type = in.str8();
  out.body_sha256 = in.fixed<Hash>();
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY_VOID(check_contents(contents));
  return out;
}

Bytes encode_inner(BytesView statement, crypto::Signature const& signature, BytesView body) {
  // Compression inside the seal: what is sealed can't be compressed on the way, and a relay learns
  // the compressed size and nothing else.
  auto encoding =
      body.size() <= kDictionaryBodyBytesMax ? BodyEncoding::kZstdStix1 : BodyEncoding::kZstd;
  Bytes const frame = encoding == BodyEncoding::kZstdStix1
                          ? compress::stix_dictionary_1().compress(body)
                          : compress::compress(body);
  bool const smaller = frame.size() < body.size();
  if (!smaller) encoding = BodyEncoding::kPlain;
  BytesView const stored = smaller ? BytesView(frame) : body;
  codec::Writer framing;
  framing.vec16(statement);
  framing.raw(signature.view());
  framing.u8(static_cast<std::uint8_t>(encoding));
  framing.u32(static_cast<std::uint32_t>(body.size()));
  framing.u32(static_cast<std::uint32_t>(stored.size()));
  Bytes out;
  out.reserve(framing.bytes().size() + stored.size());
  append(out, framing.bytes());
  append(out, stored);
  return out;
}

Result<Inner> decode_inner(BytesView bytes) {
  codec::Reader in(bytes, "envelope.inner");
  Inner out;
  out.statement = in.vec16(kStatementBytesMax);
  out.signature = in.fixed<crypto::Signature>();
  std::uint8_t const encoding = in.u8();
  if (encoding > static_cast<std::uint8_t>(BodyEncoding::kZstdStix1))
    in.reject(Code::kOutOfRange, "body encoding");
  out.encoding = static_cast<BodyEncoding>(encoding);
  out.body_size = in.u32();
  out.body = in.vec32(limits::kEnvelopeBytesMax);
  AMIC_TRY_VOID(in.finish());
  return out;
}

Result<Bytes> take_body(Inner const& inner, Bytes owner) {
  if (inner.body_size > limits::kBodyBytesMax) return fail(Code::kTooLarge, kBody);
  if (inner.encoding != BodyEncoding::kPlain) {
    if (inner.body.size() >= inner.body_size)
      return fail(Code::kRejected, kBody, "compressed without gain");
    auto body = inner.encoding == BodyEncoding::kZstdStix1
                    ? compress::stix_dictionary_1().decompress(inner.body, inner.body_size)
                    : compress::decompress(inner.body, inner.body_size);
    if (!body) return fail(body.error().code, kBody, std::move(body).error().detail);
    if (body->size() != inner.body_size) return fail(Code::kRejected, kBody, "another size");
    return body;
  }
  if (inner.body.size() != inner.body_size) return fail(Code::kRejected, kBody, "another size");
  auto const offset = inner.body.data() - owner.data();
  owner.erase(owner.begin(), owner.begin() + offset);  // the body is the last field
  return owner;
}

}  // namespace amic::envelope::internal
