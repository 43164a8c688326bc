#include "node/community_view.h"

#include "codec/codec.h"
#include "json/json.h"

namespace amic::node {

namespace {
// Our own output, so it parses.
json::object head_object(consent::Head const& head) {
  return json::parse(consent::to_json(head)).value().as_object();
}
json::object press_object(consent::Press const& press) {
  json::object out;
  out["member"] = press.member.str();
  out["pressed"] = codec::to_rfc3339(press.pressed_ms);
  out["draft_digest"] = codec::to_hex(press.draft_digest.view());
  return out;
}
}  // namespace

std::string transcript_text(consent::Transcript const& transcript,
                            consent::Community const& community) {
  std::string out = consent::show(transcript.draft);
  out += "\nPressed by every founder:\n";
  for (auto const& press : transcript.presses)
    out += "  " + press.member.str() + "  " + codec::to_rfc3339(press.pressed_ms) + "\n";
  out += "\nLaunched. Community identifier:\n  " + consent::spaced_hex(community.id.view()) + "\n";
  return out;
}

std::string transcript_json(consent::Transcript const& transcript,
                            consent::Community const& community) {
  json::array presses;
  for (auto const& press : transcript.presses) presses.push_back(press_object(press));
  json::object out;
  out["community"] = codec::to_hex(community.id.view());
  out["head"] = head_object(community.head);
  out["presses"] = std::move(presses);
  return json::serialize(out);
}

std::string draft_json(consent::Draft const& draft, consent::Head const& head) {
  json::object out;
  out["hash"] = codec::to_hex(consent::head_digest(draft.head_bytes).view());
  out["head"] = head_object(head);
  return json::serialize(out);
}

std::string press_json(consent::Press const& press) {
  return json::serialize(press_object(press));
}

std::string community_text(consent::Community const& community, consent::Card const& own) {
  consent::Head const& head = community.head;
  std::string out = "Community:   " + head.community_name + "\n";
  out += "Identifier:  " + consent::spaced_hex(community.id.view()) + "\n";
  out += "Epoch:       " + std::to_string(head.epoch) + "\n";
  out += "Head:        " + consent::spaced_hex(community.head_digest.view()) + "\n";
  out += "This member: " + own.member.str() + " (" + own.name + ")\n";
  out += "Chair:       " + head.chair.str() + "\n";
  out += "Members:    ";
  for (auto const& card : head.members) out += " " + card.member.str();
  out += "\nInstruments in force:\n";
  for (auto const& one : head.instruments)
    out += "  " + std::string{consent::instrument_kind_name(one.kind)} + " version " +
           std::to_string(one.version) + ": " + one.title + "\n";
  return out;
}

std::string community_json(consent::Community const& community, consent::Card const& own) {
  json::object out;
  out["community"] = codec::to_hex(community.id.view());
  out["member"] = own.member.str();
  out["head"] = head_object(community.head);
  return json::serialize(out);
}

}  // namespace amic::node
