#include "sim_node.h"

#include "attacker.h"
#include "codec/codec.h"
#include "holdings/holdings.h"
#include "witness.h"

namespace amic::sim {

using exchange::testing::must;

namespace {
constexpr char kMarks[] = "idempotency";  // kv space, as src/api keeps its marks

void plant_in_store(Disk& disk, Mutant mutant) {
  auto& defects = disk.defects;
  defects.forgets_ids = mutant == Mutant::kForgetIds;
  defects.skips_outbox_row = mutant == Mutant::kSkipOutboxRow;
  defects.hides_flash = mutant == Mutant::kFlashWaits;
  defects.applies_twice = mutant == Mutant::kIndexTwice;
  defects.keeps_stale_mark = mutant == Mutant::kStaleMark;
  defects.loses_synced_tail = mutant == Mutant::kNoFsync;
  defects.drops_tiles = mutant == Mutant::kDropTiles;
  defects.ignores_originator = mutant == Mutant::kAnybodyOperates;
  defects.first_operation_holds = mutant == Mutant::kFirstHolds;
  defects.keeps_shredded = mutant == Mutant::kComplyAndKeep;
  defects.undoes_shredding = mutant == Mutant::kUndead;
  defects.shreds_more = mutant == Mutant::kDestroyMore;
  defects.serves_rot = mutant == Mutant::kServeRot;
}

// What a server would sign that does not wait for the disk.
Bytes receipt_without_commit(SimNode& node, Bytes const& body, Bytes const& before) {
  auto const batch = must(exchange::decode_batch(body));
  auto receipt = must(exchange::decode_receipt(before));
  if (batch.first_n != receipt.n + 1) return before;
  for (auto const& bytes : batch.envelopes) {
    receipt.chain = exchange::chain_next(receipt.chain, envelope::digest(bytes));
    ++receipt.n;
  }
  return exchange::encode(exchange::sign_receipt(receipt, node.keys().node));
}
}  // namespace

SimNode::SimNode(World& world, consent::testing::Founder const& keys)
    : world_(world),
      keys_(keys),
      node_keys_{keys.card.member, keys.node, keys.sealing},
      clock_(world.schedule) {
  clock_.set_skew(world_.dice.between(-240'000, 240'000));
  disk_->on_append = [this] {
    if (world_.weather.full_disk == id()) return AppendFault::kDiskFull;
    if (!world_.dice.permille(world_.weather.disk_fault_permille)) return AppendFault::kNone;
    auto const fault = static_cast<AppendFault>(world_.dice.between(1, 4));
    world_.tell(id(), "disk fault " + std::to_string(static_cast<int>(fault)));
    return fault;
  };
  disk_->on_apply = [this]() -> std::optional<Code> {
    if (!world_.dice.permille(world_.weather.index_fault_permille)) return std::nullopt;
    return world_.dice.permille(500) ? Code::kDiskFull : Code::kIo;
  };
  disk_->on_shred = [this]() -> std::optional<Code> {
    if (!world_.dice.permille(world_.weather.index_fault_permille)) return std::nullopt;
    auto const draw = world_.dice.between(0, 2);
    return draw == 0 ? Code::kDiskFull : draw == 1 ? Code::kIo : Code::kLocked;
  };
  plant_in_store(*disk_, world_.mutant);
}

void SimNode::start() {
  ++life_;
  auto const opened = [this](auto result, char const* what) {
    if (!result)
      throw Violation(id().str() + " cannot open its " + what + ": " + result.error().text());
    return std::move(*result);
  };
  auto const& community = world_.founders.community;
  store_ = opened(MemoryStore::open(disk_), "store");
  log_ = opened(tlog::Log::open(*store_, tlog::log_origin(community.id, id(), Realm()), keys_.log),
                "log");
  committer_ = std::make_unique<QueueCommitter>(world_, *this, *log_);
  exchange_ = opened(exchange::Exchange::open(community, {id(), keys_.node, keys_.sealing}, *store_,
                                              *committer_, clock_, world_.dice.random(), Realm()),
                     "exchange");
  operations_ = std::make_unique<exchange::Operations>(
      *exchange_, *store_, clock_,
      asks_ ? exchange::ComplyMode::kAsk : exchange::ComplyMode::kAuto);
  exchange::RelayLimits limits;
  limits.for_all = true;
  relay_ = opened(exchange::Relay::open(carrier_parts(), limits), "relay");
  feeder_ = std::make_unique<exchange::IndexFeeder>(*exchange_, *store_);
  for (auto const& member : world_.founders.members)
    if (member.card.member != id())
      links_[member.card.member] = std::make_unique<PeerSender>(world_, *this, member.card.member);
  relaying_ = std::make_unique<Relaying>(world_, *this);
  exchange_->on_sendable([this](MemberId const& peer) { links_.at(peer)->wake(); });
  world_.tell(id(), "starts with " + std::to_string(log_->size()) + " records");
  for (auto& [peer, link] : links_) link->start();
  log_grew();
}

void SimNode::crash() {
  world_.tell(id(), "loses its power");
  relaying_.reset();
  links_.clear();
  feeder_.reset();
  relay_.reset();
  operations_.reset();
  exchange_.reset();
  committer_.reset();
  log_.reset();
  store_.reset();
  keys_in_use_.clear();
  indexing_ = fulfilling_ = false;
  auto const batches = static_cast<std::int64_t>(disk_->index_batches());
  auto const lost = world_.dice.permille(500) ? world_.dice.between(0, batches) : 0;
  disk_->crash(static_cast<std::size_t>(lost), world_.dice.permille(100));
}

void SimNode::put_back(Disk::Saved const& saved) {
  if (up()) crash();
  disk_->restore(saved);
  world_.tell(id(),
              "is restored from a backup with " + std::to_string(disk_->log().size()) + " records");
  world_.witness->restored(*this);
}

std::function<void()> SimNode::guard(std::function<void()> work) {
  return [this, life = life_, work = std::move(work)] {
    if (up() && life_ == life) work();
  };
}

exchange::CarrierParts SimNode::carrier_parts() {
  static Realm const realm;
  return {node_keys_, realm, *store_, *exchange_, *committer_, clock_, world_.dice.random()};
}

bool SimNode::excused(Error const& error) const {
  return error.code == Code::kCorrupt && world_.weather.rotten == id();
}

// ---- Peers ------------------------------------------------------------------------------------

void SimNode::serve(MemberId const& peer, Ask ask, Bytes body,
                    std::function<void(Answer)> respond) {
  if (ask == Ask::kStatus) return respond(status_of(peer));
  if (ask == Ask::kReturned) return respond(returned(peer, body));
  world_.schedule.after(world_.dice.between(0, 300), guard([this, peer, ask, body = std::move(body),
                                                            respond = std::move(respond)] {
                          if (ask == Ask::kBatch) return answer_batch(peer, body, respond);
                          if (ask == Ask::kRelay) return answer_relay(peer, body, respond);
                          if (ask == Ask::kRelayed) return answer_relayed(peer, body, respond);
                          if (ask == Ask::kRelayReceipts)
                            return answer_receipts(peer, body, respond);
                          respond(receipts_of(must(MemberId::parse(as_text(body)))));
                        }));
}

void SimNode::answer_relay(MemberId const& peer, Bytes const& body,
                           std::function<void(Answer)> respond) {
  auto const batch = exchange::decode_batch(body);
  // A relay that takes anybody's word for whose a batch is.
  bool const trusts = world_.mutant == Mutant::kRelayLoops && batch.has_value();
  relay_->take(trusts ? batch->from : peer, body,
               guard1<Result<Bytes>>([this, peer, body, respond](Result<Bytes> note) {
                 if (!note) return respond({Answer::Kind::kProblem, {}, note.error().code});
                 world_.witness->carries(*this, peer, body);
                 respond({Answer::Kind::kNote, *note, {}});
                 relaying_->deliver(must(exchange::decode_relay_note(*note)).to);
               }));
}

void SimNode::answer_relayed(MemberId const& peer, Bytes const& body,
                             std::function<void(Answer)> respond) {
  auto const batch = exchange::decode_batch(body);
  if (!batch) return respond({Answer::Kind::kProblem, {}, batch.error().code});
  if (batch->from == peer || batch->from == id())
    return respond({Answer::Kind::kProblem, {}, Code::kWrongIdentity});
  answer_batch(batch->from, body, std::move(respond));
}

void SimNode::answer_receipts(MemberId const& peer, Bytes const& body,
                              std::function<void(Answer)> respond) {
  auto const to = must(MemberId::parse(as_text(body)));
  relaying_->receipts(
      peer, to,
      [this, life = life_, respond](Result<std::vector<Bytes>> const& receipts, bool fresh) {
        if (!up() || life_ != life) return;
        if (!receipts) return respond({Answer::Kind::kProblem, {}, receipts.error().code});
        Answer out{Answer::Kind::kReceipts, exchange::encode_receipts(*receipts), {}};
        out.fresh = fresh;
        respond(std::move(out));
      });
}

Answer SimNode::receipts_of(MemberId const& member) {
  std::vector<Bytes> receipts;
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    receipts.push_back(must(exchange_->current_receipt(member, lane)));
    world_.witness->receipt_given(*this, member, receipts.back());
  }
  return {Answer::Kind::kReceipts, exchange::encode_receipts(receipts), {}};
}

