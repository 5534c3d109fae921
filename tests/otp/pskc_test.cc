// Seeds out of key containers: the RFC's own, those that makers of tokens would send, and those that somebody has changed on the way.
#include "otp/pskc.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "base/encoding.h"
#include "crypto/block_cipher.h"
#include "crypto/pbkdf2.h"
#include "tests/support/must.h"

namespace airtight::otp {
namespace {

using ::testing::HasSubstr;
using tests::must;

constexpr std::string_view kRfcSecret = "12345678901234567890";
const Instant kNow{1268911409000};  // 2010-03-18

std::string vector_file(const std::string& name) {
  std::ifstream file(AIRTIGHT_SOURCE_DIR "/tests/vectors/otp/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const std::size_t at = text.find(what);
  if (at == std::string::npos) throw std::runtime_error("not in the text: " + std::string(what));
  return text.replace(at, what.size(), by);
}

PskcOpener key_of(std::string_view hex) { return PreSharedKey{SecretBytes::copy_of(must(hex_decode(hex)))}; }
PskcOpener figure6_key() { return key_of("12345678901234567890123456789012"); }
PskcOpener passphrase(std::string_view text) { return Passphrase{SecretBytes::copy_of(bytes_of(text))}; }

Result<Container> read(std::string_view text, const PskcOpener& opener = {}, const PskcLimits& limits = {}) {
  return read_pskc(bytes_of(text), opener, kNow, limits);
}
std::string complaint(std::string_view text, const PskcOpener& opener = {}, const PskcLimits& limits = {}) {
  const auto container = read(text, opener, limits);
  return container ? "" : container.error().message;
}

constexpr std::string_view kFormat = R"(<AlgorithmParameters><ResponseFormat Length="6" Encoding="DECIMAL"/></AlgorithmParameters>)";
constexpr std::string_view kSecret = "<Secret><PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue></Secret>";
constexpr std::string_view kCounter = "<Counter><PlainValue>7</PlainValue></Counter>";

struct Parts {
  std::string algorithm = "hotp";
  std::string parameters = std::string(kFormat);
  std::string data = std::string(kSecret).append(kCounter);
  std::string policy = {};
  std::string device = "<DeviceInfo><Manufacturer>Acme</Manufacturer><SerialNo>42</SerialNo></DeviceInfo>";
  std::string before_data = {};
  std::string id = "Key.A";
};
std::string package(const Parts& parts) {
  return "<KeyPackage>" + parts.device + R"(<Key Id=")" + parts.id + R"(" Algorithm="urn:ietf:params:xml:ns:keyprov:pskc:)" +
         parts.algorithm + R"("><Issuer>Issuer</Issuer>)" + parts.parameters + parts.before_data + "<Data>" + parts.data + "</Data>" +
         (parts.policy.empty() ? "" : "<Policy>" + parts.policy + "</Policy>") + "</Key></KeyPackage>";
}
std::string container_of(const std::string& packages) {
  return R"(<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc">)" + packages + "</KeyContainer>";
}
std::string container(const Parts& parts) { return container_of(package(parts)); }

Seed seed_of(const Parts& parts) {
  Container read_container = must(read(container(parts)));
  if (read_container.seeds.size() != 1) throw std::runtime_error(read_container.refused.at(0).reason);
  return std::move(read_container.seeds.front());
}

// The reason why the one key is not taken; what else is in the container would be.
std::string refusal(const Parts& parts) {
  const auto read_container = read(container_of(package(parts) + package({.id = "Key.B"})));
  if (!read_container) return "the whole container: " + read_container.error().message;
  EXPECT_EQ(read_container->seeds.size(), 1U + (read_container->refused.empty() ? 1 : 0));
  return read_container->refused.empty() ? "" : read_container->refused.front().reason;
}

// What the RFC shows

TEST(Pskc, OfFigure6OpensUnderItsPreSharedKey) {
  const Container found = must(read(vector_file("rfc6030-figure6.xml"), figure6_key()));
  ASSERT_EQ(found.seeds.size(), 1U);
  const Seed& seed = found.seeds.front();
  EXPECT_EQ(seed.id, "12345678");
  EXPECT_EQ(seed.manufacturer, "Manufacturer");
  EXPECT_EQ(seed.serial, "987654321");
  EXPECT_EQ(seed.issuer, "Issuer");
  EXPECT_EQ(text_of(seed.secret.expose_secret()), kRfcSecret);
  EXPECT_EQ(seed.parameters, Parameters(Hotp{.counter = 0, .digits = 8}));
  EXPECT_EQ(hmac_algorithm(seed.digest), "http://www.w3.org/2000/09/xmldsig#hmac-sha1");
}

