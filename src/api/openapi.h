#pragma once

#include <string>
#include <string_view>

namespace amic::api {

// OpenAPI 3.1 of every route in the table, as JSON text.
std::string openapi_document(std::string_view version);

}  // namespace amic::api
