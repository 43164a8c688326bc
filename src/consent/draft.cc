// Drafts: what founders read before they press.
#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "consent/head.h"
#include "consent/text_rules.h"
#include "crypto/hash.h"

namespace amic::consent {

namespace {

constexpr std::string_view kFormat = "amic/draft/v1";
constexpr std::string_view kLabel = "AMIC DRAFT GENESIS";
constexpr std::size_t kHeadBytesMax = 64 << 10;
constexpr std::size_t kTextsBytesMax = 4 << 20;

// Every instrument of the head has its text here, no other text is here, and each text is the one
// whose hash the head holds.
Result<void> check_texts(Head const& head, std::map<InstrumentKind, std::string> const& texts) {
  for (auto const& [kind, text] : texts) {
    std::string const at = "draft.texts." + std::string{instrument_kind_name(kind)};
    auto const it = std::find_if(head.instruments.begin(), head.instruments.end(),
                                 [k = kind](Instrument const& i) { return i.kind == k; });
    if (it == head.instruments.end())
      return fail(Code::kUnknownField, at, "a text that the head does not name");
    AMIC_TRY_VOID(check_document(text, at));
    if (crypto::sha256(as_bytes(text)) != it->text_sha256)
      return fail(Code::kConflict, at, "the text is not the one whose SHA-256 the head holds");
  }
  for (auto const& one : head.instruments)
    if (!texts.contains(one.kind))
      return fail(Code::kMissingField, "draft.texts." + std::string{instrument_kind_name(one.kind)},
                  "the text is missing");
  return {};
}

Result<void> check_genesis(Head const& head) {
  if (head.epoch != 0) return fail(Code::kMalformed, "draft.head.epoch", "a genesis is epoch 0");
  return {};
}

void show_members(std::string& out, Head const& head) {
  out += "\nMembers, in the order of the chair:\n";
  std::size_t number = 0;
  for (auto const& id : head.chair_order) {
    Card const& card = *head.member(id);
    out += "  " + std::to_string(++number) + ". " + id.str() + "  " + card.name +
           (id == head.chair ? "  (first in the chair)" : "") + "\n";
    out += "     link         " + card.link_address + "\n";
    out += "     fingerprint  " + spaced_hex(fingerprint(card).view()) + "\n";
  }
}

// Headings only: the whole text is in the file that every delegation already holds.
void show_instrument(std::string& out, Instrument const& one, std::string_view text) {
  out += "\n" + std::string{instrument_kind_name(one.kind)} + ", version " +
         std::to_string(one.version) + ": " + one.title + "\n";
  out += "  SHA-256 of the text  " + spaced_hex(one.text_sha256.view()) + "\n";
  out += "  " + std::to_string(text.size()) + " bytes; headings:\n";
  while (!text.empty()) {
    std::size_t const end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::size_t const level = std::min(line.find_first_not_of('#'), line.size());
    if (level == 0 || level > 6 || level >= line.size() || line[level] != ' ') continue;
    out += std::string(2 + 2 * level, ' ') + std::string{line.substr(level + 1)} + "\n";
  }
}

}  // namespace

std::string spaced_hex(BytesView bytes) {
  std::string const hex = codec::to_hex(bytes);
  std::string out;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    if (i > 0 && i % 8 == 0) out += ' ';
    out += hex[i];
  }
  return out;
}

Result<Draft> make_draft(Head const& head, std::map<InstrumentKind, std::string> texts) {
  AMIC_TRY_VOID(check_head(head));
  AMIC_TRY_VOID(check_genesis(head));
  AMIC_TRY_VOID(check_texts(head, texts));
  Draft draft{encode(head), std::move(texts)};
  AMIC_TRY_VOID(decode_head(draft.head_bytes));  // the cards' signatures
  return draft;
}

Bytes encode(Draft const& draft) {
  codec::Writer texts;
  for (auto const& [kind, text] : draft.texts)
    texts.u8(static_cast<std::uint8_t>(kind)).vec32(as_bytes(text));
  codec::Writer out;
  out.str8(kFormat).vec32(draft.head_bytes).vec32(texts.bytes());
  return out.take();
}

Result<Draft> decode_draft(BytesView bytes) {
  codec::Reader in(bytes, "draft");
  if (in.str8() != kFormat) in.reject(Code::kUnsupported, "not an amic/draft/v1");
  Draft draft;
  draft.head_bytes = to_bytes(in.vec32(kHeadBytesMax));
  codec::Reader list(in.vec32(kTextsBytesMax), "draft.texts");
  AMIC_TRY_VOID(in.finish());
  while (list.ok() && list.left() > 0) {
    auto const kind = static_cast<InstrumentKind>(list.u8());
    BytesView const text = list.vec32(limits::kInstrumentTextBytesMax);
    if (instrument_kind_name(kind).empty())
      list.reject(Code::kUnsupported, "not TOR, SOP or CONCEPT");
    else if (!draft.texts.empty() && kind <= draft.texts.rbegin()->first)
      list.reject(Code::kMalformed, "texts are not in strictly ascending order of kinds");
    if (list.ok()) draft.texts.emplace(kind, as_text(text));
  }
  AMIC_TRY_VOID(list.finish());
  AMIC_TRY(Head const head, decode_head(draft.head_bytes));
  AMIC_TRY_VOID(check_genesis(head));
  AMIC_TRY_VOID(check_texts(head, draft.texts));
  return draft;
}

std::string to_text(Draft const& draft) {
  return codec::to_armor(kLabel, encode(draft));
}

Result<Draft> draft_from_text(std::string_view text) {
  AMIC_TRY(Bytes const bytes, codec::from_armor(kLabel, text));
  return decode_draft(bytes);
}

std::string show(Draft const& draft) {
  auto const decoded = decode_head(draft.head_bytes);
  if (!decoded) return "This draft is not valid: " + decoded.error().text() + "\n";
  Head const& head = *decoded;
  std::string out = "Community: " + head.community_name + "\n";
  out += "Drafted:   " + codec::to_rfc3339(head.created_ms) + "\n";
  out += "Epoch:     " + std::to_string(head.epoch) + " (genesis)\n";
  out += "Suites:   ";
  for (auto const suite : head.suites) out += " " + std::to_string(suite);
  out += "\n";
  show_members(out, head);
  for (auto const& one : head.instruments) {
    auto const text = draft.texts.find(one.kind);
    show_instrument(out, one, text == draft.texts.end() ? std::string_view{} : text->second);
  }
  out += "\nSHA-256 of the exact bytes that every founder presses:\n  " +
         spaced_hex(head_digest(draft.head_bytes).view()) + "\n";
  return out;
}

}  // namespace amic::consent
