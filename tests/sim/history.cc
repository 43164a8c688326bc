#include "history.h"

#include <map>

#include "attacker.h"
#include "codec/codec.h"
#include "sim_node.h"
#include "witness.h"
#include "world.h"

namespace amic::sim {

namespace {

constexpr Micros kRough = 1500 * kMs;         // clients share and things go wrong
constexpr Micros kRestWithin = 60 * kSecond;  // after the healing
constexpr Micros kTick = 100 * kMs;

// Keys and head of a community of this size: made once, the same in all histories.
Founders const& founders_of(std::size_t members) {
  static std::map<std::size_t, Founders> made;
  auto const found = made.find(members);
  if (found != made.end()) return found->second;
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < members; ++i) ids.push_back("M" + std::to_string(10 + i));
  SeededRandom random(7'000 + members);
  return made.emplace(members, Founders::make(ids, random, 1'789'000'000'000)).first->second;
}

std::string uuid(Dice& dice) {
  auto id = dice.random().fixed<EnvelopeId>();
  id.data[6] = static_cast<std::uint8_t>((id.data[6] & 0x0F) | 0x40);
  id.data[8] = static_cast<std::uint8_t>((id.data[8] & 0x3F) | 0x80);
  return codec::to_uuid(id.view());
}

class History {
 public:
  History(World& world, Outcome& outcome) : world_(world), outcome_(outcome) {}
  void run();

 private:
  void set_weather();
  void plan();
  void make_request();
  marking::Marking random_marking(MemberId const& origin);
  void fill_body(Request& request);
  void attempt(Request& request);
  void answered(Request& request, Result<EnvelopeId> const& result);
  void again(Request& request);
  void crash_somebody();
  void plan_amnesia();
  void plan_restore();
  void cut_something();
  void heal();
  void tick();
  void settle();
  SimNode& any_node() { return *world_.nodes[world_.dice.index(world_.nodes.size())]; }
  bool chance(std::uint64_t permille) { return world_.dice.permille(permille); }

  World& world_;
  Outcome& outcome_;
  std::vector<std::string> shared_;  // objects that may be shared once more
  bool bulky_ = false;  // large bodies from one member on one lane: a batch ends by its bytes
};

// ---- What clients want ------------------------------------------------------------------------

marking::Marking History::random_marking(MemberId const& origin) {
  marking::Marking out;
  for (auto const& node : world_.nodes)
    if (bulky_ || chance(450)) out.rel_to.insert(node->id());
  if (out.rel_to.empty() && chance(800))
    for (auto const& node : world_.nodes)
      if (node->id() != origin) {
        out.rel_to.insert(node->id());
        break;
      }
  if (chance(40)) out.rel_to.insert(exchange::testing::must(MemberId::parse("STRANGER")));
  if (chance(30)) out.realm = exchange::testing::must(Realm::parse("EXERCISE:OTHER"));
  out.classification = static_cast<marking::Classification>(world_.dice.between(0, 4));
  UnixMs const now = world_.node(origin).clock().now_ms();
  if (chance(200)) out.expires_ms = now + world_.dice.between(-200, 3'600'000);
  if (chance(60)) out.expires_ms = now;
  return out;
}

void History::fill_body(Request& request) {
  if (bulky_ && chance(700)) {
    request.media_type = "application/octet-stream";
    request.body.resize(static_cast<std::size_t>(world_.dice.between(250'000, 600'000)));
    world_.dice.random().fill(request.body);
    return;
  }
  request.media_type = "application/stix+json;version=2.1";
  request.objects = static_cast<std::size_t>(world_.dice.between(1, 3));
  std::string objects;
  for (std::size_t i = 0; i < request.objects; ++i) {
    bool const bad = chance(150);
    std::string id = "indicator--" + uuid(world_.dice);
    if (!shared_.empty() && chance(200)) id = shared_[world_.dice.index(shared_.size())];
    if (!bad) {
      request.object_ids.push_back(id);
      shared_.push_back(id);
    }
    objects += std::string(objects.empty() ? "" : ",") +
               R"({"type":"indicator","spec_version":"2.1","id":")" + id +
               R"(","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z",)" +
               (bad ? R"("pattern":7})"
                    : R"("pattern":"[domain-name:value = 'a.example']","pattern_type":"stix",)"
                      R"("valid_from":"2026-01-01T00:00:00Z"})");
  }
  request.body = to_bytes(R"({"type":"bundle","id":"bundle--)" + uuid(world_.dice) +
                          R"(","objects":[)" + objects + "]}");
}

