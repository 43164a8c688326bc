#include "api/context.h"

#include <algorithm>
#include <charconv>
#include <future>

#include "base/limits.h"
#include "codec/codec.h"
#include "holdings/holdings.h"

namespace amic::api {

namespace {
// A label that expires stays readable at most this long after its instant.
constexpr UnixMs kAudienceAgeMaxMs = 1000;
}  // namespace

Result<std::shared_ptr<Reach const>> AudienceCache::of(marking::Reader const& reader) {
  auto const now_ms = clock_.now_ms();
  std::uint64_t generation = 0;
  {
    std::lock_guard const lock(mutex_);
    generation = generation_;
    auto const found = entries_.find(reader.clearance);
    if (found != entries_.end() && now_ms >= found->second->computed_ms &&
        now_ms - found->second->computed_ms < kAudienceAgeMaxMs)
      return found->second;
  }
  auto reach = std::make_shared<Reach>();
  reach->computed_ms = now_ms;
  // The positions first: every label of a row up to there is then in the set.
  AMIC_TRY(reach->upto_seq, store_.watermark());
  AMIC_TRY(auto const end, store_.feed_end());
  reach->upto_ord = end.ord;
  AMIC_TRY(reach->audiences, holdings::readable_by(store_, reader, now_ms));
  std::lock_guard const lock(mutex_);
  if (generation == generation_) entries_[reader.clearance] = reach;
  return reach;
}

void AudienceCache::index_applied() {
  std::lock_guard const lock(mutex_);
  ++generation_;
  entries_.clear();
}

bool KeysInUse::enter(std::string const& key) {
  std::lock_guard const lock(mutex_);
  return keys_.insert(key).second;
}

void KeysInUse::leave(std::string const& key) {
  std::lock_guard const lock(mutex_);
  keys_.erase(key);
}

std::optional<std::string> Call::query_value(std::string_view name) const {
  for (auto const& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

net::Response text_json_response(int status, std::string body) {
  net::Response out;
  out.status = status;
  out.headers = {{"content-type", "application/json"}, {"cache-control", "no-store"}};
  out.body = std::move(body);
  return out;
}

net::Response json_response(int status, json::value const& body) {
  return text_json_response(status, json::serialize(body));
}

Result<std::size_t> query_limit(Call const& call, std::size_t fallback, std::size_t most) {
  auto const text = call.query_value("limit");
  if (!text) return fallback;
  std::size_t value = 0;
  auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  bool const number = !text->empty() && end == text->data() + text->size();
  if (number && error == std::errc::result_out_of_range) return most;
  if (!number || error != std::errc() || value == 0)
    return fail(Code::kMalformed, "query.limit", "a number from 1");
  return std::min(value, most);
}

Result<std::uint64_t> query_cursor(Services const& services, Call const& call,
                                   std::string_view name, std::string_view list) {
  auto const text = call.query_value(name);
  if (!text) return 0;
  auto const position = services.cursors.open(list, *text);
  if (position) return *position;
  return fail(Code::kMalformed, "query." + std::string(name), "not a cursor of this list");
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    auto const comma = text.find(',');
    out.emplace_back(text.substr(0, comma));
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
  }
  return out;
}

Result<void> check_fields(json::object const& object, std::span<std::string_view const> known,
                          std::string const& pointer) {
  for (auto const& field : object) {
    std::string_view const name{field.key().data(), field.key().size()};
    if (std::find(known.begin(), known.end(), name) == known.end())
      return fail(Code::kUnknownField, pointer + "/" + json::pointer_token(name),
                  "not a field of this request");
  }
  return {};
}

Result<store::Page> page_within_reach(store::Store& store, store::PageFilter const& filter,
                                      Reach const& reach) {
  AMIC_TRY(auto page, store.page(filter, reach.audiences));
  while (!page.rows.empty() && page.rows.back().ord > reach.upto_ord) {
    page.rows.pop_back();
    page.more = false;
  }
  return page;
}

Result<void> commit_and_wait(exchange::Committer& committer, store::Append unit) {
  // Shared: a committer that answers late must find it alive.
  auto const done = std::make_shared<std::promise<Result<std::uint64_t>>>();
  auto result = done->get_future();
  committer.commit(std::move(unit),
                   [done](Result<std::uint64_t> stored) { done->set_value(std::move(stored)); });
  AMIC_TRY_VOID(result.get());
  return {};
}

Result<EnvelopeId> parse_envelope_id(std::string_view text) {
  auto bytes = text.size() == 32 ? codec::from_hex(text) : codec::from_uuid(text);
  std::optional<EnvelopeId> id;
  if (bytes) id = EnvelopeId::from(*bytes);
  if (!id) return fail(Code::kMalformed, "path.id", "32 hex digits or a UUID");
  return *id;
}

std::string envelope_id_text(EnvelopeId const& id) {
  return codec::to_uuid(id.view());
}

}  // namespace amic::api
