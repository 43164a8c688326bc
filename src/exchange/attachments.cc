// Uploads, readers and what peers ask for. Fetching is in attachment_fetch.cc.
#include "exchange/attachments.h"

#include <algorithm>
#include <utility>

#include "exchange/operation_state.h"
#include "obs/log.h"

namespace amic::exchange {
namespace {

constexpr std::size_t kChunksPerSync = 32;  // so that what waits for the disk stays bounded
constexpr std::size_t kLeavesKept = 4;

constexpr char kNoSuch[] = "no such attachment";

}  // namespace

// ---- Upload -----------------------------------------------------------------------------------

AttachmentUpload::~AttachmentUpload() {
  if (!placed_) AttachmentFiles::discard(file_);
  if (placed_ && !released_) static_cast<void>(shared_->files.remove(about_.root));
  --shared_->under_way;
}

Result<void> AttachmentUpload::seal_chunk(bool last) {
  sealed_.resize(plain_.size() + crypto::kAeadTagBytes);
  AMIC_TRY(auto const room, shared_->files.room());
  if (room < free_bytes_min_ + sealed_.size())
    return fail(Code::kDiskFull, "attachments", "less would be left than this node keeps free");
  auto const index = static_cast<std::uint32_t>(leaves_.size());
  cipher_->seal(index, last, plain_, sealed_);
  plain_.clear();
  leaves_.push_back(chunk_leaf(sealed_));
  AMIC_TRY_VOID(file_.append(sealed_));
  if (leaves_.size() % kChunksPerSync == 0) return file_.sync();
  return {};
}

Result<void> AttachmentUpload::write(BytesView bytes) {
  if (bytes.size() > limits::kAttachmentBytesMax - about_.size)
    return fail(Code::kTooLarge, "body", "an attachment has 2 GiB at most");
  about_.size += bytes.size();
  hash_.update(bytes);
  while (!bytes.empty()) {
    // Only when more comes: the last chunk is sealed as the last.
    if (plain_.size() == limits::kAttachmentChunkBytes) AMIC_TRY_VOID(seal_chunk(false));
    auto const take = std::min(bytes.size(), limits::kAttachmentChunkBytes - plain_.size());
    append(plain_, bytes.first(take));
    bytes = bytes.subspan(take);
  }
  return {};
}

Result<void> AttachmentUpload::finish() {
  AMIC_TRY_VOID(seal_chunk(true));
  about_.sha256 = hash_.finish();
  about_.root = chunks_root(leaves_);
  AMIC_TRY_VOID(shared_->files.place(file_, about_.root, leaves_));
  placed_ = true;
  return {};
}

Result<std::shared_ptr<AttachmentUpload>> Attachments::begin(UploadRequest request) {
  AMIC_TRY_VOID(check_file_name(request.name, "query.name"));
  AMIC_TRY_VOID(check_file_type(request.media_type, "header.content-type"));
  if (request.size > limits::kAttachmentBytesMax)
    return fail(Code::kTooLarge, "body", "an attachment has 2 GiB at most");
  AMIC_TRY(auto item, parts_.operations.ours(request.item));
  if (!item.in_view) return fail(Code::kConflict, "item", "it is out of view");
  AMIC_TRY(auto const others, attachments_of(parts_.store, request.item));
  if (others.size() >= limits::kAttachmentsPerItemMax)
    return fail(Code::kOverloaded, "item", "it has 256 attachments already");
  AMIC_TRY(bool const fits, has_room(ChunkPlan(request.size).sealed_size()));
  if (!fits)
    return fail(Code::kDiskFull, "attachments", "less would be left than this node keeps free");
  if (++uploads_->under_way > limits::kAttachmentUploadsMax) {
    --uploads_->under_way;
    return fail(Code::kOverloaded, "attachments", "too many uploads at once");
  }
  std::shared_ptr<AttachmentUpload> out(new AttachmentUpload(uploads_));
  out->free_bytes_min_ = options_.free_bytes_min;
  out->about_.item = request.item;
  out->about_.target = item.target;
  out->about_.name = std::move(request.name);
  out->about_.media_type = std::move(request.media_type);
  out->about_.key = crypto::Secret(32);
  parts_.random.fill(out->about_.key.mutable_view());
  out->cipher_ = std::make_unique<ChunkCipher>(out->about_.key, crypto::AeadKey::Use::kSeal);
  out->plain_.reserve(limits::kAttachmentChunkBytes);
  AMIC_TRY(out->file_, files_.create(parts_.random));
  return out;
}

void Attachments::share(std::shared_ptr<AttachmentUpload> upload, std::optional<EnvelopeId> id,
                        std::vector<store::KvPut> kv,
                        std::function<void(Result<ShareResult>)> done) {
  // Who may have the item can have changed while the file came in.
  auto const item = parts_.operations.ours(upload->about().item);
  if (!item) return done(fail(item.error()));
  if (!item->in_view) return done(fail(Code::kConflict, "item", "it is out of view"));
  ShareRequest request;
  request.kind = envelope::Kind::kAttachment;
  request.marking = item->marking;
  request.precedence = item->precedence;
  request.media_type = kAttachmentMediaType;
  request.body = encode(upload->about());
  request.lineage = {item->target};
  request.keep_private = item->keep_private;
  request.id = id;
  request.kv = std::move(kv);
  parts_.exchange.share(
      std::move(request), [this, upload, done = std::move(done)](Result<ShareResult> result) {
        // A store that says kIo may have kept the description: then its file has to stay.
        upload->released_ = result || result.error().code == Code::kIo;
        if (result) {
          obs::log(obs::Level::kInfo, "attachment.shared",
                   {{"size", upload->size()}, {"recipients", result->recipients.size()}});
          std::lock_guard const lock(mutex_);
          held_[parts_.exchange.self()][upload->about().root] = upload->size();
        }
        done(std::move(result));
      });
}

// ---- Readers ----------------------------------------------------------------------------------

std::string_view attachment_state_name(AttachmentState state) {
  switch (state) {
    case AttachmentState::kHeld:
      return "held";
    case AttachmentState::kFetching:
      return "fetching";
    case AttachmentState::kWaiting:
      return "waiting";
    case AttachmentState::kUnavailable:
      return "unavailable";
  }
  return "";
}

Result<AttachmentInfo> Attachments::info_of(store::Record const& record) {
  if (record.shredded) return fail(Code::kNotFound, "attachment", kNoSuch);
  if (record.kind == store::RecordKind::kGovernance)
    return fail(Code::kNotFound, "attachment", kNoSuch);
  AMIC_TRY(auto const contents, parts_.exchange.open_record(record));
  if (contents.kind != envelope::Kind::kAttachment)
    return fail(Code::kNotFound, "attachment", kNoSuch);
  AttachmentInfo out;
  out.id = record.id;
  out.originator = contents.originator;
  out.created_ms = contents.created_ms;
  AMIC_TRY(out.about, read_attachment(contents));
  AMIC_TRY_VOID(fill_state(out));
  return out;
}

Result<std::vector<AttachmentInfo>> Attachments::list(EnvelopeId const& item) {
  AMIC_TRY(auto const rows, attachments_of(parts_.store, item));
  std::vector<AttachmentInfo> out;
  for (AttachmentRow const& row : rows) {
    AMIC_TRY(auto const record, parts_.store.log_find(row.id));
    if (!record || record->shredded) continue;
    AMIC_TRY(auto info, info_of(*record));
    out.push_back(std::move(info));
  }
  return out;
}

Result<AttachmentInfo> Attachments::find(EnvelopeId const& id) {
  AMIC_TRY(auto const record, parts_.store.log_find(id));
  if (!record) return fail(Code::kNotFound, "attachment", kNoSuch);
  return info_of(*record);
}

Result<std::unique_ptr<AttachmentReader>> Attachments::read(EnvelopeId const& id) {
  AMIC_TRY(auto info, find(id));
  if (info.state != AttachmentState::kHeld)
    return fail(Code::kUnavailable, "attachment", "its file is not here");
  AMIC_TRY(auto file, files_.read(info.about.root));
  return std::unique_ptr<AttachmentReader>(
      new AttachmentReader(std::move(info.about), std::move(file)));
}

AttachmentReader::AttachmentReader(Attachment about, SealedFile file)
    : about_(std::move(about)),
      file_(std::move(file)),
      cipher_(about_.key, crypto::AeadKey::Use::kOpen) {}

Result<std::string> AttachmentReader::read(std::uint64_t offset, std::uint64_t size_max) {
  auto const plan = about_.plan();
  if (offset >= about_.size) return fail(Code::kOutOfRange, "attachment", "past its end");
  auto const index = static_cast<std::uint32_t>(offset / limits::kAttachmentChunkBytes);
  if (index != index_) {
    index_ = UINT32_MAX;
    sealed_.resize(plan.sealed_bytes(index));
    plain_.resize(plan.plain_bytes(index));
    AMIC_TRY_VOID(file_.read_at(plan.sealed_offset(index), sealed_));
    auto const opened = cipher_.open(index, plan.is_last(index), sealed_, plain_);
    if (!opened) return fail(Code::kCorrupt, "attachment", opened.error().detail);
    index_ = index;
  }
  auto const from = static_cast<std::size_t>(offset % limits::kAttachmentChunkBytes);
  auto const size = std::min<std::uint64_t>(size_max, plain_.size() - from);
  return std::string(as_text(BytesView(plain_).subspan(from, static_cast<std::size_t>(size))));
}

// ---- Peers ------------------------------------------------------------------------------------

// By what the originator, this node, has last said: of the item, and of this file.
Result<bool> Attachments::may_have(MemberId const& peer, AttachmentRow const& row) {
  if (row.originator != parts_.exchange.self()) return false;
  auto const now_ms = parts_.clock.now_ms();
  auto const& to = row.recipients;
  if (now_ms >= row.expires_ms || std::find(to.begin(), to.end(), peer) == to.end()) return false;
  AMIC_TRY(auto const state, load_operation_state(parts_.store, row.item));
  if (state) {
    auto const& now = state->operation;
    if (now.standing != exchange::Standing::kInView || !now.marking.rel_to.contains(peer))
      return false;
    if (now.marking.expires_ms && now_ms >= *now.marking.expires_ms) return false;
  }
  // After a restore the index may know of operations that are not noted.
  AMIC_TRY(auto const indexed, parts_.store.operation(row.target, row.originator));
  if (!indexed || (state && state->operation.counter >= indexed->counter)) return true;
  if (indexed->state != store::ItemState::kActive) return false;
  AMIC_TRY(auto const labels, parts_.store.audiences());
  for (store::Audience const& label : labels) {
    if (label.id != indexed->audience) continue;
    AMIC_TRY(auto const marking, marking::decode(label.label));
    return marking.rel_to.contains(peer) && (!marking.expires_ms || now_ms < *marking.expires_ms);
  }
  return false;
}

Result<std::vector<Hash>> Attachments::leaves_of(Hash const& root) {
  {
    std::lock_guard const lock(mutex_);
    for (auto const& [known, leaves] : leaves_)
      if (known == root) return leaves;
  }
  AMIC_TRY(auto leaves, files_.leaves(root));
  std::lock_guard const lock(mutex_);
  if (leaves_.size() >= kLeavesKept) leaves_.erase(leaves_.begin());
  leaves_.emplace_back(root, leaves);
  return leaves;
}

Result<Attachments::Piece> Attachments::serve(MemberId const& peer, Hash const& root,
                                              std::uint32_t chunk, std::uint32_t offset,
                                              std::uint32_t size) {
  AMIC_TRY(auto const rows, attachments_with(parts_.store, root));
  std::optional<AttachmentRow> allowed;
  for (AttachmentRow const& row : rows) {
    AMIC_TRY(bool const may, may_have(peer, row));
    if (may) allowed = row;
  }
  if (!allowed) return fail(Code::kNotFound, "attachment", kNoSuch);
  ChunkPlan const plan(allowed->size);
  if (chunk >= plan.count() || offset >= plan.sealed_bytes(chunk))
    return fail(Code::kOutOfRange, "attachment", "no such part of it");
  auto const file = files_.read(root);
  if (!file) return fail(Code::kUnavailable, "attachment", "its originator has lost the file");
  Piece out;
  out.data.resize(std::min<std::size_t>(size, plan.sealed_bytes(chunk) - offset));
  AMIC_TRY_VOID(file->read_at(plan.sealed_offset(chunk) + offset, out.data));
  if (offset + out.data.size() < plan.sealed_bytes(chunk)) return out;
  AMIC_TRY(auto const leaves, leaves_of(root));
  if (leaves.size() != plan.count()) return fail(Code::kCorrupt, "attachment");
  out.proof = chunk_proof(leaves, chunk);
  return out;
}

}  // namespace amic::exchange