TEST(Pskc, OfFigure7OpensUnderItsPassphrase) {
  const Container found = must(read(vector_file("rfc6030-figure7-with-counter.xml"), passphrase("qwerty")));
  ASSERT_EQ(found.seeds.size(), 1U);
  EXPECT_EQ(text_of(found.seeds.front().secret.expose_secret()), kRfcSecret);
}

TEST(Pskc, OfFigure2DoesNotSayEnoughForHotp) {
  const Container found = must(read(vector_file("rfc6030-figure2.xml")));
  EXPECT_TRUE(found.seeds.empty());
  ASSERT_EQ(found.refused.size(), 1U);
  EXPECT_EQ(found.refused.front().id, "12345678");
  EXPECT_THAT(found.refused.front().reason, HasSubstr("no ResponseFormat"));
}

TEST(Pskc, OfFigure10IsReadUntilItsKeysExpire) {
  const std::string text = vector_file("rfc6030-figure10.xml");
  const Container in_april = must(read_pskc(bytes_of(text), {}, must(parse_time("2006-04-15T00:00:00Z"))));
  EXPECT_EQ(in_april.seeds.size(), 3U);
  ASSERT_EQ(in_april.refused.size(), 1U);
  EXPECT_EQ(in_april.refused.front().id, "3");
  EXPECT_EQ(in_april.refused.front().reason, "it expired on 2006-03-31T00:00:00Z");
  EXPECT_EQ(format_time(must(read_pskc(bytes_of(text), {}, {})).seeds.front().not_before.value()), "2006-05-01T00:00:00Z");
  EXPECT_EQ(must(read(text)).refused.size(), 4U);
}

// What keys may say

TEST(PskcKey, ForTotpHasAPeriodAndAHash) {
  const std::string parameters =
      R"(<AlgorithmParameters><Suite>HMAC-SHA256</Suite><ResponseFormat Encoding="DECIMAL" Length="8"/></AlgorithmParameters>)";
  const Seed seed = seed_of(
      {.algorithm = "totp",
       .parameters = parameters,
       .data = std::string(kSecret) + "<Time><PlainValue>0</PlainValue></Time><TimeInterval><PlainValue>60</PlainValue></TimeInterval>"});
  EXPECT_EQ(seed.parameters, Parameters(Totp{.digits = 8, .period = 60}));
  EXPECT_EQ(hmac_algorithm(seed.digest), "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256");
  EXPECT_EQ(seed_of({.algorithm = "totp", .data = std::string(kSecret)}).parameters, Parameters(Totp{.digits = 6}));
}

TEST(PskcKey, MayAskForAPinThatGuardsIt) {
  const Seed seed = seed_of(
      {.policy = R"(<PINPolicy PINUsageMode="Local" MinLength="4" MaxLength="8" MaxFailedAttempts="3" PINEncoding="ALPHANUMERIC"/>)"});
  ASSERT_TRUE(seed.pin_policy);
  EXPECT_EQ(seed.pin_policy->format, PassphraseFormat::kAlphanumeric);
  EXPECT_EQ(seed.pin_policy->min_length, 4U);
  EXPECT_EQ(seed.pin_policy->max_length, 8U);
  EXPECT_EQ(seed.pin_policy->max_failed_attempts, 3U);
}

TEST(PskcKey, IsForItsOwnUserBeforeItsDevices) {
  const std::string device = "<DeviceInfo><UserId>CN=Device</UserId></DeviceInfo>";
  EXPECT_EQ(seed_of({.device = device}).user_id, "CN=Device");
  EXPECT_EQ(must(read(replaced(container({.device = device}), "</Data>", "</Data><UserId>CN=User</UserId>"))).seeds.at(0).user_id,
            "CN=User");
}

TEST(PskcKey, LastsNoLongerThanItsDevice) {
  const std::string device =
      "<DeviceInfo><StartDate>2010-01-01T00:00:00Z</StartDate><ExpiryDate>2012-01-01T00:00:00Z</ExpiryDate></DeviceInfo>";
  const std::string policy = "<StartDate>2011-01-01T00:00:00Z</StartDate><ExpiryDate>2013-01-01T00:00:00Z</ExpiryDate>";
  const Seed seed = seed_of({.policy = policy, .device = device});
  EXPECT_EQ(format_time(seed.not_before.value()), "2011-01-01T00:00:00Z");
  EXPECT_EQ(format_time(seed.not_after.value()), "2012-01-01T00:00:00Z");
}

