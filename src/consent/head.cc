#include "consent/head.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "consent/text_rules.h"
#include "crypto/hash.h"
#include "json/json.h"

namespace amic::consent {

namespace {

constexpr std::string_view kFormat1 = "amic/head/v1";
constexpr std::string_view kFormat2 = "amic/head/v2";
constexpr std::size_t kSuitesMax = 16;
// A version 1 card holds keys of suite 1 only, so a version 1 head can allow no other.
constexpr std::uint16_t kSuiteOfCards = 1;

struct KindName {
  InstrumentKind kind;
  std::string_view name;
};
constexpr KindName kKinds[] = {{InstrumentKind::kTor, "TOR"},
                               {InstrumentKind::kSop, "SOP"},
                               {InstrumentKind::kConcept, "CONCEPT"}};

std::string lower_ascii(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string member_path(std::size_t index) {
  return "head.members[" + std::to_string(index) + "]";
}

Result<void> check_suites(Head const& head) {
  if (head.suites.empty() || head.suites.size() > kSuitesMax)
    return fail(Code::kOutOfRange, "head.suites", "1 to 16 suites");
  for (std::size_t i = 0; i < head.suites.size(); ++i) {
    if (i > 0 && head.suites[i] <= head.suites[i - 1])
      return fail(Code::kMalformed, "head.suites", "not in strictly ascending order");
    if (head.suites[i] != kSuiteOfCards)
      return fail(Code::kUnsupported, "head.suites",
                  "suite " + std::to_string(head.suites[i]) +
                      ": version 1 cards hold keys of suite 1 only");
  }
  return {};
}

// Ids sorted; names, addresses and all keys different across the whole community.
Result<void> check_members(Head const& head) {
  if (head.members.size() < limits::kMembersMin || head.members.size() > limits::kMembersMax)
    return fail(Code::kOutOfRange, "head.members", "2 to 64 members");
  std::set<std::string> names, addresses;
  std::set<Bytes> keys;
  for (std::size_t i = 0; i < head.members.size(); ++i) {
    Card const& card = head.members[i];
    if (auto const ok = check_card(card); !ok)
      return fail(ok.error().code, member_path(i) + "." + ok.error().where, ok.error().detail);
    std::string const id = card.member.str();
    if (i > 0 && card.member == head.members[i - 1].member)
      return fail(Code::kConflict, member_path(i), id + " occurs twice");
    if (i > 0 && card.member < head.members[i - 1].member)
      return fail(Code::kMalformed, member_path(i), id + " is not in order of member ids");
    if (!names.insert(lower_ascii(card.name)).second)
      return fail(Code::kConflict, member_path(i) + ".name", id + " has another member's name");
    if (!addresses.insert(card.link_address).second)
      return fail(Code::kConflict, member_path(i) + ".link_address",
                  id + " has another member's address");
    for (auto const& [role, key] : card_keys(card))
      if (!keys.insert(to_bytes(key)).second)
        return fail(Code::kConflict, member_path(i) + "." + std::string{role},
                    id + " has a key of another member");
  }
  return {};
}

Result<void> check_chair(Head const& head) {
  std::set<MemberId> const listed(head.chair_order.begin(), head.chair_order.end());
  if (listed.size() != head.chair_order.size() || listed != head.roster())
    return fail(Code::kMalformed, "head.chair_order", "does not list every member exactly once");
  if (!listed.contains(head.chair))
    return fail(Code::kUnknownMember, "head.chair", "the chair is not a member");
  return {};
}

Result<void> check_instruments(Head const& head) {
  if (head.instruments.size() > limits::kInstrumentsMax)
    return fail(Code::kOutOfRange, "head.instruments", "at most 16");
  std::set<InstrumentKind> kinds;
  for (std::size_t i = 0; i < head.instruments.size(); ++i) {
    Instrument const& one = head.instruments[i];
    std::string const at = "head.instruments[" + std::to_string(i) + "]";
    if (instrument_kind_name(one.kind).empty())
      return fail(Code::kUnsupported, at + ".kind", "not TOR, SOP or CONCEPT");
    if (i > 0 && one.kind <= head.instruments[i - 1].kind)
      return fail(Code::kMalformed, at, "not in strictly ascending order of kinds");
    if (one.version == 0) return fail(Code::kOutOfRange, at + ".version", "versions begin at 1");
    AMIC_TRY_VOID(check_name(one.title, at + ".title"));
    if (one.text_sha256.is_zero()) return fail(Code::kMalformed, at + ".text_sha256", "zero");
    kinds.insert(one.kind);
  }
  for (auto const kind : {InstrumentKind::kTor, InstrumentKind::kSop})
    if (!kinds.contains(kind))
      return fail(Code::kMissingField, "head.instruments",
                  std::string{instrument_kind_name(kind)} + " is missing");
  return {};
}

std::vector<std::uint16_t> read_suites(codec::Reader& in) {
  codec::Reader list(in.vec8(2 * kSuitesMax), "head.suites");
  std::vector<std::uint16_t> out;
  while (list.ok() && list.left() > 0) out.push_back(list.u16());
  if (!list.ok()) in.reject(Code::kMalformed, "suites: an odd number of bytes");
  return out;
}

Result<std::vector<Card>> read_cards(BytesView bytes) {
  codec::Reader list(bytes, "head.members");
  std::vector<Card> out;
  while (list.ok() && list.left() > 0 && out.size() <= limits::kMembersMax) {
    BytesView const card_bytes = list.vec16(UINT16_MAX);
    AMIC_TRY_VOID(list.check());
    auto card = decode_card(card_bytes);
    if (!card)
      return fail(card.error().code, member_path(out.size()) + "." + card.error().where,
                  card.error().detail);
    out.push_back(std::move(*card));
  }
  AMIC_TRY_VOID(list.finish());
  return out;
}

// What only a decision sets (version 2).
Result<void> check_decided(Head const& head) {
  bool const version_2 = !head.decision.is_zero();
  if (version_2 && head.epoch == 0)
    return fail(Code::kMalformed, "head.decision", "a genesis is made by presses, not by a motion");
  if (!version_2 && (!head.host.empty() || head.rules != Rules{} || !head.annexes.empty()))
    return fail(Code::kMissingField, "head.decision", "host, rules and annexes come by a motion");
  if (!head.host.empty() && head.member(head.host) == nullptr)
    return fail(Code::kUnknownMember, "head.host", "the host is not a member");
  AMIC_TRY_VOID(check_rules(head.rules, "head.rules"));
  return check_annexes(head.annexes, head.roster());
}

Result<std::vector<Instrument>> read_instruments(BytesView bytes) {
  codec::Reader list(bytes, "head.instruments");
  std::vector<Instrument> out;
  while (list.ok() && list.left() > 0 && out.size() <= limits::kInstrumentsMax) {
    Instrument one;
    one.kind = static_cast<InstrumentKind>(list.u8());
    one.version = list.u32();
    one.title = list.str8(limits::kNameBytesMax);
    one.text_sha256 = list.fixed<Hash>();
    out.push_back(std::move(one));
  }
  AMIC_TRY_VOID(list.finish());
  return out;
}

void read_decided(codec::Reader& in, Head& head) {
  head.decision = in.fixed<Hash>();
  if (in.ok() && head.decision.is_zero()) in.reject(Code::kMalformed, "the decision is missing");
  std::string const host = in.str8(16);
  if (!host.empty()) {
    auto const id = MemberId::parse(host);
    if (id)
      head.host = *id;
    else
      in.reject(id.error().code, id.error().detail);
  }
  head.rules = read_rules(in);
  head.annexes = read_annexes(in);
}

}  // namespace

std::string_view instrument_kind_name(InstrumentKind kind) {
  for (auto const& row : kKinds)
    if (row.kind == kind) return row.name;
  return {};
}

Result<InstrumentKind> parse_instrument_kind(std::string_view text) {
  for (auto const& row : kKinds)
    if (row.name == text) return row.kind;
  return fail(Code::kMalformed, "instrument.kind", "one of TOR, SOP, CONCEPT");
}

Card const* Head::member(MemberId const& id) const {
  auto const it = std::lower_bound(members.begin(), members.end(), id,
                                   [](Card const& c, MemberId const& m) { return c.member < m; });
  return it != members.end() && it->member == id ? &*it : nullptr;
}

Card const* Head::member_by_tls_key(BytesView key_32) const {
  for (auto const& card : members)
    if (equal(card.tls.view(), key_32)) return &card;
  return nullptr;
}

std::set<MemberId> Head::roster() const {
  std::set<MemberId> out;
  for (auto const& card : members) out.insert(card.member);
  return out;
}

Result<void> check_head(Head const& head) {
  AMIC_TRY_VOID(check_name(head.community_name, "head.community_name"));
  if ((head.epoch == 0) != head.previous.is_zero())
    return fail(Code::kMalformed, "head.previous", "zero at epoch 0 and only there");
  if (!is_time(head.created_ms))
    return fail(Code::kOutOfRange, "head.created_ms", "between the years 1970 and 9999");
  AMIC_TRY_VOID(check_suites(head));
  AMIC_TRY_VOID(check_members(head));
  AMIC_TRY_VOID(check_chair(head));
  AMIC_TRY_VOID(check_instruments(head));
  return check_decided(head);
}

Bytes encode(Head const& head) {
  bool const version_2 = !head.decision.is_zero();
  codec::Writer suites, members, instruments;
  for (auto const suite : head.suites) suites.u16(suite);
  for (auto const& card : head.members) members.vec16(encode(card));
  for (auto const& one : head.instruments)
    instruments.u8(static_cast<std::uint8_t>(one.kind))
        .u32(one.version)
        .str8(one.title)
        .raw(one.text_sha256.view());
  codec::Writer out;
  out.str8(version_2 ? kFormat2 : kFormat1)
      .str8(head.community_name)
      .u64(head.epoch)
      .raw(head.previous.view())
      .i64(head.created_ms)
      .vec8(suites.bytes())
      .vec16(members.bytes())
      .vec16(encode_members(head.chair_order))
      .str8(head.chair.str())
      .vec16(instruments.bytes());
  if (version_2)
    out.raw(head.decision.view())
        .str8(head.host.str())
        .raw(encode(head.rules))
        .vec16(encode(head.annexes));
  return out.take();
}

Result<Head> decode_head(BytesView bytes) {
  codec::Reader in(bytes, "head");
  std::string const format = in.str8();
  if (format != kFormat1 && format != kFormat2)
    in.reject(Code::kUnsupported, "not an amic/head/v1 or v2");
  Head head;
  head.community_name = in.str8(limits::kNameBytesMax);
  head.epoch = in.u64();
  head.previous = in.fixed<Hash>();
  head.created_ms = in.i64();
  head.suites = read_suites(in);
  BytesView const members = in.vec16(UINT16_MAX);
  head.chair_order = read_member_list(in);
  head.chair = read_member_id(in);
  BytesView const instruments = in.vec16(UINT16_MAX);
  if (format == kFormat2) read_decided(in, head);
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY(head.members, read_cards(members));
  AMIC_TRY(head.instruments, read_instruments(instruments));
  AMIC_TRY_VOID(check_head(head));
  return head;
}

namespace {

json::array names_of(std::vector<MemberId> const& members) {
  json::array out;
  for (auto const& id : members) out.emplace_back(id.str());
  return out;
}

void add_decided(json::object& out, Head const& head) {
  json::array seconds, classes, annexes;
  for (auto const value : head.rules.precedence_seconds) seconds.emplace_back(value);
  for (auto const& one : head.rules.classes) {
    json::array kinds;
    for (auto const kind : one.kinds) kinds.emplace_back(motion_kind_name(kind));
    json::object row;
    row["name"] = one.name;
    row["instrument"] = instrument_kind_name(one.instrument);
    row["clause"] = one.clause;
    row["wait_days"] = one.wait_days;
    row["kinds"] = std::move(kinds);
    classes.push_back(std::move(row));
  }
  for (auto const& one : head.annexes) {
    json::object row;
    row["number"] = one.number;
    row["title"] = one.title;
    row["sha256"] = codec::to_hex(one.text_sha256.view());
    row["participants"] = names_of(one.participants);
    annexes.push_back(std::move(row));
  }
  out["decision"] = codec::to_hex(head.decision.view());
  out["host"] = head.host.str();
  out["precedence_seconds"] = std::move(seconds);
  out["standing_classes"] = std::move(classes);
  out["annexes"] = std::move(annexes);
}

}  // namespace

std::string to_json(Head const& head) {
  json::array suites, members, order, instruments;
  for (auto const suite : head.suites) suites.emplace_back(suite);
  // to_json(Card) is our own output, so it parses.
  for (auto const& card : head.members) members.push_back(json::parse(to_json(card)).value());
  for (auto const& id : head.chair_order) order.emplace_back(id.str());
  for (auto const& one : head.instruments) {
    json::object row;
    row["kind"] = instrument_kind_name(one.kind);
    row["version"] = one.version;
    row["title"] = one.title;
    row["sha256"] = codec::to_hex(one.text_sha256.view());
    instruments.push_back(std::move(row));
  }
  json::object out;
  out["community_name"] = head.community_name;
  out["epoch"] = head.epoch;
  out["digest"] = codec::to_hex(head_digest(encode(head)).view());
  out["previous"] = codec::to_hex(head.previous.view());
  out["created"] = codec::to_rfc3339(head.created_ms);
  out["suites"] = std::move(suites);
  out["members"] = std::move(members);
  out["chair_order"] = std::move(order);
  out["chair"] = head.chair.str();
  out["instruments"] = std::move(instruments);
  if (!head.decision.is_zero()) add_decided(out, head);
  return json::serialize(out);
}

Hash head_digest(BytesView head_bytes) {
  return crypto::sha256(head_bytes);
}

CommunityId community_id(BytesView genesis_head_bytes) {
  return *CommunityId::from(crypto::sha256(genesis_head_bytes).view());
}

}  // namespace amic::consent
