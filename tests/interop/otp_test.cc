// One-time passwords and key containers beside those of the OATH Toolkit: oathtool makes the same passwords, pskctool reads the same
// seeds, and OpenSSL's program opens what is encrypted.
#include <gmock/gmock.h>

#include <cctype>
#include <fstream>
#include <string>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "otp/one_time_password.h"
#include "otp/pskc.h"
#include "tests/interop/command.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::otp {
namespace {

using ::testing::HasSubstr;
using tests::must;
using tests::run;

constexpr std::string_view kSecret = "a secret of 29 bytes, or more";

std::string ours(crypto::Digest digest, std::uint64_t factor, unsigned digits) {
  return must(truncate(crypto::hmac(digest, bytes_of(kSecret), moving_factor(factor)), digits));
}

TEST(Oathtool, MakesTheSameHotp) {
  for (const std::uint64_t counter : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4294967296}, std::uint64_t{9223372036854775807}}) {
    for (const unsigned digits : {6U, 7U, 8U}) {
      const auto theirs = run({"oathtool", "--hotp", "--counter=" + std::to_string(counter), "--digits=" + std::to_string(digits),
                               hex_encode(bytes_of(kSecret))});
      ASSERT_EQ(theirs.status, 0) << theirs.output;
      EXPECT_EQ(ours(crypto::Digest::kSha1, counter, digits) + "\n", theirs.output) << counter;
    }
  }
}

TEST(Oathtool, MakesTheSameTotp) {
  const std::pair<std::string, crypto::Digest> hashes[] = {
      {"SHA1", crypto::Digest::kSha1}, {"SHA256", crypto::Digest::kSha256}, {"SHA512", crypto::Digest::kSha512}};
  for (const auto& [name, digest] : hashes) {
    for (const std::uint32_t period : {30U, 60U}) {
      const std::uint64_t step = must(time_step({.digits = 8, .period = period, .start = 1000}, must(parse_time("2033-05-18T03:33:20Z"))));
      const auto theirs = run({"oathtool", "--totp=" + name, "--digits=8", "--time-step-size=" + std::to_string(period) + "s",
                               "--start-time=1970-01-01 00:16:40 UTC", "--now=2033-05-18 03:33:20 UTC", hex_encode(bytes_of(kSecret))});
      ASSERT_EQ(theirs.status, 0) << theirs.output;
      EXPECT_EQ(ours(digest, step, 8) + "\n", theirs.output) << name << ' ' << period;
    }
  }
}

TEST(Pskctool, ReadsTheSameSeeds) {
  const std::string path = AIRTIGHT_SOURCE_DIR "/tests/vectors/otp/rfc6030-figure10.xml";
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const Container container = must(read_pskc(bytes_of(text), {}, must(parse_time("2006-03-15T00:00:00Z"))));
  const auto theirs = run({"pskctool", "--info", path});
  ASSERT_EQ(theirs.status, 0) << theirs.output;
  ASSERT_EQ(container.seeds.size(), 4U);
  std::size_t at = 0;
  for (const Seed& seed : container.seeds) {
    for (const std::string& line : {"Manufacturer: " + seed.manufacturer, "SerialNo: " + seed.serial, "Id: " + seed.id,
                                    "Key Secret (base64): " + base64_encode(seed.secret.expose_secret()),
                                    "Key Counter: " + std::to_string(std::get<Hotp>(seed.parameters).counter),
                                    "Response Format Length: " + std::to_string(std::get<Hotp>(seed.parameters).digits)}) {
      at = theirs.output.find(line + "\n", at);
      ASSERT_NE(at, std::string::npos) << line << " after what came before, in\n" << theirs.output;
    }
  }
}

Seed seed_with(std::string id, crypto::Digest digest, Parameters parameters) {
  return Seed{.id = std::move(id),
              .manufacturer = "Acme",
              .serial = "42",
              .issuer = "Bank",
              .friendly_name = "Log-on",
              .user_id = "CN=Jane Doe,C=SE",
              .secret = SecretBytes::copy_of(bytes_of(kSecret)),
              .digest = digest,
              .parameters = parameters,
              .pin_policy = {},
              .not_before = {},
              .not_after = {}};
}
std::vector<Seed> two_seeds() {
  std::vector<Seed> seeds;
  seeds.push_back(seed_with("T-1", crypto::Digest::kSha1, Hotp{.counter = 7, .digits = 8}));
  seeds.push_back(seed_with("T-2", crypto::Digest::kSha256, Totp{.digits = 6, .period = 60}));
  return seeds;
}
std::string file_with_container(const tests::TemporaryFolder& folder, const PskcOpener& opener) {
  crypto::SystemRandom random;
  const SecretBytes text = must(write_pskc(two_seeds(), opener, random));
  std::ofstream(folder / "server.pskc") << text_of(text.expose_secret());
  return folder / "server.pskc";
}

