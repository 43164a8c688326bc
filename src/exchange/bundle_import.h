// Taking carrier files in (bundle.h): batches run through the same acceptance as those of the link,
// receipts drain the queue as if they had come over it. Repeating an import changes nothing.
#pragma once

#include <map>
#include <memory>

#include "exchange/bundle_export.h"
#include "json/json.h"

namespace amic::exchange {

// What became of one section.
struct SectionOutcome {
  SectionType type = SectionType::kBatch;
  std::uint8_t lane = 0;
  NumberRange range;
  std::uint64_t accepted = 0;       // batch: now durable here. Receipt: numbers newly signed for
  std::uint64_t held = 0;           // held before
  std::uint32_t refused_total = 0;  // in quarantine, for the reasons listed
  std::vector<Refused> refused;
  std::uint64_t position = 0;    // of the lane afterwards
  NumberRange gap;               // what is missing before the section, which was not taken then
  std::optional<Error> problem;  // why it was not taken otherwise
  bool operator==(SectionOutcome const&) const = default;
};
json::object to_json(SectionOutcome const& outcome);
Result<SectionOutcome> outcome_from_json(json::value const& value);

// Where an import goes: this process's exchange, or a running node's API.
class CarrierSink {
 public:
  virtual ~CarrierSink() = default;
  // Before anything of the file is taken. See verify_carrier().
  virtual Result<void> check(CarrierHeader const& header, CarrierManifest const& manifest) = 0;
  // Waits until the section is durable. An error: not the section's fault (a full disk, ...).
  virtual Result<SectionOutcome> take(MemberId const& from, Section const& section) = 0;
};

// Takes sections into the exchange at hand. Not from the committer's thread. Any other.
class ExchangeSink final : public CarrierSink {
 public:
  explicit ExchangeSink(CarrierParts parts) : parts_(parts) {}
  Result<void> check(CarrierHeader const& header, CarrierManifest const& manifest) override;
  Result<SectionOutcome> take(MemberId const& from, Section const& section) override;

 private:
  Result<SectionOutcome> take_batch(MemberId const& from, SectionOutcome outcome, BytesView bytes);
  Result<SectionOutcome> take_receipt(MemberId const& from, SectionOutcome outcome,
                                      BytesView bytes);
  Result<std::uint64_t> acked_n(MemberId const& from, std::uint8_t lane) const;
  CarrierParts parts_;
};

struct CarrierFile {
  std::string name;
  std::function<Result<std::unique_ptr<ByteSource>>()> open;
};
struct LaneImport {
  std::uint64_t accepted = 0, held = 0, refused_total = 0, receipted = 0;
  std::vector<Refused> refused;  // the first kRefusedListedMax
  std::uint64_t position = 0;
};
struct MissingNumbers {
  MemberId from;
  std::uint8_t lane = 0;
  NumberRange range;
  std::uint16_t part = 0, parts = 0;  // where they are; 0: in an earlier file
  std::string text() const;           // "part 2 of 3 is missing: ROUTINE 1001-2000"
  bool operator==(MissingNumbers const&) const = default;
};
struct ImportReport {
  std::map<MemberId, std::array<LaneImport, kLaneCount>> lanes;  // by who wrote the files
  std::vector<MissingNumbers> missing;
  std::vector<std::string> problems;  // sections not taken, with the reason
  std::size_t files = 0;
  bool complete() const { return missing.empty() && problems.empty(); }
};
// Reads every file to its end and checks it before anything of any file is taken; then takes all in
// order of their parts, whatever the order given. What a missing part would have brought is named,
// and what doesn't depend on it is taken. `progress` gets (sections done, of) and may be empty.
Result<ImportReport> import_carriers(std::vector<CarrierFile> const& files, CarrierSink& sink,
                                     std::function<void(std::uint64_t, std::uint64_t)> progress);

}  // namespace amic::exchange
