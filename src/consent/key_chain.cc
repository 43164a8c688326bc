// KeyChain, and the planned life of keys.
#include <algorithm>
#include <limits>

#include "consent/rotation_of_keys.h"

namespace amic::consent {

KeyChain::KeyChain(CommunityId const& community, Head head) : community_(community) {
  set_head(std::move(head));
}

void KeyChain::set_head(Head head) {
  head_ = std::move(head);
  std::map<MemberId, Chain> kept;
  for (auto const& card : head_.members) {
    Hash const base = fingerprint(card);
    auto const found = chains_.find(card.member);
    if (found != chains_.end() && found->second.base_card == base)
      kept[card.member] = std::move(found->second);
    else
      kept[card.member].base_card = base;
  }
  chains_ = std::move(kept);
}

void KeyChain::note(Chain& chain, KeyContradiction contradiction) {
  std::uint64_t const serial = contradiction.first.serial;
  if (chain.contradiction && chain.contradiction->first.serial <= serial) return;
  if (chain.rotations.size() >= serial)
    chain.rotations.resize(static_cast<std::size_t>(serial) - 1);
  chain.contradiction = std::move(contradiction);
}

Result<KeyChain::Taken> KeyChain::take(KeyRotation const& rotation) {
  AMIC_TRY_VOID(verify_rotation_signatures(rotation, community_, head_));
  Chain& chain = chains_.at(rotation.member());
  if (chain.contradiction && rotation.serial >= chain.contradiction->first.serial)
    return fail(Code::kConflict, "rotation.serial",
                rotation.member().str() + " has announced two different rotations " +
                    std::to_string(chain.contradiction->first.serial) +
                    ": none counts until a motion replaces its keys");
  if (rotation.serial >= 1 && rotation.serial <= chain.rotations.size()) {
    KeyRotation const& known = chain.rotations[static_cast<std::size_t>(rotation.serial) - 1];
    Hash const a = rotation_digest(known);
    Hash const b = rotation_digest(rotation);
    if (a == b) return Taken::kKnown;
    note(chain, a < b ? KeyContradiction{known, rotation} : KeyContradiction{rotation, known});
    return Taken::kContradicted;
  }
  AMIC_TRY_VOID(verify_rotation(rotation, community_, head_, chain.rotations));
  chain.rotations.push_back(rotation);
  return Taken::kNew;
}

Result<KeyChain::Taken> KeyChain::take(KeyContradiction const& contradiction) {
  AMIC_TRY_VOID(verify_key_contradiction(contradiction, community_, head_));
  Chain& chain = chains_.at(contradiction.first.member());
  if (chain.contradiction && chain.contradiction->first.serial <= contradiction.first.serial)
    return Taken::kKnown;
  note(chain, contradiction);
  return Taken::kNew;
}

std::vector<Card const*> KeyChain::cards_known(MemberId const& member) const {
  std::vector<Card const*> out;
  Card const* const base = head_.member(member);
  if (base == nullptr) return out;
  auto const& chain = rotations(member);
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) out.push_back(&at->card);
  out.push_back(base);
  return out;
}

std::vector<Card const*> KeyChain::cards_accepted(MemberId const& member, UnixMs now_ms) const {
  std::vector<Card const*> out;
  auto const known = cards_known(member);
  auto const& chain = rotations(member);
  // A card ends with the first of those after it that says so.
  UnixMs retired_ms = std::numeric_limits<UnixMs>::max();
  for (std::size_t i = 0; i < known.size() && now_ms < retired_ms; ++i) {
    out.push_back(known[i]);
    if (i < chain.size()) retired_ms = std::min(retired_ms, chain[chain.size() - 1 - i].retire_ms);
  }
  return out;
}

Card const* KeyChain::card_in_use(MemberId const& member, UnixMs now_ms) const {
  auto const& chain = rotations(member);
  for (auto at = chain.rbegin(); at != chain.rend(); ++at)
    if (at->active_from_ms <= now_ms) return &at->card;
  return head_.member(member);
}

Card const* KeyChain::sealing_card(MemberId const& member) const {
  auto const& chain = rotations(member);
  return chain.empty() ? head_.member(member) : &chain.back().card;
}

std::optional<MemberId> KeyChain::member_by_tls_key(BytesView key_32, UnixMs now_ms) const {
  for (auto const& member : head_.members)
    for (auto const* card : cards_accepted(member.member, now_ms))
      if (equal(card->tls.view(), key_32)) return member.member;
  return std::nullopt;
}

std::vector<KeyRotation> const& KeyChain::rotations(MemberId const& member) const {
  static std::vector<KeyRotation> const none;
  auto const found = chains_.find(member);
  return found == chains_.end() ? none : found->second.rotations;
}

KeyContradiction const* KeyChain::contradiction(MemberId const& member) const {
  auto const found = chains_.find(member);
  return found == chains_.end() || !found->second.contradiction ? nullptr
                                                                : &*found->second.contradiction;
}

std::vector<KeyRotation> KeyChain::all_rotations() const {
  std::vector<KeyRotation> out;
  for (auto const& [member, chain] : chains_)
    out.insert(out.end(), chain.rotations.begin(), chain.rotations.end());
  return out;
}

std::vector<KeyAge> key_ages(Card const& in_head, std::vector<KeyRotation> const& chain,
                             UnixMs now_ms, int life_days) {
  std::vector<Card const*> cards = {&in_head};
  for (auto const& rotation : chain) cards.push_back(&rotation.card);
  std::size_t used = chain.size();  // index into cards
  while (used > 0 && chain[used - 1].active_from_ms > now_ms) --used;
  auto const keys = card_keys(*cards[used]);
  std::vector<KeyAge> out;
  for (std::size_t role = 0; role < keys.size(); ++role) {
    KeyAge age;
    age.role = keys[role].role;
    auto const has_it = [&](Card const* card) {
      return equal(card_keys(*card)[role].key, keys[role].key);
    };
    age.made_ms = (*std::find_if(cards.begin(), cards.end(), has_it))->created_ms;
    age.expires_ms = age.made_ms + life_days * kDayMs;
    for (std::size_t later = used; later < chain.size(); ++later) {
      UnixMs const from = chain[later].active_from_ms;
      if (!has_it(&chain[later].card) &&
          (age.successor_from_ms == 0 || from < age.successor_from_ms))
        age.successor_from_ms = from;
    }
    out.push_back(std::move(age));
  }
  return out;
}

std::vector<KeyAlarm> key_alarms(UnixMs now_ms, std::vector<KeyAge> const& ages) {
  std::vector<KeyAlarm> out;
  for (auto const& age : ages) {
    if (age.successor_from_ms != 0 && age.successor_from_ms <= age.expires_ms) continue;
    for (int const days : {0, 7, 30, 60})
      if (age.expires_ms - now_ms <= days * kDayMs) {
        out.push_back({age.role, age.expires_ms, days});
        break;
      }
  }
  return out;
}

}  // namespace amic::consent
