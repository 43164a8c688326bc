#include "history.h"

#include <map>

#include "attacker.h"
#include "carrier.h"
#include "clients.h"
#include "codec/codec.h"
#include "obs/log.h"
#include "sim_node.h"
#include "witness.h"
#include "world.h"

namespace amic::sim {

using exchange::testing::must;

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

std::size_t members_of(std::uint64_t seed) {
  if (seed % 20 == 0) return 11;
  if (seed % 20 == 10) return 7;
  return 3 + seed % 3;
}

class History {
 public:
  History(World& world, Outcome& outcome) : world_(world), outcome_(outcome) {}
  void run();

 private:
  void set_weather();
  void plan();
  void plan_work();
  void plan_trouble();
  void crash_somebody();
  void plan_amnesia();
  void plan_restore();
  void plan_apart();
  void plan_latecomer();
  void plan_rot();
  void plan_slow_disk();
  void carry_something();
  void cut_something();
  void heal();
  void mend(SimNode& node);
  void tick();
  void settle();
  Micros at_some_time() { return world_.dice.between(0, kRough); }
  void plan_some(std::int64_t low, std::int64_t high, std::function<void()> const& work) {
    for (auto left = world_.dice.between(low, high); left > 0; --left)
      world_.schedule.after(at_some_time(), work);
  }
  SimNode& any_node() { return *world_.nodes[world_.dice.index(world_.nodes.size())]; }
  bool chance(std::uint64_t permille) { return world_.dice.permille(permille); }

  World& world_;
  Outcome& outcome_;
  Clients clients_{world_, outcome_};
  std::uint64_t rotten_seq_ = 0;
  std::optional<MemberId> late_;  // starts for the first time when all the rest is over
};

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
  clients_.bulky = chance(40);
  world_.weather.relays = chance(350);
  for (auto const& node : world_.nodes) node->set_asks(chance(200));
}

void History::plan() {
  plan_work();
  plan_trouble();
  if (clients_.bulky || chance(100)) plan_amnesia();
  auto const draw = world_.dice.between(0, 99);
  if (draw < 25)
    plan_restore();
  else if (draw < 35)
    plan_apart();
  else if (draw < 45)
    plan_rot();
  if (chance(100)) plan_latecomer();
  if (chance(100)) plan_slow_disk();
  if (chance(500)) {
    auto const member = any_node().id();
    if (member != late_) world_.attacker->act_for(member);
    plan_some(2, 10, [this] { world_.attacker->strike(); });
  }
}

void History::plan_work() {
  auto const share = [this] { clients_.share(); };
  plan_some(4, 14, share);
  if (chance(500)) {  // and some in a burst, so that batches hold many
    Micros const start = at_some_time();
    for (auto left = world_.dice.between(3, 8); left > 0; --left)
      world_.schedule.after(start + world_.dice.between(0, 5 * kMs), share);
  }
  if (chance(650)) {
    plan_some(2, 12, [this] { clients_.operate(); });
    plan_some(0, 4, [this] { clients_.decide(); });
  }
  if (chance(350)) plan_some(2, 10, [this] { clients_.group(); });
  if (chance(250)) plan_some(1, 4, [this] { carry_something(); });
}

void History::plan_trouble() {
  plan_some(0, 5, [this] { crash_somebody(); });
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
}

