// The log half of the store in memory: what log.db holds, with the same rules (store/store.h).
#pragma once

#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "store/store.h"

namespace amic::sim {

class MemoryLog {
 public:
  // Checks all units first, then takes them all: nothing of any on failure. The first seq given.
  Result<std::uint64_t> append(std::vector<store::Append> const& units, bool unique_ids = true);

  std::uint64_t size() const { return records_.size(); }
  std::vector<store::Record> read(std::uint64_t from_seq, std::size_t count_max,
                                  std::size_t bytes_max) const;
  std::vector<Hash> digests(std::uint64_t from_seq, std::size_t count_max,
                            std::vector<store::RecordKind>* kinds) const;
  std::optional<store::Record> find(EnvelopeId const& id) const;
  // For checks: the record itself, without a copy. seq in 1..size().
  store::Record const& at(std::uint64_t seq) const { return records_.at(seq - 1); }
  std::vector<store::OutboxRow> outbox(MemberId const& peer, std::uint8_t lane,
                                       std::uint64_t after_n, std::size_t count_max) const;
  std::vector<store::LaneDepth> lanes() const;
  std::vector<store::LaneRow> sent(MemberId const& peer, std::uint8_t lane, std::uint64_t after_n,
                                   std::size_t count_max) const;
  std::vector<store::LaneRow> received(MemberId const& peer, std::uint8_t lane,
                                       std::uint64_t after_n, std::size_t count_max) const;
  std::vector<store::Cursor> cursors() const;
  std::vector<store::Quarantined> quarantine(MemberId const& peer, std::size_t count_max) const;
  std::optional<Bytes> kv_get(std::string const& space, std::string const& key) const;
  std::vector<std::pair<std::string, Bytes>> kv_scan(std::string const& space,
                                                     std::string const& after_key,
                                                     std::size_t count_max) const;
  std::optional<Bytes> tile(std::uint8_t level, std::uint64_t index) const;
  Result<void> check() const;

  // Bit rot: from now on the record is damaged in this way, until it is put back.
  void damage(std::uint64_t seq, store::Flaw flaw) { flaws_[seq] = flaw; }
  std::map<std::uint64_t, store::Flaw> const& flaws() const { return flaws_; }
  // kCorrupt if one of these records can't be read, or, without their bytes, is missing.
  Result<void> readable(std::uint64_t from_seq, std::size_t count, bool bytes) const;
  store::Audited audit(std::uint64_t from_seq, std::uint64_t upto_seq, std::size_t bytes_max) const;
  Result<store::PutBack> put_back(std::vector<store::Record> const& records, bool proven);

  void put(store::Record record);  // in place of the one with its seq: damage, and its repair
  // Whether this stands anywhere in it: in records as they are stored, keys, values, quarantine.
  bool mentions(std::string_view text) const;

  // Erasure: kNotFound, kConflict while a peer has not signed for the record.
  Result<void> may_shred(std::uint64_t seq) const;
  void shred(std::uint64_t seq, store::FeedEnd end);
  // Of the records after `after` up to `upto`, those that were shredded.
  std::set<std::uint64_t> shredded(std::uint64_t after, std::uint64_t upto) const;
  store::FeedEnd shredded_end(std::uint64_t upto) const;  // how far those reached in the feed

 private:
  struct SentRow {
    store::OutboxRow row;
    Hash digest;
  };
  struct Lane {
    std::uint64_t last_n = 0, acked_n = 0, pending_bytes = 0;
    std::map<std::uint64_t, SentRow> rows;  // all there ever were
    void put(store::OutboxRow row, Hash const& digest);
  };
  struct Held {
    std::deque<store::Quarantined> entries;
    std::size_t bytes = 0;
  };
  Result<void> check_unit(store::Append const& unit, std::set<EnvelopeId>& fresh,
                          bool unique_ids) const;
  Result<void> take(store::Append const& unit);
  Result<void> requeue(store::Append::Requeue const& move);
  Result<void> add_sent(store::Append const& unit, std::uint64_t first_seq);
  Result<void> add_queue(store::Append const& unit, std::uint64_t first_seq);
  void add_received(store::Append const& unit, std::uint64_t first_seq);
  void put_cursor(store::Cursor const& cursor);
  void add_quarantine(store::Quarantined entry);

  std::vector<store::Record> records_;
  std::map<EnvelopeId, std::uint64_t> by_id_;
  std::map<std::uint64_t, store::FeedEnd> shredded_;  // by seq
  std::map<std::uint64_t, store::Flaw> flaws_;        // by seq
  std::map<std::pair<MemberId, std::uint8_t>, Lane> lanes_;
  std::map<std::pair<MemberId, std::uint8_t>, std::map<std::uint64_t, store::LaneRow>> received_;
  std::map<std::tuple<store::CursorKind, MemberId, std::uint8_t>, store::Cursor> cursors_;
  std::map<MemberId, Held> quarantine_;
  std::uint64_t quarantine_row_ = 0;
  std::map<std::string, std::map<std::string, Bytes>> kv_;
  std::map<std::pair<std::uint8_t, std::uint64_t>, Bytes> tiles_;
};

}  // namespace amic::sim
