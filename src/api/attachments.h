// Internal to src/api.
#pragma once

#include "net/http.h"

namespace amic::api {

// Requests whose body is a file: taken piece by piece, never held.
bool is_upload(net::Request const& head);

}  // namespace amic::api
