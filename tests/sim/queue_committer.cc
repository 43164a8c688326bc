#include "queue_committer.h"

#include "sim_node.h"

namespace amic::sim {

void QueueCommitter::plant(store::Append& unit) const {
  bool const incoming =
      !unit.cursors.empty() && unit.cursors.front().kind == store::CursorKind::kReceived;
  switch (world_.mutant) {
    case Mutant::kForgetReceived:
      if (incoming) unit.cursors.clear();
      break;
    case Mutant::kCursorWithoutRecord:
      if (!incoming) break;
      unit.records.clear();
      for (auto& row : unit.received) row.record.reset();
      break;
    case Mutant::kKeepRefused:
      for (auto const& entry : unit.quarantine) {
        store::Record record;
        record.kind = store::RecordKind::kEnvelopeIn;
        record.id = *EnvelopeId::from(BytesView(entry.digest.view()).first(16));
        record.digest = entry.digest;
        record.at_ms = entry.at_ms;
        record.peer = entry.peer;
        record.bytes = entry.bytes;
        unit.records.push_back(std::move(record));
      }
      unit.quarantine.clear();
      break;
    case Mutant::kMisroute:
      if (!unit.queue.empty())
        for (auto const& node : world_.nodes) {
          auto const named = [&](auto const& queue) { return queue.peer == node->id(); };
          if (node->id() == node_.id() || std::any_of(unit.queue.begin(), unit.queue.end(), named))
            continue;
          unit.queue.push_back({0, node->id(), unit.queue.front().lane});
          break;
        }
      break;
    case Mutant::kForgetMark:
      std::erase_if(unit.kv, [](auto const& put) { return put.space == "idempotency"; });
      break;
    case Mutant::kSwapRecords:
      if (incoming && unit.records.size() > 1) std::swap(unit.records[0], unit.records[1]);
      break;
    case Mutant::kLoseReply:
      for (auto const& record : unit.records)
        if (record.kind == store::RecordKind::kEnvelopeOut &&
            exchange::testing::must(envelope::parse_header(record.bytes)).kind ==
                envelope::Kind::kReply)
          unit.queue.clear();
      break;
    case Mutant::kForgetGroup:
      if (!unit.sent.empty())
        std::erase_if(unit.kv, [](auto const& put) { return put.space == "group"; });
      break;
    default:
      break;
  }
}

void QueueCommitter::commit(store::Append unit, std::function<void(Result<std::uint64_t>)> done) {
  if (waiting_.size() >= world_.weather.commit_queue_max)
    return done(fail(Code::kOverloaded, "commit", "too much waits for the disk"));
  plant(unit);
  if (world_.mutant == Mutant::kAckBeforeCommit) {
    auto const early = std::exchange(done, [](Result<std::uint64_t>) {});
    waiting_.push_back({std::move(unit), std::move(done)});
    schedule_run();
    return early(log_.size() + 1);
  }
  waiting_.push_back({std::move(unit), std::move(done)});
  schedule_run();
}

void QueueCommitter::schedule_run() {
  if (busy_ || waiting_.empty()) return;
  busy_ = true;
  Micros const usual = world_.dice.between(100, 3 * kMs);
  Micros disk = world_.dice.permille(30) ? world_.dice.between(20 * kMs, 400 * kMs) : usual;
  if (world_.weather.slow_disk == node_.id()) disk = world_.dice.between(kSecond, 5 * kSecond);
  world_.schedule.after(disk, node_.guard([this] { run(); }));
}

void QueueCommitter::run() {
  auto const group_max = static_cast<std::size_t>(world_.dice.between(1, 12));
  std::vector<Unit> group;
  while (!waiting_.empty() && group.size() < group_max) {
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  auto finished = std::make_shared<std::vector<Finished>>(commit_group(std::move(group)));
  answers_due_ = true;
  node_.log_grew();
  // On the disk, and nobody knows yet: a crash here is the one that tests law 4.
  Micros const pause = world_.dice.permille(300) ? world_.dice.between(0, 20 * kMs) : 0;
  world_.schedule.after(pause, node_.guard([this, finished] { answer(std::move(*finished)); }));
}

std::vector<QueueCommitter::Finished> QueueCommitter::commit_group(std::vector<Unit> group) {
  std::vector<Finished> out;
  auto const alone = [&](Unit& unit) {
    auto seq = log_.append({unit.append});
    out.push_back({std::move(unit.done), std::move(seq)});
  };
  if (group.size() == 1) {
    alone(group.front());
    return out;
  }
  std::vector<store::Append> units;
  for (auto const& unit : group) units.push_back(unit.append);
  auto const first = log_.append(std::move(units));
  if (!first) {
    // One bad unit (an id used twice) must not fail its neighbours.
    for (auto& unit : group) alone(unit);
    return out;
  }
  auto seq = *first;
  for (auto& unit : group) {
    out.push_back({std::move(unit.done), seq});
    seq += unit.append.records.size();
  }
  return out;
}

void QueueCommitter::answer(std::vector<Finished> finished) {
  for (auto& one : finished) one.done(std::move(one.seq));
  busy_ = answers_due_ = false;
  schedule_run();
}

}  // namespace amic::sim