Answer SimNode::status_of(MemberId const& peer) {
  Answer out{Answer::Kind::kStatus, {}, {}};
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    out.receipts[lane] = must(exchange_->current_receipt(peer, lane));
    world_.witness->receipt_given(*this, peer, out.receipts[lane]);
  }
  return out;
}

Answer SimNode::returned(MemberId const& peer, Bytes const& body) {
  codec::Reader in(body, "ask");
  auto const lane = in.u8();
  auto const after_n = in.u64();
  auto bytes = exchange_->returned(peer, lane, after_n);
  if (!bytes) return {Answer::Kind::kProblem, {}, bytes.error().code};
  return {Answer::Kind::kReturned, std::move(*bytes), {}};
}

void SimNode::answer_batch(MemberId const& peer, Bytes const& body,
                           std::function<void(Answer)> respond) {
  auto const batch = exchange::decode_batch(body);
  std::uint8_t const lane = batch ? batch->lane : 0;
  auto const before = exchange_->current_receipt(peer, lane);
  exchange_->accept(peer, body,
                    guard1<Result<Bytes>>([this, peer, lane, body, before,
                                           respond = std::move(respond)](Result<Bytes> receipt) {
                      if (!receipt && world_.mutant == Mutant::kReceiptFromMemory &&
                          code_retryable(receipt.error().code))
                        receipt = receipt_without_commit(*this, body, *before);
                      respond(answer_of(peer, lane, std::move(receipt)));
                    }));
}

