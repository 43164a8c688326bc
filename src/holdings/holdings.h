// What a node knows: own and received objects, all versions, with their origin. Turns opened items
// into index rows. Every input object ends in exactly one of accepted, quarantined, rejected.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "json/json.h"
#include "marking/marking.h"
#include "stix/stix.h"
#include "store/store.h"

namespace amic::holdings {

// Outcome of one input object, in input order.
struct Outcome {
  std::uint32_t index = 0;
  stix::Verdict verdict = stix::Verdict::kReject;
  bool duplicate = false;   // accepted, but this exact version is already held
  std::string id;
  Code code = Code::kMalformed;  // unless accepted
  std::string pointer;      // JSON pointer from the bundle's root: "/objects/3/created"
  std::string reason;
};
struct Report {
  std::uint32_t accepted = 0, quarantined = 0, rejected = 0;  // sum = inputs
  std::vector<Outcome> refused;   // every quarantined and rejected one
};

// A bundle taken apart and checked, before anything is stored. Pure.
struct Parsed {
  struct One {
    std::string_view text;  // exact source, into the input
    stix::Checked checked;
  };
  std::vector<One> objects;
  Report report;
};
// kMalformed etc. for the whole if it is not a bundle; a single STIX object is taken as a bundle of one.
Result<Parsed> parse_bundle(std::string_view text);

// What is known of the item that carries the bundle.
struct ItemContext {
  std::uint64_t seq = 0;
  EnvelopeId id;
  MemberId originator;
  Precedence precedence = Precedence::kRoutine;
  marking::Marking marking;
  UnixMs created_ms = 0;
  UnixMs received_ms = 0;
  std::string media_type;
  std::string title;  // "" = derived from the objects
};

// The index writer: applies items in log order, batching into one Derived per transaction.
// Deterministic: the same log gives the same index. One thread.
class Indexer {
 public:
  explicit Indexer(store::Store& store);
  // Adds one item's rows to the pending batch. Never fails on content: bad objects become
  // RefusedObject rows. (id, version) already held with other content by the same creator or any
  // other member = quarantined with kConflict; identical content = accepted duplicate.
  Result<void> add(ItemContext const& context, std::string_view body);
  // A record without an item (governance): only moves the watermark.
  Result<void> skip(std::uint64_t seq);
  Result<void> flush();        // store.apply(); the batch is empty afterwards
  std::size_t pending_objects() const;

 private:
  store::Store& store_;
  store::Derived pending_;
  store::FeedEnd end_;
  bool end_known_ = false;
};

// Audience labels readable by a reader: filters store.audiences() by marking::may_read.
Result<store::AudienceSet> readable_by(store::Store& store, marking::Reader const& reader, UnixMs now_ms);

}  // namespace amic::holdings
