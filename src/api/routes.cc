#include "api/routes.h"

#include "net/problem.h"

namespace amic::api {

std::vector<Route> const& routes() {
  static std::vector<Route> const all = [] {
    std::vector<Route> out;
    for (auto group : {item_routes(), attachment_routes(), object_routes(), operation_routes(),
                       status_routes(), token_routes(), session_routes(), event_routes(),
                       taxii_routes(), carrier_routes(), evidence_routes(), group_routes(),
                       repair_routes(), consent_routes(), instrument_routes(), meeting_routes()})
      out.insert(out.end(), group.begin(), group.end());
    return out;
  }();
  return all;
}

bool access_allowed(Access access, identity::Principal const& who) {
  using identity::Scope;
  switch (access) {
    case Access::kPublic:
      return true;
    case Access::kAny:
      return !who.scopes.empty();
    case Access::kRead:
      return who.may(Scope::kRead);
    case Access::kShare:
      return who.may(Scope::kShare);
    case Access::kAdmin:
      return who.may(Scope::kAdmin);
    case Access::kAudit:
      return who.may(Scope::kAudit) || who.may(Scope::kAdmin);
  }
  return false;
}

Handle answers(std::function<Result<net::Response>(Services&, Call const&)> handle) {
  return [handle = std::move(handle)](Services& services, Call call, net::Responder respond) {
    auto response = handle(services, call);
    respond(response ? std::move(*response) : net::problem(response.error()));
  };
}

}  // namespace amic::api
