#include "sks/attempt_ledger.h"

#include <algorithm>
#include <limits>

namespace airtight::sks {

std::uint8_t charge(std::uint8_t errors) {
  return errors == std::numeric_limits<std::uint8_t>::max() ? errors : static_cast<std::uint8_t>(errors + 1);
}

std::uint8_t resting(std::uint8_t on_disk, std::uint8_t retry_limit) { return retry_limit == 1 ? 0 : std::min<std::uint8_t>(on_disk, 1); }

std::shared_ptr<Attempts> AttemptLedger::find(const AttemptKey& key) const {
  const std::shared_lock lock(mutex_);
  const auto found = known_.find(key);
  return found == known_.end() ? nullptr : found->second;
}

std::shared_ptr<Attempts> AttemptLedger::find_or_add(const AttemptKey& key, std::uint8_t on_disk, Handle session) {
  if (auto known = find(key)) return known;
  const std::lock_guard lock(mutex_);
  auto& attempts = known_[key];
  if (!attempts) {
    attempts = std::make_shared<Attempts>();
    attempts->errors = on_disk;
    attempts->on_disk = on_disk;
    attempts->session = session;
  }
  return attempts;
}

std::uint8_t AttemptLedger::errors(const AttemptKey& key, std::uint8_t on_disk) const {
  const auto known = find(key);
  return known ? known->errors.load() : on_disk;
}

void AttemptLedger::forget(const AttemptKey& key) {
  const std::lock_guard lock(mutex_);
  known_.erase(key);
}

std::vector<std::pair<AttemptKey, std::shared_ptr<Attempts>>> AttemptLedger::unsettled() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::pair<AttemptKey, std::shared_ptr<Attempts>>> out;
  for (const auto& [key, attempts] : known_) {
    if (attempts->errors != attempts->on_disk) out.emplace_back(key, attempts);
  }
  return out;
}

}  // namespace airtight::sks
