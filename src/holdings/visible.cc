// What is in view: the hash by which nodes compare it, and where a member contradicts itself.
#include <algorithm>

#include "codec/codec.h"
#include "crypto/hash.h"
#include "holdings/holdings.h"

namespace amic::holdings {
namespace {

// Labels of what `creator` released, or keeps, that all of `members` may see.
Result<store::AudienceSet> shared_labels(std::vector<store::Audience> const& audiences,
                                         std::set<MemberId> const& members, MemberId const& creator,
                                         store::AudienceSet const& readable) {
  store::AudienceSet out;
  for (store::Audience const& audience : audiences) {
    if (!std::binary_search(readable.begin(), readable.end(), audience.id)) continue;
    auto const marking = marking::decode(audience.label);
    if (!marking) continue;
    bool const all = std::all_of(members.begin(), members.end(), [&](MemberId const& member) {
      return member == creator || marking->rel_to.contains(member);
    });
    if (all) out.push_back(audience.id);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Hash entry_of(store::ObjectRow const& row) {
  codec::Writer out;
  out.str8(row.creator.str()).vec32(as_bytes(row.id)).i64(row.version_us);
  out.raw(crypto::sha256(as_bytes(row.body)).view());
  return crypto::sha256(out.bytes());
}

}  // namespace

Result<VisibleSet> visible_set(store::Store& store, std::set<MemberId> const& members,
                               store::AudienceSet const& readable) {
  AMIC_TRY(auto const audiences, store.audiences());
  AMIC_TRY(auto const originators, store.originators());
  std::vector<Hash> entries;
  for (MemberId const& creator : originators) {
    AMIC_TRY(auto const labels, shared_labels(audiences, members, creator, readable));
    if (labels.empty()) continue;
    store::PageFilter filter;
    filter.select = store::VersionSelect::kAll;
    filter.creator = creator;
    filter.limit = limits::kPageMax;
    for (;;) {
      AMIC_TRY(auto const page, store.page(filter, labels));
      for (store::ObjectRow const& row : page.rows) entries.push_back(entry_of(row));
      if (!page.more) break;
      filter.after_ord = page.rows.back().ord;
    }
  }
  auto const by_bytes = [](Hash const& a, Hash const& b) { return a.data < b.data; };
  std::sort(entries.begin(), entries.end(), by_bytes);
  crypto::Sha256 hash;
  hash.update(as_bytes("amic/visible-set/1"));
  for (Hash const& entry : entries) hash.update(entry.view());
  return VisibleSet{hash.finish(), entries.size()};
}

Result<std::vector<Conflict>> conflicts(store::Store& store, std::uint64_t seq, std::size_t limit,
                                        store::AudienceSet const& readable) {
  AMIC_TRY(auto const rivals, store.rivals(seq, limit, readable));
  std::vector<Conflict> out;
  for (store::Rivals const& pair : rivals) {
    auto const mine = json::parse(pair.mine.body);
    auto const other = json::parse(pair.other.body);
    // Other white space or order of members is the same content.
    if (mine && other && json::canonical(*mine) == json::canonical(*other)) continue;
    Conflict conflict{pair.mine.id, pair.mine.version_us, pair.mine.creator, false};
    AMIC_TRY(auto const versions, store.versions(pair.mine.id, readable, pair.mine.creator));
    for (store::ObjectRow const& row : versions)
      if (row.version_us == pair.mine.version_us) conflict.shown = row.body == pair.mine.body;
    out.push_back(std::move(conflict));
  }
  return out;
}

}  // namespace amic::holdings
