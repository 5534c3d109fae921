// SIGTERM and SIGINT as a wish.
#include "cli/interruption.h"

#include <gtest/gtest.h>

#include <csignal>

namespace airtight::cli {
namespace {

TEST(Interruption, IsNotedAndForgotten) {
  {
    const Interruption interruption;
    EXPECT_FALSE(Interruption::is_requested());
    std::raise(SIGTERM);
    EXPECT_TRUE(Interruption::is_requested());
  }
  EXPECT_FALSE(Interruption::is_requested());
}

TEST(Interruption, IsControlCToo) {
  const Interruption interruption;
  std::raise(SIGINT);
  EXPECT_TRUE(Interruption::is_requested());
}

TEST(Interruption, EndsTheProcessTheSecondTime) {
  EXPECT_EXIT(
      {
        const Interruption interruption;
        std::raise(SIGTERM);
        std::raise(SIGTERM);
      },
      ::testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace airtight::cli
