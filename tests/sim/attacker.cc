#include "attacker.h"

#include <algorithm>

#include "sim_node.h"
#include "world.h"

namespace amic::sim {

using exchange::testing::must;

namespace {
constexpr std::size_t kHeardMax = 24;
constexpr std::size_t kReceiptsMax = 8;
}  // namespace

void Attacker::saw(MemberId const& from, MemberId const& to, Bytes const& batch) {
  if (!self_ || batch.size() > 64 * 1024) return;
  heard_.push_back({from, to, batch});
  if (heard_.size() > kHeardMax) heard_.pop_front();
}

std::optional<exchange::Batch> Attacker::pick(bool own) {
  std::vector<Overheard const*> fitting;
  for (auto const& one : heard_)
    if ((one.from == *self_) == own) fitting.push_back(&one);
  if (fitting.empty()) return std::nullopt;
  return must(exchange::decode_batch(fitting[world_.dice.index(fitting.size())]->batch));
}

void Attacker::deliver(SimNode& target, std::string const& what, Bytes bytes) {
  world_.tell(*self_, "cheats " + target.id().str() + ": " + what);
  target.serve(*self_, Ask::kBatch, std::move(bytes), [](Answer) {});
}

void Attacker::deliver_as_next(SimNode& target, std::string const& what, std::uint8_t lane,
                               std::vector<Bytes> envelopes) {
  auto const position =
      must(exchange::decode_receipt(must(target.exchange().current_receipt(*self_, lane))));
  exchange::Batch batch;
  batch.community = world_.founders.community.id;
  batch.from = *self_;
  batch.to = target.id();
  batch.lane = lane;
  batch.first_n = position.n + 1;
  batch.chain_before = position.chain;
  batch.envelopes = std::move(envelopes);
  diverged_.insert({target.id(), lane});
  deliver(target, what,
          exchange::encode(exchange::sign_batch(batch, world_.node(*self_).keys().node)));
}

// An id that somebody else has given to an envelope, perhaps one that is still on its way.
EnvelopeId Attacker::taken_id() {
  auto const batch = pick(false);
  if (!batch) return world_.dice.random().fixed<EnvelopeId>();
  auto const& one = batch->envelopes[world_.dice.index(batch->envelopes.size())];
  return must(envelope::parse_header(one)).id;
}

envelope::Contents Attacker::blank(SimNode const& target, std::uint8_t lane) {
  auto& self = world_.node(*self_);
  envelope::Contents contents;
  contents.community = world_.founders.community.id;
  contents.id = envelope::make_id(contents.community, *self_, world_.dice.random());
  contents.precedence = static_cast<Precedence>(lane);
  contents.epoch = world_.founders.community.head.epoch;
  contents.originator = *self_;
  contents.created_ms = self.clock().now_ms();
  contents.recipients = {target.id()};
  contents.media_type = "text/plain";
  contents.body = to_bytes("forged");
  return contents;
}

Bytes Attacker::seal(SimNode const& target, envelope::Contents contents) {
  auto& self = world_.node(*self_);
  std::vector<envelope::Recipient> wraps = {{target.id(), target.keys().sealing.public_key()},
                                            {*self_, self.keys().sealing.public_key()}};
  return must(
      envelope::seal(contents, wraps, self.keys().node, self.keys().node, world_.dice.random()));
}

// A well-signed envelope of its own that breaks one rule.
Bytes Attacker::forge(SimNode const& target, std::uint8_t lane, int trick) {
  auto contents = blank(target, lane);
  marking::Marking marking;
  marking.rel_to = {target.id()};
  switch (trick) {
    case 0: {  // REL TO names somebody else
      auto const& other = *world_.nodes[world_.dice.index(world_.nodes.size())];
      marking.rel_to = {other.id() == target.id() ? *self_ : other.id()};
      break;
    }
    case 1:
      marking.rel_to.clear();
      break;
    case 2:
      marking.rel_to.insert(must(MemberId::parse("NOBODY")));
      break;
    case 3:
      marking.expires_ms = contents.created_ms - 1;
      break;
    case 4:
      contents.created_ms += 3'600'000;  // an hour ahead
      break;
    case 5:
      contents.precedence = static_cast<Precedence>((lane + 1) % kLaneCount);
      break;
    case 6:
      contents.epoch += 1;
      break;
    case 7:
      contents.id = taken_id();
      break;
    default:
      contents.realm = must(Realm::parse("EXERCISE:DRY"));
      break;
  }
  contents.marking = marking::encode(marking);
  return seal(target, std::move(contents));
}

// About an item of another member's, if there is one.
void Attacker::meddle(SimNode& target, std::uint8_t lane) {
  std::vector<Request const*> items;
  for (auto const& one : world_.ledger.requests())
    if (one->kind == Request::Kind::kItem && one->origin != *self_ && world_.ledger.effect(*one) &&
        world_.ledger.recipients(*one).contains(target.id()))
      items.push_back(one.get());
  if (items.empty()) return;
  EnvelopeId const item = *world_.ledger.effect(*items[world_.dice.index(items.size())]);
  auto contents = blank(target, lane);
  marking::Marking marking;
  marking.rel_to = {target.id()};
  contents.marking = marking::encode(marking);
  exchange::Operation operation;
  operation.item = item;
  operation.target = world_.ledger.stored(item)->digest;
  operation.counter = static_cast<std::uint64_t>(world_.dice.between(1, 9));
  operation.kind = exchange::OperationKind::kRecall;
  operation.standing = exchange::Standing::kRecalled;
  operation.marking = marking;
  auto const draw = world_.dice.between(0, 6);
  auto const trick = draw > 4 ? 1 : draw;
  if (trick <= 1) {
    contents.kind = envelope::Kind::kOperation;
    contents.media_type = exchange::kOperationMediaType;
    contents.lineage = {operation.target};
    // Under an id of its own the operation may be early: it waits for an item that never comes.
    if (trick == 1) operation.item = contents.id;
    contents.body = exchange::encode(operation);
  } else if (trick == 2) {  // says that it has complied with what nobody asked it
    exchange::Reply reply;
    reply.item = world_.dice.random().fixed<EnvelopeId>();
    reply.target = operation.target;
    reply.outcome = exchange::Outcome::kComplied;
    reply.destroyed = true;
    contents.kind = envelope::Kind::kReply;
    contents.media_type = exchange::kReplyMediaType;
    contents.lineage = {reply.operation};
    contents.body = exchange::encode(reply);
  } else {  // states a group of another's, or one with members who are not told
    exchange::GroupStatement group;
    group.id = trick == 3 ? item : contents.id;
    group.name = "forged";
    group.members = {target.id(), *self_};
    if (trick == 4)
      for (auto const& node : world_.nodes) group.members.insert(node->id());
    if (trick == 4 && group.members.size() == 2) return;
    contents.media_type = exchange::kGroupMediaType;
    contents.body = exchange::encode(group);
  }
  Bytes const bytes = seal(target, contents);
  if (trick == 1) {
    Request request;
    request.kind = Request::Kind::kOperation;
    request.origin = *self_;
    request.precedence = contents.precedence;
    request.marking = marking;
    request.item = operation.item;
    world_.ledger.hostile(std::move(request), contents.id, envelope::digest(bytes));
  }
  deliver_as_next(target, "meddles, trick " + std::to_string(trick), lane, {bytes});
}

void Attacker::strike() {
  if (!self_ || !world_.node(*self_).up()) return;
  auto& target = *world_.nodes[world_.dice.index(world_.nodes.size())];
  if (target.id() == *self_ || !target.up()) return;
  auto const lane = static_cast<std::uint8_t>(world_.dice.between(0, kLaneCount - 1));
  auto const trick = world_.dice.between(0, 9);
  if (trick >= 8) return meddle(target, lane);
  if (trick <= 2) {
    auto const forged = static_cast<int>(world_.dice.between(0, 8));
    return deliver_as_next(target, "a forged envelope, trick " + std::to_string(forged), lane,
                           {forge(target, lane, forged)});
  }
  auto batch = pick(trick >= 6);
  if (!batch) return;
  Bytes& envelope = batch->envelopes[world_.dice.index(batch->envelopes.size())];
  Bytes raw = exchange::encode(*batch);
  switch (trick) {
    case 3:  // somebody else's batch as it is
      return deliver(target, "replays a batch of " + batch->from.str(), raw);
    case 4:  // with a byte changed
      raw[world_.dice.index(raw.size())] ^= 0x10;
      return deliver(target, "a changed batch of " + batch->from.str(), raw);
    case 5:  // somebody else's envelope under its own number
      return deliver_as_next(target, "an envelope of " + batch->from.str(), batch->lane,
                             {envelope});
    case 6:  // one of its own once more, or one that was not for the target
      return deliver_as_next(target, "its own old envelope under a new number", batch->lane,
                             {envelope, envelope});
    default:
      envelope[world_.dice.index(envelope.size())] ^= 0x10;
      return deliver_as_next(target, "a changed envelope", batch->lane, {envelope});
  }
}

Answer Attacker::answers(MemberId const& who, MemberId const& to, Answer answer) {
  if (!is(who) || !world_.weather.rough || answer.kind != Answer::Kind::kReceipt) return answer;
  own_receipts_.push_back(answer.body);
  if (own_receipts_.size() > kReceiptsMax) own_receipts_.pop_front();
  if (!world_.dice.permille(250)) return answer;
  auto receipt = must(exchange::decode_receipt(answer.body));
  auto const trick = world_.dice.between(0, 3);
  world_.tell(who, "answers " + to.str() + " falsely, trick " + std::to_string(trick));
  if (trick == 0) {
    answer.body = own_receipts_[world_.dice.index(own_receipts_.size())];
    if (world_.dice.permille(500)) answer.kind = Answer::Kind::kGapReceipt;
    return answer;
  }
  if (trick == 1) receipt.n += static_cast<std::uint64_t>(world_.dice.between(1, 3));
  if (trick == 2) receipt.lane = static_cast<std::uint8_t>((receipt.lane + 1) % kLaneCount);
  if (trick == 3) receipt.chain.data[0] ^= 1;
  answer.body = exchange::encode(exchange::sign_receipt(receipt, world_.node(who).keys().node));
  return answer;
}

}  // namespace amic::sim
