// What the community commands show, as text and as JSON.
#pragma once

#include <string>
#include <vector>

#include "consent/head.h"

namespace amic::node {

std::string transcript_text(consent::Transcript const& transcript,
                            consent::Community const& community);
std::string transcript_json(consent::Transcript const& transcript,
                            consent::Community const& community);
std::string draft_json(consent::Draft const& draft, consent::Head const& head);
std::string press_json(consent::Press const& press);
std::string community_text(consent::Community const& community, consent::Card const& own);
std::string community_json(consent::Community const& community, consent::Card const& own);

}  // namespace amic::node
