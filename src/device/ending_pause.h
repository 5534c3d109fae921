// The delay of a PUK that never locks, in a daemon: it ends with the daemon, and does not hold up its end.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "sks/platform.h"

namespace airtight::device {

class EndingPause final : public sks::Pause {
 public:
  void wait(std::chrono::milliseconds span) override;
  [[nodiscard]] bool is_over() const override { return is_over_; }

  // All who wait go on, and nobody waits from here on.
  void end();

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::atomic<bool> is_over_{false};  // asked at each comparison of a PIN
};

}  // namespace airtight::device
