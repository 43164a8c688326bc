// Canonical bytes of receipts and batches: docs/formats/link.md.
#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "exchange/exchange.h"

namespace amic::exchange {

namespace {
constexpr std::uint16_t kVersion = 1;
constexpr std::string_view kReceiptDomain = "amic/receipt/v1";
constexpr std::string_view kBatchDomain = "amic/batch/v1";
constexpr std::size_t kCodeBytesMax = 32;

MemberId read_member(codec::Reader& in) {
  auto const text = in.str8(16);
  if (!in.ok()) return {};
  auto member = MemberId::parse(text);
  if (!member) {
    in.reject(Code::kMalformed, "not a member id");
    return {};
  }
  return *member;
}

std::uint8_t read_lane(codec::Reader& in) {
  auto const lane = in.u8();
  if (in.ok() && lane >= kLaneCount) in.reject(Code::kOutOfRange, "lane is 0 to 3");
  return lane;
}

void read_version(codec::Reader& in) {
  auto const version = in.u16();
  if (in.ok() && version != kVersion) in.reject(Code::kUnsupported, "unknown version");
}

// What every structure of a lane begins with.
template <class Of>
void read_parties(codec::Reader& in, Of& out) {
  read_version(in);
  out.community = in.fixed<CommunityId>();
  out.from = read_member(in);
  out.to = read_member(in);
  out.lane = read_lane(in);
}
template <class Of>
void write_parties(codec::Writer& out, Of const& of) {
  out.u16(kVersion).raw(of.community.view());
  out.str8(of.from.str()).str8(of.to.str()).u8(of.lane);
}

void write_receipt_body(codec::Writer& out, Receipt const& receipt) {
  write_parties(out, receipt);
  out.u64(receipt.n);
  out.raw(receipt.chain.view()).i64(receipt.at_ms).u32(receipt.refused_total);
  out.u8(static_cast<std::uint8_t>(receipt.refused.size()));
  for (auto const& refused : receipt.refused) out.u64(refused.n).str8(refused.code);
}

void write_batch_head(codec::Writer& out, Batch const& batch) {
  write_parties(out, batch);
  out.u64(batch.first_n);
  out.raw(batch.chain_before.view()).u16(static_cast<std::uint16_t>(batch.envelopes.size()));
}

Bytes batch_signed_bytes(Batch const& batch) {
  codec::Writer out;
  write_batch_head(out, batch);
  for (auto const& envelope : batch.envelopes) out.raw(envelope::digest(envelope).view());
  return out.take();
}
}  // namespace

Hash chain_next(Hash const& before, Hash const& envelope_digest) {
  return crypto::sha256({before.view(), envelope_digest.view()});
}

namespace {
constexpr std::string_view kGoneMagic = "GONE";
}
Bytes gone_entry(Hash const& digest) {
  codec::Writer out;
  out.raw(as_bytes(kGoneMagic)).raw(digest.view());
  return out.take();
}

std::optional<Hash> gone_digest(BytesView entry) {
  if (entry.size() != kGoneMagic.size() + Hash::kSize) return std::nullopt;
  if (as_text(entry.first(kGoneMagic.size())) != kGoneMagic) return std::nullopt;
  return Hash::from(entry.subspan(kGoneMagic.size()));
}

Hash entry_digest(BytesView entry) {
  auto const gone = gone_digest(entry);
  return gone ? *gone : envelope::digest(entry);
}

Bytes encode(Receipt const& receipt) {
  codec::Writer out;
  write_receipt_body(out, receipt);
  out.raw(receipt.signature.view());
  return out.take();
}

Result<Receipt> decode_receipt(BytesView bytes) {
  codec::Reader in(bytes, "receipt");
  Receipt out;
  read_parties(in, out);
  out.n = in.u64();
  out.chain = in.fixed<Hash>();
  out.at_ms = in.i64();
  out.refused_total = in.u32();
  std::size_t const listed = in.u8();
  if (listed > kRefusedListedMax) in.reject(Code::kOutOfRange, "too many refusals listed");
  if (in.ok() && listed != std::min<std::size_t>(out.refused_total, kRefusedListedMax))
    in.reject(Code::kMalformed, "refusals listed and counted differ");
  for (std::size_t i = 0; i < listed && in.ok(); ++i) {
    auto const n = in.u64();
    out.refused.push_back({n, in.str8(kCodeBytesMax)});
  }
  out.signature = in.fixed<crypto::Signature>();
  AMIC_TRY_VOID(in.finish());
  return out;
}

Receipt sign_receipt(Receipt unsigned_receipt, crypto::SigningKey const& node) {
  codec::Writer out;
  write_receipt_body(out, unsigned_receipt);
  unsigned_receipt.signature = crypto::sign_in_domain(node, kReceiptDomain, out.bytes());
  return unsigned_receipt;
}

Result<void> verify_receipt(Receipt const& receipt, consent::Head const& head,
                            CommunityId const& community) {
  if (receipt.community != community) return fail(Code::kUnknownCommunity, "receipt.community");
  auto const* card = head.member(receipt.from);
  if (card == nullptr) return fail(Code::kUnknownMember, "receipt.from", receipt.from.str());
  codec::Writer out;
  write_receipt_body(out, receipt);
  if (!crypto::verify_in_domain(card->node, kReceiptDomain, out.bytes(), receipt.signature))
    return fail(Code::kBadSignature, "receipt.signature");
  return {};
}

Bytes encode(Batch const& batch) {
  codec::Writer out;
  write_batch_head(out, batch);
  for (auto const& envelope : batch.envelopes) out.vec32(envelope);
  out.raw(batch.signature.view());
  return out.take();
}

Result<Batch> decode_batch(BytesView bytes) {
  codec::Reader in(bytes, "batch");
  Batch out;
  read_parties(in, out);
  out.first_n = in.u64();
  out.chain_before = in.fixed<Hash>();
  std::size_t const count = in.u16();
  if (in.ok() && (count == 0 || count > limits::kBatchEnvelopesMax))
    in.reject(Code::kOutOfRange, "a batch holds 1 to 1,000 envelopes");
  if (in.ok() && (out.first_n == 0 || out.first_n > UINT64_MAX - count))
    in.reject(Code::kOutOfRange, "first_n");
  std::size_t total = 0;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    auto const envelope = in.vec32(limits::kEnvelopeBytesMax);
    total += envelope.size();
    if (i > 0 && total > limits::kBatchBytesMax)
      in.reject(Code::kTooLarge, "over 1 MiB in more than one envelope");
    out.envelopes.push_back(to_bytes(envelope));
  }
  out.signature = in.fixed<crypto::Signature>();
  AMIC_TRY_VOID(in.finish());
  return out;
}

