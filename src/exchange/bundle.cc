// Bytes of carrier files: docs/formats/bundle.md.
#include "exchange/bundle.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::exchange {

namespace {
constexpr std::uint16_t kVersion = 1;
constexpr std::string_view kManifestDomain = "amic/carrier/v1";
constexpr std::size_t kRealmBytesMax = 64;
constexpr std::size_t kHeaderBytesMax = 256 + limits::kCarrierPartsMax * kLaneCount * 16;
constexpr std::size_t kEntryBytes = 1 + 1 + 8 + 8 + 4 + 32;
constexpr std::size_t kManifestBytesMax = 128 + limits::kCarrierSectionsMax * kEntryBytes;
constexpr std::size_t kReceiptBytesMax = 4096;

std::size_t size_max(SectionType type) {
  switch (type) {
    case SectionType::kReceipt:
      return kReceiptBytesMax;
    case SectionType::kBatch:
      return limits::kEnvelopeBytesMax + limits::kBatchBytesMax;
    case SectionType::kManifest:
      return kManifestBytesMax;
  }
  return 0;
}

Result<MemberId> member_of(codec::Reader& in) {
  auto const text = in.str8(16);
  AMIC_TRY_VOID(in.check());
  return MemberId::parse(text);
}

NumberRange read_range(codec::Reader& in) {
  NumberRange out;
  out.first_n = in.u64();
  out.last_n = in.u64();
  if (in.ok() && (out.last_n < out.first_n || (out.first_n == 0 && out.last_n != 0)))
    in.reject(Code::kOutOfRange, "not a range of numbers");
  return out;
}

Bytes signed_bytes(CarrierManifest const& manifest) {
  codec::Writer out;
  out.u16(kVersion).raw(manifest.header_sha256.view());
  out.u32(static_cast<std::uint32_t>(manifest.sections.size()));
  for (auto const& entry : manifest.sections) {
    out.u8(static_cast<std::uint8_t>(entry.type)).u8(entry.lane);
    out.u64(entry.range.first_n).u64(entry.range.last_n).u32(entry.size).raw(entry.sha256.view());
  }
  return out.take();
}

// A part's number is in its header; its ranges must be those of the batches it brings.
Result<void> check_ranges(CarrierHeader const& header, std::vector<SectionEntry> const& sections) {
  LaneRanges brought;
  for (auto const& entry : sections) {
    if (entry.type != SectionType::kBatch) continue;
    auto& range = brought[entry.lane];
    if (range.empty())
      range = entry.range;
    else if (entry.range.first_n != range.last_n + 1)
      return fail(Code::kMalformed, section_text(entry), "does not follow the one before");
    else
      range.last_n = entry.range.last_n;
  }
  if (brought != header.parts[header.part - 1u])
    return fail(Code::kMalformed, "header", "announces other numbers than the file brings");
  return {};
}
}  // namespace

std::string range_text(std::uint8_t lane, NumberRange const& range) {
  std::string out(precedence_name(static_cast<Precedence>(lane)));
  out += " " + std::to_string(range.first_n);
  if (range.last_n != range.first_n) out += "-" + std::to_string(range.last_n);
  return out;
}

std::string section_text(SectionEntry const& entry) {
  return (entry.type == SectionType::kReceipt ? "receipt " : "batch ") +
         range_text(entry.lane, entry.range);
}

Bytes encode(CarrierHeader const& header) {
  codec::Writer out;
  out.u16(kVersion).raw(header.community.view()).str8(header.realm.str());
  out.str8(header.from.str()).str8(header.to.str());
  out.raw(header.export_id.view()).i64(header.created_ms);
  out.u8(header.since_last ? 1 : 0).u16(header.part);
  out.u16(static_cast<std::uint16_t>(header.parts.size()));
  for (auto const& ranges : header.parts)
    for (auto const& range : ranges) out.u64(range.first_n).u64(range.last_n);
  return out.take();
}

Result<CarrierHeader> decode_carrier_header(BytesView bytes) {
  codec::Reader in(bytes, "header");
  CarrierHeader out;
  if (in.u16() != kVersion) in.reject(Code::kUnsupported, "unknown version");
  out.community = in.fixed<CommunityId>();
  auto const realm = in.str8(kRealmBytesMax);
  AMIC_TRY_VOID(in.check());
  AMIC_TRY(out.realm, Realm::parse(realm));
  AMIC_TRY(out.from, member_of(in));
  AMIC_TRY(out.to, member_of(in));
  out.export_id = in.fixed<EnvelopeId>();
  out.created_ms = in.i64();
  auto const since_last = in.u8();
  if (since_last > 1) in.reject(Code::kOutOfRange, "since_last is 0 or 1");
  out.since_last = since_last == 1;
  out.part = in.u16();
  std::size_t const parts = in.u16();
  if (in.ok() &&
      (parts == 0 || parts > limits::kCarrierPartsMax || out.part == 0 || out.part > parts))
    in.reject(Code::kOutOfRange, "part");
  for (std::size_t i = 0; i < parts && in.ok(); ++i) {
    auto& ranges = out.parts.emplace_back();
    for (auto& range : ranges) range = read_range(in);
  }
  AMIC_TRY_VOID(in.finish());
  return out;
}

