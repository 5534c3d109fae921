// Key containers for servers that check passwords: what is written is read again as it was, by those alone who have the key.
#include <gmock/gmock.h>

#include "base/encoding.h"
#include "crypto/random.h"
#include "otp/pskc.h"
#include "tests/support/must.h"

namespace airtight::otp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tests::must;

constexpr std::string_view kSecret = "12345678901234567890";
const Instant kNow{1268911409000};  // 2010-03-18

Seed seed_with(std::string id, Parameters parameters = Hotp{.counter = 7, .digits = 8}) {
  return Seed{.id = std::move(id),
              .manufacturer = {},
              .serial = {},
              .issuer = {},
              .friendly_name = {},
              .user_id = {},
              .secret = SecretBytes::copy_of(bytes_of(kSecret)),
              .parameters = parameters,
              .pin_policy = {},
              .not_before = {},
              .not_after = {}};
}
template <typename... S>
std::vector<Seed> list(S... seeds) {
  std::vector<Seed> out;
  (out.push_back(std::move(seeds)), ...);
  return out;
}
PskcOpener key_of(std::size_t size) { return PreSharedKey{SecretBytes::copy_of(Bytes(size, std::byte{0x42}))}; }
PskcOpener passphrase(std::string_view text) { return Passphrase{SecretBytes::copy_of(bytes_of(text))}; }

Result<SecretBytes> write(const std::vector<Seed>& seeds, const PskcOpener& opener = {}) {
  crypto::SystemRandom random;
  return write_pskc(seeds, opener, random);
}
Container again(const std::vector<Seed>& seeds, const PskcOpener& opener = {}) {
  const SecretBytes text = must(write(seeds, opener));
  return must(read_pskc(text.expose_secret(), opener, kNow));
}
std::string complaint(const std::vector<Seed>& seeds, const PskcOpener& opener = {}) {
  const auto written = write(seeds, opener);
  return written ? "" : written.error().message;
}

TEST(PskcWriter, WritesWhatIsReadAgainInTheClear) {
  Seed seed = seed_with("T-1");
  seed.manufacturer = "Acme & Sons";
  seed.serial = "<42>";
  seed.issuer = "Bank";
  seed.friendly_name = "Log-on";
  seed.user_id = "CN=Jane Doe,C=SE";
  seed.digest = crypto::Digest::kSha256;
  seed.not_before = must(parse_time("2010-01-01T00:00:00Z"));
  seed.not_after = must(parse_time("2030-01-01T00:00:00Z"));
  seed.pin_policy = SeedPinPolicy{PassphraseFormat::kAlphanumeric, 3, 4, 8};
  const std::vector<Seed> seeds = list(std::move(seed));
  const Container read = again(seeds);
  ASSERT_EQ(read.seeds.size(), 1U);
  const Seed& found = read.seeds.at(0);
  EXPECT_EQ(found.id, "T-1");
  EXPECT_EQ(found.manufacturer, "Acme & Sons");
  EXPECT_EQ(found.serial, "<42>");
  EXPECT_EQ(found.issuer, "Bank");
  EXPECT_EQ(found.friendly_name, "Log-on");
  EXPECT_EQ(found.user_id, "CN=Jane Doe,C=SE");
  EXPECT_EQ(text_of(found.secret.expose_secret()), kSecret);
  EXPECT_EQ(found.digest, crypto::Digest::kSha256);
  EXPECT_EQ(found.parameters, Parameters(Hotp{.counter = 7, .digits = 8}));
  EXPECT_EQ(found.not_before, seeds.at(0).not_before);
  EXPECT_EQ(found.not_after, seeds.at(0).not_after);
  EXPECT_EQ(found.pin_policy->format, PassphraseFormat::kAlphanumeric);
  EXPECT_EQ(found.pin_policy->max_failed_attempts, 3U);
  EXPECT_EQ(found.pin_policy->min_length, 4U);
  EXPECT_EQ(found.pin_policy->max_length, 8U);
}

