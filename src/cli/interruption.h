// SIGTERM and SIGINT as a wish that is looked at where it is safe to stop, for commands that have something to tidy up first.
#pragma once

#include <signal.h>

namespace airtight::cli {

// As long as it lives, the first of the two signals only notes the wish (and interrupts a question on the terminal); a second one ends the
// process as usual. One at a time.
class Interruption {
 public:
  Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();

  [[nodiscard]] static bool is_requested();

 private:
  struct sigaction terminate_before_{};
  struct sigaction interrupt_before_{};
};

}  // namespace airtight::cli
