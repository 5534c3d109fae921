// issuer.toml: what is in it is read, and what does not belong is refused with its line, its column and what is allowed.
#include "issuer/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "issuer/init.h"
#include "storage/files.h"
#include "tests/issuer/support.h"

namespace airtight::issuer::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Line 1 is a profile with one key; `more` begins on line 2, in the table [profiles.default].
std::string with(std::string_view more) { return "profiles.default.session_life_time = 600\n" + std::string(more); }

constexpr std::string_view kKey = R"([[profiles.default.keys]]
id = "Key.1"
usage = "signature"
algorithm = "p-256"
)";
constexpr std::string_view kAnyDevice = "[profiles.default.devices]\naccept_any = true\n";

Result<Configuration> parse(std::string_view text) { return parse_configuration(text, "/nowhere"); }

std::string smallest() { return with(std::string(kAnyDevice) + std::string(kKey)); }

// [mail] stands in line 1.
std::string with_mail(std::string_view entries) { return "mail = { " + std::string(entries) + " }\n" + smallest(); }

std::string with_enrolment(std::string_view entries) {
  return with("profiles.default.enrolment = { " + std::string(entries) + " }\n" + std::string(kAnyDevice) + std::string(kKey));
}

TEST(Configuration, NeedsLittle) {
  const Configuration configuration = must(parse(smallest()));
  EXPECT_TRUE(configuration.tls);
  EXPECT_EQ(configuration.listen, "127.0.0.1:8443");
  EXPECT_EQ(configuration.url_validity_hours, 168U);
  EXPECT_EQ(configuration.connections_per_address, 128U);
  EXPECT_EQ(configuration.profiles.at(0).keys.at(0).certificate.key_usage, 0xC000);
}

TEST(Configuration, ResolvesFilesAgainstItsFolder) {
  EXPECT_EQ(must(parse(smallest())).tls_certificate, "/nowhere/tls/server.pem");
  EXPECT_EQ(must(parse("tls_key = \"/etc/key.pem\"\n" + smallest())).tls_key, "/etc/key.pem");
}

// A profile's lines without session_life_time; `more` stands in [profiles.default].
std::uint32_t default_life_time(std::string_view more) {
  return must(parse("[profiles.default]\n" + std::string(more) + std::string(kAnyDevice) + std::string(kKey)))
      .profiles.at(0)
      .session_life_time;
}

TEST(Configuration, GivesSessionsAnHourUnlessTheProfileSaysOtherwise) {
  EXPECT_EQ(default_life_time(""), 3600U);
  EXPECT_EQ(default_life_time("session_life_time = 600\n"), 600U);
}

TEST(Configuration, GivesSessionsThatWaitTheTimeToDoSo) {
  EXPECT_EQ(default_life_time("deferred_certification = true\ndeferred_seconds = 86400\n"), 90000U);
  EXPECT_EQ(default_life_time("deferred_certification = true\n"), 604800U);
  EXPECT_EQ(default_life_time("enrolment = { operator = true }\n"), 604800U);
  EXPECT_EQ(default_life_time("enrolment = { operator = true }\nsession_life_time = 600\n"), 600U);
}

TEST(Configuration, ThatInitWritesIsReadWithoutFault) {
  const tests::TemporaryFolder folder;
  const FakeClock clock;
  crypto::SystemRandom random;
  must(init_issuer(folder.path(), {}, clock, random));
  const Configuration configuration = must(read_configuration(folder.path()));
  EXPECT_EQ(configuration.profiles.size(), 2U);
  EXPECT_TRUE(configuration.profiles.at(0).devices.accept_any);
  EXPECT_EQ(must(configuration.find_profile("signing"))->keys.size(), 2U);
}

