#include <gtest/gtest.h>

#include <utility>

#include "base/encoding.h"
#include "provenance/verdict.h"
#include "tests/support/certificates.h"

namespace airtight::provenance {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

std::string any_id() { return device_id(tests::new_root("CN=Device").certificate); }

// The ID as its 17 characters.
std::string characters_of(const std::string& id) {
  std::string out;
  for (char c : id) {
    if (c != '-') out.push_back(c);
  }
  return out;
}

TEST(DeviceId, IsTheStartOfTheCertificatesSha256InGroupsOfFour) {
  const crypto::Certificate certificate = tests::new_root("CN=Device").certificate;
  const std::string id = device_id(certificate);
  ASSERT_EQ(id.size(), 21U);
  for (std::size_t at : {4U, 9U, 14U, 19U}) EXPECT_EQ(id[at], '-');
  EXPECT_EQ(characters_of(id).substr(0, 16), base32_encode(ByteView(certificate.sha256())).substr(0, 16));
}

TEST(DeviceId, FitsItsCheckCharacter) {
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(is_device_id(any_id()));
}

// By hand in GF(32) with x^5 = x^2 + 1: B is 1 in the first place, whose weight is x = 2, which is C; two of them in the first two places
// give x + x^2 = 6, which is G; a 1 in the sixteenth place weighs x^16 = 27, which is 3.
TEST(DeviceId, HasTheCheckCharacterThatItsDefinitionGives) {
  EXPECT_TRUE(is_device_id("AAAA-AAAA-AAAA-AAAA-A"));
  EXPECT_TRUE(is_device_id("BAAA-AAAA-AAAA-AAAA-C"));
  EXPECT_TRUE(is_device_id("BBAA-AAAA-AAAA-AAAA-G"));
  EXPECT_TRUE(is_device_id("AAAA-AAAA-AAAA-AAAB-3"));
}

TEST(DeviceId, IsReadAsPeopleTypeIt) {
  EXPECT_TRUE(is_device_id("baaaaaaaaaaaaaaac"));
  EXPECT_TRUE(is_device_id(" BAAA AAAA AAAA AAAA C "));
}

TEST(DeviceId, IsNotReadFromOtherText) {
  for (const char* text : {"", "BAAA-AAAA-AAAA-AAAA", "BAAA-AAAA-AAAA-AAAA-CA", "BAAA-AAAA-AAAA-AAA1-C", "BAAA_AAAA_AAAA_AAAA_C"}) {
    EXPECT_FALSE(is_device_id(text)) << text;
  }
}

TEST(DeviceId, ShowsEveryWrongCharacter) {
  const std::string good = characters_of(any_id());
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (char c : kAlphabet) {
      std::string wrong = good;
      wrong[at] = c;
      EXPECT_EQ(is_device_id(wrong), c == good[at]) << wrong;
    }
  }
}

TEST(DeviceId, ShowsEveryTwoExchangedCharacters) {
  for (int i = 0; i < 50; ++i) {
    const std::string good = characters_of(any_id());
    for (std::size_t a = 0; a < good.size(); ++a) {
      for (std::size_t b = a + 1; b < good.size(); ++b) {
        std::string wrong = good;
        std::swap(wrong[a], wrong[b]);
        EXPECT_EQ(is_device_id(wrong), good[a] == good[b]) << good << " " << wrong;
      }
    }
  }
}

}  // namespace
}  // namespace airtight::provenance
