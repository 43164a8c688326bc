// Carrier files (docs/formats/bundle.md) for a client that reads and writes them: the node hands
// out an export piece by piece and takes an import section by section, so that neither side ever
// holds more than one batch.
#include <charconv>
#include <future>

#include "api/openapi.h"
#include "api/routes.h"
#include "codec/codec.h"
#include "exchange/bundle_import.h"

namespace amic::api {

namespace {
constexpr std::string_view kExportFields[] = {"to", "max_bytes", "since_last"};
constexpr std::size_t kCheckBytesMax = 2 << 20;

Result<exchange::CarrierExports*> carriers(Services& services) {
  if (services.deps.carriers == nullptr)
    return fail(Code::kNotFound, "carriers", "this node makes no carrier files");
  return services.deps.carriers;
}

Result<exchange::ExportRequest> read_export(std::string_view text) {
  AMIC_TRY(auto const value, json::parse(text));
  if (!value.is_object()) return fail(Code::kWrongType, "", "an object is wanted");
  auto const& object = value.get_object();
  AMIC_TRY_VOID(check_fields(object, kExportFields, ""));
  exchange::ExportRequest out;
  AMIC_TRY(auto const to, json::get_string(object, "to", ""));
  AMIC_TRY(out.to, at("/to", MemberId::parse(to)));
  if (object.contains("max_bytes")) {
    AMIC_TRY(auto const most, json::get_int(object, "max_bytes", ""));
    if (most < 0) return fail(Code::kOutOfRange, "/max_bytes");
    out.part_bytes_max = static_cast<std::uint64_t>(most);
  }
  if (auto const* since = object.if_contains("since_last")) {
    if (!since->is_bool()) return fail(Code::kWrongType, "/since_last", "true or false");
    out.since_last = since->get_bool();
  }
  return out;
}

Result<std::uint64_t> parse_index(std::string_view text) {
  std::uint64_t out = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(Code::kMalformed, "path.piece", "a whole number from 0");
  return out;
}

Result<net::Response> begin_export(Services& services, Call const& call) {
  AMIC_TRY(auto* const exports, carriers(services));
  AMIC_TRY(auto request, read_export(call.request.body));
  AMIC_TRY(auto const work, exports->begin(std::move(request)));
  return json_response(201, exchange::export_json(*work));
}

Result<net::Response> get_piece(Services& services, Call const& call) {
  AMIC_TRY(auto* const exports, carriers(services));
  AMIC_TRY(auto const id, parse_envelope_id(call.path.at("id")));
  AMIC_TRY(auto const index, parse_index(call.path.at("piece")));
  AMIC_TRY(auto piece, exports->piece(id, index));
  net::Response out;
  out.headers = {{"cache-control", "no-store"}};
  if (!piece) {
    out.status = 204;
    return out;
  }
  out.headers.emplace_back("content-type", "application/octet-stream");
  out.headers.emplace_back("amic-part", std::to_string(piece->part));
  out.headers.emplace_back("amic-part-ends", piece->last_of_part ? "true" : "false");
  out.body = std::string(as_text(piece->bytes));
  return out;
}

Result<net::Response> end_export(Services& services, Call const& call) {
  AMIC_TRY(auto* const exports, carriers(services));
  AMIC_TRY(auto const id, parse_envelope_id(call.path.at("id")));
  bool const safe = call.query_value("safe").value_or("false") == "true";
  auto const done = std::make_shared<std::promise<Result<void>>>();
  auto result = done->get_future();
  exports->end(id, safe, [done](Result<void> marked) { done->set_value(std::move(marked)); });
  AMIC_TRY_VOID(result.get());
  net::Response out;
  out.status = 204;
  return out;
}

Result<net::Response> check_carrier(Services& services, Call const& call) {
  AMIC_TRY(auto* const exports, carriers(services));
  if (call.request.header("content-type") != kCarrierCheckType)
    return fail(Code::kUnsupportedMedia, "header.content-type", std::string(kCarrierCheckType));
  codec::Reader in(as_bytes(call.request.body), "body");
  auto const header_bytes = in.vec32(kCheckBytesMax);
  auto const manifest_bytes = in.vec32(kCheckBytesMax);
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY(auto const header, exchange::decode_carrier_header(header_bytes));
  AMIC_TRY(auto const manifest, exchange::decode_carrier_manifest(manifest_bytes));
  exchange::ExchangeSink sink(exports->parts());
  AMIC_TRY_VOID(sink.check(header, manifest));
  return json_response(200, json::object{{"from", header.from.str()},
                                         {"part", header.part},
                                         {"parts", header.parts.size()},
                                         {"sections", manifest.sections.size()}});
}

Result<net::Response> take_section(Services& services, Call const& call) {
  AMIC_TRY(auto* const exports, carriers(services));
  auto const type = call.request.header("content-type");
  exchange::Section section;
  if (type == kReceiptType)
    section.type = exchange::SectionType::kReceipt;
  else if (type == kBatchType)
    section.type = exchange::SectionType::kBatch;
  else
    return fail(Code::kUnsupportedMedia, "header.content-type", "a batch or a receipt");
  section.body = to_bytes(call.request.body);
  auto const from = call.query_value("from");
  if (!from) return fail(Code::kMissingField, "query.from");
  AMIC_TRY(auto const member, at("query.from", MemberId::parse(*from)));
  exchange::ExchangeSink sink(exports->parts());
  AMIC_TRY(auto const outcome, sink.take(member, section));
  return json_response(200, exchange::to_json(outcome));
}
}  // namespace

std::vector<Route> carrier_routes() {
  return {
      {"POST", "/api/v1/carriers/exports", Access::kAdmin, answers(begin_export),
       "Begin a carrier file of what waits for one member"},
      {"GET", "/api/v1/carriers/exports/{id}/pieces/{piece}", Access::kAdmin, answers(get_piece),
       "The next bytes of the file, pieces from 0; 204 at the end"},
      {"DELETE", "/api/v1/carriers/exports/{id}", Access::kAdmin, answers(end_export),
       "End an export; ?safe=true: it was written whole, later ones since the last begin after it"},
      {"POST", "/api/v1/carriers/checks", Access::kAdmin, answers(check_carrier),
       "Check header and manifest of a carrier file before anything of it is taken"},
      {"POST", "/api/v1/carriers/sections", Access::kAdmin, answers(take_section),
       "Take one batch or receipt of a carrier file; repeating it changes nothing"},
  };
}

}  // namespace amic::api
