// BASE/enroll/PROFILE, operators who compare the device ID, and devices that were registered before: who gets in, and who does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "ca/audit.h"
#include "issuer/refusal.h"
#include "issuer/visits.h"
#include "provenance/verdict.h"
#include "storage/database.h"
#include "tests/issuer/support.h"

namespace airtight::issuer::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kKey = R"([[profiles.default.keys]]
id = "Key.1"
usage = "authentication"
algorithm = "p-256"
)";

class Entrance : public ::testing::Test {
 protected:
  // A profile with one key, and `head` in its own table.
  void configure(std::string head) {
    const IssuerSetup setup{.configuration = [=](const crypto::Certificate& root) {
      return "[profiles.default]\nsession_life_time = 86400\ndevices.accepted = [{ level = \"vendor\", certificate_pem = \"\"\"" +
             crypto::to_pem(root) + "\"\"\" }]\n" + head + "\n" + std::string(kKey);
    }};
    issuer_ = std::make_unique<TestIssuer>(setup);
    device_ = std::make_unique<Device>(issuer_->maker());
    client_ = std::make_unique<Client>(*issuer_, *device_);
  }
  TestIssuer& issuer() { return *issuer_; }
  Client& client() { return *client_; }
  [[nodiscard]] const Device& device() const { return *device_; }
  [[nodiscard]] std::string device_id() const { return provenance::device_id(device_->path.front()); }
  [[nodiscard]] std::vector<std::string> audit() const {
    const auto database = must(storage::open_sqlite(issuer_->path() / "issuer.db", {}));
    std::vector<std::string> events;
    for (const ca::AuditEntry& entry : must(ca::list_audit_log(*database, 1000))) events.push_back(entry.event);
    return events;
  }
  static std::string entrance(std::string_view profile = "default") { return std::string(kBaseUrl) + "/enroll/" + std::string(profile); }

 private:
  std::unique_ptr<TestIssuer> issuer_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Client> client_;
};

// Open enrolment.

using OpenEnrolment = Entrance;

TEST_F(OpenEnrolment, NamesTheDeviceInTheCertificate) {
  configure("subject = \"CN={device_id},O=Example Bank\"\nenrolment = { by = [\"open\"] }");
  ASSERT_EQ(client().run(entrance()).status, 200);
  EXPECT_EQ(client().certificate("Key.1").subject(), "CN=" + device_id() + ",O=Example Bank");
  EXPECT_EQ(issuer().session().subject, "CN=" + device_id() + ",O=Example Bank");
}

TEST_F(OpenEnrolment, BeginsASessionForEachVisitor) {
  configure("subject = \"CN=Guest\"\nenrolment = { by = [\"open\"] }");
  client().get(entrance());
  Client other(issuer(), device());
  other.get(entrance());
  EXPECT_NE(client().server_session_id(), other.server_session_id());
  EXPECT_EQ(client().negotiate().status, 200);
  EXPECT_EQ(other.negotiate().status, 200);
}

TEST_F(OpenEnrolment, IsNotThereForOtherProfiles) {
  configure("subject = \"CN=Guest\"");
  EXPECT_EQ(refusal_id(client().get(entrance())), "enrolment.unknown");
  EXPECT_EQ(refusal_id(client().get(entrance("nothing"))), "enrolment.unknown");
  EXPECT_EQ(refusal_id(client().get(entrance("default/submit"))), "enrolment.unknown");
  EXPECT_THAT(must(issuer().issuer().sessions()), IsEmpty());
}

TEST_F(OpenEnrolment, TakesNoMoreVisitsOfOnePeerThanTheProfileSays) {
  configure("subject = \"CN=Guest\"\nenrolment = { by = [\"open\"], visits_per_hour = 2 }");
  client().get(entrance());
  client().get(entrance());
  const http::Response third = client().get(entrance());
  EXPECT_EQ(refusal_id(third), "enrolment.too-many");
  EXPECT_EQ(third.status, kTooMany);
  EXPECT_EQ(must(issuer().issuer().sessions()).size(), 2U);
  issuer().clock().pass(std::chrono::hours(1));
  EXPECT_EQ(client().get(entrance()).status, 200);
}