TEST(Configuration, RefusesALookupByWhatACloneOnlyFinds) {
  for (const std::string name : {"email", "subject.cn"}) {
    const auto refused = parse(with("profiles.default.lookups = [{ id = \"Old\", email = \"{" + name + "}\", found = [\"clone\"] }]\n" +
                                    std::string(kAnyDevice) + std::string(kKey)));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, StartsWith("issuer.toml:2:"));
    EXPECT_THAT(refused.error().message, HasSubstr("{" + name + "} is not known yet"));
  }
  EXPECT_TRUE(parse(with("profiles.default.lookups = [{ id = \"Old\", email = \"jane@example.com\", found = [\"clone\"] }]\n" +
                         std::string(kAnyDevice) + std::string(kKey))));
}

TEST(Configuration, RefusesALookupByWhatOnlyACertificateHas) {
  const auto refused = parse(with("profiles.default.lookups = [{ id = \"Old\", email = \"{serial}\", found = [\"revoke\"] }]\n" +
                                  std::string(kAnyDevice) + std::string(kKey)));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("is not known before there is a certificate"));
}

TEST(Configuration, SnapshotOfAProfileReadsBackAsTheSameProfile) {
  const Maker maker;
  const Profile profile = must(parse_configuration(three_keys_configuration(maker.root), "/nowhere")).profiles.at(0);
  const Profile again = must(read_snapshot(profile.snapshot));
  EXPECT_EQ(again.snapshot, profile.snapshot);
  EXPECT_EQ(again.digest, profile.digest);
  EXPECT_EQ(again.keys.size(), 3U);
  EXPECT_EQ(again.devices.accepted.at(0).certificate, maker.root);
}

TEST(Configuration, SnapshotCarriesTheCertificatesItself) {
  const tests::TemporaryFolder folder;
  const Maker maker;
  must(storage::write_file(folder / "maker.pem", bytes_of(crypto::to_pem(maker.root)), storage::FileMode::kPublic));
  const std::string devices = "[[profiles.default.devices.accepted]]\nlevel = \"vendor\"\ncertificate = \"maker.pem\"\n";
  const Configuration configuration = must(parse_configuration(with(devices + std::string(kKey)), folder.path()));
  std::filesystem::remove(folder / "maker.pem");
  const Profile profile = must(read_snapshot(configuration.profiles.at(0).snapshot));
  EXPECT_EQ(profile.devices.accepted.at(0).certificate, maker.root);
  EXPECT_EQ(profile.devices.accepted.at(0).level, provenance::Level::kVendor);
}

// Each text is refused at a place, for a reason, with a hint.
struct Wrong {
  std::string_view name;
  std::string text;
  std::string_view place;
  std::string_view reason;
  std::string_view hint = {};
};

void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }

std::string with_key(std::string_view lines) { return with(std::string(kAnyDevice) + std::string(kKey) + std::string(lines)); }
// A key with a PIN; the PIN policy's table begins on line 4.
std::string with_pin(std::string_view pin_lines, std::string_view key_lines = {}) {
  return with(std::string(kAnyDevice) + "[[profiles.default.pin_policies]]\nid = \"PIN.1\"\nretry_limit = 3\nmin_length = 4\n" +
              std::string(pin_lines) + std::string(kKey) + "pin_policy = \"PIN.1\"\n" + std::string(key_lines));
}
std::string with_puk(std::string_view puk_lines) {
  return with_pin("max_length = 8\npuk_policy = \"PUK.1\"\n",
                  "[[profiles.default.puk_policies]]\nid = \"PUK.1\"\n" + std::string(puk_lines));
}

