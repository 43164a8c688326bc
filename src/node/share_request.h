// The body of POST /api/v1/items as a client writes it.
#pragma once

#include <string>

#include "json/json.h"

namespace amic::node {

inline constexpr std::string_view kStixMediaType = "application/stix+json;version=2.1";

// A bundle is inserted as it stands, byte for byte; any other media type goes in base64.
std::string share_request_text(json::object marking, std::string_view precedence, bool keep_private,
                               std::string_view media_type, std::string_view body,
                               std::string_view group = {});

}  // namespace amic::node
