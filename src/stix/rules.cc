// Rules between properties. Broken ones quarantine: every property by itself is sound.
#include "stix/internal/checker.h"
#include "stix/internal/lexical.h"

namespace amic::stix::internal {
namespace {

std::optional<std::int64_t> time_at(json::object const& o, std::string_view name) {
  auto const* found = o.if_contains(name);
  if (found == nullptr || !found->is_string()) return std::nullopt;
  auto const read = read_timestamp(found->get_string());
  return read ? std::optional(read->unix_us) : std::nullopt;
}

std::size_t count_of(json::object const& o, Rule const& rule) {
  std::size_t count = 0;
  for (auto const name : rule.names) count += !name.empty() && o.contains(name) ? 1 : 0;
  return count;
}

std::string joined(Rule const& rule) {
  std::string out;
  for (auto const name : rule.names)
    if (!name.empty()) out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

}  // namespace

void Checker::check_rules(json::object const& o, Shape const& shape, bool own, Place const* at) {
  for (auto const& rule : shape.rules) {
    auto const [first, second] = std::pair(rule.names[0], rule.names[1]);
    auto const broken = [&](Code code, std::string_view member, std::string_view text) {
      Place const here{at, member};
      issue(member.empty() ? at : &here, false, code, shape.section, text);
    };
    switch (rule.kind) {
      case RuleKind::kNotBefore:
      case RuleKind::kLater: {
        auto const from = time_at(o, first), to = time_at(o, second);
        if (!from || !to) break;
        bool const later = rule.kind == RuleKind::kLater;
        if (later ? *to <= *from : *to < *from)
          broken(Code::kOutOfRange, second,
                 std::string(later ? "must be later than " : "must not be before ").append(first));
        break;
      }
      case RuleKind::kAtLeastOne:
        if (count_of(o, rule) == 0)
          broken(Code::kMissingField, "", "at least one must be present: " + joined(rule));
        break;
      case RuleKind::kExactlyOne:
        if (count_of(o, rule) != 1)
          broken(count_of(o, rule) == 0 ? Code::kMissingField : Code::kConflict, "",
                 "exactly one must be present: " + joined(rule));
        break;
      case RuleKind::kNeeds:
        if (o.contains(first) && !o.contains(second))
          broken(Code::kMissingField, second, std::string("must be present with ").append(first));
        break;
      case RuleKind::kAnyOwn:
        if (!own && (first.empty() || !o.contains(first)))
          broken(Code::kMissingField, "", "at least one optional property must be present");
        break;
      case RuleKind::kCustom:
        if (auto const member = rule.custom(o)) broken(Code::kMalformed, *member, rule.text);
        break;
    }
  }
}

}  // namespace amic::stix::internal
