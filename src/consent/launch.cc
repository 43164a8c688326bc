// Presses and the launch transcript.
#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "consent/head.h"
#include "consent/text_rules.h"

namespace amic::consent {

namespace {

constexpr std::string_view kPressFormat = "amic/press/v1";
constexpr std::string_view kPressLabel = "AMIC PRESS";
constexpr std::string_view kLaunchFormat = "amic/launch/v1";
constexpr std::string_view kLaunchLabel = "AMIC LAUNCH";
constexpr std::size_t kDraftBytesMax = 5 << 20;
// More presses than this are refused before any signature is looked at.
constexpr std::size_t kPressesMax = 4 * limits::kMembersMax;

// As with cards: the format name that sign_in_domain puts in front is also how the encoding begins,
// so the signature is over the encoding up to the signature.
Bytes signed_fields(Press const& press) {
  codec::Writer out;
  out.str8(press.member.str()).raw(press.draft_digest.view()).i64(press.pressed_ms);
  return out.take();
}

bool is_intact(Press const& press, Card const& card, Hash const& draft_digest) {
  return press.draft_digest == draft_digest && is_time(press.pressed_ms) &&
         crypto::verify_in_domain(card.governance, kPressFormat, signed_fields(press),
                                  press.signature);
}

// Gravest first: an altered press is an attack or a different draft, a missing one only patience.
int rank(Code code) {
  switch (code) {
    case Code::kAlteredPress:
      return 0;
    case Code::kForeignPress:
      return 1;
    case Code::kDoublePress:
      return 2;
    default:
      return 3;
  }
}

std::string_view words(Code code) {
  switch (code) {
    case Code::kAlteredPress:
      return "altered, or made over another draft: ";
    case Code::kForeignPress:
      return "not a founder: ";
    case Code::kDoublePress:
      return "pressed more than once: ";
    default:
      return "has not pressed: ";
  }
}

template <class Range>
std::string joined(Range const& members) {
  std::string out;
  for (auto const& id : members) out += (out.empty() ? "" : ",") + id.str();
  return out;
}

Error error_of(std::vector<PressFault> const& faults) {
  std::set<MemberId> everyone;
  std::string detail;
  for (std::size_t i = 0; i < faults.size();) {
    std::vector<MemberId> of_kind;
    Code const code = faults[i].code;
    for (; i < faults.size() && faults[i].code == code; ++i) of_kind.push_back(faults[i].member);
    everyone.insert(of_kind.begin(), of_kind.end());
    detail += (detail.empty() ? "" : "; ") + std::string{words(code)} + joined(of_kind);
  }
  return {faults.front().code, joined(everyone), detail};
}

}  // namespace

Press press(BytesView draft_head_bytes, MemberId const& member, UnixMs now_ms,
            crypto::SigningKey const& governance) {
  Press out;
  out.member = member;
  out.draft_digest = head_digest(draft_head_bytes);
  out.pressed_ms = now_ms;
  out.signature = crypto::sign_in_domain(governance, kPressFormat, signed_fields(out));
  return out;
}

Bytes encode(Press const& press) {
  codec::Writer out;
  out.str8(kPressFormat).raw(signed_fields(press)).raw(press.signature.view());
  return out.take();
}

Result<Press> decode_press(BytesView bytes) {
  codec::Reader in(bytes, "press");
  if (in.str8() != kPressFormat) in.reject(Code::kUnsupported, "not an amic/press/v1");
  std::string const member = in.str8();
  Press out;
  out.draft_digest = in.fixed<Hash>();
  out.pressed_ms = in.i64();
  out.signature = in.fixed<crypto::Signature>();
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY(out.member, MemberId::parse(member));
  if (!is_time(out.pressed_ms))
    return fail(Code::kOutOfRange, "press.pressed_ms", "between the years 1970 and 9999");
  return out;
}

std::string to_text(Press const& press) {
  return codec::to_armor(kPressLabel, encode(press));
}

Result<Press> press_from_text(std::string_view text) {
  AMIC_TRY(Bytes const bytes, codec::from_armor(kPressLabel, text));
  return decode_press(bytes);
}

std::vector<PressFault> press_faults(Head const& head, Hash const& draft_digest,
                                     std::vector<Press> const& presses) {
  std::map<MemberId, int> count;
  std::set<std::pair<int, MemberId>> found;  // sorted by gravity, then member; each once
  std::map<int, Code> code_of;
  auto const note = [&](Code code, MemberId const& member) {
    code_of[rank(code)] = code;
    found.insert({rank(code), member});
  };
  for (auto const& one : presses) {
    ++count[one.member];
    Card const* card = head.member(one.member);
    if (card == nullptr)
      note(Code::kForeignPress, one.member);
    else if (!is_intact(one, *card, draft_digest))
      note(Code::kAlteredPress, one.member);
  }
  for (auto const& [member, times] : count)
    if (times > 1 && head.member(member) != nullptr) note(Code::kDoublePress, member);
  for (auto const& card : head.members)
    if (!count.contains(card.member)) note(Code::kMissingPress, card.member);
  std::vector<PressFault> out;
  for (auto const& [gravity, member] : found) out.push_back({code_of[gravity], member});
  return out;
}

Result<Transcript> launch(Draft const& draft, std::vector<Press> presses) {
  if (presses.size() > kPressesMax)
    return fail(Code::kTooLarge, "launch.presses", "far more presses than members");
  AMIC_TRY(Draft checked, decode_draft(encode(draft)));
  AMIC_TRY(Head const head, decode_head(checked.head_bytes));
  auto const faults = press_faults(head, head_digest(checked.head_bytes), presses);
  if (!faults.empty()) return fail(error_of(faults));
  std::sort(presses.begin(), presses.end(),
            [](Press const& a, Press const& b) { return a.member < b.member; });
  return Transcript{std::move(checked), std::move(presses)};
}

Bytes encode(Transcript const& transcript) {
  codec::Writer presses;
  for (auto const& one : transcript.presses) presses.vec8(encode(one));
  codec::Writer out;
  out.str8(kLaunchFormat).vec32(encode(transcript.draft)).vec16(presses.bytes());
  return out.take();
}

Result<Transcript> decode_transcript(BytesView bytes) {
  codec::Reader in(bytes, "launch");
  if (in.str8() != kLaunchFormat) in.reject(Code::kUnsupported, "not an amic/launch/v1");
  BytesView const draft_bytes = in.vec32(kDraftBytesMax);
  codec::Reader list(in.vec16(UINT16_MAX), "launch.presses");
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY(Draft const draft, decode_draft(draft_bytes));
  std::vector<Press> presses;
  while (list.ok() && list.left() > 0 && presses.size() <= kPressesMax) {
    BytesView const press_bytes = list.vec8();
    AMIC_TRY_VOID(list.check());
    AMIC_TRY(Press one, decode_press(press_bytes));
    // Only the sorted order is canonical. Equal members are left to launch(), which names them.
    if (!presses.empty() && one.member < presses.back().member)
      return fail(Code::kMalformed, "launch.presses", "not in order of member ids");
    presses.push_back(std::move(one));
  }
  AMIC_TRY_VOID(list.finish());
  return launch(draft, std::move(presses));
}

std::string to_text(Transcript const& transcript) {
  return codec::to_armor(kLaunchLabel, encode(transcript));
}

Result<Transcript> transcript_from_text(std::string_view text) {
  AMIC_TRY(Bytes const bytes, codec::from_armor(kLaunchLabel, text));
  return decode_transcript(bytes);
}

Result<Community> community_of(Transcript const& transcript) {
  AMIC_TRY(Transcript const checked, launch(transcript.draft, transcript.presses));
  Community out;
  out.id = community_id(checked.draft.head_bytes);
  AMIC_TRY(out.head, decode_head(checked.draft.head_bytes));
  out.head_digest = head_digest(checked.draft.head_bytes);
  out.texts = checked.draft.texts;
  return out;
}

}  // namespace amic::consent
