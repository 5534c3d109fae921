// From a maker to a signature, in the commands that people type: device, issuer, enrolment, keys. What each prints, how it exits, and that
// nothing of it is secret.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "cli/child_process.h"
#include "tests/cli/program.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::e2e {
namespace {

namespace json = boost::json;
using cli::testing::Outcome;
using cli::testing::run;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;
using tests::must;

constexpr const char* kProgram = AIRTIGHT_BINARY_DIR "/bin/airtight";
constexpr const char* kMachineProfile = R"(
[profiles.machine]
subject = "CN=Example Machine"
session_life_time = 600
updatable = false
[[profiles.machine.devices.accepted]]
level = "vendor"
certificate = "devices/1.pem"
[[profiles.machine.keys]]
id = "Key.1"
usage = "universal"
algorithm = "p-256"
certificate = { validity_days = 30 }
)";

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::filesystem::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

std::string text_of(const json::object& object, std::string_view name) { return std::string(object.at(name).as_string()); }

// A device and a running issuer that accepts its vendor's devices.
class Enrollment : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(create_device("card", {}).status, 0);
    ASSERT_EQ(
        run({"issuer", "init", file("issuer"), "--organization", "Example Bank", "--accept", "vendor=" + file("maker/root.pem")}).status,
        0);
    std::ofstream(folder / "issuer/issuer.toml", std::ios::app) << kMachineProfile;
    issuer = std::make_unique<cli::BackgroundProgram>(
        must(cli::BackgroundProgram::start({kProgram, "issuer", "serve", file("issuer"), "--listen", "127.0.0.1:0"}, file("issuer.log"))));
    ASSERT_THAT(issuer->read_line().value_or(""), StartsWith("listening https://127.0.0.1:")) << content_of(folder / "issuer.log");
    write(folder / "letter.txt", "I owe you one.\n");
  }

  [[nodiscard]] std::string file(std::string_view name) const { return folder / name; }

  [[nodiscard]] Outcome create_device(std::string_view store, std::vector<std::string> more) const {
    std::vector<std::string> arguments = {"device",  "create",      "--store",  file(store),
                                          "--maker", file("maker"), "--vendor", "Example Cards"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  [[nodiscard]] std::string url(std::string_view profile) const {
    const Outcome outcome = run({"issuer", "url", file("issuer"), "--profile", std::string(profile), "--subject", "CN=Jane Doe,C=SE"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.out, MatchesRegex("https://127.0.0.1:[0-9]+/keygen2/[^\n]+\n"));
    return outcome.out.substr(0, outcome.out.find('\n'));
  }
  // `pins` are the lines of a PIN file; none if empty.
  [[nodiscard]] Outcome enroll(const std::string& at, std::string_view pins, std::vector<std::string> more = {},
                               std::string_view store = "card") const {
    std::vector<std::string> arguments = {"enroll", at, "--store", file(store), "--ca-file", file("issuer/tls/ca.pem"), "--yes"};
    if (!pins.empty()) {
      write(folder / "pins", pins);
      arguments.insert(arguments.end(), {"--pin-file", file("pins")});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  [[nodiscard]] Outcome sign(std::string_view key, std::string_view pin) const {
    std::vector<std::string> arguments = {
        "keys", "sign", std::string(key), "--store", file("card"), "--in", file("letter.txt"), "--out", file("letter.sig")};
    if (!pin.empty()) {
      write(folder / "pin", std::string(pin) + "\n");
      arguments.insert(arguments.end(), {"--pin-file", file("pin")});
    }
    return run(arguments);
  }
  // As OpenSSL sees the key's last signature and its path.
  void expect_openssl_accepts(std::string_view key) const {
    const json::object shown = run({"keys", "show", std::string(key), "--store", file("card"), "--json"}).json();
    const json::array& path = shown.at("certificates").as_array();
    ASSERT_EQ(path.size(), 2U);
    write(folder / "user.pem", path[0].as_string());
    write(folder / "issuing.pem", path[1].as_string());
    const auto verified = must(cli::run_program(
        {"openssl", "verify", "-x509_strict", "-CAfile", file("issuer/ca/root.pem"), "-untrusted", file("issuing.pem"), file("user.pem")}));
    EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
    ASSERT_EQ(must(cli::run_program({"openssl", "x509", "-in", file("user.pem"), "-pubkey", "-noout", "-out", file("user.pub")})).status,
              0);
    const auto signature = must(cli::run_program(
        {"openssl", "dgst", "-sha256", "-verify", file("user.pub"), "-signature", file("letter.sig"), file("letter.txt")}));
    EXPECT_EQ(signature.out, "Verified OK\n") << signature.err;
  }
  [[nodiscard]] json::array credentials() const {
    return run({"issuer", "credentials", file("issuer"), "--json"}).json().at("credentials").as_array();
  }

  tests::TemporaryFolder folder;
  std::unique_ptr<cli::BackgroundProgram> issuer;
};

TEST_F(Enrollment, OfTheDefaultProfileGivesAKeyUnderAPin) {
  const Outcome enrolled = enroll(url("default"), "PIN.1 Key.1 7391\n");
  ASSERT_EQ(enrolled.status, 0) << enrolled.err;
  EXPECT_THAT(enrolled.out, HasSubstr("Key.1"));
  ASSERT_EQ(sign("Key.1", "7391").status, 0);
  expect_openssl_accepts("Key.1");
  const json::array issued = credentials();
  ASSERT_EQ(issued.size(), 1U);
  EXPECT_EQ(issued[0].at("state"), "confirmed");
  EXPECT_EQ(issued[0].at("subject"), "CN=Jane Doe,C=SE");
}

TEST_F(Enrollment, OfTheSigningProfileGivesARsaKeyWithAPinOfItsOwn) {
  const Outcome enrolled = enroll(url("signing"), "PIN.1 Key.1 73916428\nPIN.1 Key.2 84627519\n");
  ASSERT_EQ(enrolled.status, 0) << enrolled.err;
  const json::object key = run({"keys", "show", "Key.2", "--store", file("card"), "--json"}).json();
  EXPECT_EQ(key.at("algorithm"), "RSA 2048");
  EXPECT_EQ(key.at("usage"), "signature");
  EXPECT_EQ(sign("Key.2", "73916428").status, 1) << "the PIN of the other key";
  ASSERT_EQ(sign("Key.2", "84627519").status, 0);
  expect_openssl_accepts("Key.2");
  ASSERT_EQ(sign("Key.1", "73916428").status, 0);
  expect_openssl_accepts("Key.1");
  EXPECT_EQ(credentials().size(), 2U);
}

TEST_F(Enrollment, GivesAMachineAKeyWithoutAPin) {
  const Outcome enrolled = enroll(url("machine"), "");
  ASSERT_EQ(enrolled.status, 0) << enrolled.err;
  EXPECT_THAT(run({"keys", "list", "--store", file("card")}).out, HasSubstr("no PIN"));
  ASSERT_EQ(sign("Key.1", "").status, 0);
  expect_openssl_accepts("Key.1");
}

TEST_F(Enrollment, WorksWithAnRsaAttestationKey) {
  ASSERT_EQ(create_device("rsa-card", {"--attestation-key", "rsa2048"}).status, 0);
  const Outcome enrolled = enroll(url("machine"), "", {}, "rsa-card");
  EXPECT_EQ(enrolled.status, 0) << enrolled.err;
  ASSERT_EQ(credentials().size(), 1U);
  EXPECT_EQ(text_of(credentials()[0].as_object(), "device_id"),
            text_of(run({"device", "info", "--store", file("rsa-card"), "--json"}).json(), "device_id"));
}

TEST_F(Enrollment, TellsMachinesInJson) {
  const Outcome enrolled = enroll(url("machine"), "", {"--json"});
  ASSERT_EQ(enrolled.status, 0) << enrolled.err;
  const json::object outcome = enrolled.json();
  EXPECT_EQ(outcome.at("confirmed"), true);
  EXPECT_EQ(outcome.at("keys").as_array().size(), 1U);
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{{"device", "info", "--store", file("card")},
                                                                                       {"device", "sessions", "--store", file("card")},
                                                                                       {"keys", "list", "--store", file("card")},
                                                                                       {"keys", "show", "Key.1", "--store", file("card")},
                                                                                       {"issuer", "url", file("issuer")},
                                                                                       {"issuer", "sessions", file("issuer")},
                                                                                       {"issuer", "credentials", file("issuer")}}) {
    std::vector<std::string> arguments = command;
    arguments.emplace_back("--json");
    const Outcome told = run(arguments);
    EXPECT_EQ(told.status, 0) << told.err;
    EXPECT_NO_THROW((void)told.json()) << told.out;
  }
}

TEST_F(Enrollment, ClosesItsSession) {
  ASSERT_EQ(enroll(url("machine"), "").status, 0);
  const json::array on_device = run({"device", "sessions", "--store", file("card"), "--json"}).json().at("sessions").as_array();
  ASSERT_EQ(on_device.size(), 1U);
  EXPECT_EQ(on_device[0].at("open"), false);
  const json::array at_issuer = run({"issuer", "sessions", file("issuer"), "--json"}).json().at("sessions").as_array();
  ASSERT_EQ(at_issuer.size(), 1U);
  EXPECT_EQ(at_issuer[0].at("state"), "Done");
  EXPECT_EQ(at_issuer[0].at("server_session_id"), on_device[0].at("server_session_id"));
}

TEST_F(Enrollment, LocksAKeyAfterThreeWrongPins) {
  ASSERT_EQ(enroll(url("default"), "PIN.1 Key.1 7391\n").status, 0);
  for (const char* left : {"2 of 3", "1 of 3", "locked"}) {
    EXPECT_EQ(sign("Key.1", "1937").status, 1);
    EXPECT_THAT(run({"keys", "list", "--store", file("card")}).out, HasSubstr(left));
  }
  const Outcome locked = sign("Key.1", "7391");
  EXPECT_EQ(locked.status, 1);
  EXPECT_THAT(locked.err, HasSubstr("locked"));
}

TEST_F(Enrollment, WorksOnceWithAUrl) {
  const std::string once = url("machine");
  ASSERT_EQ(enroll(once, "").status, 0);
  const Outcome again = enroll(once, "");
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.err, HasSubstr("used already"));
  const Outcome in_json = enroll(once, "", {"--json"});
  EXPECT_EQ(in_json.status, 1);
  EXPECT_TRUE(in_json.json().contains("error"));
  EXPECT_EQ(credentials().size(), 1U);
}

TEST_F(Enrollment, RefusesAPinAgainstThePolicyAndLeavesNothingBehind) {
  const Outcome refused = enroll(url("default"), "PIN.1 Key.1 1234\n");  // a sequence
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(run({"keys", "list", "--store", file("card")}).out, "No keys\n");
  EXPECT_EQ(run({"device", "sessions", "--store", file("card")}).out, "No sessions\n");
  EXPECT_TRUE(credentials().empty());
}

TEST_F(Enrollment, RefusesADeviceOfAnotherVendor) {
  ASSERT_EQ(run({"device", "create", "--store", file("fake"), "--maker", file("forger"), "--vendor", "Example Cards"}).status, 0);
  EXPECT_EQ(enroll(url("machine"), "", {}, "fake").status, 1);
  EXPECT_EQ(run({"device", "sessions", "--store", file("fake")}).out, "No sessions\n");
  EXPECT_TRUE(credentials().empty());
}

TEST_F(Enrollment, RefusesAnIssuerWhoseTlsIsNotTrusted) {
  const Outcome refused = run({"enroll", url("machine"), "--store", file("card"), "--ca-file", file("issuer/ca/root.pem"), "--yes"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("certificate"));
}

TEST_F(Enrollment, WithoutAUrlIsWrongUsage) {
  EXPECT_EQ(run({"enroll", "--store", file("card")}).status, 2);
  EXPECT_EQ(run({"enroll", url("machine")}).status, 2);
  EXPECT_EQ(run({"keys", "sign", "Key.1", "--store", file("card")}).status, 2);
}

TEST_F(Enrollment, LeavesADeviceThatAnswersCalls) {
  ASSERT_EQ(enroll(url("machine"), "").status, 0);
  // getDeviceInfo: status 0, APILevel 1, VendorName of 13 bytes. enumerateKeys: key 1 of session 1, "Key.1".
  const Outcome answers = run({"device", "call", "--store", file("card")}, "1f\n20ffffffff\n");
  EXPECT_EQ(answers.status, 0);
  EXPECT_THAT(answers.out, MatchesRegex("000001000d4578616d706c65204361726473[0-9a-f]+\n0000000001000000010005"
                                        "4b65792e31[0-9a-f]+\n"));
}

TEST_F(Enrollment, PutsNoSecretIntoAnyOutput) {
  std::string printed;
  const auto note = [&](const Outcome& outcome) { printed += outcome.out + outcome.err; };
  const std::string at = url("default");
  note(enroll(at, "PIN.1 Key.1 73916428\n", {"--log-level", "debug"}));
  note(sign("Key.1", "73916428"));
  note(sign("Key.1", "84627519"));
  note(run({"keys", "show", "Key.1", "--store", file("card")}));
  note(run({"issuer", "credentials", file("issuer")}));
  note(run({"issuer", "sessions", file("issuer")}));
  const json::object shown = run({"issuer", "credentials", file("issuer"), "--show-puk", "--json"}).json();
  const std::string puk = text_of(shown.at("credentials").at(0).at("puks").as_object(), "PUK.1");
  ASSERT_THAT(puk, MatchesRegex("[0-9]{10}"));
  ASSERT_EQ(issuer->stop(), 0);
  printed += content_of(folder / "issuer.log");
  EXPECT_THAT(content_of(folder / "issuer.log"), HasSubstr("session begins"));
  for (const std::string& secret : {std::string("73916428"), std::string("84627519"), puk, at.substr(at.rfind('/') + 1)}) {
    EXPECT_THAT(printed, Not(HasSubstr(secret)));
  }
  // Nor do they lie on the device's or the issuer's disk.
  for (const std::string name : {"card", "issuer"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / name)) {
      if (!entry.is_regular_file()) continue;
      for (const std::string& secret : {std::string("73916428"), puk}) {
        EXPECT_EQ(content_of(entry.path()).find(secret), std::string::npos) << entry.path();
      }
    }
  }
}

TEST_F(Enrollment, GoesOnAfterTheIssuerWasStoppedAndStartedAgain) {
  EXPECT_EQ(issuer->stop(), 0) << "SIGTERM is a clean end";
  const Outcome nobody = enroll("https://127.0.0.1:1/keygen2/a/b", "");
  EXPECT_EQ(nobody.status, 1);
  issuer = std::make_unique<cli::BackgroundProgram>(
      must(cli::BackgroundProgram::start({kProgram, "issuer", "serve", file("issuer"), "--listen", "127.0.0.1:0"}, file("issuer.log"))));
  ASSERT_THAT(issuer->read_line().value_or(""), StartsWith("listening "));
  EXPECT_EQ(enroll(url("machine"), "").status, 0);
}

TEST(Demo, ProvesItsPoints) {
  const Outcome demo = run({"demo", "--json"});
  ASSERT_EQ(demo.status, 0) << demo.err;
  EXPECT_GE(demo.json().at("proofs").as_array().size(), 6U);
}

}  // namespace
}  // namespace airtight::e2e
