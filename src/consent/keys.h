// Every root and governance key that a community has ever known. A key that was replaced, lost or
// stolen, or whose member has left, never counts again, whoever brings it. Pure.
#pragma once

#include <set>

#include "consent/motion.h"

namespace amic::consent {

class UsedKeys {
 public:
  UsedKeys() = default;
  explicit UsedKeys(Head const& head) { add(head); }
  void add(Head const& head);
  bool contains(crypto::VerifyKey const& key) const { return keys_.contains(key); }
  std::size_t size() const { return keys_.size(); }  // at most two more with each decision

 private:
  std::set<crypto::VerifyKey> keys_;
};

// R15: no key of the card that the motion brings was ever a root or governance key here, but for
// the root key of a member whose keys are replaced, which stays. Motions without a card: fine.
Result<void> check_fresh_keys(Motion const& motion, UsedKeys const& used);

}  // namespace amic::consent