TEST_F(OpenEnrolment, TakesAllAddressesOfOneNetworkForOnePeer) {
  configure("subject = \"CN=Guest\"\nenrolment = { by = [\"open\"], visits_per_hour = 1 }");
  client().set_peer("2001:db8:0:1::7");
  EXPECT_EQ(client().get(entrance()).status, 200);
  client().set_peer("2001:db8:0:1:aaaa::8");
  EXPECT_EQ(refusal_id(client().get(entrance())), "enrolment.too-many");
  client().set_peer("2001:db8:0:2::7");
  EXPECT_EQ(client().get(entrance()).status, 200);
}

TEST_F(OpenEnrolment, TakesNoMoreSessionsAtATimeThanTheProfileSays) {
  configure("subject = \"CN=Guest\"\nenrolment = { by = [\"open\"], open_sessions = 1 }");
  client().get(entrance());
  EXPECT_EQ(refusal_id(Client(issuer(), device()).get(entrance())), "enrolment.busy");
  EXPECT_EQ(client().negotiate().status, 200);
}

TEST_F(OpenEnrolment, LeavesNothingOfVisitorsWhoDoNotGoOn) {
  configure("subject = \"CN=Guest\"\nenrolment = { by = [\"open\"], open_sessions = 1 }");
  client().get(entrance());
  issuer().clock().pass(std::chrono::minutes(11));
  must(issuer().service().clean_up());
  EXPECT_THAT(must(issuer().issuer().sessions()), IsEmpty());
  EXPECT_EQ(client().get(entrance()).status, 200);
}

TEST_F(OpenEnrolment, TakesNoMessagesAtItsAddress) {
  configure("subject = \"CN=Guest\"\nenrolment = { by = [\"open\"] }");
  client().get(entrance());
  client().set_submit_url(entrance());
  EXPECT_EQ(refusal_id(client().negotiate()), "method");
}

TEST_F(OpenEnrolment, MakesNoUrlsUnlessTheProfileSaysSo) {
  configure("subject = \"CN=Guest\"\nenrolment = { by = [\"open\"] }");
  const auto url = issuer().issuer().make_url("default", std::nullopt);
  ASSERT_FALSE(url.has_value());
  EXPECT_THAT(url.error().hint, HasSubstr("[profiles.default.enrolment]"));
}

// An operator who compares the device ID.

class Operator : public Entrance {
 protected:
  // The device has made its keys and waits.
  std::string wait() {
    configure("enrolment = { operator = true }");
    const http::Response page = client().run(issuer().url(), 3);
    EXPECT_EQ(page.status, 202);
    const std::string link(page.headers.get("Link").value_or("<>"));
    return link.substr(1, link.find('>') - 1);
  }
  Result<> approve(std::string_view device_id) {
    return issuer().issuer().approve(client().server_session_id(), {.by = "jane", .device_id = device_id});
  }
};

TEST_F(Operator, SeesWhoWaitsWithWhichDevice) {
  wait();
  const std::vector<WaitingSession> waiting = must(issuer().issuer().waiting());
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(waiting.front().server_session_id, client().server_session_id());
  EXPECT_EQ(waiting.front().device_id, device_id());
  EXPECT_EQ(waiting.front().subject, "CN=Jane Doe,C=SE");
  EXPECT_EQ(waiting.front().device_class, "CN=Card One,O=Example Cards");
  EXPECT_EQ(waiting.front().vendor, "CN=Maker Root,O=Example Cards");
  EXPECT_TRUE(waiting.front().device_id_wanted);
}

TEST_F(Operator, SeesNobodyWhoseKeysAreNotMade) {
  configure("enrolment = { operator = true }");
  client().run(issuer().url(), 2);
  EXPECT_THAT(must(issuer().issuer().waiting()), IsEmpty());
  EXPECT_EQ(issuer().issuer().approve(client().server_session_id(), {.by = "jane", .device_id = device_id()}).error().fault,
            Fault::kRefused);
}

