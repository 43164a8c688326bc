#include "consent/heads.h"

namespace amic::consent {

std::unique_ptr<Epoch const> Heads::make(Community community) {
  auto out = std::make_unique<Epoch>();
  out->community = std::move(community);
  out->roster = out->community.head.roster();
  return out;
}

Heads::Heads(Community now) {
  auto epoch = make(std::move(now));
  current_ = epoch.get();
  epochs_.emplace(epoch->community.head.epoch, std::move(epoch));
}

Result<void> Heads::add_past(Community past) {
  std::lock_guard const lock(mutex_);
  auto const& first = epochs_.begin()->second->community.head;
  if (past.head.epoch + 1 != first.epoch || past.head_digest != first.previous)
    return fail(Code::kOutOfRange, "head.epoch", "not the head before the first one known");
  auto epoch = make(std::move(past));
  epochs_.emplace(epoch->community.head.epoch, std::move(epoch));
  return {};
}

Result<void> Heads::advance(Community next) {
  std::lock_guard const lock(mutex_);
  auto const& now = current().community;
  if (next.id != now.id || next.head.epoch != now.head.epoch + 1 ||
      next.head.previous != now.head_digest)
    return fail(Code::kConflict, "head.previous", "does not follow the head in force");
  auto epoch = make(std::move(next));
  auto const* const added = epoch.get();
  epochs_.emplace(added->community.head.epoch, std::move(epoch));
  current_ = added;
  return {};
}

Epoch const* Heads::at(std::uint64_t epoch) const {
  std::lock_guard const lock(mutex_);
  auto const found = epochs_.find(epoch);
  return found == epochs_.end() ? nullptr : found->second.get();
}

}  // namespace amic::consent
