// What an operator does to credentials that were issued: what it changes, what it ends, and what is on record of it.
#include "issuer/life_cycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>

#include "base/encoding.h"
#include "ca/audit.h"
#include "ca/rollover.h"
#include "issuer/request_signer.h"
#include "provenance/verdict.h"
#include "storage/files.h"
#include "tests/issuer/support.h"
#include "xml/signature.h"

namespace airtight::issuer::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::string_view kHead = "updatable = true\n";
constexpr std::string_view kKeys = R"([[profiles.default.puk_policies]]
id = "PUK.1"
format = "numeric"
length = 10
retry_limit = 5
[[profiles.default.puk_policies]]
id = "PUK.2"
format = "numeric"
length = 12
retry_limit = 5
[[profiles.default.pin_policies]]
id = "PIN.1"
puk_policy = "PUK.1"
format = "numeric"
min_length = 4
max_length = 8
retry_limit = 3
[[profiles.default.pin_policies]]
id = "PIN.2"
puk_policy = "PUK.2"
format = "numeric"
min_length = 4
max_length = 8
retry_limit = 3
[[profiles.default.keys]]
id = "Key.1"
pin_policy = "PIN.1"
usage = "authentication"
algorithm = "p-256"
renewable = true
[[profiles.default.keys]]
id = "Key.2"
pin_policy = "PIN.2"
usage = "authentication"
algorithm = "p-256"
private_key_backup = true
[[profiles.default.keys]]
id = "Key.3"
usage = "authentication"
algorithm = "p-256"
)";

std::string configuration(const crypto::Certificate& root, const std::string& keys) {
  return "[profiles.default]\nsession_life_time = 600\n" + std::string(kHead) +
         "devices.accepted = [{ level = \"vendor\", certificate_pem = \"\"\"" + crypto::to_pem(root) + "\"\"\" }]\n" + keys;
}

const Operator kJane{"jane (1000)"};

class LifeCycle : public ::testing::Test {
 protected:
  LifeCycle() { enroll(client); }
  void enroll(Client& one) { EXPECT_EQ(one.run(issuer.url()).status, 200); }
  std::string serial(const std::string& key, const Client& of) { return hex_encode(of.certificate(key).serial()); }
  std::string serial(const std::string& key = "Key.1") { return serial(key, client); }
  Result<Changed> change(Whose whose, const std::string& name, StatusWish wish = {}) {
    return change_status(issuer.issuer(), kJane, {whose, name}, wish);
  }
  std::string status_of(const std::string& of) {
    for (const CredentialSummary& credential : must(issuer.issuer().credentials())) {
      if (credential.serial == of) return credential.status;
    }
    return "none";
  }
  std::string log_of(std::string_view event) {
    const auto database = must(issuer.issuer().database());
    std::string out;
    for (const ca::AuditEntry& entry : must(ca::list_audit_log(*database, 10000))) {
      if (entry.event == event) out += entry.detail;
    }
    return out;
  }

  TestIssuer issuer{{.configuration = [](const crypto::Certificate& root) { return configuration(root, std::string(kKeys)); }}};
  Device device{issuer.maker()};
  Client client{issuer, device};
};

TEST_F(LifeCycle, RevokesOneCredential) {
  const Changed done = must(change(Whose::kSerial, serial(), {.reason = ca::RevocationReason::kKeyCompromise, .note = "card lost"}));
  EXPECT_THAT(done.serials, ElementsAre(serial()));
  EXPECT_EQ(status_of(serial()), "revoked");
  EXPECT_EQ(status_of(serial("Key.2")), "valid");
  EXPECT_THAT(log_of("credentials.revoked"), HasSubstr("operator: jane (1000)"));
  EXPECT_THAT(log_of("certificate.revoked"), HasSubstr("card lost"));
}

TEST_F(LifeCycle, RevokesOnce) {
  must(change(Whose::kSerial, serial()));
  const auto again = change(Whose::kSerial, serial());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::kRefused);
}

TEST_F(LifeCycle, RevokesThoseOfASession) { EXPECT_THAT(must(change(Whose::kSession, client.server_session_id())).serials, SizeIs(3)); }

TEST_F(LifeCycle, RevokesThoseOfADeviceAndEndsItsSessions) {
  Client second(issuer, device);
  EXPECT_EQ(second.run(issuer.url(), 2).status, 200);
  const Changed done = must(change(Whose::kDevice, issuer.issuer().sessions()->at(0).device_id));
  EXPECT_THAT(done.serials, SizeIs(3));
  EXPECT_THAT(done.sessions, ElementsAre(second.server_session_id()));
  EXPECT_EQ(refusal_id(second.make_keys()), "session.ended");
}

TEST_F(LifeCycle, KnowsADeviceHoweverItsIdIsWritten) {
  const std::string device_id = issuer.issuer().sessions()->at(0).device_id;
  std::string typed;
  for (const char c : device_id) {
    if (c != '-') typed += static_cast<char>(std::tolower(c));
  }
  EXPECT_THAT(must(change(Whose::kDevice, typed)).serials, SizeIs(3));
}