TEST(PskcKey, MayHaveExtensionsThatDoNotConcernItsUse) {
  EXPECT_EQ(refusal({}), "");
  const std::string text = replaced(container({}), "</Data>", R"(</Data><Extensions><x xmlns="urn:x"/></Extensions>)");
  EXPECT_EQ(must(read(text)).seeds.size(), 1U);
}

struct Refused {
  Parts parts;
  std::string_view reason;
};
class PskcKeyRefused : public ::testing::TestWithParam<Refused> {};

TEST_P(PskcKeyRefused, AloneAndWithTheReason) { EXPECT_THAT(refusal(GetParam().parts), HasSubstr(GetParam().reason)); }

std::string with_format(std::string_view attributes) {
  return "<AlgorithmParameters><ResponseFormat " + std::string(attributes) + "/></AlgorithmParameters>";
}
const std::string kBare(kSecret);
const Refused kRefused[] = {
    {{.algorithm = "pin"}, "neither HOTP nor TOTP"},
    {{.parameters = ""}, "no ResponseFormat"},
    {{.parameters = "<AlgorithmParameters/>"}, "no ResponseFormat"},
    {{.parameters = with_format(R"(Encoding="HEXADECIMAL" Length="6")")}, "not decimal"},
    {{.parameters = with_format(R"(Encoding="DECIMAL" Length="5")")}, "6 to 10 digits"},
    {{.parameters = with_format(R"(Encoding="DECIMAL" Length="11")")}, "6 to 10 digits"},
    {{.parameters = with_format(R"(Encoding="DECIMAL" Length="6" CheckDigits="true")")}, "check digits"},
    {{.parameters = R"(<AlgorithmParameters><Suite>HMAC-MD5</Suite><ResponseFormat Length="6" Encoding="DECIMAL"/></AlgorithmParameters>)"},
     "Suite"},
    {{.parameters = R"(<AlgorithmParameters><ChallengeFormat Encoding="DECIMAL" Min="6" Max="6"/></AlgorithmParameters>)"}, "challenges"},
    {{.data = kBare}, "no Counter"},
    {{.data = std::string(kCounter)}, "no Secret"},
    {{.data = "<Secret><PlainValue>MTIzNDU2Nzg5MDEyMzQ1</PlainValue></Secret>" + std::string(kCounter)}, "16 to 128 bytes"},
    {{.data = kBare + std::string(kCounter) + "<Time><PlainValue>0</PlainValue></Time>"}, "HOTP does not know"},
    {{.data = kBare + std::string(kCounter) + R"(<x xmlns="urn:x"/>)"}, "not known: 'x'"},
    {{.algorithm = "totp"}, "TOTP does not know"},
    {{.algorithm = "totp", .data = kBare + "<Time><PlainValue>5</PlainValue></Time>"}, "1970"},
    {{.algorithm = "totp", .data = kBare + "<TimeInterval><PlainValue>0</PlainValue></TimeInterval>"}, "TimeInterval is 0"},
    {{.policy = "<ExpiryDate>2010-03-18T11:23:29Z</ExpiryDate>"}, "expired"},
    {{.policy = "<KeyUsage>Integrity</KeyUsage>"}, "other uses"},
    {{.policy = "<NumberOfTransactions>10</NumberOfTransactions>"}, "how often"},
    {{.policy = R"(<x xmlns="urn:x"/>)"}, "not known: 'x'"},
    {{.policy = R"(<PINPolicy PINUsageMode="Append"/>)"}, "goes into the password"},
    {{.policy = R"(<PINPolicy MinLength="4"/>)"}, "goes into the password"},
    {{.policy = R"(<PINPolicy PINKeyId="1" PINUsageMode="Local"/>)"}, "another key"},
    {{.policy = R"(<PINPolicy PINUsageMode="Local" PINEncoding="BASE64"/>)"}, "neither decimal nor"},
    {{.policy = R"(<PINPolicy PINUsageMode="Local" MinLength="8" MaxLength="4"/>)"}, "above its MaxLength"},
    {{.policy = R"(<PINPolicy PINUsageMode="Local" MaxLength="256"/>)"}, "cannot be kept"},
    {{.policy = R"(<PINPolicy PINUsageMode="Local" x:y="z" xmlns:x="urn:x"/>)"}, "not known: '{urn:x}y'"},
    {{.device = "<DeviceInfo><DeviceBinding>IMEI</DeviceBinding></DeviceInfo>"}, "bound to a device"},
    {{.device = "<DeviceInfo><ExpiryDate>2009-01-01T00:00:00Z</ExpiryDate></DeviceInfo>"}, "expired"},
    {{.before_data = "<KeyProfileId>1</KeyProfileId>"}, "not in the container"},
    {{.before_data = "<KeyReference>1</KeyReference>"}, "not in the container"},
};
INSTANTIATE_TEST_SUITE_P(Each, PskcKeyRefused, ::testing::ValuesIn(kRefused));

