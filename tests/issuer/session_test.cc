// Whole sessions of a proper device: what it is asked, what it gets, and what the issuer keeps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/algorithms.h"
#include "base/encoding.h"
#include "ca/audit.h"
#include "provenance/verdict.h"
#include "storage/database.h"
#include "storage/files.h"
#include "tests/issuer/support.h"

namespace airtight::issuer::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AnIssuer : public ::testing::Test {
 protected:
  TestIssuer issuer;
  Device device{issuer.maker()};
  Client client{issuer, device};
};

class AnIssuerOfThreeKeys : public ::testing::Test {
 protected:
  TestIssuer issuer{{.configuration = three_keys_configuration}};
  Device device{issuer.maker()};
  Client client{issuer, device};
};

TEST_F(AnIssuer, EndsAWholeSessionWithAPage) {
  const http::Response response = client.run(issuer.url());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.media_type(), "text/html");
  EXPECT_EQ(issuer.session().state, "Done");
}

TEST_F(AnIssuer, IssuesUnderItsRootForTheSubjectOfTheUrl) {
  client.run(issuer.url(), 3);
  const auto& path = client.request<keygen2::CredentialDeploymentRequest>().keys.at(0).certificate_path;
  ASSERT_EQ(path.size(), 2U);
  EXPECT_TRUE(path[0].verify_issued_by(path[1]).has_value());
  EXPECT_EQ(path[0].subject(), "CN=Jane Doe,C=SE");
  EXPECT_TRUE(path[1].is_ca());
}

TEST_F(AnIssuer, LeavesCredentialsUnconfirmedUntilTheCloseAttestationCame) {
  client.run(issuer.url(), 3);
  EXPECT_FALSE(must(issuer.issuer().credentials()).at(0).confirmed_at.has_value());
  client.deploy();
  EXPECT_TRUE(must(issuer.issuer().credentials()).at(0).confirmed_at.has_value());
}

TEST_F(AnIssuer, RecordsTheCredentialWithItsDeviceAndSerialNumber) {
  client.run(issuer.url(), 3);
  const crypto::Certificate certificate = client.request<keygen2::CredentialDeploymentRequest>().keys.at(0).certificate_path.at(0);
  const std::vector<CredentialSummary> credentials = must(issuer.issuer().credentials());
  const CredentialSummary& credential = credentials.at(0);
  EXPECT_EQ(credential.serial, hex_encode(certificate.serial()));
  EXPECT_EQ(credential.device_id, provenance::device_id(device.path.front()));
  EXPECT_EQ(credential.key_id, "Key.1");
  EXPECT_EQ(credential.profile, "default");
  EXPECT_EQ(credential.not_after, certificate.not_after());
}

TEST_F(AnIssuer, KeepsTheVerdictAndTheConfirmationInTheAuditLog) {
  client.run(issuer.url());
  const auto database = must(storage::open_sqlite(issuer.path() / "issuer.db", {}));
  std::vector<std::string> events;
  for (const ca::AuditEntry& entry : must(ca::list_audit_log(*database, 1000))) events.push_back(entry.event);
  EXPECT_THAT(events, ::testing::IsSupersetOf({"certificate.issued", "session.confirmed"}));
  must(ca::verify_audit_log(*database));
}

TEST_F(AnIssuer, AsksForTheCapabilitiesThatItsKeysNeed) {
  client.get(issuer.url());
  const auto& capabilities = client.request<keygen2::PlatformNegotiationRequest>().capabilities;
  EXPECT_THAT(capabilities.algorithms, ElementsAre(uri::kSessionKey1, uri::kKeyAttestation1, uri::kP256));
  EXPECT_TRUE(capabilities.rsa_key_sizes.empty());
  EXPECT_FALSE(capabilities.settable_exponent.has_value());
}

TEST_F(AnIssuer, ComputesTheSessionKeyLimitFromWhatTheSessionNeeds) {
  client.run(issuer.url(), 1);
  const auto& request = client.request<keygen2::ProvisioningSessionRequest>();
  // A signature, a PUK, a key with its certificate, the close MAC and attestation, and the configuration's reserve of 16.
  EXPECT_EQ(request.session_key_limit, 1 + 1 + 2 + 2 + 16);
  EXPECT_EQ(request.session_life_time, 3600U);
  EXPECT_EQ(request.server_time, "2010-03-18T11:23:29Z");
}