void History::make_request() {
  Request request;
  request.origin = (bulky_ ? *world_.nodes.front() : any_node()).id();
  request.marking = random_marking(request.origin);
  request.precedence = static_cast<Precedence>(world_.dice.between(0, kLaneCount - 1));
  if (chance(400)) request.precedence = chance(500) ? Precedence::kFlash : Precedence::kRoutine;
  if (bulky_) request.precedence = Precedence::kPriority;
  request.keep_private = chance(80);
  fill_body(request);
  if (chance(750)) request.key = "key-" + uuid(world_.dice);
  Request& kept = world_.ledger.add(std::move(request));
  world_.tell(kept.origin, "client wants " + kept.name() + ": " + marking::banner(kept.marking) +
                               " " + std::string(precedence_name(kept.precedence)) +
                               (kept.keep_private ? " private" : ""));
  attempt(kept);
}

void History::attempt(Request& request) {
  if (request.state != Request::State::kOpen) return;
  SimNode& node = world_.node(request.origin);
  if (!node.up()) return again(request);
  bool const refuse = world_.ledger.must_refuse(request, node.clock().now_ms());
  auto const attempts = request.tried.size();
  auto const done = std::make_shared<bool>(false);
  node.share(request, [this, &request, done](Result<EnvelopeId> result) {
    if (std::exchange(*done, true)) return;
    if (result && chance(100)) return again(request);  // the answer got lost on its way
    answered(request, result);
  });
  if (refuse && !*done && request.tried.size() > attempts)
    throw Violation("law 1: " + request.name() + " was not refused");
  world_.schedule.after(600 * kMs, [this, &request, done] {
    if (!std::exchange(*done, true)) again(request);
  });
}

// The client tries again if it can do so without doubling, else it gives up.
void History::again(Request& request) {
  if (request.key.empty() && !request.tried.empty()) {
    request.state = Request::State::kUnknown;
    return;
  }
  world_.schedule.after(world_.dice.between(20 * kMs, 200 * kMs),
                        [this, &request] { attempt(request); });
}

void History::answered(Request& request, Result<EnvelopeId> const& result) {
  UnixMs const now = world_.node(request.origin).clock().now_ms();
  if (result) {
    world_.tell(request.origin, request.name() + " is accepted");
    ++outcome_.accepted;
    return world_.ledger.accepted(request, *result);
  }
  Code const code = result.error().code;
  world_.tell(request.origin, request.name() + " is answered " + result.error().text());
  // A conflict of ids is the disk's "perhaps", or a request with this key is being worked on.
  if (code_retryable(code) || code == Code::kConflict) return again(request);
  ++outcome_.refused;
  world_.ledger.refused(request, now, code);
  // An earlier attempt may have left its mark on the disk unseen: then the refusal is not the whole
  // truth, and this client knows that.
  if (request.tried.size() > 1) request.state = Request::State::kUnknown;
}

// ---- What goes wrong --------------------------------------------------------------------------

void History::set_weather() {
  auto& network = world_.network.trouble;
  auto& dice = world_.dice;
  if (chance(800)) network.loss_permille = static_cast<std::uint64_t>(dice.between(0, 200));
  if (chance(500)) network.duplicate_permille = static_cast<std::uint64_t>(dice.between(0, 200));
  if (chance(300)) network.flip_permille = static_cast<std::uint64_t>(dice.between(0, 50));
  if (chance(500)) network.stall_permille = static_cast<std::uint64_t>(dice.between(0, 100));
  network.delay_max = dice.between(500, 20 * kMs);
  if (chance(500))
    world_.weather.disk_fault_permille = static_cast<std::uint64_t>(dice.between(0, 150));
  if (chance(500))
    world_.weather.index_fault_permille = static_cast<std::uint64_t>(dice.between(0, 200));
  if (chance(80)) world_.weather.commit_queue_max = 3;
  bulky_ = chance(40);
}

