// Files of items on one node: sealed as they come in, handed to those who may have them, fetched
// from those who share them, read for readers, and destroyed with their item. No file is ever held
// in memory: a chunk is. Any thread, unless said otherwise.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "crypto/hash.h"
#include "exchange/attachment_files.h"
#include "exchange/attachment_state.h"
#include "exchange/operations.h"

namespace amic::exchange {

// What the work on attachments needs of a node. All of it outlives the user.
struct AttachmentParts {
  Exchange& exchange;
  store::Store& store;
  Committer& committer;
  Operations& operations;
  Clock const& clock;
  Random& random;
};

struct AttachmentOptions {
  std::filesystem::path directory;
  std::uint64_t free_bytes_min = 1ULL << 30;   // left on the disk by uploads and fetches
  std::uint64_t peer_bytes_max = 64ULL << 30;  // of one member's files here; 0: no limit
};

// One file on its way in: sealed chunk by chunk, under a key of its own. What is not shared is
// removed with it. One thread at a time.
class AttachmentUpload {
 public:
  ~AttachmentUpload();
  AttachmentUpload(AttachmentUpload const&) = delete;
  AttachmentUpload& operator=(AttachmentUpload const&) = delete;

  // kTooLarge at "body" beyond limits::kAttachmentBytesMax, kDiskFull, kIo. After an error there is
  // nothing more to do with it.
  Result<void> write(BytesView bytes);
  std::uint64_t size() const { return about_.size; }
  // After the last write(): durable under its root, and what describes it.
  Result<void> finish();
  Attachment const& about() const { return about_; }

 private:
  friend class Attachments;
  struct Shared {  // with the one who made it, and may be gone before
    AttachmentFiles files;
    std::atomic<std::size_t> under_way{0};
  };
  explicit AttachmentUpload(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  Result<void> seal_chunk(bool last);

  std::shared_ptr<Shared> shared_;
  Attachment about_;
  std::uint64_t free_bytes_min_ = 0;
  SealedFile file_;
  std::unique_ptr<ChunkCipher> cipher_;
  crypto::Sha256 hash_;
  Bytes plain_;  // of the chunk that is being filled
  Bytes sealed_;
  std::vector<Hash> leaves_;
  bool placed_ = false;
  bool released_ = false;
};

enum class AttachmentState : std::uint8_t {
  kHeld,
  kFetching,
  kWaiting,      // for its item, its originator or the disk
  kUnavailable,  // and it will not come by itself
};
std::string_view attachment_state_name(AttachmentState state);  // "held" ...

struct AttachmentInfo {
  EnvelopeId id;
  MemberId originator;
  UnixMs created_ms = 0;
  Attachment about;
  AttachmentState state = AttachmentState::kWaiting;
  std::uint32_t chunks_held = 0;
  std::string reason;  // if it is not held: why, for people; may be empty
};

// Reads one held file in the clear, any part of it. One thread at a time.
class AttachmentReader {
 public:
  Attachment const& about() const { return about_; }
  // From `offset` to the end of that chunk or `size_max` bytes. kCorrupt: what lies on the disk is
  // damaged.
  Result<std::string> read(std::uint64_t offset, std::uint64_t size_max);

 private:
  friend class Attachments;
  AttachmentReader(Attachment about, SealedFile file);
  Attachment about_;
  SealedFile file_;
  ChunkCipher cipher_;
  Bytes sealed_, plain_;
  std::uint32_t index_ = UINT32_MAX;  // of the chunk in plain_
};

class Attachments {
 public:
  // Takes up what a kill left behind: see clean().
  static Result<std::unique_ptr<Attachments>> open(AttachmentParts parts,
                                                   AttachmentOptions options);

  // ---- Of this node's own items ----------------------------------------------------------------

  struct UploadRequest {
    EnvelopeId item;
    std::string name, media_type;
    std::uint64_t size = 0;  // if it is known before: refused at once if there is no room
  };
  // kNotFound, kForbidden, kConflict: as Operations::operate(); also if the item is out of view.
  // kOverloaded: too many uploads at once, or the item has as many as it may; kDiskFull.
  Result<std::shared_ptr<AttachmentUpload>> begin(UploadRequest request);
  // After finish(): to all who may have the item now, in its own lane. `id` and `kv` as
  // ShareRequest.
  void share(std::shared_ptr<AttachmentUpload> upload, std::optional<EnvelopeId> id,
             std::vector<store::KvPut> kv, std::function<void(Result<ShareResult>)> done);

