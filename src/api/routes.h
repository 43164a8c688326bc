// The one table of routes. A handler is reachable only through an entry, and an entry names the
// scope it needs: tests walk this table and try each route with each scope.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "api/context.h"

namespace amic::api {

enum class Access : std::uint8_t {
  kPublic,  // health, readiness: says nothing about holdings
  kRead,
  kShare,
  kAdmin,
  kAudit,
  kAny,  // any valid token
};

using Handle = std::function<void(Services&, Call, net::Responder)>;

struct Route {
  std::string_view method;
  std::string_view pattern;  // "/api/v1/items/{id}"
  Access access = Access::kAdmin;
  Handle handle;
  std::string_view summary;  // one line for OpenAPI
};

std::vector<Route> const& routes();

bool access_allowed(Access access, identity::Principal const& who);

// Wraps a handler that answers at once.
Handle answers(std::function<Result<net::Response>(Services&, Call const&)> handle);

// One group of routes a file.
std::vector<Route> item_routes();
std::vector<Route> object_routes();
std::vector<Route> attachment_routes();
std::vector<Route> operation_routes();
std::vector<Route> status_routes();
std::vector<Route> token_routes();
std::vector<Route> session_routes();
std::vector<Route> event_routes();
std::vector<Route> taxii_routes();
std::vector<Route> carrier_routes();
std::vector<Route> evidence_routes();
std::vector<Route> group_routes();
std::vector<Route> repair_routes();
std::vector<Route> consent_routes();
std::vector<Route> instrument_routes();
std::vector<Route> meeting_routes();

}  // namespace amic::api
