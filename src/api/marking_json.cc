#include "api/marking_json.h"

#include "api/context.h"
#include "codec/codec.h"

namespace amic::api {

namespace {
std::string_view text_of(json::value const& value) {
  auto const& text = value.get_string();
  return {text.data(), text.size()};
}

Result<std::string_view> string_at(json::value const& value, std::string const& pointer) {
  if (!value.is_string()) return fail(Code::kWrongType, pointer, "a string is wanted");
  return text_of(value);
}

Result<void> read_rel_to(json::value const& value, std::string const& pointer,
                         marking::Marking& out) {
  if (!value.is_array()) return fail(Code::kWrongType, pointer, "an array of members is wanted");
  std::size_t i = 0;
  for (auto const& entry : value.get_array()) {
    auto const here = pointer + "/" + std::to_string(i++);
    AMIC_TRY(auto const text, string_at(entry, here));
    AMIC_TRY(auto member, at(here, MemberId::parse(text)));
    if (!out.rel_to.insert(member).second)
      return fail(Code::kConflict, here, member.str() + " is named twice");
  }
  return {};
}

Result<void> read_handling(json::value const& value, std::string const& pointer,
                           marking::Marking& out) {
  if (!value.is_array()) return fail(Code::kWrongType, pointer, "an array of codes is wanted");
  std::size_t i = 0;
  for (auto const& entry : value.get_array()) {
    auto const here = pointer + "/" + std::to_string(i++);
    AMIC_TRY(auto const text, string_at(entry, here));
    AMIC_TRY(auto code, at(here, marking::parse_handling(text)));
    out.handling.insert(code);
  }
  return {};
}

constexpr std::string_view kFields[] = {"classification", "rel_to",  "tlp",
                                        "handling",       "purpose", "expires"};

Result<void> read_field(std::string_view name, json::value const& value, std::string const& pointer,
                        marking::Marking& out) {
  if (name == "rel_to") return read_rel_to(value, pointer, out);
  if (name == "handling") return read_handling(value, pointer, out);
  AMIC_TRY(auto const text, string_at(value, pointer));
  if (name == "classification") {
    AMIC_TRY(out.classification, at(pointer, marking::parse_classification(text)));
  } else if (name == "tlp") {
    AMIC_TRY(out.tlp, at(pointer, marking::parse_tlp(text)));
  } else if (name == "purpose") {
    out.purpose = text;
  } else if (name == "expires") {
    AMIC_TRY(auto const us, at(pointer, codec::parse_rfc3339_us(text)));
    out.expires_ms = us / 1000;
  }
  return {};
}
}  // namespace

json::object to_json(marking::Marking const& marking) {
  json::object out;
  out["banner"] = marking::banner(marking);
  out["classification"] = marking::classification_name(marking.classification);
  json::array rel_to;
  for (auto const& member : marking.rel_to) rel_to.emplace_back(member.str());
  out["rel_to"] = std::move(rel_to);
  out["tlp"] = marking::tlp_name(marking.tlp);
  json::array handling;
  for (auto const code : marking.handling) handling.emplace_back(marking::handling_name(code));
  out["handling"] = std::move(handling);
  if (!marking.purpose.empty()) out["purpose"] = marking.purpose;
  if (marking.expires_ms) out["expires"] = codec::to_rfc3339(*marking.expires_ms);
  out["realm"] = marking.realm.str();
  return out;
}

Result<marking::Marking> marking_from_json(json::value const& value, std::string const& pointer,
                                           Realm const& realm) {
  if (!value.is_object()) return fail(Code::kWrongType, pointer, "an object is wanted");
  AMIC_TRY_VOID(check_fields(value.get_object(), kFields, pointer));
  marking::Marking out;
  out.realm = realm;
  bool classified = false;
  for (auto const& field : value.get_object()) {
    std::string_view const name{field.key().data(), field.key().size()};
    classified = classified || name == "classification";
    AMIC_TRY_VOID(read_field(name, field.value(), pointer + "/" + json::pointer_token(name), out));
  }
  if (!classified)
    return fail(Code::kMissingField, pointer + "/classification", "say it; there is no default");
  return out;
}

json::object to_json(marking::Decision const& decision) {
  json::object out;
  json::array recipients;
  for (auto const& member : decision.recipients) recipients.emplace_back(member.str());
  out["recipients"] = std::move(recipients);
  json::array refusals;
  for (auto const& refusal : decision.refusals) {
    json::object entry;
    if (!refusal.member.empty()) entry["member"] = refusal.member.str();
    entry["code"] = code_name(refusal.code);
    entry["reason"] = refusal.reason;
    refusals.push_back(std::move(entry));
  }
  out["refusals"] = std::move(refusals);
  return out;
}

}  // namespace amic::api
