#include "consent/keys.h"

#include "consent/refusal.h"

namespace amic::consent {

void UsedKeys::add(Head const& head) {
  for (auto const& card : head.members) {
    keys_.insert(card.root);
    keys_.insert(card.governance);
  }
}

Result<void> check_fresh_keys(Motion const& motion, UsedKeys const& used) {
  auto const* admit = std::get_if<Admit>(&motion.change);
  auto const* replace = std::get_if<ReplaceKeys>(&motion.change);
  if (admit == nullptr && replace == nullptr) return {};
  Card const& card = admit != nullptr ? admit->card : replace->card;
  for (auto const& [role, bytes] : card_keys(card)) {
    // apply() has compared it with the seat's: it is the one key that stays.
    if (replace != nullptr && equal(bytes, card.root.view())) continue;
    if (used.contains(*crypto::VerifyKey::from(bytes)))
      return refuse(Rule::kR15, "the " + std::string(role) + " key of " + card.member.str());
  }
  return {};
}

}  // namespace amic::consent
