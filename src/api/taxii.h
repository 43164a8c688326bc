// TAXII 2.1 (OASIS Standard, 10 June 2021): what its files share. Internal to src/api.
//   taxii.cc             routes, media types, errors, discovery, API root, collections
//   taxii_collections.cc which collections there are
//   taxii_objects.cc     objects, versions, manifest: filters and paging
//   taxii_status.cc      adding objects, and the status of that
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/context.h"
#include "api/routes.h"
#include "holdings/holdings.h"

namespace amic::api {

inline constexpr std::string_view kTaxiiMediaType = "application/taxii+json;version=2.1";
inline constexpr std::string_view kStixMediaType = "application/stix+json;version=2.1";
inline constexpr std::string_view kTaxiiRoot = "amic";

bool is_taxii_target(std::string_view target);
// Turns problem details into TAXII's error message resource; all else passes unchanged.
net::Responder taxii_responder(net::Responder respond);
net::Response taxii_response(int status, std::string json_text);

struct TaxiiCollection {
  enum class Kind : std::uint8_t { kAll, kMember, kImport };
  Kind kind = Kind::kAll;
  MemberId member;  // kMember
  std::string id;   // UUIDv5: the same on every start
  std::string alias;
  std::string title;
  std::string description;

  bool readable() const { return kind != Kind::kImport; }
  bool writable() const { return kind == Kind::kImport; }
};
// The collections of a node, made once: each id costs a SHA-1, and the roster stays as it is while
// the service runs.
class TaxiiCollections {
 public:
  explicit TaxiiCollections(exchange::Exchange const& exchange);
  std::vector<TaxiiCollection> const& all() const { return all_; }
  // By id or alias; null if there is none.
  TaxiiCollection const* find(std::string_view id_or_alias) const;

 private:
  std::vector<TaxiiCollection> all_;
  std::map<std::string, std::size_t, std::less<>> index_;
};
// The one in the call's path; kNotFound.
Result<TaxiiCollection> find_taxii_collection(Services const& services, Call const& call);

// Handlers; taxii.cc has checked media type and API root.
Result<net::Response> taxii_objects(Services& services, Call const& call);
Result<net::Response> taxii_object(Services& services, Call const& call);
Result<net::Response> taxii_versions(Services& services, Call const& call);
Result<net::Response> taxii_manifest(Services& services, Call const& call);
void taxii_add_objects(Services& services, Call call, net::Responder respond);
Result<net::Response> taxii_status(Services& services, Call const& call);

// A TAXII envelope's objects as the bundle that is stored; their texts stay as they came.
Result<std::string> taxii_bundle_of(std::string_view body, std::string const& uuid);

// Deletes of statuses older than `before_ms`, at most 1,000 a call.
Result<std::vector<store::KvPut>> expired_taxii_statuses(store::Store& store, UnixMs before_ms,
                                                         std::string& after_key);

}  // namespace amic::api
