// What the routes of consent have in common: the delegation, and answers to what a member says.
// Internal to src/api.
#pragma once

#include "api/consent_requests.h"
#include "api/routes.h"
#include "governance/delegation.h"

namespace amic::api {

// kNotFound: this node takes no part in consultations.
Result<governance::Delegation*> delegation_of(Services& services);

// Statement, kind, whether it was sent; if it waits for a signature made elsewhere, the exact bytes
// to be signed (base64) and the key (hex) that must sign them.
json::object said_json(governance::Said const& said);
// Says what `maker` makes and answers `status`, or 202 while the signature is missing. `more` is
// laid over the answer. Errors of form become JSON pointers.
using More = std::function<void(json::object&)>;
void say_and_answer(Services& services, governance::Delegation::Maker maker, int status, More more,
                    net::Responder respond);
net::Response said_response(governance::Said const& said, int status, json::object body);

// A handler that reads something at once.
Handle reads(Result<net::Response> (*read)(Services&, Call const&, governance::Delegation&));
// A handler that says something: `prepare` reads the request.
Handle says(int status, Result<governance::Delegation::Maker> (*prepare)(Services&, Call const&));

json::object remarked_json(consent::Ledger::Remarked const& one);

}  // namespace amic::api
