// What programs send to the API, after HTTP and before any handler: TAXII envelopes, markings,
// ids and cursors. The same bytes go to every reader.
#include "api/context.h"
#include "api/marking_json.h"
#include "api/taxii.h"
#include "base/check.h"
#include "base/limits.h"

namespace {
using namespace amic;

// The bundle holds the envelope's objects, as many and byte for byte.
void try_envelope(std::string_view text) {
  auto const bundle = api::taxii_bundle_of(text, "00000000-0000-4000-8000-000000000000");
  if (!bundle) return;
  json::ParseOptions options;
  options.depth_max = bundle->size() + 1;
  auto const sent = json::slice_member_array(text, "objects", limits::kBundleObjectsMax, options);
  auto const kept =
      json::slice_member_array(*bundle, "objects", limits::kBundleObjectsMax, options);
  CHECK(sent.has_value() && kept.has_value());
  CHECK(sent->elements == kept->elements);
  auto const parsed = holdings::parse_bundle(*bundle);
  CHECK(parsed.has_value());
  auto const& report = parsed->report;
  CHECK(report.accepted + report.quarantined + report.rejected == sent->elements.size());
}

void try_marking(std::string_view text) {
  auto const value = json::parse(text);
  if (!value) return;
  auto const marking = api::marking_from_json(*value, "/marking", Realm());
  if (!marking) return;
  // The answer says more than a request may: banner and realm are the node's own words.
  auto again = api::to_json(*marking);
  again.erase("banner");
  again.erase("realm");
  CHECK(api::to_json(api::marking_from_json(again, "", Realm()).value()) == api::to_json(*marking));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text = as_text(BytesView{data, size});
  try_envelope(text);
  try_marking(text);
  if (auto const id = api::parse_envelope_id(text))
    CHECK(api::parse_envelope_id(api::envelope_id_text(*id)).value() == *id);
  static api::CursorSealer const sealer(Bytes(32, 7));
  if (auto const position = sealer.open("list", text))
    CHECK(sealer.seal("list", *position) == text);
  return 0;
}