void History::plan() {
  auto& dice = world_.dice;
  auto const at = [&] { return dice.between(0, kRough); };
  auto const plan_some = [&](std::int64_t low, std::int64_t high, auto work) {
    for (auto left = dice.between(low, high); left > 0; --left) world_.schedule.after(at(), work);
  };
  plan_some(4, 14, [this] { make_request(); });
  if (chance(500)) {  // and some in a burst, so that batches hold many
    Micros const start = at();
    for (auto left = dice.between(3, 8); left > 0; --left)
      world_.schedule.after(start + dice.between(0, 5 * kMs), [this] { make_request(); });
  }
  plan_some(0, 5, [this] { crash_somebody(); });
  if (bulky_ || chance(100)) plan_amnesia();
  if (chance(250)) plan_restore();
  plan_some(0, 4, [this] { cut_something(); });
  plan_some(0, 2, [this] {
    SimNode& node = any_node();
    node.clock().set_skew(world_.dice.between(-240'000, 240'000));
    world_.tell(node.id(), "has its clock set");
  });
  plan_some(0, 3, [this] {
    SimNode& node = any_node();
    if (node.up()) node.sign_checkpoint();
  });
  if (chance(500)) {
    world_.attacker->act_for(any_node().id());
    plan_some(2, 10, [this] { world_.attacker->strike(); });
  }
}

void History::crash_somebody() {
  SimNode& node = bulky_ && chance(600) ? *world_.nodes.front() : any_node();
  if (!node.up()) return;
  ++outcome_.crashes;
  node.crash();
  Micros const down = chance(600) ? world_.dice.between(1 * kMs, 60 * kMs)
                                  : world_.dice.between(60 * kMs, 800 * kMs);
  world_.schedule.after(down, [&node] {
    if (!node.up()) node.start();
  });
}

// The first member's queues fill while it is cut off; then it delivers while its disk takes
// nothing, and loses its power: it has forgotten all receipts and must resume from peers far ahead.
void History::plan_amnesia() {
  SimNode& node = *world_.nodes.front();
  Micros const opens = world_.dice.between(500 * kMs, 1000 * kMs);
  auto const links = [this, &node](bool cut) {
    for (auto const& other : world_.nodes) {
      if (cut) world_.network.cut(node.id(), other->id());
      if (!cut) world_.network.mend(node.id(), other->id());
    }
  };
  world_.schedule.after(opens - 400 * kMs, [links] { links(true); });
  world_.schedule.after(opens, [this, &node, links] {
    world_.tell(node.id(), "has a full disk");
    world_.weather.full_disk = node.id();
    links(false);
  });
  world_.schedule.after(opens + world_.dice.between(150 * kMs, 400 * kMs), [this, &node] {
    world_.weather.full_disk.reset();
    if (!node.up()) return;
    node.crash();
    node.start();
  });
}

// Somebody's disk dies and an older backup is put in its place. Not the cheating member's: what its
// peers would give back to it may be what they have been cheated with.
void History::plan_restore() {
  SimNode& node = any_node();
  Micros const saved_at = world_.dice.between(0, kRough - 100 * kMs);
  Micros const restored_at = world_.dice.between(saved_at, kRough - 50 * kMs);
  auto const saved = std::make_shared<std::shared_ptr<Disk::Saved const>>();
  world_.schedule.after(saved_at, [this, &node, saved] {
    world_.tell(node.id(), "is backed up");
    world_.witness->log_grew(node);
    *saved = node.disk().save();
  });
  Micros const down = world_.dice.between(1 * kMs, 200 * kMs);
  world_.schedule.after(restored_at, [this, &node, saved, down] {
    if (world_.attacker->is(node.id())) return;
    node.put_back(**saved);
    world_.schedule.after(down, [&node] {
      if (!node.up()) node.start();
    });
  });
}

