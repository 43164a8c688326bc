// Fetching: what is wanted, what came, and what goes with an item that is destroyed.
#include <algorithm>
#include <utility>

#include "exchange/attachments.h"
#include "obs/log.h"

namespace amic::exchange {
namespace {

constexpr std::size_t kWantedMax = 10'000;     // in memory; the others come when these are done
constexpr std::size_t kLookedAtMax = 32;       // in one turn
constexpr std::uint32_t kChunksPerSync = 16;   // what a power cut may damage of a part
constexpr std::uint32_t kChunksPerSettle = 8;  // so that a worker is soon free for others
constexpr UnixMs kRetryMinMs = 2'000, kRetryMaxMs = 15 * 60 * 1000;
constexpr unsigned kBadChunksMax = 5;
// A whole file that no description names may be one whose description was lost with the newest part
// of the log, and will come back from a peer.
constexpr UnixMs kOrphanKeptMs = 7LL * 24 * 3600 * 1000;

constexpr std::uint64_t kSealedChunk = ChunkPlan::kSealedChunkBytes;

// How many chunks a part of this size holds whole.
std::uint32_t whole_chunks(ChunkPlan const& plan, std::uint64_t size) {
  if (size >= plan.sealed_size()) return plan.count();
  return static_cast<std::uint32_t>(size / kSealedChunk);
}

std::uint64_t sealed_upto(ChunkPlan const& plan, std::uint32_t chunks) {
  return chunks == plan.count() ? plan.sealed_size() : plan.sealed_offset(chunks);
}

}  // namespace

struct Attachments::Fetch {
  struct Settling {
    crypto::Sha256 hash;
    std::vector<Hash> leaves;
  };
  WantedAttachment wanted;
  Attachment about;
  std::unique_ptr<ChunkCipher> cipher;
  std::atomic<bool> under_way{false};

