#include "cli/interruption.h"

#include <atomic>

namespace airtight::cli {
namespace {

// A signal handler has nowhere else to write to.
std::atomic<bool> g_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void note(int) { g_requested = true; }

}  // namespace

Interruption::Interruption() {
  g_requested = false;
  struct sigaction action{};
  action.sa_handler = &note;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // and no SA_RESTART: a read from the terminal returns
  ::sigaction(SIGTERM, &action, &terminate_before_);
  ::sigaction(SIGINT, &action, &interrupt_before_);
}

Interruption::~Interruption() {
  ::sigaction(SIGTERM, &terminate_before_, nullptr);
  ::sigaction(SIGINT, &interrupt_before_, nullptr);
  g_requested = false;
}

bool Interruption::is_requested() { return g_requested; }

}  // namespace airtight::cli