Bytes encode(CarrierManifest const& manifest) {
  auto out = signed_bytes(manifest);
  append(out, manifest.signature.view());
  return out;
}

Result<CarrierManifest> decode_carrier_manifest(BytesView bytes) {
  codec::Reader in(bytes, "manifest");
  CarrierManifest out;
  if (in.u16() != kVersion) in.reject(Code::kUnsupported, "unknown version");
  out.header_sha256 = in.fixed<Hash>();
  std::size_t const count = in.u32();
  if (count > limits::kCarrierSectionsMax) in.reject(Code::kTooLarge, "too many sections");
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    SectionEntry entry;
    auto const type = in.u8();
    if (type != 1 && type != 2) in.reject(Code::kOutOfRange, "section type");
    entry.type = static_cast<SectionType>(type);
    entry.lane = in.u8();
    if (entry.lane >= kLaneCount) in.reject(Code::kOutOfRange, "lane is 0 to 3");
    entry.range = read_range(in);
    if (in.ok() && entry.range.empty()) in.reject(Code::kOutOfRange, "an empty section");
    entry.size = in.u32();
    entry.sha256 = in.fixed<Hash>();
    if (in.ok()) out.sections.push_back(entry);
  }
  out.signature = in.fixed<crypto::Signature>();
  AMIC_TRY_VOID(in.finish());
  return out;
}

CarrierManifest sign_manifest(CarrierManifest manifest, crypto::SigningKey const& node) {
  manifest.signature = crypto::sign_in_domain(node, kManifestDomain, signed_bytes(manifest));
  return manifest;
}

Result<void> verify_carrier(CarrierHeader const& header, CarrierManifest const& manifest,
                            consent::Community const& community, Realm const& realm,
                            MemberId const& self) {
  if (header.community != community.id)
    return fail(Code::kUnknownCommunity, "header.community", "a file of another community");
  if (header.realm != realm)
    return fail(Code::kNotReleasable, "header.realm", "a file of realm " + header.realm.str());
  if (header.to != self)
    return fail(Code::kNotRecipient, "header.to", "the file is for " + header.to.str());
  auto const* card = community.head.member(header.from);
  if (card == nullptr || header.from == self)
    return fail(Code::kUnknownMember, "header.from", header.from.str());
  if (manifest.header_sha256 != crypto::sha256(encode(header)))
    return fail(Code::kBadSignature, "manifest.header", "the manifest belongs to another header");
  if (!crypto::verify_in_domain(card->node, kManifestDomain, signed_bytes(manifest),
                                manifest.signature))
    return fail(Code::kBadSignature, "manifest.signature",
                "not signed by the node of " + header.from.str());
  return check_ranges(header, manifest.sections);
}

Result<SectionEntry> describe_section(SectionType type, BytesView body) {
  SectionEntry out;
  out.type = type;
  out.size = static_cast<std::uint32_t>(body.size());
  out.sha256 = crypto::sha256(body);
  codec::Reader in(body, type == SectionType::kBatch ? "batch" : "receipt");
  in.u16();  // version and the rest: checked where the section is taken
  in.raw(CommunityId::kSize);
  in.vec8();
  in.vec8();
  out.lane = in.u8();
  out.range.first_n = out.range.last_n = in.u64();
  if (type == SectionType::kBatch) {
    in.raw(Hash::kSize);
    std::uint64_t const count = in.u16();
    if (in.ok() && (count == 0 || out.range.first_n > UINT64_MAX - count))
      in.reject(Code::kOutOfRange, "numbers");
    out.range.last_n += count - 1;
  }
  if (in.ok() && (out.lane >= kLaneCount || out.range.empty()))
    in.reject(Code::kOutOfRange, "lane or number");
  AMIC_TRY_VOID(in.check());
  return out;
}

Bytes section_frame(SectionType type, std::size_t size) {
  codec::Writer out;
  out.u8(static_cast<std::uint8_t>(type)).u32(static_cast<std::uint32_t>(size));
  return out.take();
}

