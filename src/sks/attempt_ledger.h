// Counts PIN and PUK errors so that no crash yields a free guess (sks.md section 6): an attempt is on disk before the comparison, and a
// right PIN leaves one attempt charged ahead there, so that right PINs in a row write nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "sks/wire_types.h"

namespace airtight::sks {

// The errors of one PIN or PUK. Who verifies it holds the mutex from the charge to the verdict: attempts come one after the other.
struct Attempts {
  std::mutex mutex;
  std::atomic<std::uint8_t> errors{0};   // made so far
  std::atomic<std::uint8_t> on_disk{0};  // what its record says
  std::atomic<Handle> session{0};        // that has the record
};

enum class Counted : std::uint8_t { kPin, kPuk };
using AttemptKey = std::pair<Counted, std::uint64_t>;  // Pin::id, or the handle of a PUK policy

// The errors that disk has to show before the next comparison.
[[nodiscard]] std::uint8_t charge(std::uint8_t errors);
// What disk may go on showing after a right value, where it shows `on_disk`. One error stays charged ahead, except where that would lock
// after a crash. A limit of 0 never locks.
[[nodiscard]] std::uint8_t resting(std::uint8_t on_disk, std::uint8_t retry_limit);

class AttemptLedger {
 public:
  // The counter of `key`; made with what its record in `session` shows if it is not known yet.
  [[nodiscard]] std::shared_ptr<Attempts> find_or_add(const AttemptKey& key, std::uint8_t on_disk, Handle session);
  // The errors made so far.
  [[nodiscard]] std::uint8_t errors(const AttemptKey& key, std::uint8_t on_disk) const;
  // What is known, or null.
  [[nodiscard]] std::shared_ptr<Attempts> find(const AttemptKey& key) const;
  void forget(const AttemptKey& key);
  // Those whose errors are not what disk shows.
  [[nodiscard]] std::vector<std::pair<AttemptKey, std::shared_ptr<Attempts>>> unsettled() const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<AttemptKey, std::shared_ptr<Attempts>> known_;
};

}  // namespace airtight::sks
