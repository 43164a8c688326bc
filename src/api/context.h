// What handlers work with. Internal to src/api.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "api/api.h"
#include "api/cursor.h"
#include "api/gate.h"
#include "identity/sessions.h"
#include "json/json.h"
#include "net/http.h"

namespace amic::api {

// What a reader may see, and how far the index had come just before that was looked up. A label may
// be newer than the set: whoever walks forward and remembers where he was must not go past these
// positions, or he would step over a row whose label the set doesn't know yet.
struct Reach {
  store::AudienceSet audiences;
  std::uint64_t upto_seq = 0;
  std::uint64_t upto_ord = 0;
  UnixMs computed_ms = 0;
};

// Reach by clearance, computed again when the index advances or a label may have expired.
class AudienceCache {
 public:
  AudienceCache(store::Store& store, Clock const& clock) : store_(store), clock_(clock) {}
  Result<std::shared_ptr<Reach const>> of(marking::Reader const& reader);
  void index_applied();

 private:
  store::Store& store_;
  Clock const& clock_;
  std::mutex mutex_;
  std::uint64_t generation_ = 0;
  std::map<marking::Classification, std::shared_ptr<Reach const>> entries_;
};

// One authenticated request.
struct Call {
  net::Request request;
  std::vector<std::pair<std::string, std::string>> query;
  std::map<std::string, std::string> path;  // route parameters
  identity::Principal who;
  Hash token_sha256;                   // of the token behind it; public routes: none
  bool by_session = false;             // a person in a browser, by cookie
  std::shared_ptr<Reach const> reach;  // public routes: none

  store::AudienceSet const& readable() const { return reach->audiences; }
  // First value of a query parameter.
  std::optional<std::string> query_value(std::string_view name) const;
};

// Idempotency keys being worked on now: a second request with one of them gets 409.
class KeysInUse {
 public:
  bool enter(std::string const& key);
  void leave(std::string const& key);

 private:
  std::mutex mutex_;
  std::set<std::string> keys_;
};

class Events;
class TaxiiCollections;

// All that handlers share.
struct Services {
  Dependencies deps;
  Options options;
  AudienceCache audiences;
  identity::Tokens tokens;
  identity::Sessions sessions;
  CursorSealer cursors;
  std::shared_ptr<KeysInUse> keys_in_use = std::make_shared<KeysInUse>();
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  Events* events = nullptr;                                  // owned by the service
  std::shared_ptr<TaxiiCollections const> collections = {};  // there before the first request
};

net::Response json_response(int status, json::value const& body);
net::Response text_json_response(int status, std::string body);  // already JSON text

// Parameters with precise errors: where = "query.<name>".
Result<std::size_t> query_limit(Call const& call, std::size_t fallback, std::size_t most);
// Parameter `name`, sealed for `list`; 0 if absent.
Result<std::uint64_t> query_cursor(Services const& services, Call const& call,
                                   std::string_view name, std::string_view list);
// The comma-separated values of one parameter.
std::vector<std::string> split(std::string_view text);
// Re-homes an error of a parser that doesn't know where its text came from.
template <class T>
Result<T> at(std::string const& where, Result<T> result) {
  if (result) return result;
  return fail(result.error().code, where, result.error().detail);
}
// kUnknownField at the first member that is not known: a misspelt one must not pass silently.
Result<void> check_fields(json::object const& object, std::span<std::string_view const> known,
                          std::string const& pointer);
// store.page(), cut at what the reader's labels were looked up for.
Result<store::Page> page_within_reach(store::Store& store, store::PageFilter const& filter,
                                      Reach const& reach);
// Waits for the committer.
Result<void> commit_and_wait(exchange::Committer& committer, store::Append unit);
Result<EnvelopeId> parse_envelope_id(std::string_view text);  // 32 hex digits or a UUID
std::string envelope_id_text(EnvelopeId const& id);           // UUID form

}  // namespace amic::api
