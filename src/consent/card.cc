#include "consent/card.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/limits.h"
#include "codec/codec.h"
#include "consent/text_rules.h"
#include "crypto/hash.h"
#include "json/json.h"

namespace amic::consent {

namespace {

constexpr std::string_view kFormat = "amic/card/v1";
constexpr std::string_view kLabel = "AMIC CARD";
constexpr std::string_view kScheme = "https://";

// The signed part without the format name: sign_in_domain puts the name in front, so what the
// root signs is exactly the encoding up to the signature.
Bytes signed_fields(Card const& card) {
  codec::Writer out;
  out.str8(card.member.str()).str8(card.name).str8(card.link_address).i64(card.created_ms);
  for (auto const& [role, key] : card_keys(card)) out.raw(key);
  return out.take();
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool is_dns_or_ipv4(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), is_host_character) &&
         host.front() != '.' && host.front() != '-' && host.back() != '.' && host.back() != '-' &&
         host.find("..") == std::string_view::npos;
}

bool is_ipv6(std::string_view host) {
  bool const characters = std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
  });
  return characters && host.size() <= 45 && std::count(host.begin(), host.end(), ':') >= 2;
}

}  // namespace

std::array<CardKey, 7> card_keys(Card const& card) {
  return {{{"root", card.root.view()},
           {"governance", card.governance.view()},
           {"node", card.node.view()},
           {"log", card.log.view()},
           {"cosigner", card.cosigner.view()},
           {"sealing", card.sealing.view()},
           {"tls", card.tls.view()}}};
}

Result<LinkAddress> parse_link_address(std::string_view text) {
  auto const bad = [](char const* detail) {
    return fail(Code::kMalformed, "card.link_address", detail);
  };
  if (text.size() > limits::kAddressBytesMax)
    return fail(Code::kTooLarge, "card.link_address", "more than 255 bytes");
  if (!text.starts_with(kScheme)) return bad("not of the form https://host:port");
  std::string_view const authority = text.substr(kScheme.size());
  std::size_t const colon = authority.rfind(':');
  if (colon == std::string_view::npos) return bad("the port is missing: https://host:port");
  std::string_view host = authority.substr(0, colon);
  std::string_view const port_text = authority.substr(colon + 1);
  bool const bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed ? !is_ipv6(host) : !is_dns_or_ipv4(host))
    return bad("the host is a lower-case name, an IPv4 address or an [IPv6] address");
  LinkAddress out{std::string{host}, 0};
  auto const [end, error] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), out.port);
  if (error != std::errc{} || end != port_text.data() + port_text.size() || out.port == 0 ||
      port_text.front() == '0')
    return bad("the port is 1 to 65535, without leading zeros");
  return out;
}

Result<void> check_card(Card const& card) {
  if (card.member.empty()) return fail(Code::kMalformed, "card.member", "empty");
  AMIC_TRY_VOID(check_name(card.name, "card.name"));
  AMIC_TRY_VOID(parse_link_address(card.link_address));
  if (!is_time(card.created_ms))
    return fail(Code::kOutOfRange, "card.created_ms", "between the years 1970 and 9999");
  auto const keys = card_keys(card);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (std::all_of(keys[i].key.begin(), keys[i].key.end(), [](auto b) { return b == 0; }))
      return fail(Code::kMalformed, "card." + std::string{keys[i].role}, "the key is missing");
    for (std::size_t j = 0; j < i; ++j)
      if (equal(keys[i].key, keys[j].key))
        return fail(Code::kMalformed, "card." + std::string{keys[i].role},
                    "the same key as " + std::string{keys[j].role} +
                        ": a key is never shared between roles");
  }
  return {};
}

Result<Card> sign_card(Card unsigned_card, crypto::SigningKey const& root) {
  unsigned_card.root = root.verify_key();
  AMIC_TRY_VOID(check_card(unsigned_card));
  unsigned_card.signature = crypto::sign_in_domain(root, kFormat, signed_fields(unsigned_card));
  return unsigned_card;
}

Bytes encode(Card const& card) {
  codec::Writer out;
  out.str8(kFormat).raw(signed_fields(card)).raw(card.signature.view());
  return out.take();
}

Result<Card> decode_card(BytesView bytes) {
  codec::Reader in(bytes, "card");
  if (in.str8() != kFormat) in.reject(Code::kUnsupported, "not an amic/card/v1");
  std::string const member = in.str8();
  Card card;
  card.name = in.str8();
  card.link_address = in.str8();
  card.created_ms = in.i64();
  card.root = in.fixed<crypto::VerifyKey>();
  card.governance = in.fixed<crypto::VerifyKey>();
  card.node = in.fixed<crypto::VerifyKey>();
  card.log = in.fixed<crypto::VerifyKey>();
  card.cosigner = in.fixed<crypto::VerifyKey>();
  card.sealing = in.fixed<crypto::SealPublicKey>();
  card.tls = in.fixed<crypto::VerifyKey>();
  card.signature = in.fixed<crypto::Signature>();
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY(card.member, MemberId::parse(member));
  AMIC_TRY_VOID(check_card(card));
  if (!crypto::verify_in_domain(card.root, kFormat, signed_fields(card), card.signature))
    return fail(Code::kBadSignature, "card.signature",
                "the card of " + member + " is not signed by its own root key");
  return card;
}

std::string to_text(Card const& card) {
  return codec::to_armor(kLabel, encode(card));
}

Result<Card> card_from_text(std::string_view text) {
  AMIC_TRY(Bytes const bytes, codec::from_armor(kLabel, text));
  return decode_card(bytes);
}

std::string to_json(Card const& card) {
  json::object keys;
  for (auto const& [role, key] : card_keys(card)) keys[role] = codec::to_hex(key);
  json::object out;
  out["member"] = card.member.str();
  out["name"] = card.name;
  out["link_address"] = card.link_address;
  out["created"] = codec::to_rfc3339(card.created_ms);
  out["fingerprint"] = codec::to_hex(fingerprint(card).view());
  out["keys"] = std::move(keys);
  return json::serialize(out);
}

Hash fingerprint(Card const& card) {
  return crypto::sha256(encode(card));
}

}  // namespace amic::consent