TEST_F(LifeCycle, WithdrawsWhatAnOpenSessionHasIssued) {
  Client second(issuer, device);
  EXPECT_EQ(second.run(issuer.url(), 3).status, 200);
  const std::vector<CredentialSummary> open = must(issuer.issuer().credentials(Issuer::Which::kUnconfirmed));
  ASSERT_THAT(open, SizeIs(3));
  EXPECT_THAT(must(change(Whose::kSerial, open.at(0).serial)).sessions, ElementsAre(second.server_session_id()));
  for (const CredentialSummary& credential : open) EXPECT_EQ(status_of(credential.serial), "revoked");
}

TEST_F(LifeCycle, HoldsAndReleases) {
  must(change(Whose::kSerial, serial(), {.change = StatusChange::kHold}));
  EXPECT_EQ(status_of(serial()), "suspended");
  EXPECT_FALSE(renewal_url_of(issuer.issuer(), serial())) << "what is held is not renewed";
  must(change(Whose::kSerial, serial(), {.change = StatusChange::kRelease}));
  EXPECT_EQ(status_of(serial()), "valid");
  EXPECT_EQ(change(Whose::kSerial, serial(), {.change = StatusChange::kRelease}).error().fault, Fault::kRefused);
}

TEST_F(LifeCycle, EndsARenewalUnderWay) {
  Client renewing(issuer, device);
  renewing.remember(client);
  EXPECT_EQ(renewing.get(must(renewal_url_of(issuer.issuer(), serial()))).status, 200);
  const Changed done = must(change(Whose::kSerial, serial(), {.change = StatusChange::kHold}));
  EXPECT_THAT(done.sessions, SizeIs(1));
  EXPECT_EQ(refusal_id(renewing.negotiate()), "session.ended");
}

TEST_F(LifeCycle, SaysWhereThereIsNothing) {
  EXPECT_EQ(change(Whose::kSession, "S-0").error().fault, Fault::kNotFound);
  EXPECT_EQ(change(Whose::kDevice, provenance::device_id(Device(issuer.maker()).path.front())).error().fault, Fault::kNotFound);
  EXPECT_EQ(change(Whose::kDevice, "AAAA").error().fault, Fault::kBadInput) << "mistyped";
  EXPECT_EQ(change(Whose::kSerial, "00ff00ff").error().fault, Fault::kNotFound);
  EXPECT_EQ(change(Whose::kSerial, "card").error().fault, Fault::kBadInput);
}

TEST_F(LifeCycle, ReleasesTheOnePukOfAKey) {
  const ReleasedPuk first = must(release_puk(issuer.issuer(), kJane, serial(), "called, PIN forgotten", {}));
  EXPECT_EQ(first.puk.name, "PUK.1");
  EXPECT_EQ(first.puk.value.size(), 10U);
  EXPECT_EQ(first.subject, "CN=Jane Doe,C=SE");
  EXPECT_EQ(must(release_puk(issuer.issuer(), kJane, serial("Key.2"), "again", {})).puk.name, "PUK.2");
  EXPECT_THAT(log_of("puk.released"), HasSubstr("operator: jane (1000)\nreason: called, PIN forgotten\nserial: " + serial()));
  EXPECT_THAT(log_of("puk.released"), Not(HasSubstr(std::string(text_of(first.puk.value.expose_secret())))));
}

TEST_F(LifeCycle, ReleasesNoPukWithoutAReason) {
  for (const std::string_view reason : {"", "  ", "two\nlines"}) {
    EXPECT_EQ(release_puk(issuer.issuer(), kJane, serial(), reason, {}).error().fault, Fault::kRefused);
  }
  EXPECT_THAT(log_of("puk.released"), IsEmpty());
}

TEST_F(LifeCycle, SaysThatAKeyHasNoPuk) {
  const auto none = release_puk(issuer.issuer(), kJane, serial("Key.3"), "why not", {});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("has no PUK"));
}

TEST_F(LifeCycle, ShowsThatThereIsABackup) {
  for (const CredentialSummary& credential : must(issuer.issuer().credentials()))
    EXPECT_EQ(credential.kept_key, credential.key_id == "Key.2" ? "backup" : "") << credential.key_id;
}

TEST_F(LifeCycle, GivesTheRenewalUrlOfWhatCanBeRenewed) {
  EXPECT_THAT(must(renewal_url_of(issuer.issuer(), serial())), HasSubstr(serial()));
  const auto other = renewal_url_of(issuer.issuer(), serial("Key.2"));
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("does not renew a key 'Key.2'"));
}

