// The rules of consent by number, so that every refusal names the one that it rests on.
// docs/consent.md explains each; spec/consent.pml checks them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace amic::consent {

enum class Rule : std::uint8_t {
  kR1 = 1,  // answer only on the head in force, and only what was computed here
  kR2,      // said once: one number, one utterance; remembered before it is signed
  kR3,      // one lock on each head and round; one adoption on each head
  kR4,      // final is final
  kR5,      // a decision is the certificate of all, and nothing else
  kR6,      // objecting, shelving, withdrawing end a consultation and release nothing
  kR7,      // a round ends when all leave it; an adoption is never released
  kR8,      // two steps: adopt only while holding the favourable responses of all
  kR9,      // the chair orders the agenda and nothing else
  kR10,     // proposing is not answering
  kR11,     // who may have forgotten signs nothing until its keys are replaced
  kR12,     // nobody becomes a member without its own word
  kR13,     // a record of a meeting is its author's, and its revisions follow each other
  kR14,     // the outgoing hands over to the incoming chair, and each signs for itself
  kR15,     // a root or governance key that was used once never comes back
};
std::string_view rule_name(Rule rule);  // "R3"
std::string_view rule_code(Rule rule);  // stable: "one_lock"
std::string_view rule_text(Rule rule);  // a sentence for people

// Code kRejected at "consent.R3.one_lock": "<the rule's sentence>: <detail>".
Error refusal(Rule rule, std::string_view detail);
inline tl::unexpected<Error> refuse(Rule rule, std::string_view detail) {
  return fail(refusal(rule, detail));
}
// The rule that an error of this module names, e.g. "R3"; empty: none.
std::string rule_of(Error const& error);

}  // namespace amic::consent