  std::mutex mutex;  // guards what follows
  SealedFile part;
  std::uint32_t held = 0;
  std::optional<Settling> settling;
  bool dropped = false;
  std::optional<Error> problem;
  UnixMs not_before_ms = 0;
  unsigned failures = 0;
  unsigned bad_chunks = 0;
};

Attachments::Attachments(AttachmentParts parts, AttachmentOptions options, AttachmentFiles files)
    : parts_(parts),
      options_(std::move(options)),
      files_(files),
      uploads_(std::make_shared<AttachmentUpload::Shared>(std::move(files))) {}

Result<std::unique_ptr<Attachments>> Attachments::open(AttachmentParts parts,
                                                       AttachmentOptions options) {
  AMIC_TRY(auto files, AttachmentFiles::open(options.directory));
  std::unique_ptr<Attachments> out(new Attachments(parts, std::move(options), std::move(files)));
  AMIC_TRY_VOID(out->clean());
  return out;
}

// ---- At start ---------------------------------------------------------------------------------

Result<void> Attachments::clean() {
  std::set<EnvelopeId> wanted;
  for (std::string after;;) {
    AMIC_TRY(auto const page, exchange::next_wanted(parts_.store, after));
    if (page.empty()) break;
    for (auto const& one : page) wanted.insert(one.id);
  }
  for (EnvelopeId const& id : files_.parts())
    if (!wanted.contains(id)) files_.remove_part(id);
  AMIC_TRY_VOID(count_held(wanted));
  for (Hash const& root : files_.roots_before(parts_.clock.now_ms() - kOrphanKeptMs)) {
    AMIC_TRY(auto const rows, attachments_with(parts_.store, root));
    if (rows.empty()) AMIC_TRY_VOID(files_.remove(root));
  }
  return {};
}

// What each member's files take here. One that has gone from the disk is fetched again.
Result<void> Attachments::count_held(std::set<EnvelopeId> const& wanted) {
  std::vector<store::KvPut> puts;
  for (std::string after;;) {
    AMIC_TRY(auto const page, next_attachments(parts_.store, after));
    if (page.empty()) break;
    for (AttachmentRow const& row : page) {
      if (files_.holds(row.root)) {
        held_[row.originator][row.root] = row.size;
        continue;
      }
      if (row.originator == parts_.exchange.self() || wanted.contains(row.id)) continue;
      AMIC_TRY(auto const record, parts_.store.log_find(row.id));
      if (record && !record->shredded && puts.size() < kWantedMax)
        puts.push_back(wanted_put({row.originator, row.id, row.item, row.target, {}}));
    }
  }
  if (!puts.empty()) commit(std::move(puts));
  return {};
}

void Attachments::commit(std::vector<store::KvPut> puts) {
  store::Append unit;
  unit.kv = std::move(puts);
  parts_.committer.commit(std::move(unit), [](Result<std::uint64_t> stored) {
    // Made again at the next start, from what is on the disk.
    if (!stored)
      obs::log(obs::Level::kWarn, "attachment.not_noted", {{"error", stored.error().text()}});
  });
}

// ---- What is wanted ---------------------------------------------------------------------------

Result<bool> Attachments::has_room(std::uint64_t bytes) const {
  AMIC_TRY(auto const room, files_.room());
  return room >= options_.free_bytes_min && room - options_.free_bytes_min >= bytes;
}

Result<Attachments::Standing> Attachments::standing_of(MemberId const& from, EnvelopeId const& item,
                                                       Hash const& target) {
  AMIC_TRY(auto const labels, parts_.store.audiences());
  store::AudienceSet all;
  for (store::Audience const& label : labels) all.push_back(label.id);
  std::sort(all.begin(), all.end());
  AMIC_TRY(auto const row, parts_.store.item(item, all));
  bool const in_view = row && row->state == store::ItemState::kActive;
  if (in_view && row->digest == target && row->originator == from) return Standing::kFetch;
  if (in_view) return Standing::kWait;
  AMIC_TRY(auto const record, parts_.store.log_find(item));
  return record && record->shredded ? Standing::kDestroyed : Standing::kWait;
}

Result<void> Attachments::maintain() {
  if (!dirty_.exchange(false)) return {};
  std::map<MemberId, std::vector<EnvelopeId>> found;
  std::set<EnvelopeId> known;  // others have been looked at when it was their turn
  {
    std::lock_guard const lock(mutex_);
    for (auto const& [from, ids] : queues_) known.insert(ids.begin(), ids.end());
  }
  std::size_t count = 0;
  for (std::string after; count < kWantedMax;) {
    auto const page = exchange::next_wanted(parts_.store, after);
    if (!page) {
      dirty_ = true;
      return fail(page.error());
    }
    if (page->empty()) break;
    for (WantedAttachment const& one : *page) {
      if (known.insert(one.id).second) {
        AMIC_TRY(auto const standing, standing_of(one.from, one.item, one.target));
        if (standing == Standing::kDestroyed) AMIC_TRY_VOID(destroy(one.item));
        if (standing == Standing::kDestroyed) continue;
      }
      if (one.given_up.empty()) found[one.from].push_back(one.id);
      ++count;
    }
  }
  std::lock_guard const lock(mutex_);
  for (auto& [from, ids] : found) {
    // Those whose turn it is stay in front.
    auto const& before = queues_[from];
    auto const turn = [&](EnvelopeId const& id) {
      return std::find(before.begin(), before.end(), id) - before.begin();
    };
    std::stable_sort(ids.begin(), ids.end(),
                     [&](auto const& a, auto const& b) { return turn(a) < turn(b); });
  }
  queues_ = std::move(found);
  return {};
}

Attachments::FetchPtr Attachments::find_fetch(EnvelopeId const& id) {
  std::lock_guard const lock(mutex_);
  auto const found = fetches_.find(id);
  return found == fetches_.end() ? nullptr : found->second;
}

// kNotFound: destroyed.
Result<Attachments::FetchPtr> Attachments::load(MemberId const& from, EnvelopeId const& id) {
  if (auto known = find_fetch(id)) return known;
  AMIC_TRY(auto const record, parts_.store.log_find(id));
  if (!record || record->shredded) return fail(Code::kNotFound, "attachment");
  AMIC_TRY(auto const contents, parts_.exchange.open_record(*record));
  auto const fetch = std::make_shared<Fetch>();
  AMIC_TRY(fetch->about, read_attachment(contents));
  fetch->wanted = {from, id, fetch->about.item, fetch->about.target, {}};
  fetch->cipher = std::make_unique<ChunkCipher>(fetch->about.key, crypto::AeadKey::Use::kOpen);
  fetch->held = whole_chunks(fetch->about.plan(), files_.part_size(id));
  std::lock_guard const lock(mutex_);
  return fetches_.try_emplace(id, fetch).first->second;
}

// All but the last ones were on the disk before others came: only those may be damaged.
Result<void> Attachments::open_part(Fetch& fetch) {
  if (fetch.part.is_open()) return {};
  auto const plan = fetch.about.plan();
  AMIC_TRY(auto part, files_.part(fetch.wanted.id));
  AMIC_TRY(auto const size, part.size());
  auto const whole = whole_chunks(plan, size);
  auto held = whole - std::min(whole, kChunksPerSync);
  for (Bytes sealed, plain; held < whole; ++held) {
    sealed.resize(plan.sealed_bytes(held));
    plain.resize(plan.plain_bytes(held));
    AMIC_TRY_VOID(part.read_at(plan.sealed_offset(held), sealed));
    if (!fetch.cipher->open(held, plan.is_last(held), sealed, plain)) break;
  }
  AMIC_TRY_VOID(part.truncate(sealed_upto(plan, held)));
  fetch.part = std::move(part);
  fetch.held = held;
  return {};
}

// Whether there is room for it, on the disk and in what its originator may use of that.
Result<bool> Attachments::ready(Fetch& fetch) {
  auto const plan = fetch.about.plan();
  auto const missing = plan.sealed_size() - sealed_upto(plan, fetch.held);
  AMIC_TRY(bool const fits, has_room(missing));
  std::uint64_t used = 0;
  {
    std::lock_guard const lock(mutex_);
    for (auto const& [root, size] : held_[fetch.wanted.from]) used += size;
  }
  bool const over = options_.peer_bytes_max != 0 && used + plan.size() > options_.peer_bytes_max;
  if (fits && !over) return true;
  fetch.problem = over ? Error{Code::kOverloaded, "attachment",
                               "its originator's files take as "
                               "much room here as they may"}
                       : Error{Code::kDiskFull, "attachment", "no room on this node's disk"};
  fetch.not_before_ms = parts_.clock.now_ms() + 30 * kRetryMinMs;
  return false;
}

// The same file, as another description names it.
bool Attachments::comes_already(Fetch const& fetch) {
  std::lock_guard const lock(mutex_);
  return std::any_of(fetches_.begin(), fetches_.end(), [&](auto const& entry) {
    Fetch const& other = *entry.second;
    return &other != &fetch && other.about.root == fetch.about.root && other.under_way;
  });
}

Result<std::optional<Attachments::Want>> Attachments::next_wanted(MemberId const& peer) {
  auto const now_ms = parts_.clock.now_ms();
  for (std::size_t i = 0; i < kLookedAtMax; ++i) {
    EnvelopeId id;
    {
      std::lock_guard const lock(mutex_);
      auto& queue = queues_[peer];
      if (i >= queue.size()) break;
      std::rotate(queue.begin(), queue.begin() + 1, queue.end());
      id = queue.back();
    }
    auto const loaded = load(peer, id);
    if (!loaded && loaded.error().code != Code::kNotFound) return fail(loaded.error());
    if (!loaded) {
      drop(id);
      continue;
    }
    Fetch& fetch = **loaded;
    AMIC_TRY(auto const standing, standing_of(peer, fetch.wanted.item, fetch.wanted.target));
    if (standing == Standing::kDestroyed) AMIC_TRY_VOID(destroy(fetch.wanted.item));
    if (standing != Standing::kFetch) continue;
    if (files_.holds(fetch.about.root)) {
      end(fetch, "");
      continue;
    }
    if (comes_already(fetch)) continue;
    std::lock_guard const lock(fetch.mutex);
    if (fetch.dropped || now_ms < fetch.not_before_ms) continue;
    AMIC_TRY(bool const is_ready, ready(fetch));
    if (!is_ready) continue;
    AMIC_TRY_VOID(open_part(fetch));
    fetch.under_way = true;
    return Want{id, fetch.about.root, fetch.about.plan(), fetch.held};
  }
  return std::nullopt;
}

// ---- What came --------------------------------------------------------------------------------

Result<void> Attachments::keep(EnvelopeId const& id, std::uint32_t index, BytesView sealed,
                               std::vector<Hash> const& proof) {
  auto const fetch = find_fetch(id);
  if (!fetch) return fail(Code::kNotFound, "attachment", "not wanted any more");
  AMIC_TRY(auto const standing,
           standing_of(fetch->wanted.from, fetch->wanted.item, fetch->wanted.target));
  std::lock_guard const lock(fetch->mutex);
  auto const plan = fetch->about.plan();
  if (fetch->dropped || !fetch->part.is_open() || standing != Standing::kFetch)
    return fail(Code::kNotFound, "attachment", "not wanted any more");
  if (index != fetch->held || index >= plan.count())
    return fail(Code::kConflict, "attachment.chunk", "not the next one");
  if (sealed.size() != plan.sealed_bytes(index))
    return fail(Code::kRejected, "attachment.chunk", "not as long as it is");
  AMIC_TRY_VOID(verify_chunk(sealed, index, plan.count(), proof, fetch->about.root));
  Bytes plain(plan.plain_bytes(index));
  AMIC_TRY_VOID(fetch->cipher->open(index, plan.is_last(index), sealed, plain));
  auto written = fetch->part.append(sealed);
  bool const sync = (index + 1) % kChunksPerSync == 0 || plan.is_last(index);
  if (written && sync) written = fetch->part.sync();
  if (!written) {
    // If not even that is possible the next opening does it.
    if (!fetch->part.truncate(plan.sealed_offset(index))) fetch->part = SealedFile();
    return written;
  }
  ++fetch->held;
  fetch->problem.reset();
  fetch->failures = 0;
  return {};
}

Result<bool> Attachments::settle(EnvelopeId const& id) {
  auto const fetch = find_fetch(id);
  if (!fetch) return fail(Code::kNotFound, "attachment", "not wanted any more");
  std::string given_up;
  {
    std::lock_guard const lock(fetch->mutex);
    auto const plan = fetch->about.plan();
    if (fetch->dropped || !fetch->part.is_open() || fetch->held != plan.count())
      return fail(Code::kNotFound, "attachment", "not wanted any more");
    if (!fetch->settling) fetch->settling.emplace();
    auto& [hash, leaves] = *fetch->settling;
    Bytes sealed, plain;
    for (std::uint32_t i = 0; i < kChunksPerSettle && leaves.size() < plan.count(); ++i) {
      auto const index = static_cast<std::uint32_t>(leaves.size());
      sealed.resize(plan.sealed_bytes(index));
      plain.resize(plan.plain_bytes(index));
      auto good = fetch->part.read_at(plan.sealed_offset(index), sealed);
      if (good) good = fetch->cipher->open(index, plan.is_last(index), sealed, plain);
      if (!good) {  // the disk has not kept what it was given: from there on once more
        fetch->settling.reset();
        fetch->held = index;
        AMIC_TRY_VOID(fetch->part.truncate(plan.sealed_offset(index)));
        return fail(Code::kCorrupt, "attachment", good.error().detail);
      }
      hash.update(plain);
      leaves.push_back(chunk_leaf(sealed));
    }
    if (leaves.size() < plan.count()) return false;
    bool const same =
        hash.finish() == fetch->about.sha256 && chunks_root(leaves) == fetch->about.root;
    fetch->settling.reset();
    fetch->part = SealedFile();
    if (same)
      AMIC_TRY_VOID(files_.place_part(id, fetch->about.root));
    else
      given_up = code_name(Code::kRejected);
  }
  end(*fetch, given_up);
  if (given_up.empty()) return true;
  return fail(Code::kRejected, "attachment", "not the file that its originator described");
}

// It needs to be fetched no more: it is here, or can't be had.
void Attachments::end(Fetch const& fetch, std::string given_up) {
  auto wanted = fetch.wanted;
  wanted.given_up = std::move(given_up);
  bool const good = wanted.given_up.empty();
  if (good) {
    std::lock_guard const lock(mutex_);
    held_[wanted.from][fetch.about.root] = fetch.about.size;
  }
  commit({good ? wanted_delete(wanted.from, wanted.id) : wanted_put(wanted)});
  obs::log(good ? obs::Level::kInfo : obs::Level::kError,
           good ? "attachment.held" : "attachment.given_up",
           {{"peer", wanted.from.str()}, {"size", fetch.about.size}, {"code", wanted.given_up}});
  drop(wanted.id);
  files_.remove_part(wanted.id);
}

void Attachments::postpone(EnvelopeId const& id, Error error) {
  auto const fetch = find_fetch(id);
  if (!fetch) return;
  bool hopeless = false;
  {
    std::lock_guard const lock(fetch->mutex);
    bool const bad = error.code == Code::kRejected || error.code == Code::kBadSignature;
    hopeless = bad && ++fetch->bad_chunks >= kBadChunksMax;
    auto const doublings = std::min(fetch->failures++, 10U);
    auto const full = std::min(kRetryMaxMs, kRetryMinMs << doublings);
    // Half fixed, half chance, as for links.
    fetch->not_before_ms =
        parts_.clock.now_ms() + full -
        static_cast<UnixMs>(parts_.random.below(static_cast<std::uint64_t>(full / 2)));
    obs::log(obs::Level::kWarn, "attachment.postponed",
             {{"peer", fetch->wanted.from.str()}, {"error", error.text()}});
    fetch->problem = std::move(error);
    fetch->under_way = false;
  }
  if (hopeless) end(*fetch, std::string(code_name(Code::kRejected)));
}

void Attachments::retry(MemberId const& peer) {
  std::vector<FetchPtr> all;
  {
    std::lock_guard const lock(mutex_);
    for (auto const& [id, fetch] : fetches_) all.push_back(fetch);
  }
  for (FetchPtr const& fetch : all) {
    std::lock_guard const lock(fetch->mutex);
    bool const absent = fetch->problem && (fetch->problem->code == Code::kUnavailable ||
                                           fetch->problem->code == Code::kTimeout);
    if (fetch->wanted.from == peer && absent) fetch->not_before_ms = 0;
  }
}

Result<void> Attachments::fill_state(AttachmentInfo& info) {
  auto const plan = info.about.plan();
  info.state = AttachmentState::kUnavailable;
  if (files_.holds(info.about.root)) {
    info.state = AttachmentState::kHeld;
    info.chunks_held = plan.count();
    return {};
  }
  if (info.originator == parts_.exchange.self()) {
    info.reason = "its file is not on this node's disk";
    return {};
  }
  AMIC_TRY(auto const wanted, find_wanted(parts_.store, info.originator, info.id));
  if (!wanted || !wanted->given_up.empty()) {
    info.reason = wanted ? "given up: " + wanted->given_up : "not fetched";
    return {};
  }
  info.state = AttachmentState::kWaiting;
  info.chunks_held = whole_chunks(plan, files_.part_size(info.id));
  auto const fetch = find_fetch(info.id);
  if (!fetch) return {};
  std::lock_guard const lock(fetch->mutex);
  info.chunks_held = fetch->held;
  if (fetch->problem)
    info.reason = fetch->problem->text();
  else if (fetch->part.is_open())
    info.state = AttachmentState::kFetching;
  return {};
}

// ---- With its item ----------------------------------------------------------------------------

void Attachments::drop(EnvelopeId const& id) {
  FetchPtr fetch;
  {
    std::lock_guard const lock(mutex_);
    if (auto const found = fetches_.find(id); found != fetches_.end()) {
      fetch = found->second;
      fetches_.erase(found);
    }
    for (auto& [peer, queue] : queues_) std::erase(queue, id);
  }
  if (!fetch) return;
  std::lock_guard const lock(fetch->mutex);
  fetch->dropped = true;
  fetch->part = SealedFile();
}

Result<void> Attachments::destroy_row(AttachmentRow const& row) {
  drop(row.id);
  files_.remove_part(row.id);
  bool needed = false;  // by another item
  AMIC_TRY(auto const others, attachments_with(parts_.store, row.root));
  for (AttachmentRow const& other : others) {
    if (other.id == row.id || needed) continue;
    AMIC_TRY(auto const record, parts_.store.log_find(other.id));
    needed = record && !record->shredded;
  }
  if (!needed) {
    AMIC_TRY_VOID(files_.remove(row.root));
    std::lock_guard const lock(mutex_);
    held_[row.originator].erase(row.root);
  }
  AMIC_TRY(auto const record, parts_.store.log_find(row.id));
  if (record && !record->shredded)
    AMIC_TRY_VOID(parts_.store.shred(record->seq, parts_.clock.now_ms()));
  commit(attachment_deletes(row));
  obs::log(obs::Level::kInfo, "attachment.destroyed", {{"originator", row.originator.str()}});
  return {};
}

Result<void> Attachments::destroy(EnvelopeId const& item) {
  AMIC_TRY(auto const rows, attachments_of(parts_.store, item));
  for (AttachmentRow const& row : rows)
    if (row.originator != parts_.exchange.self()) AMIC_TRY_VOID(destroy_row(row));
  return {};
}

}  // namespace amic::exchange
