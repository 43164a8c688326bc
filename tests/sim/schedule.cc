#include "schedule.h"

#include <cstdio>

namespace amic::sim {

void Schedule::after(Micros delay, std::function<void()> work) {
  queue_.push({now_ + delay, ++made_, std::move(work)});
}

bool Schedule::step() {
  if (queue_.empty()) return false;
  // The queue gives const access only; the event is popped at once.
  auto event = std::move(const_cast<Event&>(queue_.top()));
  queue_.pop();
  now_ = event.at;
  event.work();
  return true;
}

void Story::tell(Micros at, std::string const& who, std::string const& what) {
  char time[32];
  std::snprintf(time, sizeof time, "%9.3f ms  ", static_cast<double>(at) / 1000.0);
  std::string const line =
      time + who + std::string(who.size() < 5 ? 5 - who.size() : 0, ' ') + what + "\n";
  hash_.update(as_bytes(line));
  ++lines_;
  if (print_) std::fputs(line.c_str(), stdout);
}

Hash Story::digest() {
  return hash_.finish();
}

}  // namespace amic::sim
