#include "consent/export.h"

#include <algorithm>

#include "codec/codec.h"
#include "consent/html.h"
#include "consent/view.h"
#include "crypto/hash.h"

namespace amic::consent {

namespace {

template <class Fixed>
std::string hex(Fixed const& value) {
  return codec::to_hex(value.view());
}

std::string name_of(Head const& head, MemberId const& id) {
  auto const* card = head.member(id);
  return card == nullptr ? id.str() : card->name + " (" + id.str() + ")";
}

// BCP 47, as far as its form goes: subtags of 1 to 8 letters and digits, the first of 2 or more
// letters.
Result<void> check_language(std::string_view tag) {
  std::size_t size = 0, subtags = 1;
  for (char const c : tag) {
    bool const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool const digit = c >= '0' && c <= '9';
    bool const dash = c == '-' && size > 0;
    if (!dash && !letter && !(digit && subtags > 1))
      return fail(Code::kMalformed, "language", "not a language tag");
    if (dash && subtags == 1 && size < 2)
      return fail(Code::kMalformed, "language", "not a language tag");
    size = dash ? 0 : size + 1;
    subtags += dash ? 1 : 0;
    if (size > 8) return fail(Code::kMalformed, "language", "not a language tag");
  }
  if (size == 0 || (subtags == 1 && size < 2) || tag.size() > 35)
    return fail(Code::kMalformed, "language", "not a language tag");
  return {};
}

// The head on which the decision `index` stands.
Result<Head> head_before(History const& history, std::span<Bytes const> decisions,
                         std::size_t index) {
  Head head = history.genesis.head;
  for (std::size_t i = 0; i < index; ++i) {
    AMIC_TRY(Decision const decision, decode_decision(decisions[i]));
    AMIC_TRY(Motion const motion, decode_motion(decision.motion.body));
    AMIC_TRY(head, apply(head, motion));
  }
  return head;
}

void signature_facts(Page& page, crypto::VerifyKey const& key, BytesView message,
                     crypto::Signature const& signature) {
  page.fact("Public key (Ed25519)", hex(key));
  page.fact("Signed bytes", codec::to_hex(message));
  page.fact("Signature", hex(signature));
}

void launch_certificate(Page& page, Transcript const& transcript, Head const& head) {
  page.paragraph(
      "Adopted by the launch of the community: every founding member signed the head that holds "
      "the SHA-256 of this text.");
  page.begin_table({"Member", "Position", "Signed"});
  for (auto const& press : transcript.presses)
    page.row({name_of(head, press.member), "agree", codec::to_rfc3339(press.pressed_ms)});
  page.end_table();
  page.element("h2", "Proof");
  page.paragraph(
      "Each signature is Ed25519 (RFC 8032) over the signed bytes, by the governance key of the "
      "member's card. The signed bytes are: a format name with its length, the member, the SHA-256 "
      "of the head, the time. The head is in the launch transcript, which verifies with nothing "
      "else: \"amic community verify\".");
  page.begin_facts();
  page.fact("SHA-256 of the head", hex(head_digest(transcript.draft.head_bytes)));
  page.end_facts();
  for (auto const& press : transcript.presses) {
    auto const* card = head.member(press.member);
    if (card == nullptr) continue;
    Bytes message = encode(press);
    message.resize(message.size() - crypto::Signature::kSize);
    page.element("h3", name_of(head, press.member));
    page.begin_facts();
    signature_facts(page, card->governance, message, press.signature);
    page.end_facts();
  }
}

Result<std::vector<Response>> responses_of(Certificate const& certificate) {
  if (certificate.adoptions.size() != certificate.responses.size())
    return fail(Code::kMalformed, "decision", "not a response for each adoption");
  std::vector<Response> out;
  for (auto const& one : certificate.responses) {
    AMIC_TRY(Body body, body_of(one));
    auto* response = std::get_if<Response>(&body);
    if (response == nullptr) return fail(Code::kMalformed, "decision.responses", "not a response");
    out.push_back(std::move(*response));
  }
  return out;
}

std::string position_words(Response const& response) {
  std::string out{position_name(response.position)};
  std::replace(out.begin(), out.end(), '_', ' ');
  if (!response.clause.empty()) out += ", by standing consent under " + response.clause;
  return out;
}

void decision_proof(Page& page, Decision const& decision, Head const& head) {
  page.element("h2", "Proof");
  page.paragraph(
      "Each member's adoption is an Ed25519 signature (RFC 8032) over the signed bytes of the "
      "adoption, by the key given here, which is in the head that the decision follows. Those "
      "bytes end in the SHA-256 of the adoption's body. The body is: the motion (32 bytes, SHA-256 "
      "of its exact bytes), the round, the SHA-256 of the next head, the SHA-256 of the signed "
      "bytes of the member's answer. Those end in the SHA-256 of the answer's body, which begins "
      "with the same motion. The motion holds the text. The whole history, from the launch on, is "
      "verified offline by any member's node.");
  for (std::size_t i = 0; i < decision.certificate.adoptions.size(); ++i) {
    Statement const& adoption = decision.certificate.adoptions[i];
    Statement const& response = decision.certificate.responses[i];
    auto const* key = signer_key(head, adoption.author, adoption.signer);
    if (key == nullptr) continue;
    page.element("h3", name_of(head, adoption.author));
    page.begin_facts();
    signature_facts(page, *key, signed_message(adoption), adoption.signature);
    page.fact("Body of the adoption", codec::to_hex(adoption.body));
    page.fact("Signed bytes of the answer", codec::to_hex(signed_message(response)));
    page.fact("Body of the answer", codec::to_hex(response.body));
    page.end_facts();
  }
}

Result<void> decision_certificate(Page& page, Decision const& decision, Head const& head) {
  AMIC_TRY(std::vector<Response> const responses, responses_of(decision.certificate));
  AMIC_TRY(Motion const motion, decode_motion(decision.motion.body));
  page.begin_facts();
  page.fact("Motion", motion.title);
  page.fact("Proposed by", name_of(head, motion.proposer));
  page.fact("SHA-256 of the motion", hex(motion_id(decision.motion.body)));
  page.fact("SHA-256 of the head that it follows", hex(decision.motion.head));
  page.end_facts();
  page.begin_table({"Member", "Position", "Adopted"});
  for (std::size_t i = 0; i < responses.size(); ++i) {
    Statement const& adoption = decision.certificate.adoptions[i];
    page.row({name_of(head, adoption.author), position_words(responses[i]),
              codec::to_rfc3339(adoption.created_ms)});
  }
  page.end_table();
  for (std::size_t i = 0; i < responses.size(); ++i)
    if (!responses[i].text.empty())
      page.quoted(
          "blockquote",
          "Statement of " + name_of(head, decision.certificate.adoptions[i].author) + ", annexed:",
          responses[i].text);
  decision_proof(page, decision, head);
  return {};
}

void record_table(Page& page, std::vector<InstrumentVersion> const& record) {
  page.element("h2", "Record of Changes");
  page.begin_table(
      {"Version", "Title", "Adopted", "In effect from", "Proposed by", "Authorised by"});
  for (auto const& one : record)
    page.row({std::to_string(one.version), one.title, codec::to_rfc3339(one.adopted_ms),
              codec::to_rfc3339(one.effective_ms),
              one.proposer.empty() ? "the founding members" : one.proposer.str(),
              one.epoch == 0
                  ? std::string("the launch")
                  : "decision " + std::to_string(one.epoch) + ", motion " + hex(one.motion)});
  page.end_table();
}

void articles(Page& page, AmendmentDiff const& diff) {
  std::string const kind{instrument_kind_name(diff.kind)};
  page.element("h2", diff.from_version == 0
                         ? kind + ": a new instrument"
                         : kind + ": version " + std::to_string(diff.to_version) +
                               " against version " + std::to_string(diff.from_version) +
                               " in force");
  for (auto const& one : diff.articles) {
    page.element("h3", one.heading.empty() ? std::string("Before the first heading") : one.heading);
    if (one.change != ArticleChange::kAdded)
      page.quoted("del",
                  one.change == ArticleChange::kRemoved ? "Removed:" : "Before:", one.before);
    if (one.change != ArticleChange::kRemoved)
      page.quoted("ins", one.change == ArticleChange::kAdded ? "Added:" : "After:", one.after);
  }
  if (diff.articles.empty()) page.paragraph("No article changes.");
}

void motion_texts(Page& page, Change const& change) {
  auto const show = [&](std::string const& title, std::string const& text) {
    page.element("h2", title);
    page.begin_facts();
    page.fact("SHA-256 of the text", hex(crypto::sha256(as_bytes(text))));
    page.end_facts();
    page.document(text);
  };
  if (auto const* amend = std::get_if<Amend>(&change))
    for (auto const& one : amend->texts)
      show("Proposed text: " + std::string(instrument_kind_name(one.kind)) + ", version " +
               std::to_string(one.version) + ", " + one.title,
           one.text);
  if (auto const* part = std::get_if<Participation>(&change))
    show("Proposed text: annex " + std::to_string(part->number) + ", " + part->title, part->text);
  if (auto const* announce = std::get_if<Announce>(&change)) show("Proposed text", announce->text);
}

}  // namespace

Result<AdoptedText> adopted_text(Transcript const& transcript, History const& history,
                                 std::span<Bytes const> decisions, InstrumentKind kind,
                                 std::uint32_t version) {
  AdoptedText out;
  for (auto const& one : record_of_changes(transcript, history, kind)) {
    if (one.version != version) continue;
    out.version = one;
    if (one.epoch == 0) {
      auto const text = transcript.draft.texts.find(kind);
      if (text == transcript.draft.texts.end()) break;
      out.text = text->second;
      out.head = history.genesis.head;
      return out;
    }
    if (one.epoch > decisions.size())
      return fail(Code::kNotFound, "decisions", "the decision is not among them");
    auto const index = static_cast<std::size_t>(one.epoch) - 1;
    AMIC_TRY(out.head, head_before(history, decisions, index));
    AMIC_TRY(Decision decision, decode_decision(decisions[index]));
    AMIC_TRY(Motion const motion, decode_motion(decision.motion.body));
    out.decision = std::move(decision);
    if (auto const* amend = std::get_if<Amend>(&motion.change))
      for (auto const& text : amend->texts)
        if (text.kind == kind) out.text = text.text;
    return out;
  }
  return fail(
      Code::kNotFound, "instrument",
      std::string(instrument_kind_name(kind)) + " has no version " + std::to_string(version));
}

Result<std::string> instrument_page(Transcript const& transcript, History const& history,
                                    std::span<Bytes const> decisions, InstrumentKind kind,
                                    std::uint32_t version, PageOptions const& options) {
  AMIC_TRY_VOID(check_language(options.language));
  AMIC_TRY(AdoptedText const adopted, adopted_text(transcript, history, decisions, kind, version));
  InstrumentVersion const& one = adopted.version;
  std::string const name =
      std::string(instrument_kind_name(kind)) + ", version " + std::to_string(version);
  Page page(options.language, one.title + " (" + name + ")");
  page.element("h1", one.title);
  page.begin_facts();
  page.fact("Community", adopted.head.community_name);
  page.fact("Community id", hex(history.genesis.id));
  page.fact("Instrument", name);
  page.fact("Adopted", codec::to_rfc3339(one.adopted_ms));
  page.fact("In effect from", codec::to_rfc3339(one.effective_ms));
  page.fact("SHA-256 of the exact text", hex(crypto::sha256(as_bytes(adopted.text))));
  page.end_facts();
  page.element("h2", "Text");
  page.document(adopted.text);
  record_table(page, record_of_changes(transcript, history, kind));
  page.element("h2", "Certificate of adoption");
  if (adopted.decision)
    AMIC_TRY_VOID(decision_certificate(page, *adopted.decision, adopted.head));
  else
    launch_certificate(page, transcript, adopted.head);
  return page.take();
}

Result<std::string> motion_page(Community const& now, MotionView const& view,
                                PageOptions const& options) {
  AMIC_TRY_VOID(check_language(options.language));
  AMIC_TRY(Effect const effect, effect_of(now, view.motion));
  Motion const& motion = view.motion;
  Page page(options.language, motion.title);
  page.element("h1", motion.title);
  page.begin_facts();
  page.fact("Community", now.head.community_name);
  page.fact("Kind", motion_kind_name(view.kind));
  page.fact("What is done with it", verb_name(motion.verb));
  page.fact("Proposed by", name_of(now.head, motion.proposer));
  page.fact("Revision", std::to_string(motion.revision));
  page.fact("Proposed", codec::to_rfc3339(motion.proposed_ms));
  if (motion.deadline_ms != 0)
    page.fact("Answers wished by", codec::to_rfc3339(motion.deadline_ms));
  page.fact("Stage", stage_name(view.stage));
  page.fact("Replied", std::to_string(view.replied) + " of " + std::to_string(view.entitled) +
                           " capitals have replied");
  page.fact("SHA-256 of the motion, which every position signs", hex(view.id));
  page.fact("SHA-256 of the head that it would make", hex(view.next_head));
  page.end_facts();
  page.element("h2", "Effect");
  for (auto const& entry : effect.entries) page.paragraph(entry.sentence);
  for (auto const& diff : effect.diffs) articles(page, diff);
  motion_texts(page, motion.change);
  return page.take();
}

}  // namespace amic::consent
