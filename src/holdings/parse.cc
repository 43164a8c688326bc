#include <algorithm>
#include <vector>

#include "holdings/holdings.h"

namespace amic::holdings {
namespace {

constexpr std::size_t kArenaBytes = 64 << 10;  // most objects parse within it, without malloc

// Checks objects one after the other in one reused arena.
class Checker {
 public:
  Checker() : arena_(kArenaBytes) {}

  void take(Parsed& parsed, std::string_view text, std::string const& pointer) {
    auto const index = static_cast<std::uint32_t>(parsed.objects.size());
    stix::Checked checked = check(text);
    Report& report = parsed.report;
    switch (checked.verdict) {
      case stix::Verdict::kAccept:
        ++report.accepted;
        break;
      case stix::Verdict::kQuarantine:
        ++report.quarantined;
        break;
      case stix::Verdict::kReject:
        ++report.rejected;
        break;
    }
    if (checked.verdict != stix::Verdict::kAccept)
      report.refused.push_back(outcome(checked, index, pointer));
    parsed.objects.push_back({text, std::move(checked)});
  }

 private:
  stix::Checked check(std::string_view text) {
    if (text.size() > limits::kStixObjectBytesMax)
      return refused({Code::kTooLarge, "",
                      "longer than " + std::to_string(limits::kStixObjectBytesMax) + " bytes"});
    boost::json::monotonic_resource resource(arena_.data(), arena_.size());
    auto const value = json::parse(text, {}, json::Storage(&resource));
    if (!value) return refused(value.error());
    return stix::check(*value);
  }

  // Parse errors name a JSON pointer or a byte offset; only the former belongs in a pointer.
  static stix::Checked refused(Error const& error) {
    bool const pointer = error.where.empty() || error.where.front() == '/';
    stix::Issue issue;
    issue.code = error.code;
    issue.pointer = pointer ? error.where : "";
    issue.reason = pointer ? error.detail : error.detail + " (" + error.where + " of the object)";
    stix::Checked out;
    out.verdict = stix::Verdict::kReject;
    out.issues.push_back(std::move(issue));
    return out;
  }

  static Outcome outcome(stix::Checked const& checked, std::uint32_t index,
                         std::string const& pointer) {
    Outcome out;
    out.index = index;
    out.verdict = checked.verdict;
    out.id = checked.object.id;
    out.pointer = pointer;
    out.reason = "refused without a reason";
    if (checked.issues.empty()) return out;
    // The first issue that is as bad as the verdict.
    auto worst = std::find_if(checked.issues.begin(), checked.issues.end(),
                              [](stix::Issue const& issue) { return issue.fatal; });
    if (worst == checked.issues.end()) worst = checked.issues.begin();
    out.code = worst->code;
    out.pointer += worst->pointer;
    out.reason = worst->reason;
    return out;
  }

  std::vector<unsigned char> arena_;
};

bool is_bundle(json::value const& value) {
  if (!value.is_object()) return false;
  json::value const* const type = value.get_object().if_contains("type");
  return type != nullptr && type->is_string() && type->get_string() == "bundle";
}

Parsed parse_single(std::string_view text) {
  Parsed out;
  Checker().take(out, text, "");
  return out;
}

}  // namespace

Result<Parsed> parse_bundle(std::string_view text) {
  // Depth is each object's own affair: slicing needs no recursion, so it may go as deep as the
  // text.
  json::ParseOptions options;
  options.depth_max = text.size() + 1;
  auto const slices = json::slice_member_array(text, "objects", limits::kBundleObjectsMax, options);
  if (!slices && slices.error().code != Code::kWrongType) return fail(slices.error());
  // `objects` of another type is a bundle's fault, but a right of other STIX types.
  AMIC_TRY(json::value const head, json::parse(slices ? std::string_view(slices->rest) : text));
  if (!is_bundle(head)) return parse_single(text);
  if (!slices) return fail(slices.error());
  AMIC_TRY_VOID(stix::check_bundle_head(head));
  Parsed out;
  out.objects.reserve(slices->elements.size());
  Checker checker;
  for (std::string_view const element : slices->elements)
    checker.take(out, element, "/objects/" + std::to_string(out.objects.size()));
  return out;
}

}  // namespace amic::holdings