TEST_F(AnIssuer, SetsACookieThatBelongsToTheSessionAlone) {
  const std::string url = issuer.url();
  const http::Response response = client.get(url);
  const std::string cookie(response.headers.get("Set-Cookie").value());
  const std::string path = std::string(must(http::Url::parse(url)).target);
  EXPECT_THAT(cookie, HasSubstr("; Path=" + path.substr(0, path.rfind('/')) + ";"));
  EXPECT_THAT(cookie, HasSubstr("; HttpOnly"));
  EXPECT_THAT(cookie, HasSubstr("; SameSite=Strict"));
  EXPECT_THAT(cookie, HasSubstr("; Secure"));
}

TEST_F(AnIssuer, KeepsTheServerSessionIdAndItsOwnAddressThroughTheSession) {
  client.get(issuer.url());
  const std::string id = client.request<keygen2::PlatformNegotiationRequest>().id;
  const std::string submit = client.request<keygen2::PlatformNegotiationRequest>().submit_url;
  EXPECT_EQ(id.size(), 32U);
  EXPECT_TRUE(submit.starts_with(kBaseUrl));
  client.negotiate();
  EXPECT_EQ(client.request<keygen2::ProvisioningSessionRequest>().id, id);
  client.create_session();
  EXPECT_EQ(client.request<keygen2::KeyInitializationRequest>().id, id);
  client.make_keys();
  EXPECT_EQ(client.request<keygen2::CredentialDeploymentRequest>().issuer_uri, submit);
}

TEST_F(AnIssuer, GoesOnAfterARestartBetweenAnyTwoMessages) {
  const std::string url = issuer.url();
  issuer.restart();
  client.get(url);
  issuer.restart();
  client.negotiate();
  issuer.restart();
  client.create_session();
  issuer.restart();
  client.make_keys();
  issuer.restart();
  EXPECT_EQ(client.deploy().status, 200);
  EXPECT_EQ(issuer.session().state, "Done");
}

TEST_F(AnIssuer, FinishesASessionUnderTheProfileWithWhichItBegan) {
  const std::string url = issuer.url();
  client.run(url, 1);
  const std::string other = "tls = true\n" + three_keys_configuration(issuer.maker().root);
  must(storage::write_file(issuer.path() / "issuer.toml", bytes_of(other), storage::FileMode::kPrivate));
  issuer.restart();
  client.create_session();
  EXPECT_EQ(client.request<keygen2::KeyInitializationRequest>().objects.size(), 1U);
  client.make_keys();
  EXPECT_EQ(client.deploy().status, 200);
  EXPECT_EQ(must(issuer.issuer().credentials()).size(), 1U);
}

TEST_F(AnIssuer, WipesTheSessionKeyOfASessionThatCannotBeUpdated) {
  client.run(issuer.url());
  const auto database = must(storage::open_sqlite(issuer.path() / "issuer.db", {}));
  const auto cursor =
      must(database->query("SELECT sealed_session_key IS NULL AND sealed_ephemeral_key IS NULL AND request IS NULL FROM issuer_sessions"));
  EXPECT_EQ(must(cursor->next())->integer(0), 1);
}

TEST_F(AnIssuerOfThreeKeys, KeepsTheSealedSessionKeyOfASessionThatCanBeUpdated) {
  client.run(issuer.url());
  const auto database = must(storage::open_sqlite(issuer.path() / "issuer.db", {}));
  const auto cursor = must(database->query("SELECT sealed_session_key IS NOT NULL AND sealed_ephemeral_key IS NULL FROM issuer_sessions"));
  EXPECT_EQ(must(cursor->next())->integer(0), 1);
}

