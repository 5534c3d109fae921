#include "device/ending_pause.h"

namespace airtight::device {

void EndingPause::wait(std::chrono::milliseconds span) {
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, span, [this] { return is_over_.load(); });
}

void EndingPause::end() {
  const std::lock_guard lock(mutex_);
  is_over_ = true;
  ended_.notify_all();
}

}  // namespace airtight::device