TEST(Pskctool, ReadsWhatWasExported) {
  const tests::TemporaryFolder folder;
  const auto theirs = run({"pskctool", "--info", "--strict", file_with_container(folder, {})});
  ASSERT_EQ(theirs.status, 0) << theirs.output;
  std::size_t at = 0;
  for (const std::string line :
       {"Manufacturer: Acme", "SerialNo: 42", "Id: T-1", "Issuer: Bank", "Algorithm: urn:ietf:params:xml:ns:keyprov:pskc:hotp",
        "Key Counter: 7", "Response Format Length: 8", "Id: T-2", "Algorithm: urn:ietf:params:xml:ns:keyprov:pskc:totp",
        "Key TimeInterval: 60", "Response Format Length: 6"}) {
    EXPECT_THAT(theirs.output, HasSubstr(line));
  }
  EXPECT_NE(at = theirs.output.find("Key Secret (base64): " + base64_encode(bytes_of(kSecret)) + "\n"), std::string::npos);
  EXPECT_NE(theirs.output.find("Key Secret (base64): " + base64_encode(bytes_of(kSecret)) + "\n", at + 1), std::string::npos);
}

TEST(Pskctool, FindsContainersOfEachProtectionRightByTheSchema) {
  const tests::TemporaryFolder folder;
  for (const PskcOpener& opener :
       {PskcOpener(), PskcOpener(PreSharedKey{SecretBytes(32)}), PskcOpener(Passphrase{SecretBytes::copy_of(bytes_of("correct horse"))})}) {
    const auto theirs = run({"pskctool", "--validate", file_with_container(folder, opener)});
    EXPECT_EQ(theirs.status, 0) << theirs.output;
    EXPECT_THAT(theirs.output, HasSubstr("OK"));
  }
}

// Encrypted containers, opened by OpenSSL's program alone with what RFC 6030, section 6, says.

// What stands in the nth element of that name.
std::string nth(const std::string& text, const std::string& name, int n) {
  std::size_t at = 0;
  for (int i = 0; i <= n; ++i) at = text.find("<" + name, at) + 1;
  const std::size_t begin = text.find('>', at) + 1;
  return text.substr(begin, text.find('<', begin) - begin);
}

// Hex of what IV and cipher text hold.
std::string decrypted(const tests::TemporaryFolder& folder, const std::string& cipher, const std::string& key_hex, ByteView value) {
  std::ofstream(folder / "cipher") << text_of(value.subspan(16));
  const auto plain =
      run({"openssl", "enc", "-d", "-" + cipher, "-K", key_hex, "-iv", hex_encode(value.first(16)), "-in", folder / "cipher"});
  EXPECT_EQ(plain.status, 0) << plain.output;
  return hex_encode(bytes_of(plain.output));
}

void expect_openssl_opens(const tests::TemporaryFolder& folder, const std::string& text, const std::string& cipher,
                          const std::string& key_hex) {
  const std::string mac_key = decrypted(folder, cipher, key_hex, must(base64_decode(nth(text, "xenc:CipherValue", 0))));
  EXPECT_EQ(mac_key.size(), 40U);
  for (const int seed : {0, 1}) {
    const Bytes value = must(base64_decode(nth(text, "xenc:CipherValue", 1 + seed)));
    EXPECT_EQ(decrypted(folder, cipher, key_hex, value), hex_encode(bytes_of(kSecret)));
    std::ofstream(folder / "value") << text_of(value);
    const auto mac = run({"openssl", "mac", "-digest", "SHA1", "-macopt", "hexkey:" + mac_key, "-in", folder / "value", "HMAC"});
    std::string expected = hex_encode(must(base64_decode(nth(text, "ValueMAC", seed))));
    for (char& c : expected) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(mac.output, expected + "\n");
  }
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Openssl, OpensWhatWasExportedUnderAKey) {
  const tests::TemporaryFolder folder;
  const Bytes key(32, std::byte{0x5A});
  const std::string text = content_of(file_with_container(folder, PreSharedKey{SecretBytes::copy_of(key)}));
  expect_openssl_opens(folder, text, "aes-256-cbc", hex_encode(key));
}

TEST(Openssl, OpensWhatWasExportedUnderAPassphrase) {
  const tests::TemporaryFolder folder;
  const std::string text = content_of(file_with_container(folder, Passphrase{SecretBytes::copy_of(bytes_of("correct horse"))}));
  const auto key = run({"openssl", "kdf", "-keylen", nth(text, "KeyLength", 0), "-kdfopt", "digest:SHA1", "-kdfopt", "pass:correct horse",
                        "-kdfopt", "hexsalt:" + hex_encode(must(base64_decode(nth(text, "Specified", 0)))), "-kdfopt",
                        "iter:" + nth(text, "IterationCount", 0), "PBKDF2"});
  ASSERT_EQ(key.status, 0) << key.output;
  std::string key_hex;
  for (const char c : key.output) {
    if (std::isxdigit(static_cast<unsigned char>(c)) != 0) key_hex += c;
  }
  expect_openssl_opens(folder, text, "aes-128-cbc", key_hex);
}

// Why the reader is ours (decision 0023).
TEST(Pskctool, DoesNotReadWhatIsEncrypted) {
  const auto theirs = run({"pskctool", "--info", AIRTIGHT_SOURCE_DIR "/tests/vectors/otp/rfc6030-figure6.xml"});
  EXPECT_THAT(theirs.output, HasSubstr("parse error"));
}

}  // namespace
}  // namespace airtight::otp
