#include "link/wire.h"

#include "codec/codec.h"
#include "json/json.h"

namespace amic::link {

namespace {
json::array numbers_json(LaneNumbers const& numbers) {
  json::array out;
  for (std::uint64_t const n : numbers) out.emplace_back(n);
  return out;
}
}  // namespace

std::string encode_status(Status const& status) {
  json::object out;
  out["version"] = 1;
  out["community"] = codec::to_hex(status.community.view());
  out["head"] = codec::to_hex(status.head.view());
  out["epoch"] = status.epoch;
  out["member"] = status.member.str();
  out["realm"] = status.realm.str();
  out["log_size"] = status.log_size;
  out["received"] = numbers_json(status.received);
  json::array receipts;
  for (Bytes const& receipt : status.receipts) receipts.emplace_back(codec::to_base64(receipt));
  out["receipts"] = std::move(receipts);
  if (status.queued) out["queued"] = numbers_json(*status.queued);
  if (!status.witnessed.empty()) out["witnessed"] = status.witnessed;
  return json::serialize(out);
}

namespace {

Result<std::uint64_t> unsigned_of(json::value const& value, std::string where) {
  if (value.is_uint64()) return value.get_uint64();
  if (value.is_int64() && value.get_int64() >= 0)
    return static_cast<std::uint64_t>(value.get_int64());
  return fail(Code::kWrongType, std::move(where), "a whole number from 0");
}

Result<std::uint64_t> get_unsigned(json::object const& object, std::string_view name) {
  auto const* const value = object.if_contains(name);
  std::string where = "/" + std::string(name);
  if (value == nullptr) return fail(Code::kMissingField, std::move(where));
  return unsigned_of(*value, std::move(where));
}

Result<LaneNumbers> get_numbers(json::object const& object, std::string_view name) {
  std::string const where = "/" + std::string(name);
  auto const* const value = object.if_contains(name);
  if (value == nullptr) return fail(Code::kMissingField, where);
  if (!value->is_array() || value->get_array().size() != kLaneCount)
    return fail(Code::kWrongType, where, "four numbers");
  LaneNumbers out{};
  for (std::size_t lane = 0; lane < kLaneCount; ++lane) {
    AMIC_TRY(out[lane], unsigned_of(value->get_array()[lane], where + "/" + std::to_string(lane)));
  }
  return out;
}

template <class Fixed>
Result<Fixed> get_hex(json::object const& object, std::string_view name) {
  AMIC_TRY(std::string const text, json::get_string(object, name, ""));
  auto const bytes = codec::from_hex(text);
  auto const fixed = bytes ? Fixed::from(*bytes) : std::nullopt;
  if (!fixed) return fail(Code::kMalformed, "/" + std::string(name), "not a hash in hex");
  return *fixed;
}

}  // namespace

Result<Status> decode_status(std::string_view text) {
  AMIC_TRY(json::value const value,
           json::parse(text, {.depth_max = 4, .bytes_max = kStatusBytesMax}));
  if (!value.is_object()) return fail(Code::kWrongType, "", "an object");
  json::object const& object = value.get_object();
  AMIC_TRY(std::uint64_t const version, get_unsigned(object, "version"));
  if (version != 1) return fail(Code::kUnsupported, "/version", std::to_string(version));
  Status out;
  AMIC_TRY(out.community, get_hex<CommunityId>(object, "community"));
  AMIC_TRY(out.head, get_hex<Hash>(object, "head"));
  AMIC_TRY(out.epoch, get_unsigned(object, "epoch"));
  AMIC_TRY(std::string const member, json::get_string(object, "member", ""));
  AMIC_TRY(out.member, MemberId::parse(member));
  AMIC_TRY(std::string const realm, json::get_string(object, "realm", ""));
  AMIC_TRY(out.realm, Realm::parse(realm));
  AMIC_TRY(out.log_size, get_unsigned(object, "log_size"));
  AMIC_TRY(out.received, get_numbers(object, "received"));
  if (object.contains("queued")) {
    AMIC_TRY(out.queued, get_numbers(object, "queued"));
  }
  auto const* const receipts = object.if_contains("receipts");
  if (receipts == nullptr) return fail(Code::kMissingField, "/receipts");
  if (!receipts->is_array() || receipts->get_array().size() != kLaneCount)
    return fail(Code::kWrongType, "/receipts", "four receipts");
  for (std::size_t lane = 0; lane < kLaneCount; ++lane) {
    json::value const& receipt = receipts->get_array()[lane];
    if (!receipt.is_string())
      return fail(Code::kWrongType, "/receipts/" + std::to_string(lane), "a receipt in base64");
    AMIC_TRY(out.receipts[lane], codec::from_base64(std::string_view(receipt.get_string())));
  }
  if (object.contains("witnessed")) {
    AMIC_TRY(out.witnessed, json::get_string(object, "witnessed", ""));
  }
  return out;
}

Result<std::uint8_t> batch_lane(BytesView batch) {
  codec::Reader in(batch, "batch");
  in.u16();  // version: decode_batch checks all of these
  in.raw(CommunityId::kSize);
  in.vec8();
  in.vec8();
  std::uint8_t const lane = in.u8();
  AMIC_TRY_VOID(in.check());
  if (lane >= kLaneCount) return fail(Code::kOutOfRange, "batch.lane", "0 to 3");
  return lane;
}

std::size_t batch_envelopes(BytesView batch) {
  codec::Reader in(batch, "batch");
  in.u16();
  in.raw(CommunityId::kSize);
  in.vec8();
  in.vec8();
  in.u8();
  in.u64();
  in.raw(Hash::kSize);
  return in.u16();
}

namespace {

Code code_of_name(std::string_view name, Code otherwise) {
#define X(code, text, http, retry) \
  if (name == (text)) return Code::code;
  AMIC_ERROR_CODES(X)
#undef X
  return otherwise;
}

Code code_of_status(int http_status) {
  switch (http_status) {
    case 401:
      return Code::kUnauthorized;
    case 403:
      return Code::kForbidden;
    case 404:
      return Code::kNotFound;
    case 413:
      return Code::kTooLarge;
    case 415:
      return Code::kUnsupportedMedia;
    case 429:
      return Code::kOverloaded;
    case 503:
      return Code::kUnavailable;
    case 504:
      return Code::kTimeout;
    default:
      return http_status >= 500 ? Code::kInternal : Code::kRejected;
  }
}

}  // namespace

Error error_of_answer(int http_status, std::string_view body) {
  Error out{code_of_status(http_status), "peer", "HTTP status " + std::to_string(http_status)};
  auto const value = json::parse(body, {.depth_max = 8, .bytes_max = kAnswerBytesMax});
  if (!value || !value->is_object()) return out;
  json::object const& object = value->get_object();
  if (auto const name = json::get_string(object, "code", ""))
    out.code = code_of_name(*name, out.code);
  if (auto const where = json::get_string(object, "where", "")) out.where = "peer: " + *where;
  if (auto const detail = json::get_string(object, "detail", "")) out.detail = *detail;
  return out;
}

}  // namespace amic::link
