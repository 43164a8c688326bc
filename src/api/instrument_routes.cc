// Instruments over time, and the history of decisions that they come from.
#include <algorithm>
#include <charconv>

#include "api/consent_say.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "consent/export.h"
#include "consent/text_search.h"
#include "consent/view.h"
#include "crypto/hash.h"

namespace amic::api {

namespace {
using consent::History;
using consent::InstrumentKind;
using consent::InstrumentVersion;
using governance::Delegation;

constexpr InstrumentKind kKinds[] = {InstrumentKind::kTor, InstrumentKind::kSop,
                                     InstrumentKind::kConcept};

Result<InstrumentKind> kind_in_path(Call const& call) {
  std::string text = call.path.at("kind");
  for (auto& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  auto const kind = consent::parse_instrument_kind(text);
  if (!kind) return fail(Code::kNotFound, "path.kind", "TOR, SOP or CONCEPT");
  return *kind;
}

Result<std::optional<std::uint64_t>> query_number(Call const& call, std::string_view name) {
  auto const text = call.query_value(name);
  if (!text) return std::optional<std::uint64_t>{};
  std::uint64_t out = 0;
  auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
  if (text->empty() || error != std::errc() || end != text->data() + text->size())
    return fail(Code::kMalformed, "query." + std::string(name), "a number is wanted");
  return std::optional(out);
}

// The version that the query names, or the one in force at a time, now if none is given.
Result<InstrumentVersion> version_wanted(Services& services, Call const& call,
                                         std::vector<InstrumentVersion> const& versions) {
  if (versions.empty()) return fail(Code::kNotFound, "path.kind", "there is none");
  AMIC_TRY(auto const number, query_number(call, "version"));
  auto const at_text = call.query_value("at");
  if (number && at_text) return fail(Code::kConflict, "query.at", "a version or a time, not both");
  if (number) {
    for (auto const& one : versions)
      if (one.version == *number) return one;
    return fail(Code::kNotFound, "query.version", "no such version");
  }
  UnixMs at_ms = services.deps.clock.now_ms();
  if (at_text) {
    AMIC_TRY(auto const us, at("query.at", codec::parse_rfc3339_us(*at_text)));
    at_ms = us / 1000;
  }
  auto const* found = consent::in_force(versions, at_ms);
  if (found == nullptr) return fail(Code::kNotFound, "query.at", "none was in force then");
  return *found;
}

// The decision that made the head of this epoch.
Result<consent::Decision> decision_of(Services& services, std::uint64_t epoch) {
  if (epoch == 0) return fail(Code::kNotFound, "path.epoch", "epoch 0 is the launch");
  AMIC_TRY(auto const found, governance::decisions_after(services.deps.store, epoch - 1, 1));
  if (found.empty()) return fail(Code::kNotFound, "path.epoch", "not decided yet");
  AMIC_TRY(auto decision, consent::decode_decision(found.front()));
  if (decision.motion.epoch + 1 != epoch)
    return fail(Code::kNotFound, "path.epoch", "not decided yet");
  return decision;
}

Result<std::string> text_of_version(Services& services, History const& history,
                                    InstrumentVersion const& version) {
  for (auto const& now : history.now.head.instruments)
    if (now.kind == version.kind && now.version == version.version)
      return history.now.texts.at(version.kind);
  if (version.epoch == 0) {
    auto const text = history.genesis.texts.find(version.kind);
    if (text == history.genesis.texts.end()) return fail(Code::kNotFound, "path.kind", "no text");
    return text->second;
  }
  AMIC_TRY(auto const decision, decision_of(services, version.epoch));
  AMIC_TRY(auto const motion, consent::decode_motion(decision.motion.body));
  if (auto const* amend = std::get_if<consent::Amend>(&motion.change))
    for (auto const& one : amend->texts)
      if (one.kind == version.kind && one.version == version.version) return one.text;
  return fail(Code::kCorrupt, "history", "a text is not in its decision");
}

json::object version_json(InstrumentVersion const& version) {
  return consent::record_of_changes_json(std::span(&version, 1)).front().as_object();
}

Result<net::Response> list_instruments(Services& services, Call const&, Delegation& delegation) {
  auto const history = delegation.history();
  auto const now_ms = services.deps.clock.now_ms();
  json::array list;
  for (auto const kind : kKinds) {
    auto const versions = consent::record_of_changes(delegation.transcript(), history, kind);
    if (versions.empty()) continue;
    auto const* now = consent::in_force(versions, now_ms);
    json::object row;
    row["instrument"] = consent::instrument_kind_name(kind);
    row["latest"] = version_json(versions.back());
    if (now != nullptr) row["in_force"] = version_json(*now);
    row["versions"] = versions.size();
    list.push_back(std::move(row));
  }
  return json_response(200, json::object{{"instruments", std::move(list)}});
}

Result<net::Response> get_instrument(Services& services, Call const& call, Delegation& delegation) {
  AMIC_TRY(auto const kind, kind_in_path(call));
  auto const history = delegation.history();
  auto const versions = consent::record_of_changes(delegation.transcript(), history, kind);
  AMIC_TRY(auto const version, version_wanted(services, call, versions));
  AMIC_TRY(auto const text, text_of_version(services, history, version));
  auto const* now = consent::in_force(versions, services.deps.clock.now_ms());
  auto out = version_json(version);
  out["in_force"] = now != nullptr && now->version == version.version;
  out["sha256"] = codec::to_hex(crypto::sha256(as_bytes(text)).view());
  out["text"] = text;
  return json_response(200, out);
}

Result<net::Response> get_changes(Services&, Call const& call, Delegation& delegation) {
  AMIC_TRY(auto const kind, kind_in_path(call));
  auto const versions =
      consent::record_of_changes(delegation.transcript(), delegation.history(), kind);
  if (versions.empty()) return fail(Code::kNotFound, "path.kind", "there is none");
  return json_response(200, json::object{{"instrument", consent::instrument_kind_name(kind)},
                                         {"changes", consent::record_of_changes_json(versions)}});
}

net::Response file_response(std::string_view media_type, std::string_view name, std::string body) {
  net::Response out;
  out.headers = {{"content-type", std::string(media_type)},
                 {"content-disposition", "attachment; filename=\"" + std::string(name) + "\""},
                 {"cache-control", "no-store"}};
  out.body = std::move(body);
  return out;
}

Result<net::Response> get_page(Services& services, Call const& call, Delegation& delegation) {
  AMIC_TRY(auto const kind, kind_in_path(call));
  auto const history = delegation.history();
  auto const versions = consent::record_of_changes(delegation.transcript(), history, kind);
  AMIC_TRY(auto const version, version_wanted(services, call, versions));
  consent::PageOptions options;
  options.language = call.query_value("language").value_or(options.language);
  AMIC_TRY(auto const decisions, governance::decisions_after(services.deps.store, 0, SIZE_MAX));
  // A decision that was made since is not in this history.
  auto const told = std::span(decisions).first(std::min(decisions.size(), history.chapters.size()));
  AMIC_TRY(auto page, consent::instrument_page(delegation.transcript(), history, told, kind,
                                               version.version, options));
  return file_response("text/html; charset=utf-8",
                       std::string(consent::instrument_kind_name(kind)) + "-" +
                           std::to_string(version.version) + ".html",
                       std::move(page));
}

Result<net::Response> search_instruments(Services& services, Call const& call,
                                         Delegation& delegation) {
  AMIC_TRY(auto const limit,
           query_limit(call, limits::kTextSearchHitsMax, limits::kTextSearchHitsMax));
  auto const history = delegation.history();
  AMIC_TRY(auto const decisions, governance::decisions_after(services.deps.store, 0, SIZE_MAX));
  auto const told = std::span(decisions).first(std::min(decisions.size(), history.chapters.size()));
  AMIC_TRY(auto const texts, consent::searchable_texts(delegation.transcript(), history, told,
                                                       services.deps.clock.now_ms()));
  AMIC_TRY(auto const found,
           at("query.q", consent::search_texts(texts, call.query_value("q").value_or(""), limit)));
  json::array hits;
  for (auto const& hit : found.hits)
    hits.push_back({{"instrument", consent::instrument_kind_name(hit.kind)},
                    {"version", hit.version},
                    {"in_force", hit.in_force},
                    {"heading", hit.heading},
                    {"snippet", hit.snippet}});
  return json_response(200, json::object{{"hits", std::move(hits)}, {"more", found.more}});
}

// ---- history ----------------------------------------------------------------------------------

Result<net::Response> get_history(Services&, Call const&, Delegation& delegation) {
  auto const history = delegation.history();
  json::object out;
  out["community"] = codec::to_hex(history.now.id.view());
  out["name"] = history.now.head.community_name;
  out["epoch"] = history.now.head.epoch;
  out["head"] = codec::to_hex(history.now.head_digest.view());
  out["decisions"] = consent::history_json(history.chapters);
  return json_response(200, out);
}

Result<net::Response> get_history_file(Services&, Call const& call, Delegation& delegation) {
  std::optional<Hash> motion;
  if (auto const text = call.query_value("motion")) {
    AMIC_TRY(motion, parse_digest(*text, "query.motion"));
  }
  auto const file = delegation.history_file(motion);
  if (!file && file.error().code == Code::kNotFound)
    return fail(Code::kNotFound, "query.motion", "no such motion on the head in force");
  if (!file) return fail(file.error());
  return file_response("text/plain; charset=us-ascii", "history.txt", governance::to_text(*file));
}

Result<net::Response> get_head(Services&, Call const&, Delegation& delegation) {
  auto const community =
      delegation.read([](consent::Ledger const& ledger) { return ledger.community(); });
  auto out = consent::head_json(community.head);
  out["community"] = codec::to_hex(community.id.view());
  out["digest"] = codec::to_hex(community.head_digest.view());
  return json_response(200, out);
}

Result<net::Response> get_decision(Services& services, Call const& call, Delegation&) {
  auto const& text = call.path.at("epoch");
  std::uint64_t epoch = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), epoch);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(Code::kMalformed, "path.epoch", "a number is wanted");
  AMIC_TRY(auto const decision, decision_of(services, epoch));
  auto const* before = services.deps.exchange.heads().at(epoch - 1);
  if (before == nullptr) return fail(Code::kNotFound, "path.epoch", "not in force yet");
  AMIC_TRY(auto const out, consent::decision_json(decision, before->community.head));
  return json_response(200, out);
}
}  // namespace

