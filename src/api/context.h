// What handlers work with. Internal to src/api.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/api.h"
#include "json/json.h"
#include "net/http.h"

namespace amic::api {

// Audience sets by clearance, computed again when the index advances or a label may have expired.
class AudienceCache {
 public:
  AudienceCache(store::Store& store, Clock const& clock) : store_(store), clock_(clock) {}
  Result<store::AudienceSet> of(marking::Reader const& reader);
  void index_applied();

 private:
  struct Entry {
    store::AudienceSet set;
    UnixMs computed_ms = 0;
  };
  store::Store& store_;
  Clock const& clock_;
  std::mutex mutex_;
  std::map<marking::Classification, Entry> entries_;
};

// One authenticated request.
struct Call {
  net::Request request;
  std::vector<std::pair<std::string, std::string>> query;
  std::map<std::string, std::string> path;  // route parameters
  identity::Principal who;
  store::AudienceSet readable;

  // First value of a query parameter.
  std::optional<std::string> query_value(std::string_view name) const;
};

class Events;

// All that handlers share.
struct Services {
  Dependencies deps;
  Options options;
  AudienceCache audiences;
  identity::Tokens tokens;
  Events* events = nullptr;  // owned by the service
};

net::Response json_response(int status, json::value const& body);
net::Response text_json_response(int status, std::string body);  // already JSON text

// Parameters with precise errors: where = "query.<name>".
Result<std::size_t> query_limit(Call const& call, std::size_t fallback, std::size_t most);
Result<std::uint64_t> query_cursor(Call const& call);  // 0 if absent
std::string make_cursor(std::uint64_t position);
Result<EnvelopeId> parse_envelope_id(std::string_view text);  // 32 hex digits or a UUID
std::string envelope_id_text(EnvelopeId const& id);           // UUID form

}  // namespace amic::api