void History::crash_somebody() {
  SimNode& node = clients_.bulky && chance(600) ? *world_.nodes.front() : any_node();
  if (!node.up()) return;  // down already, or not there yet
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
  if (node.id() == late_) return;
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

// Two that can't reach each other any more, whatever heals. Others carry for them, or people do.
// After a restore only the link can settle numbers, so there is none in such a history.
void History::plan_apart() {
  MemberId const a = any_node().id(), b = any_node().id();
  if (a == b) return;
  if (world_.nodes.size() < 3) world_.weather.relays = false;
  world_.schedule.after(at_some_time(), [this, a, b] {
    world_.tell(a, "is cut from " + b.str() + " for good");
    world_.weather.apart = {a, b};
    world_.network.cut(a, b);
    world_.network.cut(b, a);
  });
}

// Everybody else was there from the first day; the link to it and its index begin days later.
void History::plan_latecomer() {
  if (world_.nodes.size() < 3 || world_.weather.apart || clients_.bulky) return;
  late_ = world_.nodes.back()->id();
  world_.tell(*late_, "has not started yet");
}

// A byte of what is stored changes at rest. Whoever reads it is told; at the end an operator puts
// back a good copy of the file.
void History::plan_rot() {
  SimNode& node = any_node();
  world_.schedule.after(at_some_time(), [this, &node] {
    auto& disk = node.disk();
    std::vector<std::uint64_t> whole;
    if (node.up()) world_.witness->log_grew(node);
    for (std::uint64_t seq = 1; node.up() && seq <= disk.log().size(); ++seq)
      if (!disk.log().at(seq).shredded) whole.push_back(seq);
    if (whole.empty()) return;
    auto const seq = whole[world_.dice.index(whole.size())];
    world_.tell(node.id(), "record " + std::to_string(seq) + " rots");
    world_.weather.rotten = node.id();
    rotten_seq_ = seq;
    disk.rot(seq, world_.dice.index(1 << 20));
    ++outcome_.rotten;
  });
}

void History::plan_slow_disk() {
  SimNode& node = any_node();
  world_.schedule.after(at_some_time(), [this, &node] {
    world_.tell(node.id(), "has a slow disk");
    world_.weather.slow_disk = node.id();
  });
}

void History::carry_something() {
  SimNode& from = any_node();
  SimNode& to = any_node();
  carry_file(world_, from, to.id());
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
  auto const before = std::exchange(world_.weather, {});
  world_.weather.rough = false;
  world_.weather.relays = before.relays;
  world_.weather.apart = before.apart;
  world_.network.calm();
  if (before.rotten) mend(world_.node(*before.rotten));
  if (late_ && chance(700)) {
    auto const days = world_.dice.between(1, 10);
    world_.story.tell(world_.schedule.now(), "ALL", std::to_string(days) + " days go by");
    world_.schedule.sleep(days * 24 * 3600 * 1000);
  }
  for (auto const& node : world_.nodes)
    if (!node->up()) node->start();
}

// The damage is found before anything is mended: a check says so and an audit names the record.
// What a peer holds as well comes from there, else from the operator's copy.
void History::mend(SimNode& node) {
  if (!node.up()) node.start();
  auto& log = node.disk().log();
  auto const audited = must(node.store().audit(1, log.size(), SIZE_MAX));
  std::vector<std::uint64_t> damaged;
  for (auto const& row : audited.rows)
    if (row.flaw != store::Flaw::kNone) damaged.push_back(row.seq);
  if (damaged != std::vector<std::uint64_t>{rotten_seq_} || node.store().check())
    throw Violation("law 4: " + node.id().str() + " does not notice a damaged record");
  auto good = log.at(rotten_seq_);
  for (auto const& other : world_.nodes) {
    auto copy = other->disk().log().find(good.id);
    if (other->id() != node.id() && copy && !copy->shredded && copy->digest == good.digest)
      good.bytes = std::move(copy->bytes);
  }
  must(node.store().put_back({good}, false));
  if (auto const sound = node.store().check(); !sound) throw Violation(sound.error().text());
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
  for (int round = 0; !world_.witness->at_rest(); ++round) {
    if (auto const& apart = world_.weather.apart;
        apart && !world_.weather.relays && round % 5 == 0) {
      carry_file(world_, world_.node(apart->first), apart->second);
      carry_file(world_, world_.node(apart->second), apart->first);
    }
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
  plan();
  for (auto const& node : world_.nodes)
    if (node->id() != late_) node->start();
  for (Micros at = kTick; at < kRough; at += kTick) world_.schedule.after(at, [this] { tick(); });
  bool healed = false;
  world_.schedule.after(kRough, [this, &healed] {
    heal();
    healed = true;
  });
  while (!healed && world_.schedule.step()) ++outcome_.events;
  settle();
  world_.witness->everything();
  outcome_.relayed = world_.relayed;
  outcome_.carried = world_.carried;
  outcome_.destroyed = world_.witness->destroyed();
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
      ledger(the_founders.community.head.roster(), the_founders.community.id),
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
  // The story has it all; what nodes log has the real time in it.
  static bool const quiet = [] {
    obs::LogOptions silent;
    silent.level = obs::Level::kOff;
    return obs::set_up_log(std::move(silent)).has_value();
  }();
  static_cast<void>(quiet);
  Outcome out;
  std::size_t const members = options.members != 0 ? options.members : members_of(options.seed);
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