Answer SimNode::answer_of(MemberId const& peer, std::uint8_t lane, Result<Bytes> receipt) {
  if (receipt) {
    Bytes bytes = plant(peer, std::move(*receipt));
    world_.witness->receipt_given(*this, peer, bytes);
    return {Answer::Kind::kReceipt, std::move(bytes), {}};
  }
  world_.tell(id(), "refuses a batch of " + peer.str() + ": " + receipt.error().text());
  if (receipt.error().code == Code::kGap || receipt.error().code == Code::kConflict) {
    auto const current = exchange_->current_receipt(peer, lane);
    if (current) {
      Bytes bytes = plant(peer, *current);
      world_.witness->receipt_given(*this, peer, bytes);
      return {Answer::Kind::kGapReceipt, std::move(bytes), {}};
    }
  }
  return {Answer::Kind::kProblem, {}, receipt.error().code};
}

Bytes SimNode::plant(MemberId const& peer, Bytes bytes) {
  auto receipt = must(exchange::decode_receipt(bytes));
  if (world_.mutant == Mutant::kReceiptOfAnotherLane)
    return must(exchange_->current_receipt(
        peer, static_cast<std::uint8_t>((receipt.lane + 1) % kLaneCount)));
  if (world_.mutant != Mutant::kReceiptTooHigh) return bytes;
  receipt.n += 1;
  return exchange::encode(exchange::sign_receipt(receipt, keys_.node));
}

void SimNode::refresh_links() {
  for (auto& [peer, link] : links_) link->refresh();
  relaying_->tick();
}

// ---- Clients ----------------------------------------------------------------------------------

std::optional<Result<EnvelopeId>> SimNode::enter(Request const& request, EnvelopeId const& id,
                                                 std::vector<store::KvPut>& kv) {
  if (request.key.empty()) return std::nullopt;
  if (!keys_in_use_.insert(request.key).second)
    return fail(Code::kConflict, "header.idempotency-key", "being worked on");
  auto const mark = must(store_->kv_get(kMarks, request.key));
  if (mark) {
    keys_in_use_.erase(request.key);
    return *EnvelopeId::from(*mark);
  }
  kv.push_back({kMarks, request.key, to_bytes(id.view())});
  return std::nullopt;
}

