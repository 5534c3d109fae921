// What a PIN has to look like: the document's "PIN Pattern Control" and sks.md section 6.
#include "sks/pin_rules.h"

#include <gtest/gtest.h>

#include <string>

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