Result<std::size_t> MemorySource::read(std::span<std::uint8_t> out) {
  auto const size = std::min(out.size(), bytes_.size());
  std::copy_n(bytes_.begin(), size, out.begin());
  bytes_ = bytes_.subspan(size);
  return size;
}

// ---- Reading ----------------------------------------------------------------------------------

Result<CarrierReader> CarrierReader::open(ByteSource& source) {
  CarrierReader out(source);
  AMIC_TRY_VOID(out.read_header());
  return out;
}

std::string CarrierReader::where() const {
  return "section " + std::to_string(seen_.size() + 1);
}

Result<std::size_t> CarrierReader::fill(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    AMIC_TRY(auto const got, source_->read(out.subspan(done)));
    if (got == 0) break;
    done += got;
  }
  return done;
}

Result<void> CarrierReader::read_header() {
  Bytes start(kCarrierMagic.size() + 4);
  AMIC_TRY(auto const got, fill(start));
  if (got < kCarrierMagic.size() || !as_text(start).starts_with(kCarrierMagic))
    return fail(Code::kMalformed, "header", "not a carrier file, or damaged by a text tool");
  codec::Reader in(BytesView(start).subspan(kCarrierMagic.size()), "header");
  std::size_t const size = in.u32();
  if (got < start.size()) return fail(Code::kMalformed, "header", "the file ends here");
  if (size > kHeaderBytesMax) return fail(Code::kTooLarge, "header", std::to_string(size));
  Bytes body(size);
  AMIC_TRY(auto const read, fill(body));
  if (read < size) return fail(Code::kMalformed, "header", "the file ends here");
  AMIC_TRY(header_, decode_carrier_header(body));
  header_sha256_ = crypto::sha256(body);
  return {};
}

Result<Bytes> CarrierReader::read_body(SectionType type, std::size_t size) {
  if (size > size_max(type)) return fail(Code::kTooLarge, where(), std::to_string(size) + " bytes");
  Bytes body(size);
  AMIC_TRY(auto const got, fill(body));
  if (got < size)
    return fail(Code::kMalformed, where(),
                "the file ends after " + std::to_string(got) + " of " + std::to_string(size) +
                    " bytes: it was cut off");
  return body;
}

Result<std::optional<Section>> CarrierReader::next() {
  if (done_) return std::nullopt;
  std::array<std::uint8_t, 5> frame{};
  AMIC_TRY(auto const got, fill(frame));
  if (got < frame.size())
    return fail(Code::kMalformed, where(), "the file ends before its manifest: it was cut off");
  codec::Reader in(frame, "section");
  auto const type = static_cast<SectionType>(in.u8());
  std::size_t const size = in.u32();
  if (size_max(type) == 0) return fail(Code::kMalformed, where(), "unknown type");
  AMIC_TRY(auto body, read_body(type, size));
  if (type == SectionType::kManifest) {
    AMIC_TRY_VOID(check_manifest(body));
    done_ = true;
    return std::nullopt;
  }
  if (seen_.size() >= limits::kCarrierSectionsMax)
    return fail(Code::kTooLarge, where(), "too many sections");
  auto entry = describe_section(type, body);
  if (!entry) return fail(entry.error().code, where(), entry.error().detail);
  seen_.push_back(*entry);
  return Section{type, std::move(body)};
}

Result<void> CarrierReader::check_manifest(BytesView bytes) {
  AMIC_TRY(manifest_, decode_carrier_manifest(bytes));
  std::array<std::uint8_t, 1> more{};
  AMIC_TRY(auto const got, fill(more));
  if (got != 0) return fail(Code::kMalformed, "manifest", "something follows it");
  if (manifest_.header_sha256 != header_sha256_)
    return fail(Code::kBadSignature, "header", "it was altered, or is of another file");
  for (std::size_t i = 0; i < std::min(seen_.size(), manifest_.sections.size()); ++i)
    if (seen_[i] != manifest_.sections[i])
      return fail(Code::kBadSignature,
                  "section " + std::to_string(i + 1) + ", " + section_text(manifest_.sections[i]),
                  "it was altered");
  if (seen_.size() < manifest_.sections.size())
    return fail(Code::kBadSignature, section_text(manifest_.sections[seen_.size()]),
                "it was taken out");
  if (seen_.size() > manifest_.sections.size())
    return fail(Code::kBadSignature, section_text(seen_[manifest_.sections.size()]),
                "it was put in");
  return check_ranges(header_, seen_);
}

}  // namespace amic::exchange