// One direction between two, both, or one member from all others.
void History::cut_something() {
  MemberId const a = any_node().id(), b = any_node().id();
  if (a == b) return;
  std::vector<std::pair<MemberId, MemberId>> cuts = {{a, b}};
  if (chance(500)) cuts.push_back({b, a});
  if (chance(250))
    for (auto const& node : world_.nodes)
      if (node->id() != a) {
        cuts.push_back({a, node->id()});
        cuts.push_back({node->id(), a});
      }
  world_.tell(a, cuts.size() > 2 ? "is cut off" : "is cut from " + b.str());
  for (auto const& [from, to] : cuts) world_.network.cut(from, to);
  world_.schedule.after(world_.dice.between(20 * kMs, 900 * kMs), [this, cuts] {
    for (auto const& [from, to] : cuts) world_.network.mend(from, to);
  });
}

void History::heal() {
  world_.story.tell(world_.schedule.now(), "ALL", "heals");
  world_.weather = {};
  world_.weather.rough = false;
  world_.network.calm();
  for (auto const& node : world_.nodes)
    if (!node->up()) node->start();
}

// ---- The course of it -------------------------------------------------------------------------

void History::tick() {
  world_.witness->bounds();
  for (auto const& node : world_.nodes)
    if (node->up()) node->refresh_links();
}

void History::settle() {
  Micros const limit = world_.schedule.now() + kRestWithin;
  Micros next_tick = world_.schedule.now();
  while (!world_.witness->at_rest()) {
    if (world_.schedule.now() > limit)
      throw Violation("liveness: it does not come to rest: " + world_.witness->unrest());
    next_tick += kTick;
    bool ticked = false;
    world_.schedule.after(next_tick - world_.schedule.now(), [this, &ticked] {
      tick();
      ticked = true;
    });
    while (!ticked && world_.schedule.step()) ++outcome_.events;
  }
}

void History::run() {
  set_weather();
  for (auto const& node : world_.nodes) node->start();
  plan();
  for (Micros at = kTick; at < kRough; at += kTick) world_.schedule.after(at, [this] { tick(); });
  bool healed = false;
  world_.schedule.after(kRough, [this, &healed] {
    heal();
    healed = true;
  });
  while (!healed && world_.schedule.step()) ++outcome_.events;
  settle();
  world_.witness->everything();
  for (auto const& node : world_.nodes) {
    outcome_.delivered += node->disk().log().size();
    for (auto const& peer : world_.nodes)
      outcome_.quarantined += node->disk().log().quarantine(peer->id(), 1000).size();
  }
}

}  // namespace

World::World(std::uint64_t seed, bool print, Mutant planted, Founders const& the_founders)
    : dice(seed),
      story(print),
      mutant(planted),
      founders(the_founders),
      network(*this),
      ledger(the_founders.community.head.roster()),
      attacker(std::make_unique<Attacker>(*this)),
      witness(std::make_unique<Witness>(*this)) {
  for (auto const& member : founders.members)
    nodes.push_back(std::make_unique<SimNode>(*this, member));
}
World::~World() = default;

SimNode& World::node(MemberId const& member) {
  for (auto const& one : nodes)
    if (one->id() == member) return *one;
  throw std::logic_error("no such member");
}

Outcome run_history(Options const& options) {
  Outcome out;
  std::size_t const members = options.members != 0 ? options.members : 3 + options.seed % 3;
  World world(options.seed, options.trace, options.mutant, founders_of(members));
  try {
    History(world, out).run();
    out.ok = true;
  } catch (Violation const& violation) {
    out.violation = violation.what();
    world.story.tell(world.schedule.now(), "ALL", "VIOLATION " + out.violation);
  }
  out.digest = codec::to_hex(world.story.digest().view());
  return out;
}

}  // namespace amic::sim