TEST_F(Operator, ReleasesTheSessionAtOnce) {
  const std::string url = wait();
  EXPECT_EQ(client().get(url).status, 202);
  must(approve(device_id()));
  EXPECT_EQ(client().get(url).status, 200);
  EXPECT_EQ(client().deploy().status, 200);
  EXPECT_THAT(must(issuer().issuer().waiting()), IsEmpty());
  EXPECT_THAT(audit(), ::testing::Contains("session.approved"));
}

TEST_F(Operator, MayTypeTheDeviceIdInAnyCaseAndWithoutHyphens) {
  const std::string url = wait();
  std::string typed;
  for (const char c : device_id()) {
    if (c != '-') typed += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  must(approve(typed));
  EXPECT_EQ(client().get(url).status, 200);
}

TEST_F(Operator, CannotApproveWithAnotherDevicesId) {
  const std::string url = wait();
  const Device other(issuer().maker());
  const Result<> approved = approve(provenance::device_id(other.path.front()));
  ASSERT_FALSE(approved.has_value());
  EXPECT_EQ(approved.error().fault, Fault::kRefused);
  EXPECT_THAT(approved.error().message, Not(HasSubstr(device_id())));
  EXPECT_EQ(client().get(url).status, 202);
  EXPECT_THAT(audit(), ::testing::Contains("session.approval-refused"));
}

TEST_F(Operator, IsToldOfAMistypedDeviceIdByItsCheckCharacter) {
  wait();
  std::string typed = device_id();
  typed.front() = typed.front() == 'A' ? 'B' : 'A';
  const Result<> approved = approve(typed);
  ASSERT_FALSE(approved.has_value());
  EXPECT_EQ(approved.error().fault, Fault::kBadInput);
  EXPECT_THAT(approved.error().message, HasSubstr("check character"));
}

TEST_F(Operator, CannotApproveWithoutTheDeviceId) {
  const std::string url = wait();
  EXPECT_EQ(approve("").error().fault, Fault::kRefused);
  EXPECT_EQ(client().get(url).status, 202);
}

TEST_F(Operator, DeniesASessionAndItsUserHearsWhy) {
  const std::string url = wait();
  must(issuer().issuer().deny(client().server_session_id(), "Come to the desk", {.by = "jane"}));
  const http::Response refused = client().get(url);
  EXPECT_EQ(refusal_id(refused), "operator.denied");
  EXPECT_THAT(text(refused), HasSubstr("Come to the desk"));
  EXPECT_EQ(issuer().session().state, "Aborted");
  EXPECT_THAT(must(issuer().issuer().credentials()), IsEmpty());
  EXPECT_EQ(approve(device_id()).error().fault, Fault::kRefused);
  EXPECT_THAT(audit(), ::testing::Contains("session.denied"));
}

TEST_F(Operator, GivesAReasonOfOneLine) {
  wait();
  for (const std::string& why : {std::string(), std::string("a\nb"), std::string("\xff"), std::string(501, 'a')})
    EXPECT_EQ(issuer().issuer().deny(client().server_session_id(), why).error().fault, Fault::kBadInput);
}

TEST_F(Operator, CannotApproveWhatHasExpired) {
  wait();
  issuer().clock().pass(std::chrono::hours(25));
  EXPECT_THAT(must(issuer().issuer().waiting()), IsEmpty());
  EXPECT_EQ(approve(device_id()).error().fault, Fault::kRefused);
}

// Devices that were registered before.

class Listed : public Entrance {
 protected:
  Listed() { configure("enrolment = { by = [\"open\", \"url\"], devices = \"listed\" }"); }
  void add(std::string_view device) { must(issuer().issuer().add_device("default", device, "CN=Jane Doe,C=SE", "operator")); }
};

TEST_F(Listed, DevicesEnrolForWhomTheyWereRegistered) {
  add(device_id());
  ASSERT_EQ(client().run(entrance()).status, 200);
  EXPECT_EQ(client().certificate("Key.1").subject(), "CN=Jane Doe,C=SE");
}

TEST_F(Listed, DevicesAreRegisteredByTheirCertificateToo) {
  add(crypto::to_pem(device().path.front()));
  EXPECT_EQ(must(issuer().issuer().devices()).front().device_id, device_id());
  EXPECT_EQ(client().run(entrance()).status, 200);
}

TEST_F(Listed, OthersAreRefusedBeforeAnyKeyIsAskedFor) {
  add(provenance::device_id(Device(issuer().maker()).path.front()));
  client().run(entrance(), 1);
  EXPECT_EQ(refusal_id(client().create_session()), "device.not-listed");
  EXPECT_EQ(issuer().session().refusal_id, "device.not-listed");
}

TEST_F(Listed, ADeviceOfTheSameIdWithAnotherCertificateIsRefused) {
  const auto database = must(storage::open_sqlite(issuer().path() / "issuer.db", {}));
  must(insert_device(*database, {.profile = "default", .device_id = device_id(), .fingerprint = Bytes(32), .subject = "CN=Jane"}));
  client().run(entrance(), 1);
  EXPECT_EQ(refusal_id(client().create_session()), "device.not-listed");
}

TEST_F(Listed, ARemovedDeviceIsRefused) {
  add(device_id());
  must(issuer().issuer().remove_device("default", device_id(), "operator"));
  client().run(entrance(), 1);
  EXPECT_EQ(refusal_id(client().create_session()), "device.not-listed");
  EXPECT_EQ(issuer().issuer().remove_device("default", device_id(), "operator").error().fault, Fault::kNotFound);
}

TEST_F(Listed, ADeviceThatIsRemovedWhileItWaitsGetsNothing) {
  configure("enrolment = { by = [\"open\"], devices = \"listed\", operator = true }");
  add(device_id());
  const http::Response page = client().run(entrance(), 3);
  ASSERT_EQ(page.status, 202);
  const std::string link(page.headers.get("Link").value_or("<>"));
  must(issuer().issuer().remove_device("default", device_id(), "jane"));
  EXPECT_EQ(issuer().issuer().approve(client().server_session_id(), {.by = "jane", .device_id = device_id()}).error().fault,
            Fault::kRefused);
  EXPECT_EQ(client().get(link.substr(1, link.find('>') - 1)).status, 410);
  EXPECT_EQ(issuer().session().refusal_id, "registration.removed");
}

TEST_F(Listed, ADeviceIsNobodyElsesByAUrlFromBefore) {
  add(device_id());
  const std::string url = must(issuer().issuer().make_url("default", std::nullopt));
  const auto database = must(storage::open_sqlite(issuer().path() / "issuer.db", {}));
  must(database->execute("UPDATE issuer_enrolments SET subject = 'CN=Eve'"));  // as when the profile took any device
  ASSERT_EQ(client().run(url).status, 200);
  EXPECT_EQ(client().certificate("Key.1").subject(), "CN=Jane Doe,C=SE");
}

TEST_F(Listed, NoLineOfTheLogIsForgedByASubject) {
  EXPECT_EQ(issuer().issuer().add_device("default", device_id(), "CN=Jane,2.5.4.41=a\noperator: eve", "jane").error().fault,
            Fault::kBadInput);
  const auto imported =
      issuer().issuer().import_devices("default", device_id() + ",\"CN=Jane,2.5.4.41=a\noperator: eve\"\n", issuer().path(), "jane");
  EXPECT_EQ(imported.error().fault, Fault::kBadInput);
}

TEST_F(Listed, AUrlBringsNoSubjectOfItsOwn) {
  EXPECT_EQ(issuer().issuer().make_url("default", "CN=Mallory").error().fault, Fault::kBadInput);
  add(device_id());
  ASSERT_EQ(client().run(must(issuer().issuer().make_url("default", std::nullopt))).status, 200);
  EXPECT_EQ(client().certificate("Key.1").subject(), "CN=Jane Doe,C=SE");
}

TEST_F(Listed, ADeviceIsRegisteredOnce) {
  add(device_id());
  EXPECT_EQ(issuer().issuer().add_device("default", device_id(), "CN=Other", "operator").error().fault, Fault::kRefused);
}

TEST_F(Listed, ADeviceWithoutASubjectNeedsTheProfiles) {
  EXPECT_EQ(issuer().issuer().add_device("default", device_id(), "", "operator").error().fault, Fault::kBadInput);
}

TEST_F(Listed, AnImportIsAllOrNothingAndSaysWhichLine) {
  const std::string good = device_id() + ",\"CN=Jane Doe,C=SE\"\n";
  const auto imported = issuer().issuer().import_devices("default", good + "nobody,CN=X\n", issuer().path(), "operator");
  ASSERT_FALSE(imported.has_value());
  EXPECT_THAT(imported.error().message, HasSubstr("line 2"));
  EXPECT_THAT(must(issuer().issuer().devices()), IsEmpty());
  EXPECT_EQ(must(issuer().issuer().import_devices("default", good, issuer().path(), "operator")), 1U);
  EXPECT_EQ(client().run(entrance()).status, 200);
}

TEST_F(Listed, AnImportThatIsRefusedWaitsForNobody) {
  ASSERT_EQ(::mkfifo((issuer().path() / "pipe").c_str(), 0600), 0);
  const auto database = must(storage::open_sqlite(issuer().path() / "issuer.db", {}));
  const auto writing = must(storage::Transaction::begin(*database, storage::Access::kWrite));
  const auto imported =
      issuer().issuer().import_devices("default", device_id() + ",\"CN=Jane Doe\"\npipe,CN=X\n", issuer().path(), "operator");
  ASSERT_FALSE(imported.has_value());
  EXPECT_THAT(imported.error().message, HasSubstr("line 2"));
  EXPECT_THAT(imported.error().hint, HasSubstr("no regular file"));
}

TEST(ListedDevices, OfALongListAreReadInOnePass) {
  constexpr std::size_t kMany = 300'000;
  std::string csv;
  for (std::size_t i = 0; i < kMany; ++i) csv += "ABCD-EFGH-JKMN-PQRS-X,CN=Somebody\n";
  EXPECT_EQ(must(read_device_lines(csv)).size(), kMany);
}

TEST(ListedDevices, KeepACarriageReturnThatEndsNoLine) {
  const std::vector<DeviceLine> lines = must(read_device_lines("a\rb,c\r\r\nd,e\r"));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].device, "a\rb");
  EXPECT_EQ(lines[0].subject, "c\r");
  EXPECT_EQ(lines[1].subject, "e\r");
}

