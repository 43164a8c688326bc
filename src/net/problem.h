// Error answers as problem details (RFC 9457): application/problem+json with type
// "urn:amic:error:<code>", title, status, code, retryable, and where and detail unless the fault is
// ours (status 500): those tell the inside of the node and go to the log only.
#pragma once

#include <string>

#include "base/error.h"
#include "net/http.h"

namespace amic::net {

Response problem(Error const& error);
Response problem(Code code, std::string where = {}, std::string detail = {});
// With a finer HTTP status than the code's own, e.g. 431.
Response problem_with_status(int status, Error const& error);

}  // namespace amic::net