TEST_F(AnIssuerOfThreeKeys, AsksForPoliciesAndKeysAsTheProfileSays) {
  client.run(issuer.url(), 2);
  const auto& request = client.request<keygen2::KeyInitializationRequest>();
  ASSERT_EQ(request.objects.size(), 3U);
  const auto& puk = std::get<keygen2::PukPolicyRequest>(request.objects[0]);
  EXPECT_EQ(puk.format, PassphraseFormat::kAlphanumeric);
  EXPECT_EQ(puk.retry_limit, 0);
  const keygen2::PinPolicyRequest& pin = puk.pin_policies.at(0);
  EXPECT_EQ(pin.grouping, Grouping::kUnique);
  EXPECT_EQ(pin.input_method, InputMethod::kTrustedGui);
  EXPECT_EQ(pin.pattern_restrictions, 0x14);
  EXPECT_FALSE(pin.is_user_modifiable());
  const keygen2::KeyPairRequest& key = std::get<0>(pin.keys).at(0);
  EXPECT_EQ(key.export_policy, ExportPolicy::kPuk);
  EXPECT_EQ(key.delete_policy, DeletePolicy::kPin);
  EXPECT_TRUE(key.enable_pin_caching);
  EXPECT_EQ(key.updatable, std::optional(false));
  EXPECT_EQ(key.friendly_name, "Underskrift åäö");
  const auto& second = std::get<keygen2::PinPolicyRequest>(request.objects[1]);
  EXPECT_EQ(std::get<keygen2::KeyPairRequest::Rsa>(std::get<0>(second.keys).at(0).algorithm).key_size, 2048);
  EXPECT_EQ(std::get<keygen2::KeyPairRequest>(request.objects[2]).id, "Key.3");
}

TEST_F(AnIssuerOfThreeKeys, SeedsEveryKeyAfresh) {
  client.run(issuer.url(), 2);
  const auto keys = keygen2::requested_keys(client.request<keygen2::KeyInitializationRequest>());
  EXPECT_NE(keys[0].key->issuer_seed, keys[1].key->issuer_seed);
  EXPECT_NE(keys[0].key->issuer_seed, Bytes(32));
}

TEST_F(AnIssuerOfThreeKeys, IssuesACertificateForEachKeyInTheOrderOfTheRequest) {
  EXPECT_EQ(client.run(issuer.url()).status, 200);
  std::vector<std::string> ids;
  for (const CredentialSummary& credential : must(issuer.issuer().credentials())) ids.push_back(credential.key_id);
  EXPECT_THAT(ids, ElementsAre("Key.1", "Key.2", "Key.3"));
}

TEST_F(AnIssuerOfThreeKeys, AsksForRsaSizesInNegotiation) {
  client.get(issuer.url());
  EXPECT_THAT(client.request<keygen2::PlatformNegotiationRequest>().capabilities.rsa_key_sizes, ElementsAre(2048));
}

TEST_F(AnIssuerOfThreeKeys, ShowsThePukThatTheDeviceGot) {
  client.run(issuer.url(), 2);
  const auto& request = client.request<keygen2::KeyInitializationRequest>();
  const SecretBytes sent =
      must(sks::decrypt(client.session_key(), std::get<keygen2::PukPolicyRequest>(request.objects[0]).encrypted_value));
  client.make_keys();
  std::vector<CredentialSummary> credentials = must(issuer.issuer().credentials());
  must(issuer.issuer().add_passphrases(credentials, "jane (1000)", {}));
  ASSERT_EQ(credentials.at(0).passphrases.size(), 1U);
  EXPECT_EQ(sent.size(), 12U);
  EXPECT_TRUE(equal(credentials.at(0).passphrases.at(0).value.expose_secret(), sent.expose_secret()));
}

TEST_F(AnIssuer, MakesANewPukInEverySession) {
  Client other(issuer, device);
  client.run(issuer.url());
  other.run(issuer.url());
  std::vector<CredentialSummary> credentials = must(issuer.issuer().credentials());
  must(issuer.issuer().add_passphrases(credentials, "jane (1000)", {}));
  EXPECT_FALSE(equal(credentials.at(0).passphrases.at(0).value.expose_secret(), credentials.at(1).passphrases.at(0).value.expose_secret()));
  for (const std::byte digit : credentials.at(0).passphrases.at(0).value.expose_secret()) {
    EXPECT_TRUE(digit >= std::byte{'0'} && digit <= std::byte{'9'});
  }
}

TEST(AnIssuerWithoutTls, NeedsNoFingerprintAndSetsNoSecureCookie) {
  TestIssuer issuer({.configuration = {}, .tls = false});
  const Device device(issuer.maker());
  Client client(issuer, device);
  const http::Response first = client.get(issuer.url());
  EXPECT_THAT(std::string(first.headers.get("Set-Cookie").value()), ::testing::Not(HasSubstr("Secure")));
  client.negotiate();
  client.create_session();
  client.make_keys();
  EXPECT_EQ(client.deploy().status, 200);
}

}  // namespace
}  // namespace airtight::issuer::testing
