#include "consent/rotation_of_keys.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "consent/text_rules.h"
#include "crypto/hash.h"
#include "json/json.h"

namespace amic::consent {

namespace {

constexpr std::string_view kFormat = "amic/key-rotation/v1";
constexpr std::string_view kEvidenceFormat = "amic/key-contradiction/v1";
constexpr std::string_view kLabel = "AMIC KEY ROTATION";
constexpr std::size_t kCardBytesMax = 1024;
constexpr std::size_t kRotationBytesMax = 2048;
constexpr std::size_t kGovernanceRole = 1;  // in card_keys(); the operational ones follow

// What the six keys sign, without the format name that sign_in_domain puts in front.
Bytes signed_fields(KeyRotation const& rotation) {
  codec::Writer out;
  out.raw(rotation.community.view())
      .u64(rotation.serial)
      .raw(rotation.previous.view())
      .raw(rotation.base_card.view())
      .vec16(encode(rotation.card))
      .i64(rotation.active_from_ms)
      .i64(rotation.retire_ms);
  return out.take();
}

// In the order of KeyRotation::by_new.
std::array<crypto::VerifyKey const*, 4> new_keys(Card const& card) {
  return {&card.node, &card.log, &card.cosigner, &card.tls};
}
constexpr std::array<std::string_view, 4> kNewRoles = {"node", "log", "cosigner", "tls"};

Result<void> check_form(KeyRotation const& rotation) {
  if (rotation.serial == 0) return fail(Code::kOutOfRange, "rotation.serial", "from 1");
  if ((rotation.serial == 1) != rotation.previous.is_zero())
    return fail(Code::kMalformed, "rotation.previous",
                "zero in the first rotation, and only there");
  if (!is_time(rotation.active_from_ms) || !is_time(rotation.retire_ms))
    return fail(Code::kOutOfRange, "rotation.active_from", "between the years 1970 and 9999");
  if (rotation.active_from_ms < rotation.card.created_ms)
    return fail(Code::kOutOfRange, "rotation.active_from", "before the new card was made");
  if (rotation.retire_ms <= rotation.active_from_ms)
    return fail(Code::kOutOfRange, "rotation.retire",
                "the earlier keys would end before the new ones are used");
  return {};
}

tl::unexpected<Error> rejected(std::string_view field, std::string detail) {
  return fail(Code::kRejected, "rotation." + std::string{field}, std::move(detail));
}

// Member, root and governance stand in the signatures' check already.
Result<void> check_unchanged(Card const& in_head, Card const& card) {
  if (card.name != in_head.name) return rejected("card.name", "a name changes by a motion only");
  if (card.link_address != in_head.link_address)
    return rejected("card.link_address", "an address changes by a motion only");
  return {};
}

bool has_key(Card const& card, BytesView key) {
  auto const keys = card_keys(card);
  return std::any_of(keys.begin(), keys.end(),
                     [&](CardKey const& other) { return equal(other.key, key); });
}

// Each operational key is either the one before in its role, or in nobody's use and never was.
Result<void> check_new_keys(KeyRotation const& rotation, Head const& head,
                            std::vector<KeyRotation> const& before) {
  Card const& in_head = *head.member(rotation.member());
  Card const& last = before.empty() ? in_head : before.back().card;
  auto const changed = changed_roles(last, rotation.card);
  if (changed.empty()) return rejected("card", "no key in it is new");
  for (auto const& [role, key] : operational_keys(rotation.card)) {
    if (std::find(changed.begin(), changed.end(), role) == changed.end()) continue;
    std::string const where = "card." + std::string{role};
    for (auto const& member : head.members)
      if (has_key(member, key))
        return rejected(where, "not new: a key of " + member.member.str() + " in the head");
    for (auto const& earlier : before)
      if (has_key(earlier.card, key))
        return rejected(where, "not new: in rotation " + std::to_string(earlier.serial) + " too");
  }
  return {};
}

}  // namespace

std::array<CardKey, 5> operational_keys(Card const& card) {
  auto const all = card_keys(card);
  std::array<CardKey, 5> out;
  std::copy(all.begin() + kGovernanceRole + 1, all.end(), out.begin());
  return out;
}

std::vector<std::string> changed_roles(Card const& card, Card const& next) {
  std::vector<std::string> out;
  auto const before = operational_keys(card);
  auto const after = operational_keys(next);
  for (std::size_t i = 0; i < before.size(); ++i)
    if (!equal(before[i].key, after[i].key)) out.emplace_back(after[i].role);
  return out;
}

KeyRotation sign_rotation(KeyRotation unsigned_rotation, RotationSigners const& signers) {
  Bytes const fields = signed_fields(unsigned_rotation);
  auto const sign = [&](crypto::SigningKey const& key) {
    return crypto::sign_in_domain(key, kFormat, fields);
  };
  unsigned_rotation.by_root = sign(signers.root);
  unsigned_rotation.by_governance = sign(signers.governance);
  unsigned_rotation.by_new = {sign(signers.node), sign(signers.log), sign(signers.cosigner),
                              sign(signers.tls)};
  return unsigned_rotation;
}

Hash rotation_digest(KeyRotation const& rotation) {
  codec::Writer out;
  out.str8(kFormat).raw(signed_fields(rotation));
  return crypto::sha256(out.bytes());
}

Bytes encode(KeyRotation const& rotation) {
  codec::Writer out;
  out.str8(kFormat)
      .raw(signed_fields(rotation))
      .raw(rotation.by_root.view())
      .raw(rotation.by_governance.view());
  for (auto const& signature : rotation.by_new) out.raw(signature.view());
  return out.take();
}

Result<KeyRotation> decode_rotation(BytesView bytes) {
  codec::Reader in(bytes, "rotation");
  if (in.str8() != kFormat) in.reject(Code::kUnsupported, "not an amic/key-rotation/v1");
  KeyRotation out;
  out.community = in.fixed<CommunityId>();
  out.serial = in.u64();
  out.previous = in.fixed<Hash>();
  out.base_card = in.fixed<Hash>();
  BytesView const card = in.vec16(kCardBytesMax);
  out.active_from_ms = in.i64();
  out.retire_ms = in.i64();
  out.by_root = in.fixed<crypto::Signature>();
  out.by_governance = in.fixed<crypto::Signature>();
  for (auto& signature : out.by_new) signature = in.fixed<crypto::Signature>();
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY(out.card, decode_card(card));
  AMIC_TRY_VOID(check_form(out));
  return out;
}

std::string to_text(KeyRotation const& rotation) {
  return codec::to_armor(kLabel, encode(rotation));
}

Result<KeyRotation> rotation_from_text(std::string_view text) {
  AMIC_TRY(Bytes const bytes, codec::from_armor(kLabel, text));
  return decode_rotation(bytes);
}

std::string to_json(KeyRotation const& rotation) {
  json::object out;
  out["community"] = codec::to_hex(rotation.community.view());
  out["member"] = rotation.member().str();
  out["serial"] = rotation.serial;
  out["digest"] = codec::to_hex(rotation_digest(rotation).view());
  out["active_from"] = codec::to_rfc3339(rotation.active_from_ms);
  out["retire"] = codec::to_rfc3339(rotation.retire_ms);
  out["card"] = json::parse(to_json(rotation.card)).value();
  return json::serialize(out);
}

Result<void> verify_rotation_signatures(KeyRotation const& rotation, CommunityId const& community,
                                        Head const& head) {
  if (rotation.community != community)
    return fail(Code::kUnknownCommunity, "rotation.community", "of another community");
  Card const* const in_head = head.member(rotation.member());
  if (in_head == nullptr)
    return fail(Code::kUnknownMember, "rotation.card.member",
                rotation.member().str() + " is not a member");
  if (rotation.base_card != fingerprint(*in_head))
    return fail(Code::kUnknownEpoch, "rotation.base_card",
                "it starts from another card of " + rotation.member().str() +
                    " than the one in the head: a motion has replaced the keys, or this head is "
                    "not the newest");
  if (rotation.card.root != in_head->root)
    return rejected("card.root", "the root key changes by a motion only");
  if (rotation.card.governance != in_head->governance)
    return rejected("card.governance", "the governance key changes by a motion only");
  Bytes const fields = signed_fields(rotation);
  auto const check = [&](crypto::VerifyKey const& key, crypto::Signature const& signature,
                         std::string_view role) -> Result<void> {
    if (crypto::verify_in_domain(key, kFormat, fields, signature)) return {};
    return fail(Code::kBadSignature, "rotation.by_" + std::string{role},
                "not signed by the " + std::string{role} + " key of " + rotation.member().str());
  };
  AMIC_TRY_VOID(check(in_head->root, rotation.by_root, "root"));
  AMIC_TRY_VOID(check(in_head->governance, rotation.by_governance, "governance"));
  auto const keys = new_keys(rotation.card);
  for (std::size_t i = 0; i < keys.size(); ++i)
    AMIC_TRY_VOID(check(*keys[i], rotation.by_new[i], kNewRoles[i]));
  return {};
}

Result<void> verify_rotation(KeyRotation const& rotation, CommunityId const& community,
                             Head const& head, std::vector<KeyRotation> const& before) {
  AMIC_TRY_VOID(check_form(rotation));
  AMIC_TRY_VOID(verify_rotation_signatures(rotation, community, head));
  if (rotation.serial > limits::kKeyRotationsMax)
    return fail(Code::kOutOfRange, "rotation.serial",
                "more than 256 rotations from one card: a motion replaces the keys");
  if (rotation.serial > before.size() + 1)
    return fail(Code::kGap, "rotation.serial",
                "rotation " + std::to_string(before.size() + 1) + " is not known here");
  if (rotation.serial <= before.size())
    return fail(Code::kConflict, "rotation.serial", "there is one with this serial");
  Card const& in_head = *head.member(rotation.member());
  Card const& last = before.empty() ? in_head : before.back().card;
  if (!before.empty() && rotation.previous != rotation_digest(before.back()))
    return fail(Code::kConflict, "rotation.previous",
                "it follows another rotation " + std::to_string(before.size()) +
                    " than the one known here");
  AMIC_TRY_VOID(check_unchanged(in_head, rotation.card));
  if (rotation.card.created_ms < last.created_ms)
    return rejected("card.created_ms", "made before the card that it replaces");
  return check_new_keys(rotation, head, before);
}

Bytes encode(KeyContradiction const& contradiction) {
  codec::Writer out;
  out.str8(kEvidenceFormat).vec16(encode(contradiction.first)).vec16(encode(contradiction.second));
  return out.take();
}

Result<KeyContradiction> decode_key_contradiction(BytesView bytes) {
  codec::Reader in(bytes, "key_contradiction");
  if (in.str8() != kEvidenceFormat)
    in.reject(Code::kUnsupported, "not an amic/key-contradiction/v1");
  BytesView const first = in.vec16(kRotationBytesMax);
  BytesView const second = in.vec16(kRotationBytesMax);
  AMIC_TRY_VOID(in.finish());
  KeyContradiction out;
  AMIC_TRY(out.first, decode_rotation(first));
  AMIC_TRY(out.second, decode_rotation(second));
  auto const bad = [](char const* detail) {
    return fail(Code::kMalformed, "key_contradiction", detail);
  };
  if (out.first.member() != out.second.member() || out.first.community != out.second.community ||
      out.first.base_card != out.second.base_card || out.first.serial != out.second.serial)
    return bad("the two have different places: they do not contradict each other");
  if (!(rotation_digest(out.first) < rotation_digest(out.second)))
    return bad("two different rotations in ascending order of their digests");
  return out;
}

Result<void> verify_key_contradiction(KeyContradiction const& contradiction,
                                      CommunityId const& community, Head const& head) {
  AMIC_TRY_VOID(decode_key_contradiction(encode(contradiction)));
  AMIC_TRY_VOID(verify_rotation_signatures(contradiction.first, community, head));
  return verify_rotation_signatures(contradiction.second, community, head);
}

}  // namespace amic::consent
