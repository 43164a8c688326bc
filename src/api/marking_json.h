// Markings as the API's JSON (docs/PROTOCOL.md, "Marking in JSON").
#pragma once

#include "json/json.h"
#include "marking/marking.h"

namespace amic::api {

json::object to_json(marking::Marking const& marking);
// `pointer` is the place of the object in the request, for errors. Unknown fields are refused: a
// misspelt "rel_to" must not pass silently. The realm is the node's own, never the caller's.
Result<marking::Marking> marking_from_json(json::value const& value, std::string const& pointer,
                                           Realm const& realm);
json::object to_json(marking::Decision const& decision);

}  // namespace amic::api
