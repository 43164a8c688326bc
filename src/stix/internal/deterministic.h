#pragma once

#include "stix/internal/schema.h"

namespace amic::stix::internal {

// Section 3.4, for an object whose type is known. nullopt if nothing of it contributes.
std::optional<std::string> deterministic_id(Type const& type, json::object const& observable);

}  // namespace amic::stix::internal
