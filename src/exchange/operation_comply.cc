// The receiver's side: what others ask for is done, or an operator decides; either way they are
// told, once.
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "exchange/operations.h"
#include "obs/log.h"

namespace amic::exchange {
namespace {

using store::Duty;
using store::OperationRow;

// Gives the bytes it was made with, once.
class GivenBytes final : public Random {
 public:
  explicit GivenBytes(Hash const& bytes) : bytes_(bytes) {}
  void fill(std::span<std::uint8_t> out) override {
    for (auto& byte : out) byte = bytes_.data[at_++ % bytes_.data.size()];
  }

 private:
  Hash bytes_;
  std::size_t at_ = 0;
};

}  // namespace

EnvelopeId reply_id(CommunityId const& community, MemberId const& self, Hash const& operation,
                    Outcome outcome) {
  codec::Writer seed;
  seed.str8("amic/reply-id/v1").raw(operation.view()).u8(static_cast<std::uint8_t>(outcome));
  GivenBytes given(crypto::sha256(seed.bytes()));
  return envelope::make_id(community, self, given);
}

Result<ShareRequest> Operations::reply_request(OperationRow const& row, Reply const& reply) const {
  ShareRequest out;
  AMIC_TRY(auto const audiences, store_.audiences());
  auto const label = std::find_if(audiences.begin(), audiences.end(),
                                  [&](auto const& entry) { return entry.id == row.audience; });
  if (label == audiences.end()) return fail(Code::kCorrupt, "index", "an operation has no label");
  AMIC_TRY(out.marking, marking::decode(label->label));
  out.marking.rel_to = {row.originator};
  out.marking.expires_ms.reset();
  out.kind = envelope::Kind::kReply;
  out.precedence = row.precedence;
  out.media_type = kReplyMediaType;
  out.body = encode(reply);
  AMIC_TRY_VOID(decode_reply(out.body));
  out.lineage = {row.demand};
  out.id = reply_id(exchange_.community().id, exchange_.self(), row.demand, reply.outcome);
  return out;
}

void Operations::answer(OperationRow const& row, Outcome outcome, std::string reason,
                        std::function<void(Result<void>)> done) {
  Reply reply;
  reply.item = row.item;
  reply.target = row.target;
  reply.operation = row.demand;
  reply.counter = row.demand_counter;
  reply.at_ms = clock_.now_ms();
  reply.outcome = outcome;
  reply.hidden = true;
  reply.destroyed = outcome == Outcome::kComplied;
  reply.reason = std::move(reason);
  auto request = reply_request(row, reply);
  if (!request) return done(fail(std::move(request).error()));
  auto const id = *request->id;
  auto const sent = store_.log_find(id);
  if (!sent) return done(fail(sent.error()));
  if (*sent) return done({});
  {
    std::lock_guard const lock(mutex_);
    if (!replying_.insert(id).second) return done({});
  }
  exchange_.share(std::move(*request), [this, id, outcome, originator = row.originator,
                                        done = std::move(done)](Result<ShareResult> result) {
    {
      std::lock_guard const lock(mutex_);
      replying_.erase(id);
    }
    // kConflict: it is in the log already.
    if (!result && result.error().code != Code::kConflict) return done(fail(result.error()));
    if (result)
      obs::log(obs::Level::kInfo, "exchange.operation_answered",
               {{"originator", originator.str()}, {"outcome", outcome_name(outcome)}});
    done({});
  });
}

Result<void> Operations::destroy(OperationRow const& row) {
  AMIC_TRY(auto const record, store_.log_find(row.item));
  if (!record || record->digest != row.target || record->kind != store::RecordKind::kEnvelopeIn)
    return fail(Code::kNotFound, "item", "not held as received");
  if (on_destroy_) AMIC_TRY_VOID(on_destroy_(row.item));
  if (record->shredded) return {};
  return store_.shred(record->seq, clock_.now_ms());
}

// False: nothing to be done about it now.
Result<bool> Operations::settle(OperationRow const& row) {
  AMIC_TRY(auto const record, store_.log_find(row.item));
  if (!record) return false;
  Outcome outcome = Outcome::kComplied;
  if (!record->shredded && mode_ == ComplyMode::kAsk) {
    if (row.duty == Duty::kAsked) return false;
    outcome = Outcome::kPending;
  }
  if (outcome == Outcome::kComplied) {
    auto const destroyed = destroy(row);
    // Something still reads old pages: whoever asked is told when those are overwritten as well.
    if (!destroyed && destroyed.error().code == Code::kLocked) return false;
    if (!destroyed) return fail(destroyed.error());
  }
  answer(row, outcome, "", [originator = row.originator](Result<void> result) {
    if (!result)
      obs::log(obs::Level::kWarn, "exchange.reply_failed",
               {{"originator", originator.str()}, {"code", code_name(result.error().code)}});
  });
  return true;
}

Result<std::size_t> Operations::work() {
  std::size_t left = 0;
  for (Duty const duty : {Duty::kDue, Duty::kAsked}) {
    Hash after;
    for (;;) {
      AMIC_TRY(auto const rows, store_.duties(duty, after, limits::kPageMax));
      for (OperationRow const& row : rows) {
        AMIC_TRY(bool const done, settle(row));
        if (done || row.duty == Duty::kDue) ++left;
      }
      if (rows.size() < limits::kPageMax) break;
      after = rows.back().target;
    }
  }
  return left;
}

Result<std::vector<IncomingDemand>> Operations::incoming(std::size_t limit) {
  std::vector<IncomingDemand> out;
  for (Duty const duty :
       {Duty::kWaiting, Duty::kDue, Duty::kAsked, Duty::kRefused, Duty::kComplied}) {
    if (out.size() >= limit) break;
    AMIC_TRY(auto rows,
             store_.duties(duty, Hash(), std::min(limit - out.size(), limits::kPageMax)));
    for (OperationRow& row : rows) {
      AMIC_TRY(auto const record, store_.log_find(row.item));
      bool const destroyed = record && record->digest == row.target && record->shredded;
      out.push_back({std::move(row), destroyed});
    }
  }
  std::sort(out.begin(), out.end(),
            [](auto const& a, auto const& b) { return a.row.seq < b.row.seq; });
  return out;
}

Result<OperationRow> Operations::demand_on(EnvelopeId const& item) {
  AMIC_TRY(auto const record, store_.log_find(item));
  if (!record || record->kind != store::RecordKind::kEnvelopeIn)
    return fail(Code::kNotFound, "item", "no such item was received");
  AMIC_TRY(auto row, store_.operation(record->digest, record->peer));
  if (!row || row->duty == Duty::kNone)
    return fail(Code::kNotFound, "item", "nobody asks for its destruction");
  return std::move(*row);
}

void Operations::comply(EnvelopeId const& item, std::function<void(Result<void>)> done) {
  auto row = demand_on(item);
  if (!row) return done(fail(std::move(row).error()));
  if (auto destroyed = destroy(*row); !destroyed) return done(std::move(destroyed));
  answer(*row, Outcome::kComplied, "", std::move(done));
}

void Operations::refuse(EnvelopeId const& item, std::string reason,
                        std::function<void(Result<void>)> done) {
  auto row = demand_on(item);
  if (!row) return done(fail(std::move(row).error()));
  if (reason.empty())
    return done(fail(Code::kMissingField, "reason", "say why it is not destroyed"));
  auto const record = store_.log_find(item);
  if (!record) return done(fail(record.error()));
  if (row->duty == Duty::kComplied || !*record || (*record)->shredded)
    return done(fail(Code::kConflict, "item", "it is destroyed already"));
  answer(*row, Outcome::kRefused, std::move(reason), std::move(done));
}

}  // namespace amic::exchange
