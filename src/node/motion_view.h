// A motion as people read it before they sign.
#pragma once

#include <string>

#include "consent/view.h"
#include "json/json.h"

namespace amic::node {

// From the answer of GET /api/v1/motions/{id}.
std::string motion_text(json::object const& motion);
std::string motion_line(json::object const& summary);
// The same from a motion that is not on a running node.
std::string proposed_text(consent::Community const& now, consent::Motion const& motion,
                          consent::Effect const& effect, Hash const& next_head);

}  // namespace amic::node