TEST(PskcKey, IsTakenForOneTimePasswordsAmongOtherUses) {
  EXPECT_EQ(refusal({.policy = "<KeyUsage>Integrity</KeyUsage><KeyUsage>OTP</KeyUsage>"}), "");
}

// Containers that nobody takes anything from

TEST(Pskc, ThatWasChangedGivesNothing) {
  const std::string text = vector_file("rfc6030-figure6.xml");
  for (const auto& [what, by] : {std::pair{"AAECAwQF", "AAECAwQG"}, std::pair{"UqGv", "UqGw"}, std::pair{"Su+N", "Su+M"},
                                 std::pair{"ESIz", "ESIa"}, std::pair{"PCMl8j", "PCMl8k"}}) {
    EXPECT_THAT(complaint(replaced(text, what, by), figure6_key()), HasSubstr("was changed")) << what;
  }
}

TEST(Pskc, DoesNotOpenUnderAnotherKeyOrPassphrase) {
  EXPECT_THAT(complaint(vector_file("rfc6030-figure6.xml"), key_of("12345678901234567890123456789013")), HasSubstr("does not open"));
  EXPECT_THAT(complaint(vector_file("rfc6030-figure7-with-counter.xml"), passphrase("qwertz")), HasSubstr("does not open"));
}

TEST(Pskc, SaysWhatOpensIt) {
  EXPECT_THAT(complaint(vector_file("rfc6030-figure6.xml")), HasSubstr("pre-shared key, which was not given"));
  EXPECT_THAT(complaint(vector_file("rfc6030-figure6.xml"), passphrase("qwerty")), HasSubstr("pre-shared key, which was not given"));
  EXPECT_THAT(complaint(vector_file("rfc6030-figure7-with-counter.xml"), figure6_key()), HasSubstr("passphrase, which was not given"));
  EXPECT_THAT(complaint(vector_file("rfc6030-figure6.xml"), key_of("00112233445566778899aabbccddeeff0011223344556677")),
              HasSubstr("wants an AES key of 16 bytes"));
  EXPECT_THAT(complaint(vector_file("rfc6030-figure6.xml"), key_of("0011")), HasSubstr("16, 24 or 32"));
}

TEST(Pskc, ThatIsEncryptedHasAMacForEachValue) {
  const std::string text = vector_file("rfc6030-figure6.xml");
  const std::size_t mac = text.find("<ValueMAC>");
  std::string without_mac = text;
  without_mac.erase(mac, text.find("</ValueMAC>") + 11 - mac);
  EXPECT_THAT(complaint(without_mac, figure6_key()), HasSubstr("without a MAC"));
  const std::size_t method = text.find("<MACMethod");
  std::string without_method = text;
  without_method.erase(method, text.find("</MACMethod>") + 12 - method);
  EXPECT_THAT(complaint(without_method, figure6_key()), HasSubstr("without a MAC"));
}

TEST(Pskc, ThatIsEncryptedHasNoSecretInTheClear) {
  const std::string text = vector_file("rfc6030-figure6.xml");
  const std::size_t secret = text.find("<Secret>");
  std::string mixed = text;
  mixed.replace(secret, text.find("</Secret>") + 9 - secret, kSecret);
  EXPECT_THAT(complaint(mixed, figure6_key()), HasSubstr("a secret in it is not"));
}

TEST(Pskc, ThatIsNotEncryptedIsNotTakenForOneThatIs) {
  EXPECT_THAT(complaint(container({}), figure6_key()), HasSubstr("is not encrypted"));
}

