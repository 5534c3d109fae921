#include <gtest/gtest.h>

#include "keygen2/messages.h"

namespace airtight::keygen2 {
namespace {

const BasicCapabilities kAvailable{
    .algorithms = {"urn:a", "urn:b", "urn:c"}, .extensions = {"urn:x"}, .rsa_key_sizes = {1024, 2048, 4096}, .settable_exponent = true};

TEST(SupportedCapabilities, KeepTheOrderOfTheRequest) {
  const auto supported = supported_of({.algorithms = {"urn:c", "urn:a"}, .rsa_key_sizes = {4096, 1024}}, kAvailable);
  EXPECT_EQ(supported.algorithms, (std::vector<std::string>{"urn:c", "urn:a"}));
  EXPECT_EQ(supported.rsa_key_sizes, (std::vector<std::uint16_t>{4096, 1024}));
}

TEST(SupportedCapabilities, LeaveOutWhatIsNotThere) {
  const auto supported = supported_of({.algorithms = {"urn:z", "urn:b"}, .extensions = {"urn:y"}, .rsa_key_sizes = {3072}}, kAvailable);
  EXPECT_EQ(supported.algorithms, (std::vector<std::string>{"urn:b"}));
  EXPECT_TRUE(supported.extensions.empty());
  EXPECT_TRUE(supported.rsa_key_sizes.empty());
}

TEST(SupportedCapabilities, TellNothingThatWasNotAskedFor) { EXPECT_EQ(supported_of({}, kAvailable), BasicCapabilities{}); }

TEST(SupportedCapabilities, AreNoneOfADeviceWithout) {
  const auto supported = supported_of(kAvailable, {});
  EXPECT_EQ(supported, BasicCapabilities{.settable_exponent = false});
}

TEST(SupportedCapabilities, AnswerForTheExponentOnlyIfAsked) {
  EXPECT_EQ(supported_of({.settable_exponent = true}, kAvailable).settable_exponent, true);
  EXPECT_EQ(supported_of({.settable_exponent = true}, {.settable_exponent = false}).settable_exponent, false);
  EXPECT_EQ(supported_of({.settable_exponent = false}, kAvailable).settable_exponent, false);
  EXPECT_EQ(supported_of({}, kAvailable).settable_exponent, std::nullopt);
}

}  // namespace
}  // namespace airtight::keygen2
