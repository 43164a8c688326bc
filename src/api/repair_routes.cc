// Repair of a log that a disk has damaged (docs/PROTOCOL.md, "After damage").
#include "api/routes.h"
#include "codec/codec.h"

namespace amic::api {

namespace {

json::object state_json(exchange::RepairState const& state, std::uint64_t damaged) {
  json::object out;
  out["phase"] = exchange::phase_name(state.phase);
  out["damaged"] = damaged;
  if (state.started_ms != 0) out["started"] = codec::to_rfc3339(state.started_ms);
  if (state.ended_ms != 0) out["ended"] = codec::to_rfc3339(state.ended_ms);
  out["audited"] = state.audited;
  out["records"] = state.records;
  out["found"] = state.found;
  out["mended"] = state.mended;
  out["restored"] = state.restored;
  out["lane_rows"] = state.lane_rows;
  out["tiles"] = state.tiles;
  if (state.salvaged) {
    json::object lost;
    for (auto const& [table, rows] : state.salvaged->lost) lost[table] = rows;
    out["salvaged"] = json::object{{"rows", state.salvaged->rows}, {"lost", std::move(lost)}};
  }
  out["index_stale"] = state.index_stale;
  out["bytes_asked"] = state.bytes_asked;
  out["bytes_answered"] = state.bytes_answered;
  out["bytes_restored"] = state.bytes_restored;
  out["remaining"] = state.remaining;
  json::array remaining;
  for (auto const& one : state.remaining_first) {
    json::object shown{{"seq", one.seq}, {"why", one.why}};
    if (one.digest) shown["digest"] = codec::to_hex(one.digest->view());
    remaining.push_back(std::move(shown));
  }
  out["remaining_first"] = std::move(remaining);
  json::array peers;
  for (auto const& peer : state.peers) {
    json::object shown{{"peer", peer.peer.str()},
                       {"restored", peer.restored},
                       {"lacks", peer.lacks},
                       {"lies", peer.lies}};
    if (!peer.problem.empty()) shown["problem"] = peer.problem;
    peers.push_back(std::move(shown));
  }
  out["peers"] = std::move(peers);
  json::array problems;
  for (auto const& problem : state.problems) problems.emplace_back(problem);
  out["problems"] = std::move(problems);
  if (state.error) out["error"] = state.error->text();
  return out;
}

Result<exchange::Repair const*> repair_of(Services& services) {
  if (services.deps.repair == nullptr)
    return fail(Code::kNotFound, "repair", "this node has nothing to repair with");
  return services.deps.repair;
}

Result<net::Response> start_repair(Services& services, Call const& call) {
  AMIC_TRY(auto const* const repair, repair_of(services));
  AMIC_TRY(auto const body, json::parse(call.request.body.empty() ? "{}" : call.request.body));
  if (!body.is_object()) return fail(Code::kWrongType, "", "an object is wanted");
  AMIC_TRY_VOID(check_fields(body.get_object(), {}, ""));
  AMIC_TRY_VOID(services.deps.start_repair());
  return json_response(202, state_json(repair->state(), repair->damaged()));
}

Result<net::Response> get_repair(Services& services, Call const&) {
  AMIC_TRY(auto const* const repair, repair_of(services));
  return json_response(200, state_json(repair->state(), repair->damaged()));
}

}  // namespace

std::vector<Route> repair_routes() {
  return {
      {"POST", "/api/v1/repair", Access::kAdmin, answers(start_repair),
       "Find damaged records of the log and get them back from peers"},
      {"GET", "/api/v1/repair", Access::kAudit, answers(get_repair),
       "The repair under way, or the last one since the start"},
  };
}

}  // namespace amic::api