const Wrong kWrongTexts[] = {
    {"NotToml", "a = = b", "issuer.toml:1:", "", "TOML 1.0"},
    {"NameAtTheTop", "color = \"red\"\n" + smallest(), "issuer.toml:1:1:", "unknown name 'color' at the top",
     "tls_certificate, tls_key, url"},
    {"NameInAProfile", with("profiles.default.colour = 1\n" + std::string(kAnyDevice) + std::string(kKey)),
     "issuer.toml:2:18:", "unknown name 'colour' in [profiles.default]", "subject, basic, session_life_time"},
    {"NameInAKey", with_key("size = 256\n"), "issuer.toml:8:1:", "unknown name 'size' in [profiles.default.keys]", "friendly_name"},
    {"NoProfile", "tls = true\n", "issuer.toml:1:1:", "there is no profile"},
    {"NoKey", with(kAnyDevice), "issuer.toml:", "asks for no key", "[[profiles.default.keys]]"},
    {"NoDevices", with(kKey), "issuer.toml:", "which devices it accepts", "accept_any"},
    {"NoAcceptedDevice", with("[profiles.default.devices]\n" + std::string(kKey)), "issuer.toml:2:1:", "accepts no device at all"},
    {"AnyDeviceAndAList",
     with("[profiles.default.devices]\naccept_any = true\n[[profiles.default.devices.accepted]]\nlevel = \"vendor\"\ncertificate_pem = "
          "\"\"\"\n" +
          crypto::to_pem(Maker().root) + "\"\"\"\n" + std::string(kKey)),
     "issuer.toml:3:14:", "has no effect"},
    {"LifeTimeTooShort", "profiles.default.session_life_time = 9\n", "issuer.toml:1:38:", "session_life_time cannot be 9",
     "10 to 10000000"},
    {"LifeTimeAsText", "profiles.default.session_life_time = \"600\"\n", "issuer.toml:1:38:", "session_life_time must be an integer"},
    {"TlsAsText", "tls = \"yes\"\n" + smallest(), "issuer.toml:1:7:", "tls must be true or false"},
    {"UrlOfHttpWithTls", "url = \"http://issuer.example.com\"\n" + smallest(), "issuer.toml:1:7:", "begins with https://"},
    {"UrlOfHttpsWithoutTls", "tls = false\nurl = \"https://issuer.example.com\"\n" + smallest(), "issuer.toml:2:7:", "begins with http://"},
    {"UrlWithAPath", "url = \"https://issuer.example.com/pki\"\n" + smallest(), "issuer.toml:1:7:", "a scheme, a host and perhaps a port"},
    {"UrlThatIsNone", "url = \"issuer\"\n" + smallest(), "issuer.toml:1:7:", ""},
    {"ListenWithoutPort", "listen = \"127.0.0.1\"\n" + smallest(), "issuer.toml:1:10:", "not an address and a port", "[::1]:8443"},
    {"ListenOnPort70000", "listen = \"127.0.0.1:70000\"\n" + smallest(), "issuer.toml:1:10:", "not an address and a port"},
    {"Subject", with("profiles.default.subject = \"Jane\"\n" + std::string(kAnyDevice) + std::string(kKey)), "issuer.toml:2:28:", ""},
    {"KeyWithoutId", with(std::string(kAnyDevice) + "[[profiles.default.keys]]\nusage = \"signature\"\n"), "issuer.toml:4:", "lacks 'id'"},
    {"KeyIdThatIsNone", with(std::string(kAnyDevice) + "[[profiles.default.keys]]\nid = \"1 key\"\n"),
     "issuer.toml:5:6:", "'1 key' is not an ID", "1 to 32 bytes"},
    {"KeyIdTwice", with_key(kKey), "issuer.toml:9:6:", "the ID 'Key.1' is used twice"},
    {"KeyCalledDevice", with(std::string(kAnyDevice) + "[[profiles.default.keys]]\nid = \"Device\"\n"),
     "issuer.toml:5:6:", "nothing may be called 'Device'"},
    {"KeyAndPinOfOneId", with_pin("max_length = 8\n", "[[profiles.default.keys]]\nid = \"PIN.1\"\n"),
     "issuer.toml:", "the ID 'PIN.1' is used twice"},
    {"Usage", with(std::string(kAnyDevice) + "[[profiles.default.keys]]\nid = \"K\"\nusage = \"login\"\n"),
     "issuer.toml:6:9:", "usage cannot be \"login\"", "signature, authentication, encryption, universal, transport, symmetric-key"},
    {"SymmetricKey",
     with(std::string(kAnyDevice) + "[[profiles.default.keys]]\nid = \"K\"\nusage = \"symmetric-key\"\nalgorithm = \"p-256\"\n"),
     "issuer.toml:6:9:", "needs a table symmetric_key"},
    {"Algorithm", with(std::string(kAnyDevice) + "[[profiles.default.keys]]\nid = \"K\"\nusage = \"signature\"\nalgorithm = \"dsa\"\n"),
     "issuer.toml:7:13:", "algorithm cannot be \"dsa\"", "rsa, p-256, p-384, p-521"},
    {"RsaWithoutSize",
     with(std::string(kAnyDevice) + "[[profiles.default.keys]]\nid = \"K\"\nusage = \"signature\"\nalgorithm = \"rsa\"\n"),
     "issuer.toml:7:13:", "needs rsa_size"},
    {"RsaOf1024",
     with(std::string(kAnyDevice) + "[[profiles.default.keys]]\nid = \"K\"\nusage = \"signature\"\nalgorithm = \"rsa\"\nrsa_size = 1024\n"),
     "issuer.toml:8:12:", "rsa_size cannot be 1024", "2048 to 4096"},
    {"RsaOf2049",
     with(std::string(kAnyDevice) + "[[profiles.default.keys]]\nid = \"K\"\nusage = \"signature\"\nalgorithm = \"rsa\"\nrsa_size = 2049\n"),
     "issuer.toml:8:12:", "rsa_size cannot be 2049", "2048, 3072, 4096"},
    {"EvenExponent",
     with(std::string(kAnyDevice) +
          "[[profiles.default.keys]]\nid = \"K\"\nusage = \"signature\"\nalgorithm = \"rsa\"\nrsa_size = 2048\nrsa_exponent = 4\n"),
     "issuer.toml:9:16:", "must be odd"},
    {"SizeOfACurve", with_key("rsa_size = 2048\n"), "issuer.toml:8:12:", "has no rsa_size"},
    {"ExponentOfACurve", with_key("rsa_exponent = 3\n"), "issuer.toml:8:16:", "has no rsa_exponent"},
    {"FriendlyNameOfTwoLines", with_key("friendly_name = \"a\\nb\"\n"), "issuer.toml:8:17:", "one line of text"},
    {"FriendlyNameWithAnEscape", with_key("friendly_name = \"a\\u001B[2J\"\n"), "issuer.toml:8:17:", "without control characters"},
    {"FriendlyNameTooLong", with_key("friendly_name = \"" + std::string(101, 'x') + "\"\n"), "issuer.toml:8:17:", "at most 100 bytes"},
    {"ExportByPinWithoutPin", with_key("export_policy = \"pin\"\n"), "issuer.toml:8:17:", "'pin' needs a PIN"},
    {"ExportByPukWithoutPuk", with_pin("max_length = 8\n", "export_policy = \"puk\"\n"), "issuer.toml:", "'puk' needs a PUK"},
    {"DeleteByPinWithoutPin", with_key("delete_policy = \"pin\"\n"), "issuer.toml:8:17:", "'pin' needs a PIN"},
    {"DeleteByPukWithoutPuk", with_pin("max_length = 8\n", "delete_policy = \"puk\"\n"), "issuer.toml:", "'puk' needs a PUK"},
    {"ExportableTransportKey",
     with(std::string(kAnyDevice) +
          "[[profiles.default.keys]]\nid = \"K\"\nusage = \"transport\"\nalgorithm = \"p-256\"\nexport_policy = \"none\"\n"),
     "issuer.toml:8:17:", "transport key cannot be exportable"},
    {"UnknownPinPolicy", with_key("pin_policy = \"PIN.9\"\n"), "issuer.toml:8:14:", "there is no PIN policy 'PIN.9'"},
    {"UnknownPukPolicy", with_pin("max_length = 8\npuk_policy = \"PUK.9\"\n"), "issuer.toml:9:14:", "there is no PUK policy 'PUK.9'"},
    {"UnusedPinPolicy",
     with(std::string(kAnyDevice) + "[[profiles.default.pin_policies]]\nid = \"PIN.1\"\nretry_limit = 3\nmin_length = 4\nmax_length = 8\n" +
          std::string(kKey)),
     "issuer.toml:", "no key uses the PIN policy 'PIN.1'"},
    {"UnusedPukPolicy", with_key("[[profiles.default.puk_policies]]\nid = \"PUK.1\"\nretry_limit = 3\nlength = 8\n"),
     "issuer.toml:", "no PIN policy uses the PUK policy 'PUK.1'"},
    {"PinWithoutMaxLength", with_pin(""), "issuer.toml:", "lacks 'max_length'"},
    {"PinMaxBelowMin", with_pin("max_length = 3\n"), "issuer.toml:8:14:", "max_length cannot be 3", "4 to 100"},
    {"PinMaxOf101", with_pin("max_length = 101\n"), "issuer.toml:8:14:", "max_length cannot be 101", "4 to 100"},
    {"PinFormat", with_pin("max_length = 8\nformat = \"hex\"\n"), "issuer.toml:9:10:", "format cannot be \"hex\"",
     "numeric, alphanumeric, string, binary"},
    {"PinGrouping", with_pin("max_length = 8\ngrouping = \"all\"\n"), "issuer.toml:9:12:", "grouping cannot be \"all\"",
     "none, shared, signature+standard, unique"},
    {"PinInputMethod", with_pin("max_length = 8\ninput_method = \"keys\"\n"), "issuer.toml:9:16:", "input_method cannot be \"keys\"",
     "trusted-gui"},
    {"PinPattern", with_pin("max_length = 8\npattern_restrictions = [\"easy\"]\n"),
     "issuer.toml:9:24:", "pattern_restrictions cannot be \"easy\"", "two-in-a-row"},
    {"MissingGroupOfDigits", with_pin("max_length = 8\npattern_restrictions = [\"missing-group\"]\n"),
     "issuer.toml:9:24:", "only with the formats alphanumeric and string"},
    {"PukLength", with_puk("retry_limit = 3\nlength = 101\n"), "issuer.toml:", "length cannot be 101", "4 to 100"},
    {"PukRetryLimit", with_puk("retry_limit = 256\nlength = 8\n"), "issuer.toml:", "retry_limit cannot be 256", "0 to 255"},
    {"CertificateDays", with_key("certificate.validity_days = 0\n"), "issuer.toml:8:29:", "validity_days cannot be 0", "1 to 36500"},
    {"CertificateKeyUsage", with_key("certificate.key_usage = [\"cert-sign\"]\n"), "issuer.toml:8:25:", "key_usage cannot be \"cert-sign\"",
     "digital-signature"},
    {"ExtendedKeyUsage", with_key("certificate.extended_key_usage = [\"server\"]\n"),
     "issuer.toml:8:34:", "extended_key_usage cannot be \"server\"", "client-auth"},
    {"CertificatePolicy", with_key("certificate.policies = [\"1.\"]\n"), "issuer.toml:8:24:", "policies cannot be \"1.\"", "1.2.752.1.1"},
    {"DeviceLevel", with("[[profiles.default.devices.accepted]]\nlevel = \"brand\"\n" + std::string(kKey)),
     "issuer.toml:3:9:", "level cannot be \"brand\"", "vendor, class, device"},
    {"DeviceFileThatIsNotThere",
     with("[[profiles.default.devices.accepted]]\nlevel = \"vendor\"\ncertificate = \"none.pem\"\n" + std::string(kKey)),
     "issuer.toml:4:15:", "none.pem"},
    {"DeviceWithoutCertificate", with("[[profiles.default.devices.accepted]]\nlevel = \"vendor\"\n" + std::string(kKey)),
     "issuer.toml:2:1:", "needs either 'certificate'"},
    {"DeviceCertificateThatIsNone",
     with("[[profiles.default.devices.accepted]]\nlevel = \"vendor\"\ncertificate_pem = \"hello\"\n" + std::string(kKey)),
     "issuer.toml:4:19:", ""},
    {"BackupOfATransportKey",
     with(std::string(kAnyDevice) +
          "[[profiles.default.keys]]\nid = \"K\"\nusage = \"transport\"\nalgorithm = \"p-256\"\nprivate_key_backup = true\n"),
     "issuer.toml:8:22:", "has no backup"},
    {"BackupOfAnIssuersKey", with_key("private_key_backup = true\nprivate_key = \"issuer\"\n"), "issuer.toml:8:22:", "has the private key"},
    {"PrivateKeySource", with_key("private_key = \"cloud\"\n"), "issuer.toml:8:15:", "private_key cannot be \"cloud\"",
     "device, issuer, restored"},
    {"RenewableButNotUpdatable", with_key("renewable = true\n"), "issuer.toml:8:13:", "cannot be renewed", "updatable = true"},
    {"BiometricsBesideNoPin", with_key("biometric_protection = \"combined\"\n"), "issuer.toml:8:24:", "need a PIN"},
    {"DevicePinAndPolicy", with_pin("max_length = 8\n", "device_pin = true\n"), "issuer.toml:", "has a PIN policy"},
    {"PresetLengthOfAUsersPin", with_pin("max_length = 8\npreset_length = 6\n"), "issuer.toml:9:17:", "only a PIN that the issuer sets"},
    {"UnknownTemplateName", with_key("extensions = [{ type = \"urn:x\", text = \"{shoe_size}\" }]\n"),
     "issuer.toml:8:", "no fact \"shoe_size\"", "subject.cn"},
    {"TypeTwice", with_key("extensions = [{ type = \"urn:x\", text = \"1\" }, { type = \"urn:x\", text = \"2\" }]\n"),
     "issuer.toml:8:", "two extensions of type"},
    {"LogotypeFileThatIsNotThere", with_key("logotypes = [{ type = \"urn:x\", mime_type = \"image/png\", file = \"none.png\" }]\n"),
     "issuer.toml:8:", "none.png"},
    {"LookupOfAnUnknownKey",
     with("profiles.default.lookups = [{ id = \"L\", update_key = \"K9\" }]\n" + std::string(kAnyDevice) + std::string(kKey)),
     "issuer.toml:2:", "no key 'K9'"},
    {"LookupTime",
     with("profiles.default.lookups = [{ id = \"L\", issued_before = \"soon\" }]\n" + std::string(kAnyDevice) + std::string(kKey)),
     "issuer.toml:2:", "'soon' is not a time", "300 days ago"},
    {"LookupSerial", with("profiles.default.lookups = [{ id = \"L\", serial = \"0x1\" }]\n" + std::string(kAnyDevice) + std::string(kKey)),
     "issuer.toml:2:", "not a serial number"},
    {"LookupAction",
     with("profiles.default.lookups = [{ id = \"L\", found = [\"burn\"] }]\n" + std::string(kAnyDevice) + std::string(kKey)),
     "issuer.toml:2:", "found cannot be \"burn\"", "delete, clone, revoke"},
    {"CloneWithASubject",
     with("profiles.default.subject = \"CN=A\"\nprofiles.default.lookups = [{ id = \"L\", found = [\"clone\"] }]\n" +
          std::string(kAnyDevice) + std::string(kKey)),
     "issuer.toml:3:", "no subject of its own"},
    {"DeferredSecondsAlone", with("profiles.default.deferred_seconds = 5\n" + std::string(kAnyDevice) + std::string(kKey)),
     "issuer.toml:2:37:", "come at once"},
    {"BasicWithDevices", with("profiles.default.basic = true\n" + std::string(kAnyDevice) + std::string(kKey)),
     "issuer.toml:3:1:", "the basic profile has no devices"},
    {"EnrolmentByAnUnknownWay", with_enrolment("by = [\"dance\"]"), "issuer.toml:2:37:", "by cannot be \"dance\"",
     "url, open, mail, client"},
    {"EnrolmentByNoWay", with_enrolment("by = []"), "issuer.toml:2:37:", "no way leads"},
    {"EnrolmentOpenAndByMail", with_enrolment("by = [\"open\", \"mail\"]"), "issuer.toml:2:37:", "needs no mail"},
    {"OpenEnrolmentWithoutASubject", with_enrolment("by = [\"open\"]"), "issuer.toml:2:37:", "has no subject", "{device_id}"},
    {"OpenEnrolmentWithASubjectThatWantsAnAddress", "profiles.default.subject = \"CN={email}\"\n" + with_enrolment("by = [\"open\"]"),
     "issuer.toml:3:37:", "wants the fact email"},
    {"EnrolmentOfUnknownDevices", with_enrolment("devices = \"red\""), "issuer.toml:2:42:", "devices cannot be \"red\"", "listed"},
    {"EnrolmentLimitWithoutUse", with_enrolment("open_sessions = 5"), "issuer.toml:2:48:", "open_sessions has no effect"},
    {"OperatorWithDeferredSeconds",
     "profiles.default.deferred_certification = true\nprofiles.default.deferred_seconds = 5\n" + with_enrolment("operator = true"),
     "issuer.toml:4:43:", "whatever an operator says"},
    {"OperatorOfTheBasicProfile",
     with("profiles.default.basic = true\nprofiles.default.enrolment = { operator = true }\n" + std::string(kKey)),
     "issuer.toml:3:", "the basic profile knows no device"},
    {"EnrolmentByMailWithoutAServer", "profiles.default.subject = \"CN={email}\"\n" + with_enrolment("by = [\"mail\"]"),
     "issuer.toml:", "nothing says how", "[mail]"},
    {"MailDomain", "profiles.default.subject = \"CN={email}\"\n" + with_enrolment("by = [\"mail\"], mail_domains = [\"a b\"]"),
     "issuer.toml:3:", "'a b' is not the domain"},
    {"MailInClearToAnotherMachine", with_mail("server = \"mail.example.com\", encryption = \"none\""),
     "issuer.toml:1:", "to this machine alone", "starttls, tls"},
    {"MailInClearToAMachineWhoseNameLooksLikeThisOne", with_mail("server = \"127.example.com\", encryption = \"none\""),
     "issuer.toml:1:", "to this machine alone", "starttls, tls"},
    {"MailServerWithItsPort", with_mail("server = \"localhost:25\""), "issuer.toml:1:", "neither a host nor an IPv6 address", "port = 25"},
    {"ProfileNameOfTwoLines", "profiles.\"a\\nb\".session_life_time = 600\n", "issuer.toml:1:", "a profile cannot have this name",
     "letters, digits"},
    {"ProfileNameThatNoUrlHas", "profiles.\"B\xC3\xBCro\".session_life_time = 600\n", "issuer.toml:1:", "a profile cannot have this name"},
    {"MailEncryption", with_mail("server = \"localhost\", encryption = \"rot13\""), "issuer.toml:1:", "encryption cannot be \"rot13\"",
     "starttls, tls, none"},
    {"MailServer", with_mail("server = \"smtp://localhost\""), "issuer.toml:1:", "is not a host"},
    {"MailFrom", with_mail("server = \"localhost\", from = \"me\""), "issuer.toml:1:", "'me' is not an address"},
    {"MailWithoutTheUrl", with_mail("server = \"localhost\", from = \"a@example.com\", text = \"hello\""),
     "issuer.toml:1:", "does not have {url}"},
    {"MailWithAnUnknownName", with_mail("server = \"localhost\", from = \"a@example.com\", text = \"{url} {name}\""),
     "issuer.toml:1:", "no fact \"name\"", "url, address"},
    {"MailSubjectOfTwoLines", with_mail("server = \"localhost\", from = \"a@example.com\", subject = \"a\\nb\""),
     "issuer.toml:1:", "one line"},
    {"MailUserWithoutAPassword", with_mail("server = \"localhost\", user = \"me\""), "issuer.toml:1:", "go together"},
    {"MailPasswordThatIsNotThere", with_mail("server = \"localhost\", user = \"me\", password_file = \"none\""), "issuer.toml:1:", "none"},
    {"SubjectWithAnUnknownName", "profiles.default.subject = \"CN={shoe_size}\"\n" + smallest(), "issuer.toml:1:28:", "shoe_size"},
    {"CertificatePurpose", with_key("certificate.purpose = \"spying\"\n"), "issuer.toml:8:23:", "purpose cannot be \"spying\"",
     "tls-client"},
    {"ConnectionsPerAddress", "connections_per_address = 1025\n" + smallest(),
     "issuer.toml:1:27:", "connections_per_address cannot be 1025", "0 to 1024"},
    {"UrlValidity", "url_validity_hours = 0\n" + smallest(), "issuer.toml:1:22:", "url_validity_hours cannot be 0", "1 to 8784"},
};

