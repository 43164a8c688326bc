#include "consent/refusal.h"

#include <iterator>

namespace amic::consent {

namespace {

struct Row {
  std::string_view name, code, text;
};
constexpr Row kRows[] = {
    {"R1", "own_head", "members answer only on the head in force, and only what they computed"},
    {"R2", "said_once", "a number is used once and nothing is said twice in two ways"},
    {"R3", "one_lock", "one motion in each round, and one adoption on each head"},
    {"R4", "final", "a final response is not withdrawn or changed"},
    {"R5", "certificate", "a decision is the certificate of all members and nothing else"},
    {"R6", "ended", "the consultation on this motion has ended or is at rest"},
    {"R7", "round", "a round ends when all leave it, and an adoption is never released"},
    {"R8", "two_steps", "a motion is adopted only with the favourable responses of all in hand"},
    {"R9", "chair", "the chair orders the agenda and nothing else"},
    {"R10", "proposer", "proposing is not answering"},
    {"R11", "frozen", "who may have forgotten what it signed signs nothing until it has new keys"},
    {"R12", "own_word", "nobody becomes a member without its own word"},
    {"R13", "record",
     "the record of a meeting is its author's and its revisions follow each other"},
    {"R14", "handover", "the outgoing hands over to the incoming chair, and each signs for itself"},
    {"R15", "fresh_keys", "a root or governance key that was used here never comes back"},
};
Row const& row(Rule rule) {
  return kRows[(static_cast<std::size_t>(rule) - 1) % std::size(kRows)];
}
constexpr std::string_view kPlace = "consent.";

}  // namespace

std::string_view rule_name(Rule rule) {
  return row(rule).name;
}
std::string_view rule_code(Rule rule) {
  return row(rule).code;
}
std::string_view rule_text(Rule rule) {
  return row(rule).text;
}

Error refusal(Rule rule, std::string_view detail) {
  Row const& r = row(rule);
  return {Code::kRejected, std::string(kPlace) + std::string(r.name) + "." + std::string(r.code),
          std::string(r.text) + (detail.empty() ? "" : ": ") + std::string(detail)};
}

std::string rule_of(Error const& error) {
  auto const at = error.where.find(kPlace);
  if (at == std::string::npos) return {};
  std::string const rest = error.where.substr(at + kPlace.size());
  return rest.substr(0, rest.find('.'));
}

}  // namespace amic::consent