std::vector<Route> instrument_routes() {
  return {
      {"GET", "/api/v1/instruments", Access::kRead, reads(list_instruments),
       "Instruments: the version in force and the latest one"},
      {"GET", "/api/v1/instruments/search", Access::kRead, reads(search_instruments),
       "Articles, in force and past, that have all the words"},
      {"GET", "/api/v1/instruments/{kind}", Access::kRead, reads(get_instrument),
       "The text in force now, at a time, or of one version"},
      {"GET", "/api/v1/instruments/{kind}/changes", Access::kRead, reads(get_changes),
       "Record of Changes"},
      {"GET", "/api/v1/instruments/{kind}/page", Access::kRead, reads(get_page),
       "One HTML page: text, Record of Changes, certificate of adoption"},
      {"GET", "/api/v1/history", Access::kRead, reads(get_history),
       "Every decision since the launch"},
      {"GET", "/api/v1/history/file", Access::kRead, reads(get_history_file),
       "The history as a file that verifies offline; with a motion, for who is to join by it"},
      {"GET", "/api/v1/head", Access::kRead, reads(get_head),
       "The head in force: members, chair, rules, annexes, instruments"},
      {"GET", "/api/v1/decisions/{epoch}", Access::kRead, reads(get_decision),
       "The decision that made this epoch: text, positions, statements, signatures"},
  };
}

}  // namespace amic::api
