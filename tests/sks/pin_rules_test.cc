// What a PIN has to look like: the document's "PIN Pattern Control" and sks.md section 6.
#include "sks/pin_rules.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/encoding.h"
#include "base/text.h"

namespace airtight::sks {
namespace {

bool fits(PassphraseFormat format, std::uint8_t patterns, std::string_view pin) {
  return check_user_pin(PinRules{format, 1, 100, patterns}, bytes_of(pin)).has_value();
}
bool passes(PatternRestriction pattern, std::string_view pin) {
  return fits(PassphraseFormat::kString, static_cast<std::uint8_t>(pattern), pin);
}

TEST(PinRules, LengthIsInBytes) {
  const PinRules rules{PassphraseFormat::kString, 4, 6, 0};
  EXPECT_FALSE(check_user_pin(rules, bytes_of("abc")));
  EXPECT_TRUE(check_user_pin(rules, bytes_of("abcd")));
  EXPECT_TRUE(check_user_pin(rules, bytes_of("abcdef")));
  EXPECT_FALSE(check_user_pin(rules, bytes_of("abcdefg")));
  EXPECT_FALSE(check_user_pin(rules, bytes_of("\u00e5\u00e4\u00f6\u00fc")));
}

TEST(PinRules, NumericIsDigits) {
  EXPECT_TRUE(fits(PassphraseFormat::kNumeric, 0, "0123456789"));
  EXPECT_FALSE(fits(PassphraseFormat::kNumeric, 0, "12a4"));
  EXPECT_FALSE(fits(PassphraseFormat::kNumeric, 0, "12/4"));
  EXPECT_FALSE(fits(PassphraseFormat::kNumeric, 0, "12:4"));
}

TEST(PinRules, AlphanumericIsDigitsAndCapitals) {
  EXPECT_TRUE(fits(PassphraseFormat::kAlphanumeric, 0, "AZ09"));
  EXPECT_FALSE(fits(PassphraseFormat::kAlphanumeric, 0, "az09"));
  EXPECT_FALSE(fits(PassphraseFormat::kAlphanumeric, 0, "A@"));
  EXPECT_FALSE(fits(PassphraseFormat::kAlphanumeric, 0, "A["));
}

TEST(PinRules, StringIsUtf8) {
  EXPECT_TRUE(fits(PassphraseFormat::kString, 0, "p\u00e4ss word"));
  EXPECT_FALSE(fits(PassphraseFormat::kString, 0, "\xff"));
  EXPECT_FALSE(fits(PassphraseFormat::kString, 0, "\xc0\x80"));
}

// The rules read UTF-8 without branches, for themselves.
TEST(PinRules, StringIsJustTheUtf8OfTheRestOfTheProgram) {
  constexpr std::array<unsigned, 22> kEdges = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2,
                                               0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF};
  const auto check = [](const std::string& pin) {
    EXPECT_EQ(fits(PassphraseFormat::kString, 0, pin), is_utf8(bytes_of(pin))) << hex_encode(bytes_of(pin));
  };
  for (unsigned first = 0; first < 256; ++first) {
    check(std::string(1, static_cast<char>(first)));
    for (unsigned second = 0; second < 256; ++second) check({static_cast<char>(first), static_cast<char>(second)});
  }
  for (const unsigned a : kEdges) {
    for (const unsigned b : kEdges) {
      for (const unsigned c : kEdges) {
        check({static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)});
        for (const unsigned d : kEdges) check({static_cast<char>(a), static_cast<char>(b), static_cast<char>(c), static_cast<char>(d)});
      }
    }
  }
}

TEST(PinRules, BinaryIsAnything) { EXPECT_TRUE(fits(PassphraseFormat::kBinary, 0, "\xff\xfe")); }

TEST(PinRules, TwoInARowIsFlaggedAnywhere) {
  EXPECT_FALSE(passes(PatternRestriction::kTwoInARow, "1124"));
  EXPECT_FALSE(passes(PatternRestriction::kTwoInARow, "1244"));
  EXPECT_TRUE(passes(PatternRestriction::kTwoInARow, "1214"));
}

TEST(PinRules, ThreeInARowIsFlaggedAnywhere) {
  EXPECT_FALSE(passes(PatternRestriction::kThreeInARow, "1114"));
  EXPECT_FALSE(passes(PatternRestriction::kThreeInARow, "41112"));
  EXPECT_TRUE(passes(PatternRestriction::kThreeInARow, "1124"));
  EXPECT_TRUE(passes(PatternRestriction::kThreeInARow, "11211"));
}

TEST(PinRules, SequenceIsEveryStepUpOrEveryStepDown) {
  EXPECT_FALSE(passes(PatternRestriction::kSequence, "1234"));
  EXPECT_FALSE(passes(PatternRestriction::kSequence, "9876"));
  EXPECT_FALSE(passes(PatternRestriction::kSequence, "89:;"));
  EXPECT_FALSE(passes(PatternRestriction::kSequence, "12"));
  EXPECT_TRUE(passes(PatternRestriction::kSequence, "1"));
  EXPECT_TRUE(passes(PatternRestriction::kSequence, "12345679"));
  EXPECT_TRUE(passes(PatternRestriction::kSequence, "1212"));
}

TEST(PinRules, RepeatedFlagsAnyByteThatOccursTwice) {
  EXPECT_FALSE(passes(PatternRestriction::kRepeated, "1231"));
  EXPECT_TRUE(passes(PatternRestriction::kRepeated, "1324"));
}

TEST(PinRules, MissingGroupOfAlphanumericWantsDigitAndLetter) {
  constexpr auto kPattern = static_cast<std::uint8_t>(PatternRestriction::kMissingGroup);
  EXPECT_FALSE(fits(PassphraseFormat::kAlphanumeric, kPattern, "135674"));
  EXPECT_FALSE(fits(PassphraseFormat::kAlphanumeric, kPattern, "ABC"));
  EXPECT_TRUE(fits(PassphraseFormat::kAlphanumeric, kPattern, "A1"));
}

TEST(PinRules, MissingGroupOfStringWantsFourGroups) {
  EXPECT_TRUE(passes(PatternRestriction::kMissingGroup, "aB1-"));
  EXPECT_FALSE(passes(PatternRestriction::kMissingGroup, "aB1"));
  EXPECT_FALSE(passes(PatternRestriction::kMissingGroup, "aB-"));
  EXPECT_FALSE(passes(PatternRestriction::kMissingGroup, "a1-"));
  EXPECT_FALSE(passes(PatternRestriction::kMissingGroup, "B1-"));
}

TEST(PinRules, RestrictionsAddUp) {
  const auto both = static_cast<std::uint8_t>(0x06);  // the document's example: three-in-a-row and sequence
  EXPECT_FALSE(fits(PassphraseFormat::kNumeric, both, "1114"));
  EXPECT_FALSE(fits(PassphraseFormat::kNumeric, both, "1234"));
  EXPECT_TRUE(fits(PassphraseFormat::kNumeric, both, "1124"));
}

}  // namespace
}  // namespace airtight::sks