Bytes encode(Returned const& returned) {
  codec::Writer out;
  write_parties(out, returned);
  out.u64(returned.first_n);
  out.u16(static_cast<std::uint16_t>(returned.entries.size()));
  for (auto const& entry : returned.entries) out.vec32(entry);
  return out.take();
}

Result<Returned> decode_returned(BytesView bytes) {
  codec::Reader in(bytes, "returned");
  Returned out;
  read_parties(in, out);
  out.first_n = in.u64();
  std::size_t const count = in.u16();
  if (in.ok() && count > limits::kBatchEnvelopesMax)
    in.reject(Code::kOutOfRange, "at most 1,000 entries");
  if (in.ok() && (out.first_n == 0 || out.first_n > UINT64_MAX - count))
    in.reject(Code::kOutOfRange, "first_n");
  std::size_t total = 0;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    auto const entry = in.vec32(limits::kEnvelopeBytesMax);
    total += entry.size();
    if (i > 0 && total > limits::kBatchBytesMax)
      in.reject(Code::kTooLarge, "over 1 MiB in more than one entry");
    out.entries.push_back(to_bytes(entry));
  }
  AMIC_TRY_VOID(in.finish());
  return out;
}

Batch sign_batch(Batch unsigned_batch, crypto::SigningKey const& node) {
  unsigned_batch.signature =
      crypto::sign_in_domain(node, kBatchDomain, batch_signed_bytes(unsigned_batch));
  return unsigned_batch;
}

Result<void> verify_batch(Batch const& batch, consent::Head const& head,
                          CommunityId const& community) {
  if (batch.community != community) return fail(Code::kUnknownCommunity, "batch.community");
  auto const* card = head.member(batch.from);
  if (card == nullptr) return fail(Code::kUnknownMember, "batch.from", batch.from.str());
  if (!crypto::verify_in_domain(card->node, kBatchDomain, batch_signed_bytes(batch),
                                batch.signature))
    return fail(Code::kBadSignature, "batch.signature");
  return {};
}

}  // namespace amic::exchange