TEST(Pskc, UnderACertificateOrAnotherCipherIsRefused) {
  const std::string text = vector_file("rfc6030-figure6.xml");
  EXPECT_THAT(complaint(replaced(text, "<ds:KeyName>Pre-shared-key</ds:KeyName>", "<ds:X509Data/>"), figure6_key()),
              HasSubstr("in another way"));
  EXPECT_THAT(complaint(replaced(text, "xmlenc#aes128-cbc", "xmlenc#tripledes-cbc"), figure6_key()), HasSubstr("another algorithm"));
  EXPECT_THAT(complaint(replaced(text, "xmldsig#hmac-sha1", "xmldsig-more#hmac-md5"), figure6_key()), HasSubstr("another HMAC"));
}

TEST(Pskc, ThatIsSignedIsRefused) {
  const std::string signature = R"(<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>)";
  EXPECT_THAT(complaint(container_of(package({}) + signature)), HasSubstr("signed"));
}

TEST(Pskc, KeepsToItsLimits) {
  EXPECT_THAT(complaint(container_of(package({.id = "1"}) + package({.id = "2"})), {}, {.max_keys = 1}), HasSubstr("more than 1 keys"));
  EXPECT_NE(complaint(container({}), {}, {.max_bytes = 100}), "");
  EXPECT_THAT(complaint(vector_file("rfc6030-figure7-with-counter.xml"), passphrase("qwerty"), {.max_iterations = 999}),
              HasSubstr("1000 iterations"));
}

// Encrypted by ourselves, in the ways that the RFC's figures do not show

constexpr std::string_view kMacKey = "a MAC key of 32 random characters";

Bytes encrypted(ByteView key, ByteView plain) {
  const Bytes iv(crypto::kAesBlock, std::byte{0x5A});
  const SecretBytes blocks = crypto::encrypt_aes(crypto::BlockMode::kCbc, key, iv, crypto::pad_pkcs7(plain).expose_secret());
  return concat({iv, blocks.expose_secret()});
}

struct Own {
  std::string encryption_key = "<EncryptionKey><ds:KeyName>ours</ds:KeyName></EncryptionKey>";
  std::string cipher = "aes256-cbc";
  Bytes counter = big_endian(7, 8);
};
constexpr std::string_view kOwnKey = "0123456789abcdef0123456789abcdef";

std::string own_container(const Own& own, ByteView key) {
  const auto cipher_data = [&](ByteView plain) {
    return R"(<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#)" + own.cipher +
           R"("/><xenc:CipherData><xenc:CipherValue>)" + base64_encode(encrypted(key, plain)) + "</xenc:CipherValue></xenc:CipherData>";
  };
  const auto value = [&](ByteView plain) {
    const Bytes mac = crypto::hmac(crypto::Digest::kSha256, bytes_of(kMacKey), encrypted(key, plain));
    return "<EncryptedValue>" + cipher_data(plain) + "</EncryptedValue><ValueMAC>" + base64_encode(mac) + "</ValueMAC>";
  };
  const std::string data = "<Secret>" + value(bytes_of(kRfcSecret)) + "</Secret><Counter>" + value(own.counter) + "</Counter>";
  return replaced(
      container_of(own.encryption_key + R"(<MACMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"><MACKey>)" +
                   cipher_data(bytes_of(kMacKey)) + "</MACKey></MACMethod>" + package({.data = data})),
      R"(Version="1.0")",
      R"(Version="1.0" xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" )"
      R"(xmlns:xenc11="http://www.w3.org/2009/xmlenc11#")");
}

TEST(Pskc, OpensUnderEachSizeOfAesKey) {
  for (const std::size_t size : {16U, 24U, 32U}) {
    const ByteView key = bytes_of(kOwnKey).first(size);
    const Container found =
        must(read(own_container({.cipher = "aes" + std::to_string(8 * size) + "-cbc"}, key), PreSharedKey{SecretBytes::copy_of(key)}));
    EXPECT_EQ(text_of(found.seeds.at(0).secret.expose_secret()), kRfcSecret) << size;
    EXPECT_EQ(found.seeds.at(0).parameters, Parameters(Hotp{.counter = 7, .digits = 6})) << "an encrypted counter";
  }
}