TEST(ListedDevices, AreReadFromCsv) {
  const std::vector<DeviceLine> lines =
      must(read_device_lines("device,subject\r\n# purchased\r\nA,\"CN=J \"\"X\"\" D,C=SE\"\r\n\r\nb.pem\nC,\"CN=Two\nlines\"\nD,x"));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0].line, 3U);
  EXPECT_EQ(lines[0].subject, "CN=J \"X\" D,C=SE");
  EXPECT_EQ(lines[1].device, "b.pem");
  EXPECT_EQ(lines[1].subject, "");
  EXPECT_EQ(lines[2].subject, "CN=Two\nlines");
  EXPECT_EQ(lines[3].line, 8U);
}

TEST(ListedDevices, AreNotReadFromBrokenCsv) {
  for (const std::string_view text : {"A,\"open", "A,\"x\"y", "A,b\"c", "A,B,C", ",CN=X", "\xff"})
    EXPECT_FALSE(read_device_lines(text).has_value()) << text;
}

TEST(Visits, AreCountedForAnHourAndForEachVisitorAlone) {
  TestIssuer issuer;
  const auto database = must(storage::open_sqlite(issuer.path() / "issuer.db", {}));
  const Instant now{1'000'000'000};
  EXPECT_TRUE(must(count_visit(*database, "mail", "jane", 1, now)));
  EXPECT_FALSE(must(count_visit(*database, "mail", "jane", 1, now)));
  EXPECT_TRUE(must(count_visit(*database, "mail", "john", 1, now)));
  EXPECT_TRUE(must(count_visit(*database, "open", "jane", 1, now)));
  EXPECT_TRUE(must(count_visit(*database, "mail", "jane", 1, now.plus(std::chrono::hours(1)))));
}

}  // namespace
}  // namespace airtight::issuer::testing