void SimNode::share(Request& request, std::function<void(Result<EnvelopeId>)> done) {
  exchange::ShareRequest share;
  share.marking = request.marking;
  share.precedence = request.precedence;
  share.media_type = request.media_type;
  share.body = request.body;
  share.keep_private = request.keep_private;
  share.id = envelope::make_id(world_.founders.community.id, id(), world_.dice.random());
  if (auto const known = enter(request, *share.id, share.kv)) return done(*known);
  if (world_.mutant == Mutant::kTellStranger && request.kind == Request::Kind::kGroup)
    for (auto const& other : world_.nodes)
      if (other->id() != id() && share.marking.rel_to.insert(other->id()).second) break;
  world_.ledger.attempt(request, *share.id);
  exchange_->share(std::move(share),
                   guard1<Result<exchange::ShareResult>>([this, &request, done = std::move(done)](
                                                             Result<exchange::ShareResult> result) {
                     keys_in_use_.erase(request.key);
                     if (!result) return done(fail(result.error()));
                     done(result->id);
                   }));
}

void SimNode::operate(Request& request, std::function<void(Result<EnvelopeId>)> done) {
  marking::Reader reader;
  reader.clearance = marking::Classification::kTopSecret;
  auto const readable = must(holdings::readable_by(*store_, reader, 0));
  if (!must(store_->item(request.item, readable)))
    return done(fail(Code::kNotFound, "path.id", "no such item"));
  exchange::OperateRequest wanted;
  wanted.item = request.item;
  wanted.kind = request.operation;
  wanted.reason = "for " + request.name();
  wanted.precedence = request.precedence;
  wanted.to = request.narrow_to;
  if (wanted.kind == exchange::OperationKind::kRemark) wanted.marking = request.remark;
  wanted.id = envelope::make_id(world_.founders.community.id, id(), world_.dice.random());
  if (auto const known = enter(request, *wanted.id, wanted.kv)) return done(*known);
  world_.ledger.attempt(request, *wanted.id);
  operations_->operate(
      std::move(wanted),
      guard1<Result<exchange::OperateResult>>(
          [this, &request, done = std::move(done)](Result<exchange::OperateResult> result) {
            keys_in_use_.erase(request.key);
            if (!result) return done(fail(result.error()));
            done(result->id);
          }));
}

// ---- Log and index ----------------------------------------------------------------------------

void SimNode::log_grew() {
  world_.witness->log_grew(*this);
  if (!indexing_) index_later(world_.dice.between(0, 5 * kMs));
}

void SimNode::index_later(Micros delay) {
  indexing_ = true;
  world_.schedule.after(delay, guard([this] { index_some(); }));
}

void SimNode::index_some() {
  indexing_ = false;
  auto const count = world_.dice.permille(300) ? world_.dice.between(1, 4) : 1000;
  auto const done = feeder_->catch_up(static_cast<std::size_t>(count));
  if (!done && done.error().code != Code::kDiskFull && done.error().code != Code::kIo &&
      !excused(done.error()))
    throw Violation(id().str() + " cannot index its log: " + done.error().text());
  if (!done) return index_later(50 * kMs);
  if (must(store_->watermark()) < disk_->log().size())
    return index_later(world_.dice.between(0, 2 * kMs));
  if (!fulfilling_) fulfil_later(world_.dice.between(0, 10 * kMs));
}

// As the node's index thread does it.
void SimNode::fulfil_later(Micros delay) {
  fulfilling_ = true;
  world_.schedule.after(delay, guard([this] { fulfil(); }));
}

void SimNode::fulfil() {
  fulfilling_ = false;
  if (must(store_->watermark()) < disk_->log().size()) return;  // comes again after that
  auto const left = operations_->work();
  if (!left && left.error().code != Code::kDiskFull && left.error().code != Code::kIo &&
      !excused(left.error()))
    throw Violation("law 5: " + id().str() + " cannot do what is asked: " + left.error().text());
  if (!left || *left > 0) fulfil_later(world_.dice.between(10 * kMs, 50 * kMs));
}

void SimNode::sign_checkpoint() {
  auto const note = log_->sign_checkpoint();
  if (!note && note.error().code != Code::kDiskFull && note.error().code != Code::kIo)
    throw Violation(id().str() + " cannot sign its log: " + note.error().text());
}

bool SimNode::settled() {
  return up() && committer_->idle() && !indexing_ && !fulfilling_ &&
         must(store_->watermark()) == disk_->log().size();
}

bool SimNode::idle() {
  if (!settled()) return false;
  for (auto const& [peer, link] : links_)
    if (!link->idle()) return false;
  return true;
}

}  // namespace amic::sim