TEST(PskcWriter, WritesTotp) {
  EXPECT_EQ(again(list(seed_with("T", Totp{.digits = 6, .period = 60}))).seeds.at(0).parameters,
            Parameters(Totp{.digits = 6, .period = 60}));
}

TEST(PskcWriter, EncryptsUnderAKeyOfEachSizeOfAes) {
  for (const std::size_t size : {16U, 24U, 32U}) {
    const Container read = again(list(seed_with("A"), seed_with("B")), key_of(size));
    ASSERT_EQ(read.seeds.size(), 2U);
    EXPECT_EQ(text_of(read.seeds.at(1).secret.expose_secret()), kSecret);
  }
}

TEST(PskcWriter, EncryptsUnderAPassphrase) {
  EXPECT_EQ(text_of(again(list(seed_with("A")), passphrase("correct horse")).seeds.at(0).secret.expose_secret()), kSecret);
}

TEST(PskcWriter, ShowsNoSecretOfAnEncryptedContainer) {
  const SecretBytes text = must(write(list(seed_with("A")), key_of(16)));
  EXPECT_THAT(std::string(text_of(text.expose_secret())), Not(HasSubstr(base64_encode(bytes_of(kSecret)))));
  EXPECT_THAT(std::string(text_of(text.expose_secret())), Not(HasSubstr("<Secret><PlainValue>")));
}

TEST(PskcWriter, EncryptsTheSameSeedAnewEachTime) {
  const std::vector<Seed> seeds = list(seed_with("A"));
  const SecretBytes first = must(write(seeds, key_of(16)));
  EXPECT_FALSE(equal(first.expose_secret(), must(write(seeds, key_of(16))).expose_secret()));
}

TEST(PskcWriter, MakesContainersThatOpenWithNoOtherKey) {
  const SecretBytes text = must(write(list(seed_with("A")), key_of(16)));
  EXPECT_FALSE(read_pskc(text.expose_secret(), {}, kNow));
  EXPECT_FALSE(read_pskc(text.expose_secret(), PreSharedKey{SecretBytes(16)}, kNow));
  EXPECT_FALSE(read_pskc(text.expose_secret(), key_of(32), kNow));
}

TEST(PskcWriter, RefusesKeysAndPassphrasesThatProtectNothing) {
  EXPECT_THAT(complaint(list(seed_with("A")), key_of(15)), HasSubstr("16, 24 or 32 bytes"));
  EXPECT_THAT(complaint(list(seed_with("A")), passphrase("1234567")), HasSubstr("8 bytes at least"));
}

TEST(PskcWriter, RefusesAnEmptyContainerAndAnIdTwice) {
  EXPECT_THAT(complaint({}), HasSubstr("1 to 10000 keys"));
  crypto::SystemRandom random;
  EXPECT_THAT(write_pskc({}, {}, random).error().hint, HasSubstr("name the seeds"));
  EXPECT_THAT(complaint(list(seed_with("A"), seed_with("A"))), HasSubstr("twice"));
}

TEST(PskcWriter, RefusesWhatNoContainerCanSay) {
  EXPECT_THAT(complaint(list(seed_with("A", Totp{.start = 1000}))), HasSubstr("from 1970"));
  EXPECT_THAT(complaint(list(seed_with("A", Hotp{.counter = kLargestCounter + 1}))), HasSubstr("counter"));
  EXPECT_EQ(complaint(list(seed_with("A", Hotp{.counter = kLargestCounter}))), "");
  Seed binary = seed_with("A");
  binary.pin_policy = SeedPinPolicy{.format = PassphraseFormat::kBinary, .max_failed_attempts = {}, .min_length = {}, .max_length = {}};
  EXPECT_THAT(complaint(list(std::move(binary))), HasSubstr("PIN"));
}

}  // namespace
}  // namespace airtight::otp