TEST(Pskc, HasEncryptedCountersOfEightBytes) {
  const PskcOpener opener = PreSharedKey{SecretBytes::copy_of(bytes_of(kOwnKey))};
  EXPECT_THAT(complaint(own_container({.counter = big_endian(7, 4)}, bytes_of(kOwnKey)), opener), HasSubstr("no number of 8 bytes"));
  EXPECT_THAT(complaint(own_container({.counter = Bytes(8, std::byte{0xFF})}, bytes_of(kOwnKey)), opener),
              HasSubstr("no number of 8 bytes"));
}

TEST(Pskc, DerivesKeysAsXmlEncryption11HasIt) {
  const auto derivation = [](const std::string& salt, const std::string& size, const std::string& function) {
    return R"(<EncryptionKey><xenc11:DerivedKey><xenc11:KeyDerivationMethod Algorithm="http://www.w3.org/2009/xmlenc11#pbkdf2">)"
           "<xenc11:PBKDF2-params><xenc11:Salt><xenc11:Specified>" +
           salt + "</xenc11:Specified></xenc11:Salt><xenc11:IterationCount>2000</xenc11:IterationCount><xenc11:KeyLength>" + size +
           R"(</xenc11:KeyLength><xenc11:PRF Algorithm="http://www.w3.org/2001/04/xmldsig-more#)" + function +
           R"("/></xenc11:PBKDF2-params></xenc11:KeyDerivationMethod></xenc11:DerivedKey></EncryptionKey>)";
  };
  const SecretBytes key = must(crypto::pbkdf2(crypto::Digest::kSha256, bytes_of("a passphrase"), bytes_of("salt"), 2000, 32));
  const std::string text = own_container({.encryption_key = derivation("c2FsdA==", "32", "hmac-sha256")}, key.expose_secret());
  EXPECT_EQ(must(read(text, passphrase("a passphrase"))).seeds.size(), 1U);
  EXPECT_THAT(complaint(replaced(text, ">2000<", ">0<"), passphrase("a passphrase")), HasSubstr("0 iterations"));
  EXPECT_THAT(
      complaint(own_container({.encryption_key = derivation("c2FsdA==", "17", "hmac-sha256")}, key.expose_secret()), passphrase("x")),
      HasSubstr("KeyLength"));
  EXPECT_THAT(complaint(own_container({.encryption_key = derivation("c2FsdA==", "32", "hmac-md5")}, key.expose_secret()), passphrase("x")),
              HasSubstr("another HMAC"));
  EXPECT_THAT(complaint(replaced(text, "xmlenc11#pbkdf2", "xmlenc11#ConcatKDF"), passphrase("a passphrase")),
              HasSubstr("another algorithm than PBKDF2"));
}

struct Malformed {
  std::string text;
  std::string_view complaint;
};
class MalformedPskc : public ::testing::TestWithParam<Malformed> {};
TEST_P(MalformedPskc, IsRefused) { EXPECT_THAT(complaint(GetParam().text), HasSubstr(GetParam().complaint)); }

const Malformed kMalformed[] = {
    {"<KeyContainer/>", "no PSKC"},
    {"no XML", ""},
    {replaced(container({}), "1.0", "2.0"), "another version"},
    {replaced(container({}), "Version", "x='' Version"), "attribute 'x'"},
    {container_of(""), "no KeyPackage"},
    {container_of("<Other/>" + package({})), "has a 'Other'"},
    {container_of("<KeyPackage><Other/></KeyPackage>"), "has a 'Other'"},
    {container_of(package({}) + package({})), "two keys with the Id 'Key.A'"},
    {container({.id = ""}), "without an Id"},
    {container({.parameters = with_format(R"(Encoding="DECIMAL" Length="x")")}), "'Length'"},
    {container({.data = "<Secret><PlainValue>***</PlainValue></Secret>"}), "not base64"},
    {container({.data = "<Secret/>"}), "no 'EncryptedValue'"},
    {container({.data = kBare + "<Counter><PlainValue>-1</PlainValue></Counter>"}), "'Counter'"},
    {container({.data = kBare + "<Counter><PlainValue>9223372036854775808</PlainValue></Counter>"}), "'Counter'"},
    {container({.data = std::string(kCounter) + kBare}), "has a 'Secret'"},
    {container({.policy = "<ExpiryDate>tomorrow</ExpiryDate>"}), "no time in UTC"},
};
INSTANTIATE_TEST_SUITE_P(Each, MalformedPskc, ::testing::ValuesIn(kMalformed));

}  // namespace
}  // namespace airtight::otp
