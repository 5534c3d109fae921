#include "agent/printable.h"

#include <gtest/gtest.h>

namespace airtight::agent {
namespace {

TEST(Printable, LeavesOrdinaryTextAlone) { EXPECT_EQ(printable("Åsa's key № 1"), "Åsa's key № 1"); }

TEST(Printable, FoldsWhiteSpace) { EXPECT_EQ(printable(" two\r\n\t lines "), "two lines"); }

TEST(Printable, TakesThePowerFromTerminalSequences) { EXPECT_EQ(printable("\033[2Jgone\a"), "?[2Jgone?"); }

TEST(Printable, ReplacesC1ControlsAndBidirectionalOverrides) {
  EXPECT_EQ(printable("a\xC2\x9B"
                      "31m"),
            "a?31m");
  EXPECT_EQ(printable("abc\xE2\x80\xAE"
                      "cba"),
            "abc?cba");
  EXPECT_EQ(printable("abc\xE2\x81\xA6"
                      "cba"),
            "abc?cba");
}

TEST(Printable, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(printable("a\xFF"
                      "b"),
            "a?b");
}

TEST(Printable, CutsLongTextBetweenCharacters) { EXPECT_EQ(printable("ååå", 5), "åå…"); }

}  // namespace
}  // namespace airtight::agent
