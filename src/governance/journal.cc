#include "governance/journal.h"

#include <algorithm>

#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::governance {

namespace {
constexpr std::string_view kSpace = "consent-journal";
constexpr std::size_t kKeysAtOnce = 256;
}  // namespace

store::Append journal_unit(Bytes const& entry, UnixMs now_ms) {
  store::Append unit;
  store::Record record;
  record.kind = store::RecordKind::kGovernance;
  record.digest = crypto::sha256(entry);
  record.id = *EnvelopeId::from(record.digest.view().first(EnvelopeId::kSize));
  record.at_ms = now_ms;
  record.bytes = entry;
  unit.kv.push_back({std::string(kSpace), codec::to_hex(record.id.view()), Bytes{}});
  unit.records.push_back(std::move(record));
  return unit;
}

Result<std::vector<Bytes>> read_journal(store::Store& store) {
  std::vector<std::pair<std::uint64_t, Bytes>> found;
  std::string after;
  for (;;) {  // ends: keys rise
    AMIC_TRY(auto const keys, store.kv_scan(std::string(kSpace), after, kKeysAtOnce));
    for (auto const& [key, nothing] : keys) {
      AMIC_TRY(auto const bytes, codec::from_hex(key));
      auto const id = EnvelopeId::from(bytes);
      if (!id) return fail(Code::kCorrupt, "log", "a note of the journal is damaged");
      AMIC_TRY(auto record, store.log_find(*id));
      if (!record) return fail(Code::kCorrupt, "log", "an entry of the journal is lost");
      found.emplace_back(record->seq, std::move(record->bytes));
    }
    if (keys.size() < kKeysAtOnce) break;
    after = keys.back().first;
  }
  std::sort(found.begin(), found.end(),
            [](auto const& a, auto const& b) { return a.first < b.first; });
  std::vector<Bytes> out;
  for (auto& [seq, bytes] : found) out.push_back(std::move(bytes));
  return out;
}

}  // namespace amic::governance
