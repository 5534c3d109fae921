// The delay of a PUK that never locks, in a daemon: it is a delay, and it ends with the daemon.
#include "device/ending_pause.h"

#include <gtest/gtest.h>

#include <thread>

namespace airtight::device {
namespace {

TEST(EndingPause, LastsItsTime) {
  EndingPause pause;
  const auto begun = std::chrono::steady_clock::now();
  pause.wait(std::chrono::milliseconds(20));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(20));
  EXPECT_FALSE(pause.is_over());
}

TEST(EndingPause, LetsAllGoOnAtTheEnd) {
  EndingPause pause;
  std::thread first([&] { pause.wait(std::chrono::hours(1)); });
  std::thread second([&] { pause.wait(std::chrono::hours(1)); });
  pause.end();
  first.join();
  second.join();
  EXPECT_TRUE(pause.is_over());
}

TEST(EndingPause, KeepsNobodyAfterTheEnd) {
  EndingPause pause;
  pause.end();
  pause.wait(std::chrono::hours(1));
  EXPECT_TRUE(pause.is_over());
}

}  // namespace
}  // namespace airtight::device
