// Carries the log into the index: opens each record, hands items to holdings, in log order. The
// node's index thread, `amic node rebuild` and the simulation all use this one.
#pragma once

#include "exchange/exchange.h"
#include "holdings/holdings.h"

namespace amic::exchange {

class IndexFeeder {
 public:
  IndexFeeder(Exchange const& exchange, store::Store& store);
  // Applies up to `records_max` records after the watermark; returns how many. 0 = caught up.
  // A shredded record has nothing to index; the feed goes on where it had ended with it. A record
  // of ours that can't be opened is kCorrupt: the log is the truth and must be readable.
  Result<std::size_t> catch_up(std::size_t records_max);

 private:
  Result<void> add(store::Record const& record);
  Result<void> operate(store::Record const& record, envelope::Contents const& contents);
  Result<void> reply(store::Record const& record, envelope::Contents const& contents);
  Result<holdings::ItemContext> context_of(store::Record const& record,
                                           envelope::Contents const& contents) const;
  MemberId originator_of(store::Record const& record) const;
  // What this node's own word, in its log, says to be destroyed and is here again: it was restored
  // from a backup. Destroys it.
  Result<void> keep_word(store::Record const& record, UnixMs at_ms);
  // The last thing that this node had said to an operation before it got it (again).
  Result<std::uint8_t> said_before(store::Record const& operation) const;
  Exchange const& exchange_;
  store::Store& store_;
  holdings::Indexer indexer_;
};

}  // namespace amic::exchange
