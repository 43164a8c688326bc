// Community, links, log, quarantine, health and metrics.
#include "api/openapi.h"
#include "api/routes.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "net/problem.h"

namespace amic::api {

namespace {
Result<net::Response> get_community(Services& services, Call const&) {
  auto const& community = services.deps.exchange.community();
  json::array members;
  for (auto const& card : community.head.members)
    members.push_back({{"id", card.member.str()},
                       {"name", card.name},
                       {"fingerprint", codec::to_hex(consent::fingerprint(card).view())}});
  json::array instruments;
  for (auto const& instrument : community.head.instruments)
    instruments.push_back({{"kind", consent::instrument_kind_name(instrument.kind)},
                           {"version", instrument.version},
                           {"title", instrument.title},
                           {"sha256", codec::to_hex(instrument.text_sha256.view())}});
  json::object out;
  out["id"] = codec::to_hex(community.id.view());
  out["name"] = community.head.community_name;
  out["epoch"] = community.head.epoch;
  out["head_digest"] = codec::to_hex(community.head_digest.view());
  out["chair"] = community.head.chair.str();
  out["self"] = services.deps.exchange.self().str();
  out["realm"] = services.deps.exchange.realm().str();
  out["members"] = std::move(members);
  out["instruments"] = std::move(instruments);
  return json_response(200, out);
}

Result<net::Response> get_instrument(Services& services, Call const& call) {
  auto const& community = services.deps.exchange.community();
  for (auto const& [kind, text] : community.texts) {
    if (consent::instrument_kind_name(kind) != call.path.at("kind")) continue;
    net::Response out;
    out.headers = {{"content-type", "text/markdown; charset=utf-8"}};
    out.body = text;
    return out;
  }
  return fail(Code::kNotFound, "path.kind", "no such instrument is in force");
}

Result<net::Response> get_links(Services& services, Call const&) {
  return json_response(200, json::object{{"links", services.deps.links()}});
}

Result<net::Response> get_log(Services& services, Call const&) {
  AMIC_TRY(auto const checkpoint, services.deps.log.checkpoint());
  return json_response(
      200, json::object{{"size", services.deps.log.size()}, {"checkpoint", checkpoint}});
}

net::Response plain_text(std::string body) {
  net::Response out;
  out.headers = {{"content-type", "text/plain; charset=utf-8"}, {"cache-control", "no-store"}};
  out.body = std::move(body);
  return out;
}

Result<net::Response> get_checkpoint(Services& services, Call const&) {
  AMIC_TRY(auto checkpoint, services.deps.log.checkpoint());
  if (checkpoint.empty()) return fail(Code::kNotFound, "log", "no checkpoint was signed yet");
  return plain_text(std::move(checkpoint));
}

Result<net::Response> get_proof(Services& services, Call const& call) {
  AMIC_TRY(auto const id, parse_envelope_id(call.path.at("id")));
  AMIC_TRY(auto proof, services.deps.log.prove(id));
  return plain_text(std::move(proof));
}

Result<net::Response> get_quarantine(Services& services, Call const& call) {
  AMIC_TRY(auto const limit, query_limit(call, services.options.page_default, limits::kPageMax));
  json::array list;
  for (auto const& card : services.deps.exchange.community().head.members) {
    if (card.member == services.deps.exchange.self()) continue;
    AMIC_TRY(auto const rows, services.deps.store.quarantine(card.member, limit));
    for (auto const& row : rows)
      list.push_back({{"peer", row.peer.str()},
                      {"at", codec::to_rfc3339(row.at_ms)},
                      {"code", code_name(row.code)},
                      {"reason", row.reason},
                      {"digest", codec::to_hex(row.digest.view())},
                      {"bytes", row.bytes.size()}});
  }
  return json_response(200, json::object{{"quarantine", std::move(list)}});
}

Result<net::Response> healthz(Services&, Call const&) {
  return plain_text("ok\n");
}

Result<net::Response> readyz(Services& services, Call const&) {
  auto const readiness = services.deps.readiness();
  if (!readiness.ready) return fail(Code::kUnavailable, "readiness", readiness.reason);
  // It works, but somebody should look: how much is damaged is not for everybody.
  if (services.deps.repair != nullptr && services.deps.repair->damaged() != 0)
    return plain_text("ready, but the log is damaged: amic node repair\n");
  return plain_text("ready\n");
}

Result<net::Response> metrics(Services& services, Call const&) {
  net::Response out;
  out.headers = {{"content-type", std::string(obs::kMetricsContentType)}};
  out.body = services.deps.metrics.text();
  return out;
}

Result<net::Response> openapi(Services& services, Call const&) {
  return text_json_response(200, openapi_document(services.deps.version));
}
}  // namespace

std::vector<Route> status_routes() {
  return {
      {"GET", "/healthz", Access::kPublic, answers(healthz), "The process answers"},
      {"GET", "/readyz", Access::kPublic, answers(readyz), "The node can do its work"},
      {"GET", "/metrics", Access::kAudit, answers(metrics), "Prometheus text format"},
      {"GET", "/api/v1/openapi.json", Access::kPublic, answers(openapi), "This description"},
      {"GET", "/api/v1/community", Access::kAny, answers(get_community),
       "The head in force: members, chair, instruments"},
      {"GET", "/api/v1/community/instruments/{kind}", Access::kAny, answers(get_instrument),
       "The exact text of an instrument in force (TOR, SOP)"},
      {"GET", "/api/v1/links", Access::kAudit, answers(get_links),
       "Each peer: reachable, queued, acknowledged, last error, next try"},
      {"GET", "/api/v1/log", Access::kAudit, answers(get_log), "Log size and signed checkpoint"},
      {"GET", "/api/v1/log/checkpoint", Access::kAudit, answers(get_checkpoint),
       "The signed, cosigned checkpoint as a C2SP note"},
      {"GET", "/api/v1/log/proofs/{id}", Access::kAudit, answers(get_proof),
       "Inclusion proof of one envelope (C2SP tlog-proof)"},
      {"GET", "/api/v1/quarantine", Access::kAudit, answers(get_quarantine),
       "Envelopes that were refused, and why"},
  };
}

}  // namespace amic::api
