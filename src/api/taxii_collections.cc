#include "api/taxii.h"
#include "codec/codec.h"
#include "stix/stix.h"

namespace amic::api {

namespace {
std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// UUIDv5 over community, this node and a name that no member can have, or a member's.
std::string collection_id(std::string const& prefix, std::string_view name) {
  constexpr std::string_view kType = "collection";
  return stix::identifier_v5(kType, prefix + std::string(name)).substr(kType.size() + 2);
}
}  // namespace

TaxiiCollections::TaxiiCollections(exchange::Exchange const& exchange) {
  using Kind = TaxiiCollection::Kind;
  auto const& community = exchange.community();
  auto const prefix = "amic/taxii/" + codec::to_hex(community.id.view()) + "/" +
                      exchange.self().str() + "/" + exchange.realm().str() + "/";
  all_.push_back({Kind::kAll,
                  {},
                  collection_id(prefix, "all"),
                  "all",
                  "All readable holdings",
                  "Every STIX object held here that the token may read"});
  all_.push_back({Kind::kImport,
                  {},
                  collection_id(prefix, "import"),
                  "import",
                  "Local import",
                  "Objects added here are kept on this node alone and reach nobody else"});
  for (auto const& card : community.head.members)
    all_.push_back({Kind::kMember, card.member, collection_id(prefix, "from/" + card.member.str()),
                    "from-" + lower(card.member.str()), "From " + card.member.str(),
                    "Objects that " + card.name + " brought here, as far as the token may read"});
  for (std::size_t i = 0; i < all_.size(); ++i) {
    index_.emplace(all_[i].id, i);
    index_.emplace(all_[i].alias, i);
  }
}

TaxiiCollection const* TaxiiCollections::find(std::string_view id_or_alias) const {
  auto const found = index_.find(id_or_alias);
  return found == index_.end() ? nullptr : &all_[found->second];
}

Result<TaxiiCollection> find_taxii_collection(Services const& services, Call const& call) {
  auto const* found = services.collections->find(call.path.at("id"));
  if (found == nullptr) return fail(Code::kNotFound, "path.id", "no such collection");
  return *found;
}

}  // namespace amic::api
