// Adding objects: an envelope becomes a private import. Its status resource is worked out from the
// log and the index whenever it is asked for; stored is only whose it is and which item.
#include "api/taxii.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "net/problem.h"
#include "stix/stix.h"

namespace amic::api {

namespace {
constexpr std::string_view kSpace = "taxii-status";
constexpr std::size_t kScanMax = 1000;

struct StatusRecord {
  std::string token_id;
  UnixMs at_ms = 0;
  EnvelopeId item;
};

Bytes encode(StatusRecord const& record) {
  codec::Writer out;
  out.u16(1).str8(record.token_id).i64(record.at_ms).raw(record.item.view());
  return out.take();
}

Result<StatusRecord> decode(BytesView bytes) {
  codec::Reader in(bytes, "taxii.status");
  if (in.u16() != 1) in.reject(Code::kUnsupported, "unknown version");
  StatusRecord out;
  out.token_id = in.str8();
  out.at_ms = in.i64();
  out.item = in.fixed<EnvelopeId>();
  AMIC_TRY_VOID(in.finish());
  return out;
}

struct Detail {
  std::string id;
  std::int64_t version_us = 0;
  std::string message;
};
struct Outcome {
  std::vector<Detail> good;  // by index in the envelope; id empty: refused
  std::vector<Detail> failures;
};

Outcome outcome_of(holdings::Parsed const& parsed, UnixMs at_ms) {
  Outcome out;
  for (auto const& one : parsed.objects) {
    Detail detail;
    auto const& object = one.checked.object;
    if (one.checked.verdict == stix::Verdict::kAccept) {
      detail.id = object.id;
      // Observables have no version of their own: it is the time they were added.
      detail.version_us =
          object.modified_us ? *object.modified_us : object.created_us.value_or(at_ms * 1000);
    }
    out.good.push_back(std::move(detail));
  }
  for (auto const& refused : parsed.report.refused) {
    Detail detail;
    detail.id = refused.id.empty() ? "unknown" : refused.id;
    detail.version_us = at_ms * 1000;
    detail.message = refused.pointer + ": " + refused.reason;
    out.failures.push_back(std::move(detail));
  }
  return out;
}

json::array details_json(std::vector<Detail> const& details) {
  json::array out;
  for (auto const& detail : details) {
    if (detail.id.empty()) continue;
    json::object entry{{"id", detail.id}, {"version", stix::format_timestamp(detail.version_us)}};
    if (!detail.message.empty()) entry["message"] = detail.message;
    out.push_back(std::move(entry));
  }
  return out;
}

// The status resource of TAXII 2.1, section 4.3.
net::Response status_response(int http_status, std::string const& id, UnixMs at_ms, bool pending,
                              Outcome const& outcome) {
  auto good = details_json(outcome.good);
  auto failures = details_json(outcome.failures);
  json::object out;
  out["id"] = id;
  out["status"] = pending ? "pending" : "complete";
  out["request_timestamp"] = codec::to_rfc3339_us(at_ms * 1000);
  out["total_count"] = good.size() + failures.size();
  out["success_count"] = pending ? 0 : good.size();
  out["failure_count"] = failures.size();
  out["pending_count"] = pending ? good.size() : 0;
  if (!failures.empty()) out["failures"] = std::move(failures);
  if (!good.empty()) out[pending ? "pendings" : "successes"] = std::move(good);
  return taxii_response(http_status, json::serialize(out));
}

constexpr std::string_view kEnvelopeFields[] = {"objects", "more", "next"};

}  // namespace

Result<std::string> taxii_bundle_of(std::string_view body, std::string const& uuid) {
  if (body.size() > limits::kBodyBytesMax)
    return fail(Code::kTooLarge, "body", "larger than max_content_length of the API root");
  // How deep an object goes is its own affair: it is then refused alone.
  json::ParseOptions options;
  options.depth_max = body.size() + 1;
  AMIC_TRY(auto const slices,
           json::slice_member_array(body, "objects", limits::kBundleObjectsMax, options));
  AMIC_TRY(auto const head, json::parse(slices.rest));
  AMIC_TRY_VOID(check_fields(head.get_object(), kEnvelopeFields, ""));
  if (slices.elements.empty())
    return fail(Code::kMalformed, "/objects", "at least one object is wanted");
  std::string out;
  out.reserve(body.size() + 128);
  out += R"({"type":"bundle","id":"bundle--)" + uuid + R"(","objects":[)";
  for (std::size_t i = 0; i < slices.elements.size(); ++i) {
    if (i > 0) out += ',';
    out += slices.elements[i];
  }
  return out + "]}";
}

namespace {
std::string random_uuid(Random& random) {
  auto bits = random.fixed<EnvelopeId>();
  bits.data[6] = static_cast<std::uint8_t>((bits.data[6] & 0x0F) | 0x40);
  bits.data[8] = static_cast<std::uint8_t>((bits.data[8] & 0x3F) | 0x80);
  return codec::to_uuid(bits.view());
}
}  // namespace

void taxii_add_objects(Services& services, Call call, net::Responder respond) {
  auto const collection = find_taxii_collection(services, call);
  if (!collection) return respond(net::problem(collection.error()));
  if (!collection->writable())
    return respond(
        net::problem(Code::kForbidden, "path.id", "this collection is for reading only"));
  auto const id = random_uuid(services.deps.random);
  auto const bundle = taxii_bundle_of(call.request.body, id);
  if (!bundle) return respond(net::problem(bundle.error()));
  auto const parsed = holdings::parse_bundle(*bundle);
  if (!parsed) return respond(net::problem(parsed.error()));

  auto const now_ms = services.deps.clock.now_ms();
  exchange::ShareRequest share;
  share.keep_private = true;
  // Who may add it may read it back; nobody with less clearance may.
  share.marking.classification = call.who.reader.clearance;
  share.marking.realm = services.deps.exchange.realm();
  share.body = to_bytes(*bundle);
  auto const& exchange = services.deps.exchange;
  share.id = envelope::make_id(exchange.community().id, exchange.self(), services.deps.random);
  share.kv.push_back(
      {std::string(kSpace), id, encode(StatusRecord{call.who.token_id, now_ms, *share.id})});
  services.deps.exchange.share(
      std::move(share), [id, now_ms, outcome = outcome_of(*parsed, now_ms),
                         respond = std::move(respond)](Result<exchange::ShareResult> stored) {
        respond(stored ? status_response(202, id, now_ms, /*pending=*/true, outcome)
                       : net::problem(stored.error()));
      });
}

Result<net::Response> taxii_status(Services& services, Call const& call) {
  auto const& id = call.path.at("id");
  auto const unknown = fail(Code::kNotFound, "path.id", "no such status");
  AMIC_TRY(auto const stored, services.deps.store.kv_get(std::string(kSpace), id));
  if (!stored) return unknown;
  AMIC_TRY(auto const status, decode(*stored));
  if (status.token_id != call.who.token_id) return unknown;
  AMIC_TRY(auto const record, services.deps.store.log_find(status.item));
  if (!record) return fail(Code::kInternal, "taxii.status", "no such item in the log");
  AMIC_TRY(auto const contents, services.deps.exchange.open_record(*record));
  AMIC_TRY(auto const parsed, holdings::parse_bundle(as_text(contents.body)));
  auto outcome = outcome_of(parsed, status.at_ms);
  if (services.deps.applied_seq() < record->seq)
    return status_response(200, id, status.at_ms, /*pending=*/true, outcome);
  // What the index refused besides: another content under a version that is held.
  AMIC_TRY(auto const refused, services.deps.store.refused(record->seq));
  for (auto const& one : refused) {
    if (one.index >= outcome.good.size() || outcome.good[one.index].id.empty()) continue;
    auto detail = std::move(outcome.good[one.index]);
    outcome.good[one.index] = {};
    detail.message = one.pointer + ": " + one.reason;
    outcome.failures.push_back(std::move(detail));
  }
  return status_response(200, id, status.at_ms, /*pending=*/false, outcome);
}

Result<std::vector<store::KvPut>> expired_taxii_statuses(store::Store& store, UnixMs before_ms,
                                                         std::string& after_key) {
  AMIC_TRY(auto const rows, store.kv_scan(std::string(kSpace), after_key, kScanMax));
  std::vector<store::KvPut> out;
  for (auto const& [key, value] : rows) {
    auto const status = decode(value);
    if (!status || status->at_ms < before_ms)
      out.push_back({std::string(kSpace), key, std::nullopt});
  }
  after_key = rows.size() < kScanMax ? "" : rows.back().first;
  return out;
}

}  // namespace amic::api
