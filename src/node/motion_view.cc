#include "node/motion_view.h"

#include "codec/codec.h"
#include "node/saying.h"

namespace amic::node {

namespace {
// Each line with a sign in front.
std::string marked(std::string_view text, std::string_view mark) {
  std::string out;
  while (!text.empty()) {
    auto const end = text.find('\n');
    out += std::string(mark) + std::string(text.substr(0, end)) + "\n";
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
  }
  return out;
}

std::string article_text(json::object const& article) {
  auto const heading = field(article, "heading");
  std::string out = "  " + field(article, "change") + ": " +
                    (heading.empty() ? "before the first heading" : heading) + "\n";
  return out + marked(field(article, "before"), "    - ") +
         marked(field(article, "after"), "    + ");
}

std::string effect_text(json::object const& effect) {
  std::string out = "Effect:\n";
  for (auto const& entry : effect.at("entries").as_array())
    out += "  " + field(entry.as_object(), "sentence") + "\n";
  for (auto const& one : effect.at("diffs").as_array()) {
    auto const& diff = one.as_object();
    auto const from = field(diff, "from_version");
    out += "\n" + field(diff, "instrument") +
           (from.empty() ? ", new, version " : ", version " + from + " to ") +
           field(diff, "to_version");
    auto const effective = field(diff, "effective");
    out += effective.empty() ? "\n" : ", effective " + effective + "\n";
    for (auto const& article : diff.at("articles").as_array())
      out += article_text(article.as_object());
  }
  return out;
}

std::string hash_text(std::string const& next_head) {
  return "\nThe hash that a position signs (the head that it would make):\n  " +
         grouped(next_head) + "\n";
}

std::string words_text(json::object const& motion, char const* name, char const* title) {
  auto const* list = motion.if_contains(name);
  if (list == nullptr || list->as_array().empty()) return "";
  std::string out = "\n" + std::string(title) + ":\n";
  for (auto const& value : list->as_array()) {
    auto const& one = value.as_object();
    out += "  " + field(one, "author") + " at " + field(one, "created");
    if (!field(one, "place").empty()) out += ", " + field(one, "place");
    if (!field(one, "to").empty()) out += ", to " + field(one, "to") + " alone";
    out += "\n" + marked(field(one, "text"), "    ");
  }
  return out;
}
}  // namespace

std::string motion_line(json::object const& one) {
  std::string out = field(one, "id").substr(0, 16) + "  " + field(one, "kind") + "  " +
                    field(one, "stage") + "  " + field(one, "replied") + " of " +
                    field(one, "entitled") + " have replied  " + field(one, "proposer") + "  " +
                    field(one, "title");
  auto const own = field(one, "own_position");
  return out + (own.empty() ? "" : "  (we: " + own + ")") + "\n";
}

std::string motion_text(json::object const& motion) {
  std::string out = "Motion " + grouped(field(motion, "id")) + "\n  " + field(motion, "title") +
                    "\n  " + field(motion, "kind") + ", to " + field(motion, "verb") +
                    ", proposed by " + field(motion, "proposer") + " at " +
                    field(motion, "proposed") + ", revision " + field(motion, "revision") + "\n";
  auto const deadline = field(motion, "deadline");
  if (!deadline.empty()) out += "  wished by " + deadline + "\n";
  out += "  " + field(motion, "stage") + ", round " + field(motion, "round") + "; " +
         field(motion, "replied") + " of " + field(motion, "entitled") + " capitals have replied\n";
  auto const own = field(motion, "own_position");
  out += own.empty() ? "" : "  our position: " + own + "\n";
  out += "\n" + effect_text(motion.at("effect").as_object());
  auto const text = field(motion.at("change").as_object(), "text");
  if (!text.empty()) out += "\nText:\n" + marked(text, "  ");
  out += words_text(motion, "comment_texts", "Comments");
  out += words_text(motion, "reasons", "Reasons, to the chair alone");
  if (auto const* missing = motion.if_contains("outstanding");
      missing != nullptr && !missing->as_array().empty()) {
    out += "\nNot replied yet, for the chair alone:";
    for (auto const& member : missing->as_array())
      out += " " + std::string(member.as_string().c_str());
    out += "\n";
  }
  return out + hash_text(field(motion, "next_head"));
}

std::string proposed_text(consent::Community const& now, consent::Motion const& motion,
                          consent::Effect const& effect, Hash const& next_head) {
  std::string out = "Community " + now.head.community_name + ", epoch " +
                    std::to_string(now.head.epoch) + "\n  " +
                    grouped(codec::to_hex(now.id.view())) + "\nHead in force:\n  " +
                    grouped(codec::to_hex(now.head_digest.view())) + "\nMembers:\n";
  for (auto const& card : now.head.members)
    out += "  " + card.member.str() + "  " + card.name +
           (card.member == now.head.chair ? "  (chair)\n" : "\n");
  out += "\nMotion " + grouped(codec::to_hex(consent::motion_id(motion).view())) + "\n  " +
         motion.title + "\n  proposed by " + motion.proposer.str() + " at " +
         codec::to_rfc3339(motion.proposed_ms) + "\n\n" + effect_text(consent::effect_json(effect));
  return out + hash_text(codec::to_hex(next_head.view()));
}

}  // namespace amic::node
