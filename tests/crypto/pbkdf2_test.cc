// PBKDF2 by the vectors of RFC 6070 (SHA-1) and RFC 7914, section 11 (SHA-256).
#include "crypto/pbkdf2.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "tests/support/must.h"

namespace airtight::crypto {
namespace {

std::string derived(Digest digest, std::string_view passphrase, std::string_view salt, std::uint32_t iterations, std::size_t size) {
  return hex_encode(tests::must(pbkdf2(digest, bytes_of(passphrase), bytes_of(salt), iterations, size)).expose_secret());
}

TEST(Pbkdf2, GivesTheKeysOfRfc6070) {
  EXPECT_EQ(derived(Digest::kSha1, "password", "salt", 1, 20), "0c60c80f961f0e71f3a9b524af6012062fe037a6");
  EXPECT_EQ(derived(Digest::kSha1, "password", "salt", 4096, 20), "4b007901b765489abead49d926f721d065a429c1");
  EXPECT_EQ(derived(Digest::kSha1, "passwordPASSWORDpassword", "saltSALTsaltSALTsaltSALTsaltSALTsalt", 4096, 25),
            "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038");
  EXPECT_EQ(derived(Digest::kSha1, std::string("pass\0word", 9), std::string("sa\0lt", 5), 4096, 16), "56fa6aa75548099dcc37d7f03425e0c3");
}

TEST(Pbkdf2, GivesTheKeyOfRfc7914) {
  EXPECT_EQ(derived(Digest::kSha256, "passwd", "salt", 1, 64),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
            "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
}

TEST(Pbkdf2, NeedsIterationsAndBytesToMake) {
  EXPECT_FALSE(pbkdf2(Digest::kSha1, bytes_of("password"), bytes_of("salt"), 0, 20));
  EXPECT_FALSE(pbkdf2(Digest::kSha1, bytes_of("password"), bytes_of("salt"), 1, 0));
}

}  // namespace
}  // namespace airtight::crypto
