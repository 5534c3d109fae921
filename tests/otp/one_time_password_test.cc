// HOTP and TOTP by the tables of their RFCs, and property bags that say what they say in one way only.
#include "otp/one_time_password.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "tests/support/must.h"

namespace airtight::otp {
namespace {

using crypto::Digest;
using tests::must;

std::ifstream vectors(const std::string& name) { return std::ifstream(AIRTIGHT_SOURCE_DIR "/tests/vectors/otp/" + name); }

// The RFCs' keys: the digits 1234567890, over and over.
std::string rfc_key(std::size_t size) {
  std::string key;
  while (key.size() < size) key += static_cast<char>('0' + (key.size() + 1) % 10);
  return key;
}

std::string password(Digest digest, std::uint64_t factor, unsigned digits) {
  const std::string key = rfc_key(crypto::digest_size(digest));
  return must(truncate(crypto::hmac(digest, bytes_of(key), moving_factor(factor)), digits));
}

TEST(Hotp, GivesThePasswordsOfRfc4226) {
  std::ifstream table = vectors("rfc4226.txt");
  std::uint64_t counter = 0;
  std::string truncated;
  std::string six_digits;
  int rows = 0;
  for (; table >> counter >> truncated >> six_digits; ++rows) {
    EXPECT_EQ(password(Digest::kSha1, counter, 6), six_digits);
    EXPECT_EQ(password(Digest::kSha1, counter, 10), std::string(10 - truncated.size(), '0') + truncated);
  }
  EXPECT_EQ(rows, 10);
}

TEST(Totp, GivesThePasswordsOfRfc6238) {
  std::ifstream table = vectors("rfc6238.txt");
  std::string time;
  std::string step;
  std::string expected;
  std::string hash;
  int rows = 0;
  for (; table >> time >> step >> expected >> hash; ++rows) {
    const Digest digest = hash == "SHA1" ? Digest::kSha1 : hash == "SHA256" ? Digest::kSha256 : Digest::kSha512;
    const std::uint64_t found = must(time_step({.digits = 8}, must(parse_time(time))));
    EXPECT_EQ(found, std::stoull(step, nullptr, 16)) << time;
    EXPECT_EQ(password(digest, found, 8), expected) << time << ' ' << hash;
  }
  EXPECT_EQ(rows, 18);
}

TEST(Totp, CountsTimeStepsFromT0) {
  const Totp totp{.digits = 6, .period = 60, .start = 1000};
  EXPECT_EQ(must(time_step(totp, {1000'000})), 0U);
  EXPECT_EQ(must(time_step(totp, {1059'999})), 0U);
  EXPECT_EQ(must(time_step(totp, {1060'000})), 1U);
  EXPECT_EQ(end_of(totp, 1), Instant{1120'000});
}

TEST(Totp, HasNoPasswordBeforeT0) {
  EXPECT_FALSE(time_step({.start = 1000}, {999'999}));
  EXPECT_FALSE(time_step({}, {-1}));
}

TEST(Truncation, NeedsSixToTenDigitsAndTwentyBytes) {
  const Bytes hmac(20);
  EXPECT_FALSE(truncate(hmac, 5));
  EXPECT_FALSE(truncate(hmac, 11));
  EXPECT_FALSE(truncate(ByteView(hmac).first(19), 6));
  EXPECT_EQ(must(truncate(hmac, 10)), "0000000000");
}

TEST(Truncation, TakesItsFourBytesFromWhereTheLastByteSays) {
  Bytes hmac(20);
  hmac[15] = std::byte{0xFF};
  hmac[18] = std::byte{2};
  hmac[19] = std::byte{0xFF};  // from byte 15 on
  EXPECT_EQ(must(truncate(hmac, 10)), "2130706434") << "0x7F000002: without the sign bit";
}

// Bags

const std::vector<Property> kSample = {{"Counter", "0", true}, {"Digits", "8"}};

TEST(HotpBag, OfTheSksDocumentIsRead) { EXPECT_EQ(must(parameters_in(kHotpType, kSample)), Parameters(Hotp{.counter = 0, .digits = 8})); }

TEST(HotpBag, OfTheSksDocumentIsWritten) {
  EXPECT_EQ(must(properties_for(Hotp{.counter = 0, .digits = 8})), kSample);
  EXPECT_EQ(bag_type(Hotp{}), "http://xmlns.webpki.org/keygen2/1.0#provider.ietf-hotp");
}

TEST(TotpBag, SaysPeriodAndT0OnlyWhereTheyAreNotTheUsual) {
  EXPECT_EQ(must(properties_for(Totp{.digits = 6})), (std::vector<Property>{{"Digits", "6"}}));
  EXPECT_EQ(must(properties_for(Totp{.digits = 8, .period = 60, .start = 5})),
            (std::vector<Property>{{"Digits", "8"}, {"Period", "60"}, {"T0", "5"}}));
}

TEST(OtpBag, ReadsWhatItWrites) {
  for (const Parameters& parameters : {Parameters(Hotp{.counter = kExhausted, .digits = 10}), Parameters(Hotp{.counter = 7, .digits = 6}),
                                       Parameters(Totp{.digits = 7}), Parameters(Totp{.digits = 8, .period = 1, .start = 253402300799})}) {
    EXPECT_EQ(must(parameters_in(bag_type(parameters), must(properties_for(parameters)))), parameters);
  }
}

TEST(OtpBag, IsNotWrittenWithValuesOutOfRange) {
  EXPECT_FALSE(properties_for(Hotp{.digits = 5}));
  EXPECT_FALSE(properties_for(Totp{.digits = 11}));
  EXPECT_FALSE(properties_for(Totp{.period = 0}));
  EXPECT_FALSE(properties_for(Totp{.start = -1}));
}

TEST(OtpBag, OfAnotherTypeIsRefused) { EXPECT_FALSE(parameters_in("https://example.com/settings", kSample)); }

struct BadBag {
  std::string_view type;
  std::vector<Property> properties;
  std::string_view complaint;
};
class BadOtpBag : public ::testing::TestWithParam<BadBag> {};

TEST_P(BadOtpBag, IsRefusedWithTheReason) {
  const auto read = parameters_in(GetParam().type, GetParam().properties);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find(GetParam().complaint), std::string::npos) << read.error().message;
}

const BadBag kBad[] = {
    {kHotpType, {{"Digits", "8"}}, "has no Counter"},
    {kHotpType, {{"Counter", "0", true}}, "has no Digits"},
    {kHotpType, {{"Counter", "0"}, {"Digits", "8"}}, "Counter that is not writable"},
    {kHotpType, {{"Counter", "0", true}, {"Digits", "8", true}}, "Digits that is writable"},
    {kHotpType, {{"Counter", "0", true}, {"Digits", "5"}}, "Digits that is no number from 6 to 10"},
    {kHotpType, {{"Counter", "0", true}, {"Digits", "11"}}, "Digits that is no number"},
    {kHotpType, {{"Counter", "0", true}, {"Digits", "08"}}, "Digits that is no number"},
    {kHotpType, {{"Counter", "", true}, {"Digits", "8"}}, "Counter that is no number"},
    {kHotpType, {{"Counter", "-1", true}, {"Digits", "8"}}, "Counter that is no number"},
    {kHotpType, {{"Counter", "+1", true}, {"Digits", "8"}}, "Counter that is no number"},
    {kHotpType, {{"Counter", " 1", true}, {"Digits", "8"}}, "Counter that is no number"},
    {kHotpType, {{"Counter", "0x1", true}, {"Digits", "8"}}, "Counter that is no number"},
    {kHotpType, {{"Counter", "18446744073709551616", true}, {"Digits", "8"}}, "Counter that is no number"},
    {kHotpType, {{"Counter", "0", true}, {"Digits", "8"}, {"Period", "30"}}, "too many: 'Period'"},
    {kHotpType, {{"Counter", "0", true}, {"Digits", "8"}, {"Counter", "1", true}}, "too many: 'Counter'"},
    {kTotpType, {{"Period", "30"}}, "has no Digits"},
    {kTotpType, {{"Digits", "6"}, {"Counter", "0", true}}, "too many: 'Counter'"},
    {kTotpType, {{"Digits", "6"}, {"Period", "0"}}, "Period that is no number"},
    {kTotpType, {{"Digits", "6"}, {"Period", "4294967296"}}, "Period that is no number"},
    {kTotpType, {{"Digits", "6"}, {"Period", "30", true}}, "Period that is writable"},
    {kTotpType, {{"Digits", "6"}, {"T0", "253402300800"}}, "T0 that is no number"},
    {kTotpType, {{"Digits", "6"}, {"T0", "-1"}}, "T0 that is no number"},
};
INSTANTIATE_TEST_SUITE_P(Each, BadOtpBag, ::testing::ValuesIn(kBad));

}  // namespace
}  // namespace airtight::otp
