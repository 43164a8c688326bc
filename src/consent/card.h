// A card: a prospective member's public keys, name and link address, signed by its root key.
// FORMATS.md, "Card, version 1". Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "crypto/seal.h"
#include "crypto/sign.h"

namespace amic::consent {

struct Card {
  MemberId member;
  std::string name;          // English name, 1..limits::kNameBytesMax bytes
  std::string link_address;  // "https://host:port" that peers dial
  UnixMs created_ms = 0;
  crypto::VerifyKey root;         // signs this card; offline afterwards
  crypto::VerifyKey governance;   // presses, positions
  crypto::VerifyKey node;         // envelopes, receipts
  crypto::VerifyKey log;          // checkpoints
  crypto::VerifyKey cosigner;     // cosignatures on peers' checkpoints
  crypto::SealPublicKey sealing;  // HPKE recipient
  crypto::VerifyKey tls;          // link identity, pinned
  crypto::Signature signature;
  bool operator==(Card const&) const = default;
};

// "https://host:port" taken apart; an IPv6 host comes without its brackets.
struct LinkAddress {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(LinkAddress const&) const = default;
};
Result<LinkAddress> parse_link_address(std::string_view text);

// The seven public keys in the order of the format, by role name. The views point into `card`.
struct CardKey {
  std::string_view role;
  BytesView key;
};
std::array<CardKey, 7> card_keys(Card const& card);

// Everything about a card except its signature: limits, name, address, seven different keys.
Result<void> check_card(Card const& card);

// Sets card.root and signs. All seven keys must differ (a key is never shared between roles):
// kMalformed otherwise.
Result<Card> sign_card(Card unsigned_card, crypto::SigningKey const& root);
Bytes encode(Card const& card);
Result<Card> decode_card(BytesView bytes);  // structure, limits, and the root's signature
std::string to_text(Card const& card);      // armor "AMIC CARD"
Result<Card> card_from_text(std::string_view text);
std::string to_json(Card const& card);  // for people and --json
Hash fingerprint(Card const& card);     // SHA-256 of encode(); read over the telephone

}  // namespace amic::consent
