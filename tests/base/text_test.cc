#include "base/text.h"

#include <gtest/gtest.h>

#include <string>

namespace airtight {
namespace {

bool utf8(std::string_view text) { return is_utf8(bytes_of(text)); }

TEST(Utf8, TakesTheFirstAndLastOfEachLength) {
  for (const std::string_view text : {"", "\x01", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                                      "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\xC3\xA5z"}) {
    EXPECT_TRUE(utf8(text));
  }
  EXPECT_TRUE(utf8(std::string_view("\0", 1)));
}

TEST(Line, IsAnyTextThatShowsAsOne) {
  for (const std::string_view text : {"", " ", "stolen in the train", "J\xC3\xBCrgen \xE6\x97\xA5\xF0\x9F\x94\x91", "\xC2\xA0"})
    EXPECT_TRUE(is_line(text)) << text;
}

TEST(Line, HasNothingThatEndsOrForgesOne) {
  for (const std::string_view text : {"a\nb", "a\r", "\t", "\x1B[1m", "\x7F", "J\xFCrgen", "\xC2\x85", "\xC2\x9B",
                                      "a\xE2\x80\xA8"
                                      "b",
                                      "\xE2\x80\xA9"})
    EXPECT_FALSE(is_line(text));
  EXPECT_FALSE(is_line(std::string_view("\0", 1)));
}

TEST(Utf8, RefusesOverlongForms) {
  for (const std::string_view text : {"\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF"}) {
    EXPECT_FALSE(utf8(text));
  }
}

TEST(Utf8, RefusesSurrogatesAndWhatIsAboveTheLastCodePoint) {
  for (const std::string_view text :
       {"\xED\xA0\x80", "\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\xFF"}) {
    EXPECT_FALSE(utf8(text));
  }
}

TEST(Utf8, RefusesPiecesOfCharacters) {
  for (const std::string_view text :
       {"\x80", "\xBF", "\xC2", "\xC2z", "\xE2\x82", "\xE2\x82z", "\xF0\x9F\x98", "\xF0\x9F\x98z", "\xC2\xC2"}) {
    EXPECT_FALSE(utf8(text));
  }
}

// XML Namespaces 1.0, production [4]; XML 1.0 (fifth edition), productions [4] and [4a].
TEST(NcName, StartsWithALetterOrUnderscore) {
  for (const std::string_view name :
       {"a", "Z", "_", "_1", "\xC3\x80", "\xC3\xB8", "\xCD\xB0", "\xE2\x81\xB0", "\xE3\x80\x81", "\xF0\x90\x80\x80", "\xF3\xAF\xBF\xBF"}) {
    EXPECT_TRUE(is_ncname(name)) << name;
  }
  for (const std::string_view name : {"", "1", "-a", ".a", " a", "\xC2\xB7", "\xC3\x97", "\xC3\xB7", "\xCC\x80", "\xCD\xBE", "\xE2\x80\xBF",
                                      "\xEF\xBF\xBE", "\xF3\xB0\x80\x80"}) {
    EXPECT_FALSE(is_ncname(name)) << name;
  }
}

TEST(NcName, GoesOnWithDigitsHyphensDotsAndCombiningCharacters) {
  for (const std::string_view name : {"a1", "a-b", "a.b", "a_b", "a\xC2\xB7", "a\xCC\x80", "a\xCD\xAF", "a\xE2\x80\xBF", "a\xE2\x81\x80"}) {
    EXPECT_TRUE(is_ncname(name)) << name;
  }
}

TEST(NcName, HasNoColonNoSpaceAndNoOtherPunctuation) {
  for (const std::string_view name : {"a:b", ":a", "a:", "a b", "a\n", "a/b", "a@", "a\x7F", "a+", "a,", "a'", "a\"", "a<", "a\xC3\x97"}) {
    EXPECT_FALSE(is_ncname(name)) << name;
  }
  EXPECT_FALSE(is_ncname(std::string_view("a\0", 2)));
}

TEST(NcName, IsWellFormedUtf8) {
  for (const std::string_view name : {"a\xC3", "a\xED\xA0\x80", "\xC1\xA1", "a\xFF"}) EXPECT_FALSE(is_ncname(name));
}

// "`id` values are NCName of 1 to 32 bytes in UTF-8".
TEST(SksId, HasOneTo32BytesNotCharacters) {
  EXPECT_FALSE(is_sks_id(""));
  EXPECT_TRUE(is_sks_id("a"));
  EXPECT_TRUE(is_sks_id(std::string(32, 'a')));
  EXPECT_FALSE(is_sks_id(std::string(33, 'a')));
  std::string wide;
  for (int i = 0; i < 16; ++i) wide += "\xC3\xA5";
  EXPECT_TRUE(is_sks_id(wide));
  EXPECT_FALSE(is_sks_id(wide + "a"));
  EXPECT_FALSE(is_sks_id("1a"));
}

}  // namespace
}  // namespace airtight
