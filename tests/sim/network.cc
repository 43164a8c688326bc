#include "network.h"

#include "attacker.h"
#include "sim_node.h"
#include "witness.h"
#include "world.h"

namespace amic::sim {

struct Network::Call {
  MemberId from, to;
  std::uint64_t life = 0;  // of the asker
  Ask ask = Ask::kBatch;
  Bytes body;
  std::function<void(std::optional<Answer>)> done;  // empty once it was called
};

namespace {
// What has to be safe whatever happens on its way; TLS keeps the rest whole.
bool is_batch(Ask ask) {
  return ask == Ask::kBatch || ask == Ask::kRelay || ask == Ask::kRelayed;
}
}  // namespace

void Network::calm() {
  cuts_.clear();
  trouble = {};
  if (auto const& apart = world_.weather.apart) {
    cut(apart->first, apart->second);
    cut(apart->second, apart->first);
  }
}

Micros Network::delay() {
  Micros const usual = world_.dice.between(50, trouble.delay_max);
  return world_.dice.permille(trouble.stall_permille)
             ? usual + world_.dice.between(50 * kMs, 700 * kMs)
             : usual;
}

Bytes Network::on_the_wire(Bytes bytes) {
  if (!bytes.empty() && world_.dice.permille(trouble.flip_permille))
    bytes[world_.dice.index(bytes.size())] ^=
        static_cast<std::uint8_t>(world_.dice.between(1, 255));
  return bytes;
}

void Network::request(SimNode& from, MemberId const& to, Ask ask, Bytes body, Micros timeout,
                      std::function<void(std::optional<Answer>)> done) {
  auto call = std::make_shared<Call>();
  *call = {from.id(), to, from.life(), ask, std::move(body), std::move(done)};
  if (ask == Ask::kBatch || ask == Ask::kRelay) world_.attacker->saw(call->from, to, call->body);
  world_.witness->crosses(call->from, to, call->body);
  world_.schedule.after(timeout, [this, call] { finish(*call, std::nullopt); });
  int const copies = world_.dice.permille(trouble.duplicate_permille) ? 2 : 1;
  for (int i = 0; i < copies; ++i)
    if (!world_.dice.permille(trouble.loss_permille))
      world_.schedule.after(delay(), [this, call] { deliver(call); });
}

void Network::deliver(std::shared_ptr<Call> call) {
  if (is_cut(call->from, call->to)) return;
  SimNode& to = world_.node(call->to);
  if (!to.up()) {  // connection refused; sometimes there is not even that
    if (world_.dice.permille(700))
      world_.schedule.after(delay(), [this, call] { finish(*call, std::nullopt); });
    return;
  }
  to.serve(call->from, call->ask, is_batch(call->ask) ? on_the_wire(call->body) : call->body,
           [this, call](Answer reply) { answer(call, std::move(reply)); });
}

void Network::answer(std::shared_ptr<Call> const& call, Answer answer) {
  answer = world_.attacker->answers(call->to, call->from, std::move(answer));
  if (world_.dice.permille(trouble.loss_permille)) return;
  // TLS keeps these whole; receipts have to be safe wherever they come from.
  if (answer.kind == Answer::Kind::kReceipt || answer.kind == Answer::Kind::kGapReceipt)
    answer.body = on_the_wire(std::move(answer.body));
  world_.schedule.after(delay(), [this, call, answer = std::move(answer)] {
    if (!is_cut(call->to, call->from)) finish(*call, answer);
  });
}

void Network::finish(Call& call, std::optional<Answer> answer) {
  if (!call.done) return;
  auto const done = std::exchange(call.done, nullptr);
  SimNode const& asker = world_.node(call.from);
  if (asker.up() && asker.life() == call.life) done(std::move(answer));
}

}  // namespace amic::sim
