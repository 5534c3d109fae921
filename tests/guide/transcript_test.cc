// The notation of docs/guide/README.md: "..." and ‹...›.
#include "tests/guide/transcript.h"

#include <gtest/gtest.h>

namespace airtight::guide {
namespace {

std::vector<ExpectedLine> expected(const std::vector<std::string>& lines) {
  std::vector<ExpectedLine> out;
  for (const std::string& line : lines) out.push_back(expected_line(line));
  return out;
}

bool fits(const std::vector<std::string>& wanted, const std::string& shown) { return matches(expected(wanted), lines_of(shown)); }

TEST(Transcript, WantsEachLineAsItIs) {
  EXPECT_TRUE(fits({"one", "two"}, "one\ntwo\n"));
  EXPECT_FALSE(fits({"one", "two"}, "one\ntwo!\n"));
  EXPECT_FALSE(fits({"one", "two"}, "two\none\n"));
}

TEST(Transcript, WantsNeitherMoreNorFewerLines) {
  EXPECT_FALSE(fits({"one"}, "one\ntwo\n"));
  EXPECT_FALSE(fits({"one", "two"}, "one\n"));
  EXPECT_FALSE(fits({}, "one\n"));
  EXPECT_FALSE(fits({"one"}, ""));
  EXPECT_TRUE(fits({}, ""));
}

TEST(Transcript, LetsThreeDotsBeAnyPartOfALine) {
  EXPECT_TRUE(fits({"serial ... of ..."}, "serial 4711 of Jane\n"));
  EXPECT_TRUE(fits({"a...a"}, "aa\n"));
  EXPECT_FALSE(fits({"serial ... of Jane"}, "serial 4711 of John\n"));
  EXPECT_FALSE(fits({"a...a"}, "a\n"));
  EXPECT_FALSE(fits({"x...b"}, "x b c\n"));
}

TEST(Transcript, LetsALineOfThreeDotsBeAnyLines) {
  EXPECT_TRUE(fits({"...", "end"}, "one\ntwo\nend\n"));
  EXPECT_TRUE(fits({"one", "...", "end"}, "one\nend\n"));
  EXPECT_TRUE(fits({"...", "end"}, "end\nend\n"));
  EXPECT_FALSE(fits({"...", "end"}, "one\ntwo\n"));
}

TEST(Transcript, PassesOverSpacesAtTheEndsOfLines) { EXPECT_TRUE(fits({"one"}, "one  \r\n")); }

TEST(Transcript, TakesWhatIsTypedWhetherItShowsOrNot) {
  const ExpectedLine line = expected_line("PIN: \u20397391\u203a");
  EXPECT_EQ(line.text, "PIN: ");
  EXPECT_EQ(line.typed, "7391");
  EXPECT_TRUE(fits({"PIN: \u20397391\u203a"}, "PIN: \n"));
  EXPECT_TRUE(fits({"PIN: \u20397391\u203a"}, "PIN: 7391\n"));
  EXPECT_FALSE(fits({"PIN: \u20397391\u203a"}, "PIN: 7392\n"));
}

TEST(Transcript, LetsAShellSayWhatAKeyDid) { EXPECT_TRUE(fits({"Sure? \u2039^\\\u203a"}, "Sure? ^\\Quit\n")); }

TEST(Transcript, HasNothingTypedWithinALine) { EXPECT_FALSE(expected_line("\u2039a\u203a b").typed); }

TEST(Transcript, CanHaveMoreAfterItsBeginning) {
  EXPECT_TRUE(matches_beginning(expected({"one", "t..."}), lines_of("one\ntwo\nthree\n")));
  EXPECT_FALSE(matches_beginning(expected({"one", "three"}), lines_of("one\ntwo\nthree\n")));
}

}  // namespace
}  // namespace airtight::guide
