// Evidence of equivocation that this node keeps (docs/formats/evidence.md).
#include "api/routes.h"
#include "codec/codec.h"
#include "exchange/evidence.h"

namespace amic::api {

namespace {
Result<net::Response> list_evidence(Services& services, Call const&) {
  AMIC_TRY(auto const kept, exchange::kept_evidence(services.deps.store));
  json::array list;
  for (auto const& one : kept) {
    json::object row{{"id", one.id},
                     {"kind", one.kind == exchange::EvidenceFileKind::kLane ? "lane" : "log"},
                     {"noticed", codec::to_rfc3339(one.noticed_ms)}};
    auto const found = exchange::verify_evidence(one.file, services.deps.exchange.community());
    if (found) {
      row["member"] = found->member.str();
      row["proven"] = found->proven;
      row["text"] = found->text;
    } else {  // of a member that has left since, say
      row["proven"] = false;
      row["text"] = found.error().text();
    }
    list.push_back(std::move(row));
  }
  return json_response(200, json::object{{"evidence", std::move(list)}});
}

Result<net::Response> get_evidence(Services& services, Call const& call) {
  AMIC_TRY(auto const kept, exchange::kept_evidence(services.deps.store));
  for (auto const& one : kept) {
    if (one.id != call.path.at("id")) continue;
    net::Response out;
    out.headers = {{"content-type", "application/vnd.amic.evidence"}};
    out.body = std::string(as_text(one.file));
    return out;
  }
  return fail(Code::kNotFound, "path.id", "no such evidence is kept");
}
}  // namespace

std::vector<Route> evidence_routes() {
  return {
      {"GET", "/api/v1/evidence", Access::kAudit, answers(list_evidence),
       "Evidence that a member signed two things that contradict each other"},
      {"GET", "/api/v1/evidence/{id}", Access::kAudit, answers(get_evidence),
       "One evidence file: verifies offline with the launch transcript alone"},
  };
}

}  // namespace amic::api
