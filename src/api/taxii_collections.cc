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

std::vector<TaxiiCollection> taxii_collections(Services const& services) {
  using Kind = TaxiiCollection::Kind;
  auto const& exchange = services.deps.exchange;
  auto const& community = exchange.community();
  auto const prefix = "amic/taxii/" + codec::to_hex(community.id.view()) + "/" +
                      exchange.self().str() + "/" + exchange.realm().str() + "/";
  std::vector<TaxiiCollection> out;
  out.push_back({Kind::kAll,
                 {},
                 collection_id(prefix, "all"),
                 "all",
                 "All readable holdings",
                 "Every STIX object held here that the token may read"});
  out.push_back({Kind::kImport,
                 {},
                 collection_id(prefix, "import"),
                 "import",
                 "Local import",
                 "Objects added here are kept on this node alone and reach nobody else"});
  for (auto const& card : community.head.members)
    out.push_back({Kind::kMember, card.member, collection_id(prefix, "from/" + card.member.str()),
                   "from-" + lower(card.member.str()), "From " + card.member.str(),
                   "Objects that " + card.name + " brought here, as far as the token may read"});
  return out;
}

Result<TaxiiCollection> find_taxii_collection(Services const& services, Call const& call) {
  auto const& wanted = call.path.at("id");
  for (auto& collection : taxii_collections(services))
    if (collection.id == wanted || collection.alias == wanted) return std::move(collection);
  return fail(Code::kNotFound, "path.id", "no such collection");
}

}  // namespace amic::api