TEST_F(LifeCycle, RenewsByWhatTheProfileSaysNow) {
  const std::string changed = configuration(
      issuer.maker().root, std::string(kKeys).replace(std::string(kKeys).find("renewable = true"), 16,
                                                      "renewable = true\nfriendly_name = \"New\"\ncertificate = { validity_days = 30 "
                                                      "}\nextensions = [{ type = \"urn:x:new\", text = \"new\" }]"));
  must(storage::write_file(issuer.path() / "issuer.toml", bytes_of(changed), storage::FileMode::kPrivate));
  issuer.restart();
  Client renewing(issuer, device);
  renewing.remember(client);
  EXPECT_EQ(renewing.get(must(renewal_url_of(issuer.issuer(), serial()))).status, 200);
  renewing.negotiate();
  renewing.create_session();
  EXPECT_EQ(renewing.discover().status, 200);
  EXPECT_EQ(renewing.request<keygen2::KeyInitializationRequest>().objects.size(), 1U);
  renewing.make_keys();
  EXPECT_EQ(renewing.deploy().status, 200);
  EXPECT_EQ(renewing.extensions().at("urn:x:new"), "new");
  const auto life = renewing.certificate("Key.1").not_after().milliseconds - issuer.clock().now().milliseconds;
  EXPECT_LE(life, std::chrono::milliseconds(std::chrono::days(30)).count());
  EXPECT_EQ(must(release_puk(issuer.issuer(), kJane, serial("Key.1", renewing), "help", {})).puk.name, "PUK.1") << "taken over";
}

class Rolled : public LifeCycle {
 protected:
  void roll_over() {
    const auto database = must(issuer.issuer().database());
    const sealing::MasterKey master_key = must(issuer.issuer().unseal({}));
    crypto::SystemRandom random;
    const ca::Rollover rollover(must(ca::Authority::open(*database, master_key, issuer.clock(), random)));
    issuer.clock().pass(std::chrono::hours(1));
    must(rollover.new_issuing(*database, {}));
    issuer.clock().pass(std::chrono::hours(1));
  }
};

TEST_F(Rolled, RenewsACredentialOfTheIssuingCaBefore) {
  roll_over();
  issuer.restart();
  Client renewing(issuer, device);
  renewing.remember(client);
  EXPECT_EQ(renewing.get(must(renewal_url_of(issuer.issuer(), serial()))).status, 200);
  renewing.negotiate();
  renewing.create_session();
  ASSERT_EQ(renewing.request<keygen2::CredentialDiscoveryRequest>().lookups.size(), 2U) << "one for each issuing CA";
  EXPECT_EQ(renewing.discover().status, 200);
  renewing.make_keys();
  EXPECT_EQ(renewing.deploy().status, 200);
  EXPECT_THAT(renewing.certificate("Key.1").issuer(), HasSubstr("Issuing CA 2"));
}

TEST_F(Rolled, SignsWithTheKeyOfAnEarlierIssuingCa) {
  const auto database = must(issuer.issuer().database());
  const sealing::MasterKey master_key = must(issuer.issuer().unseal({}));
  crypto::SystemRandom random;
  const ca::Authority before = must(ca::Authority::open(*database, master_key, issuer.clock(), random));
  roll_over();
  const ca::Authority after = must(ca::Authority::open(*database, master_key, issuer.clock(), random));
  const RequestSigners signers(after);
  EXPECT_EQ(signers.newest().certificate, after.issuing());
  EXPECT_EQ(signers.for_session(crypto::sha256(bytes_of("nobody"))).certificate, after.issuing());
  const ca::XmlSigner& old = signers.for_session(before.issuing().sha256());
  EXPECT_EQ(old.certificate, before.issuing());
  const Bytes signature = must(old.sign(bytes_of("a request")));
  EXPECT_TRUE(must(old.certificate.public_key())
                  .verify(crypto::SignatureScheme::kEcdsaRaw, crypto::Digest::kSha256, bytes_of("a request"), signature));
}

class RolledWithSignatures : public Rolled {
 protected:
  RolledWithSignatures() {
    const std::string text = to_text(must(storage::read_file(issuer.path() / "issuer.toml", 1U << 20)));
    const std::string head = "[profiles.default]\n";
    const std::size_t at = text.find(head);
    if (at == std::string::npos) throw std::runtime_error("there is no profile 'default'");
    const std::string changed = std::string(text).insert(at + head.size(), "sign_requests = true\n");
    must(storage::write_file(issuer.path() / "issuer.toml", bytes_of(changed), storage::FileMode::kPrivate));
    issuer.restart();
  }
  // Who signed what is in `response`.
  static crypto::Certificate signer_of(const http::Response& response) {
    EXPECT_EQ(response.status, 200);
    const xml::Document request = must(xml::Document::parse(response.body));
    return must(xml::verify_with_certificate(request.root()));
  }
};

// A server that runs on after a rollover signs as before; what it has begun the next one has to go on with.
TEST_F(RolledWithSignatures, GoOnWithTheSignerWithWhichTheyBegan) {
  for (const bool begins_after_the_rollover : {false, true}) {
    SCOPED_TRACE(begins_after_the_rollover);
    const std::string url = must(issuer.issuer().make_url("default", "CN=Jane Doe,C=SE"));
    if (begins_after_the_rollover) roll_over();
    Client enrolling(issuer, device);
    const crypto::Certificate signer = signer_of(enrolling.get(url));
    if (!begins_after_the_rollover) roll_over();
    issuer.restart();
    EXPECT_EQ(signer_of(enrolling.negotiate()), signer);
  }
}

}  // namespace
}  // namespace airtight::issuer::testing