class WrongConfigurations : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongConfigurations, AreRefusedWithPlaceReasonAndHint) {
  const Result<Configuration> configuration = parse(GetParam().text);
  ASSERT_FALSE(configuration.has_value());
  EXPECT_EQ(configuration.error().fault, Fault::kBadInput);
  EXPECT_THAT(configuration.error().message, StartsWith(std::string(GetParam().place)));
  EXPECT_THAT(configuration.error().message, HasSubstr(std::string(GetParam().reason)));
  EXPECT_THAT(configuration.error().hint, HasSubstr(std::string(GetParam().hint)));
}

INSTANTIATE_TEST_SUITE_P(Each, WrongConfigurations, ::testing::ValuesIn(kWrongTexts),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(ListenAddresses, AreReadAndMadeIntoUrls) {
  EXPECT_EQ(base_url_of(must(parse_listen_address("127.0.0.1:8443")), true), "https://127.0.0.1:8443");
  EXPECT_EQ(base_url_of(must(parse_listen_address("[::1]:443")), true), "https://[::1]");
  EXPECT_EQ(base_url_of(must(parse_listen_address("localhost:8080")), false), "http://localhost:8080");
}

TEST(ListenAddresses, KnowEveryWayToWriteTheUnspecifiedAddress) {
  for (const std::string_view text : {"0.0.0.0:0", "[::]:0", "[::0]:0", "[0:0:0:0:0:0:0:0]:0"})
    EXPECT_TRUE(must(parse_listen_address(text)).is_any()) << text;
  EXPECT_FALSE(must(parse_listen_address("[::1]:0")).is_any());
  EXPECT_FALSE(parse_listen_address("").has_value());
}

TEST(Configuration, ThatIsNoRegularFileIsRefused) {
  const tests::TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "issuer.toml").c_str(), 0600), 0);
  const Result<Configuration> read = read_configuration(folder.path());
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().fault, Fault::kBadInput);
}

TEST(ListenAddresses, KnowLoopback) {
  EXPECT_TRUE(must(parse_listen_address("127.1.2.3:0")).is_loopback());
  EXPECT_TRUE(must(parse_listen_address("[::1]:0")).is_loopback());
  EXPECT_FALSE(must(parse_listen_address("192.0.2.1:0")).is_loopback());
  EXPECT_TRUE(must(parse_listen_address("0.0.0.0:0")).is_any());
}

}  // namespace
}  // namespace airtight::issuer::testing
