#include "exchange/attachment_state.h"

#include <algorithm>

#include "codec/codec.h"
#include "marking/marking.h"

namespace amic::exchange {
namespace {

constexpr char kByItem[] = "attachment";
constexpr char kByRoot[] = "attachment-root";
constexpr char kWanted[] = "attachment-wanted";
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kIdHex = 2 * EnvelopeId::kSize;

std::string hex(BytesView bytes) {
  return codec::to_hex(bytes);
}

Bytes encode_row(AttachmentRow const& row) {
  codec::Writer out;
  out.u16(kVersion).raw(row.target.view()).raw(row.root.view()).u64(row.size);
  out.str8(row.originator.str()).i64(row.expires_ms);
  out.u8(static_cast<std::uint8_t>(row.recipients.size()));
  for (auto const& member : row.recipients) out.str8(member.str());
  return out.take();
}

Result<EnvelopeId> id_of(std::string_view text) {
  auto const bytes = codec::from_hex(text);
  auto const id = bytes ? EnvelopeId::from(*bytes) : std::nullopt;
  if (!id) return fail(Code::kCorrupt, "attachment.key");
  return *id;
}

Result<MemberId> member_of(codec::Reader& in) {
  auto const text = in.str8(16);
  AMIC_TRY_VOID(in.check());
  return MemberId::parse(text);
}

Result<AttachmentRow> decode_row(std::string_view key, BytesView value) {
  AttachmentRow out;
  if (key.size() != 2 * kIdHex + 1) return fail(Code::kCorrupt, "attachment.key");
  AMIC_TRY(out.item, id_of(key.substr(0, kIdHex)));
  AMIC_TRY(out.id, id_of(key.substr(kIdHex + 1)));
  codec::Reader in(value, "attachment.row");
  if (in.u16() != kVersion) in.reject(Code::kUnsupported, "unknown version");
  out.target = in.fixed<Hash>();
  out.root = in.fixed<Hash>();
  out.size = in.u64();
  AMIC_TRY(out.originator, member_of(in));
  out.expires_ms = in.i64();
  std::size_t const count = in.u8();
  for (std::size_t i = 0; i < count; ++i) {
    AMIC_TRY(auto member, member_of(in));
    out.recipients.push_back(std::move(member));
  }
  AMIC_TRY_VOID(in.finish());
  return out;
}

using Rows = std::vector<std::pair<std::string, Bytes>>;

// Rows whose keys begin with `prefix`, which ends in '/'.
Result<Rows> rows_under(store::Store& store, std::string const& space, std::string const& prefix) {
  Rows out;
  for (std::string after = prefix;;) {
    AMIC_TRY(auto rows, store.kv_scan(space, after, limits::kAttachmentsPerItemMax));
    for (auto& row : rows) {
      if (!row.first.starts_with(prefix)) return out;
      after = row.first;
      out.push_back(std::move(row));
    }
    if (rows.size() < limits::kAttachmentsPerItemMax) return out;
  }
}

std::string wanted_key(MemberId const& from, EnvelopeId const& id) {
  return from.str() + "/" + hex(id.view());
}

}  // namespace

Result<std::vector<AttachmentRow>> attachments_of(store::Store& store, EnvelopeId const& item) {
  AMIC_TRY(auto const rows, rows_under(store, kByItem, hex(item.view()) + "/"));
  std::vector<AttachmentRow> out;
  for (auto const& [key, value] : rows) {
    AMIC_TRY(auto row, decode_row(key, value));
    out.push_back(std::move(row));
  }
  return out;
}

Result<std::vector<AttachmentRow>> attachments_with(store::Store& store, Hash const& root) {
  auto const prefix = hex(root.view()) + "/";
  AMIC_TRY(auto const rows, rows_under(store, kByRoot, prefix));
  std::vector<AttachmentRow> out;
  for (auto const& [key, item] : rows) {
    auto const by_item = hex(item) + "/" + key.substr(prefix.size());
    AMIC_TRY(auto const value, store.kv_get(kByItem, by_item));
    if (!value) continue;
    AMIC_TRY(auto row, decode_row(by_item, *value));
    out.push_back(std::move(row));
  }
  return out;
}

Result<std::vector<AttachmentRow>> next_attachments(store::Store& store, std::string& after_key) {
  AMIC_TRY(auto const rows, store.kv_scan(kByItem, after_key, limits::kPageMax));
  std::vector<AttachmentRow> out;
  for (auto const& [key, value] : rows) {
    AMIC_TRY(auto row, decode_row(key, value));
    out.push_back(std::move(row));
    after_key = key;
  }
  return out;
}

Result<std::vector<store::KvPut>> attachment_puts(envelope::Contents const& contents,
                                                  store::Store& store) {
  AMIC_TRY(auto const attachment, read_attachment(contents));
  AMIC_TRY(auto const marking, marking::decode(contents.marking));
  AMIC_TRY(auto const others, attachments_of(store, attachment.item));
  if (others.size() >= limits::kAttachmentsPerItemMax)
    return fail(Code::kOverloaded, "attachment.item", "it has 256 attachments already");
  AttachmentRow row;
  row.id = contents.id;
  row.item = attachment.item;
  row.target = attachment.target;
  row.root = attachment.root;
  row.size = attachment.size;
  row.originator = contents.originator;
  row.expires_ms = marking.expires_ms.value_or(INT64_MAX);
  row.recipients = contents.recipients;
  auto const id = hex(row.id.view());
  return std::vector<store::KvPut>{
      {kByItem, hex(row.item.view()) + "/" + id, encode_row(row)},
      {kByRoot, hex(row.root.view()) + "/" + id, to_bytes(row.item.view())}};
}

std::vector<store::KvPut> attachment_deletes(AttachmentRow const& row) {
  auto const id = hex(row.id.view());
  return {{kByItem, hex(row.item.view()) + "/" + id, std::nullopt},
          {kByRoot, hex(row.root.view()) + "/" + id, std::nullopt},
          wanted_delete(row.originator, row.id)};
}

store::KvPut wanted_put(WantedAttachment const& wanted) {
  codec::Writer out;
  out.u16(kVersion).raw(wanted.item.view()).raw(wanted.target.view()).str8(wanted.given_up);
  return {kWanted, wanted_key(wanted.from, wanted.id), out.take()};
}

Result<store::KvPut> wanted_put_of(envelope::Contents const& contents) {
  AMIC_TRY(auto const attachment, read_attachment(contents));
  return wanted_put({contents.originator, contents.id, attachment.item, attachment.target, {}});
}

store::KvPut wanted_delete(MemberId const& from, EnvelopeId const& id) {
  return {kWanted, wanted_key(from, id), std::nullopt};
}

namespace {
Result<WantedAttachment> decode_wanted(std::string_view key, BytesView value) {
  WantedAttachment out;
  auto const slash = key.find('/');
  if (slash == std::string_view::npos) return fail(Code::kCorrupt, "attachment.key");
  AMIC_TRY(out.from, MemberId::parse(key.substr(0, slash)));
  AMIC_TRY(out.id, id_of(key.substr(slash + 1)));
  codec::Reader in(value, "attachment.wanted");
  if (in.u16() != kVersion) in.reject(Code::kUnsupported, "unknown version");
  out.item = in.fixed<EnvelopeId>();
  out.target = in.fixed<Hash>();
  out.given_up = in.str8();
  AMIC_TRY_VOID(in.finish());
  return out;
}
}  // namespace

Result<std::vector<WantedAttachment>> next_wanted(store::Store& store, std::string& after_key) {
  AMIC_TRY(auto const rows, store.kv_scan(kWanted, after_key, limits::kPageMax));
  std::vector<WantedAttachment> out;
  for (auto const& [key, value] : rows) {
    AMIC_TRY(auto one, decode_wanted(key, value));
    out.push_back(std::move(one));
    after_key = key;
  }
  return out;
}

Result<std::optional<WantedAttachment>> find_wanted(store::Store& store, MemberId const& from,
                                                    EnvelopeId const& id) {
  auto const key = wanted_key(from, id);
  AMIC_TRY(auto const value, store.kv_get(kWanted, key));
  if (!value) return std::optional<WantedAttachment>();
  AMIC_TRY(auto out, decode_wanted(key, *value));
  return std::optional(std::move(out));
}

Result<void> check_attachment(envelope::Contents const& contents, store::Store& store) {
  if (contents.kind != envelope::Kind::kAttachment) return {};
  AMIC_TRY(auto const attachment, read_attachment(contents));
  AMIC_TRY(auto const item, store.log_find(attachment.item));
  bool const of_sender = item && item->digest == attachment.target &&
                         item->kind == store::RecordKind::kEnvelopeIn &&
                         item->peer == contents.originator;
  if (!item || of_sender) return {};
  return fail(Code::kForbidden, "attachment.item", "not an item of its sender's that is held");
}

}  // namespace amic::exchange
