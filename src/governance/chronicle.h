// Chronicle: the community's history as this node keeps it in its own log: the launch transcript
// and one record for each decision. Also as a file, for those who join and for auditors.
// docs/formats/consent.md, "History".
#pragma once

#include <memory>
#include <vector>

#include "consent/heads.h"
#include "consent/history.h"
#include "store/store.h"

namespace amic::governance {

// KV space; key: epoch that the decision made, 16 hex digits; value: id of its log record.
inline constexpr std::string_view kDecisionSpace = "decision";

struct Chronicle {
  consent::Transcript transcript;
  consent::History history;
  std::shared_ptr<consent::Heads> heads;  // every epoch from the launch to now
};
// Reads the decisions and verifies all of them from the launch on. kCorrupt: one is lost;
// what verify_history says otherwise.
Result<Chronicle> load_chronicle(store::Store& store, consent::Transcript transcript);
// The same of decisions that are not in a store.
Result<Chronicle> chronicle_of(consent::Transcript transcript, std::vector<Bytes> const& decisions);

// Decisions that follow the head of `after_epoch`, encoded, in order, at least one if there is one,
// up to `bytes_max` together.
Result<std::vector<Bytes>> decisions_after(store::Store& store, std::uint64_t after_epoch,
                                           std::size_t bytes_max);
// What makes one durable.
store::Append decision_unit(Bytes const& decision, std::uint64_t epoch_made, UnixMs now_ms);

// The history in one piece, and for somebody who is to join the motion that would admit it.
struct HistoryFile {
  consent::Transcript transcript;
  std::vector<Bytes> decisions;
  std::optional<consent::Statement> motion;
};
inline constexpr std::size_t kHistoryFileBytesMax = 256 << 20;
Bytes encode(HistoryFile const& file);
Result<HistoryFile> decode_history_file(BytesView bytes);  // form; verifies the launch alone
std::string to_text(HistoryFile const& file);              // armor "AMIC HISTORY"
Result<HistoryFile> history_file_from_text(std::string_view text);

}  // namespace amic::governance