  // ---- For readers, whose right to the item is checked before ----------------------------------

  // Those of an item that are not destroyed, in no order.
  Result<std::vector<AttachmentInfo>> list(EnvelopeId const& item);
  // kNotFound: no such description, or it is destroyed.
  Result<AttachmentInfo> find(EnvelopeId const& id);
  // kNotFound as find(); kUnavailable: not held.
  Result<std::unique_ptr<AttachmentReader>> read(EnvelopeId const& id);

  // ---- For peers -------------------------------------------------------------------------------

  struct Piece {
    Bytes data;
    std::vector<Hash> proof;  // with the last bytes of a chunk only
  };
  // Bytes of one sealed chunk, `size` at most. kNotFound for all who may not have it now, and for
  // what does not exist: nobody can tell which. kOutOfRange: no such part of it; kUnavailable: the
  // file is lost here.
  Result<Piece> serve(MemberId const& peer, Hash const& root, std::uint32_t chunk,
                      std::uint32_t offset, std::uint32_t size);

  // ---- Fetching. For one peer one thread at a time ---------------------------------------------

  struct Want {
    EnvelopeId id;
    Hash root;
    ChunkPlan plan;
    std::uint32_t next = 0;  // chunks before it are held; plan.count(): settle() is due
  };
  // Something may have become wanted, or may come now. Cheap.
  void poke() { dirty_ = true; }
  // Reads what is wanted if poke() was called, and destroys what came after its item was.
  Result<void> maintain();
  // What to fetch from this peer, in turn; nullopt: nothing now.
  Result<std::optional<Want>> next_wanted(MemberId const& peer);
  // Verifies chunk `index`, which must be the next, and keeps it durably. kRejected,
  // kBadSignature: not that chunk; nothing is kept. kNotFound: not wanted any more.
  Result<void> keep(EnvelopeId const& id, std::uint32_t index, BytesView sealed,
                    std::vector<Hash> const& proof);
  // All chunks are here: reads some of them again. True: the file is whole, and held. kRejected: it
  // is not what its originator said; it is given up then.
  Result<bool> settle(EnvelopeId const& id);
  // It could not be had: not asked for again for a while that grows with each time.
  void postpone(EnvelopeId const& id, Error error);
  // The peer is there again: what had to wait for it alone waits no longer.
  void retry(MemberId const& peer);

  // ---- With its item ---------------------------------------------------------------------------

  // All files of an item of another member's, and the keys to them. Safe to repeat.
  Result<void> destroy(EnvelopeId const& item);

 private:
  struct Fetch;
  using FetchPtr = std::shared_ptr<Fetch>;

  Attachments(AttachmentParts parts, AttachmentOptions options, AttachmentFiles files);
  Result<void> clean();
  Result<void> count_held(std::set<EnvelopeId> const& wanted);
  Result<AttachmentInfo> info_of(store::Record const& record);
  Result<void> fill_state(AttachmentInfo& info);
  Result<bool> has_room(std::uint64_t bytes) const;
  Result<bool> may_have(MemberId const& peer, AttachmentRow const& row);
  Result<std::vector<Hash>> leaves_of(Hash const& root);
  enum class Standing : std::uint8_t { kFetch, kWait, kDestroyed };
  Result<Standing> standing_of(MemberId const& from, EnvelopeId const& item, Hash const& target);
  Result<FetchPtr> load(MemberId const& from, EnvelopeId const& id);
  Result<void> open_part(Fetch& fetch);
  Result<bool> ready(Fetch& fetch);
  bool comes_already(Fetch const& fetch);
  FetchPtr find_fetch(EnvelopeId const& id);
  void drop(EnvelopeId const& id);
  void end(Fetch const& fetch, std::string given_up);
  Result<void> destroy_row(AttachmentRow const& row);
  void commit(std::vector<store::KvPut> puts);

  AttachmentParts const parts_;
  AttachmentOptions const options_;
  AttachmentFiles const files_;
  std::shared_ptr<AttachmentUpload::Shared> const uploads_;
  std::atomic<bool> dirty_{true};
  std::mutex mutex_;  // guards what follows; never held while calling out
  std::map<MemberId, std::vector<EnvelopeId>> queues_;  // the next one first
  std::map<EnvelopeId, FetchPtr> fetches_;
  std::map<MemberId, std::map<Hash, std::uint64_t>> held_;  // sizes of whole files, by originator
  std::vector<std::pair<Hash, std::vector<Hash>>> leaves_;  // of files that were just asked for
};

}  // namespace amic::exchange
