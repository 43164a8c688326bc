// Carrier files: what the link would have sent, in a file, for a USB stick or a data diode. The
// same signed batches and receipts, framed, with a signed list of all of them at the end.
// docs/formats/bundle.md. ("amic bundle" is the command; a STIX bundle is something else.)
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "exchange/exchange.h"

namespace amic::exchange {

inline constexpr std::string_view kCarrierMagic = "AMICB\r\n\x1a";  // shows what text tools damage

struct NumberRange {  // 0, 0: none
  std::uint64_t first_n = 0, last_n = 0;
  bool empty() const { return first_n == 0; }
  bool operator==(NumberRange const&) const = default;
};
using LaneRanges = std::array<NumberRange, kLaneCount>;

struct CarrierHeader {
  CommunityId community;
  Realm realm;
  MemberId from, to;
  EnvelopeId export_id;  // the same in all parts of one export
  UnixMs created_ms = 0;
  std::uint16_t part = 1;   // from 1
  bool since_last = false;  // else all that was not acknowledged
  std::vector<LaneRanges>
      parts;  // what each part of the export brings; 1..limits::kCarrierPartsMax
  bool operator==(CarrierHeader const&) const = default;
};

enum class SectionType : std::uint8_t { kReceipt = 1, kBatch = 2, kManifest = 3 };
struct Section {
  SectionType type = SectionType::kReceipt;
  Bytes body;
};
struct SectionEntry {
  SectionType type = SectionType::kReceipt;
  std::uint8_t lane = 0;
  NumberRange range;  // receipt: both the number signed for
  std::uint32_t size = 0;
  Hash sha256;
  bool operator==(SectionEntry const&) const = default;
};
// "batch ROUTINE 1001-2000", "receipt FLASH 7".
std::string section_text(SectionEntry const& entry);
// "ROUTINE 1001-2000".
std::string range_text(std::uint8_t lane, NumberRange const& range);

struct CarrierManifest {
  Hash header_sha256;
  std::vector<SectionEntry> sections;
  crypto::Signature signature;  // by the node key of header.from
  bool operator==(CarrierManifest const&) const = default;
};

Bytes encode(CarrierHeader const& header);
Result<CarrierHeader> decode_carrier_header(BytesView bytes);  // structure and limits only
Bytes encode(CarrierManifest const& manifest);
Result<CarrierManifest> decode_carrier_manifest(BytesView bytes);  // likewise
CarrierManifest sign_manifest(CarrierManifest unsigned_manifest, crypto::SigningKey const& node);
// That `manifest` belongs to this header and its member signed it; that the file is of this
// community and realm and for `self`. Names what is foreign.
Result<void> verify_carrier(CarrierHeader const& header, CarrierManifest const& manifest,
                            consent::Community const& community, Realm const& realm,
                            MemberId const& self);
// What a section says it is, from its first bytes. kMalformed, kOutOfRange.
Result<SectionEntry> describe_section(SectionType type, BytesView body);
// The frame before a section's body.
Bytes section_frame(SectionType type, std::size_t size);

// Bytes from outside, in order. A file, or memory in tests.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Up to out.size() bytes; 0 only at the end.
  virtual Result<std::size_t> read(std::span<std::uint8_t> out) = 0;
};
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(BytesView bytes) : bytes_(bytes) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override;

 private:
  BytesView bytes_;
};

// Reads one carrier file from front to back, holding one section at a time. Every section is hashed
// as it passes, and the manifest at the end is compared with all of them, so a file that was read
// to its end without an error is exactly what its manifest says; verify_carrier() says whose word
// that is. Errors name the section.
class CarrierReader {
 public:
  static Result<CarrierReader> open(ByteSource& source);
  CarrierHeader const& header() const { return header_; }
  // The next receipt or batch; nullopt once the manifest was read and agrees.
  Result<std::optional<Section>> next();
  std::vector<SectionEntry> const& seen() const { return seen_; }
  CarrierManifest const& manifest() const { return manifest_; }  // after next() gave nullopt

 private:
  explicit CarrierReader(ByteSource& source) : source_(&source) {}
  Result<void> read_header();
  Result<std::size_t> fill(std::span<std::uint8_t> out);
  Result<Bytes> read_body(SectionType type, std::size_t size);
  Result<void> check_manifest(BytesView bytes);
  std::string where() const;

  ByteSource* source_;
  CarrierHeader header_;
  Hash header_sha256_;
  std::vector<SectionEntry> seen_;
  CarrierManifest manifest_;
  bool done_ = false;
};

}  // namespace amic::exchange
