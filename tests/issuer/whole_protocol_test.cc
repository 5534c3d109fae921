// Sessions with everything that a profile can ask for, and devices that lie about it. The scripted device verifies each MAC itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/algorithms.h"
#include "base/encoding.h"
#include "ca/register.h"
#include "issuer/refusal.h"
#include "issuer/seed_store.h"
#include "storage/database.h"
#include "storage/files.h"
#include "tests/issuer/support.h"

namespace airtight::issuer::testing {
namespace {

using ::testing::HasSubstr;

std::string profile(const crypto::Certificate& root, std::string_view head, std::string_view keys) {
  return "[profiles.default]\nsession_life_time = 600\ndevices.accepted = [{ level = \"vendor\", certificate_pem = \"\"\"" +
         crypto::to_pem(root) + "\"\"\" }]\n" + std::string(head) + "\n" + std::string(keys);
}

constexpr std::string_view kKey = R"([[profiles.default.keys]]
id = "Key.1"
usage = "authentication"
algorithm = "p-256"
)";

class Whole : public ::testing::Test {
 protected:
  void configure(std::string head, std::string keys = std::string(kKey)) {
    const IssuerSetup setup{.configuration = [=](const crypto::Certificate& root) { return profile(root, head, keys); }};
    issuer_ = std::make_unique<TestIssuer>(setup);
    device_ = std::make_unique<Device>(issuer_->maker());
    client_ = std::make_unique<Client>(*issuer_, *device_);
  }
  TestIssuer& issuer() { return *issuer_; }
  Client& client() { return *client_; }
  const Device& device() { return *device_; }
  // A second session of the device, after a whole first one, up to its discovery request.
  std::unique_ptr<Client> second() {
    EXPECT_EQ(client().get(issuer().url()).status, 200);
    client().negotiate();
    client().create_session();
    client().discover();
    client().make_keys();
    EXPECT_EQ(client().deploy().status, 200);
    auto next = std::make_unique<Client>(issuer(), device());
    next->remember(client());
    next->get(issuer().url());
    next->negotiate();
    next->create_session();
    return next;
  }
  std::vector<std::string> endings() {
    std::vector<std::string> out;
    for (const CredentialSummary& credential : must(issuer().issuer().credentials()))
      out.push_back(credential.ended.empty() ? (credential.confirmed_at ? "confirmed" : "unconfirmed") : credential.ended);
    return out;
  }

 private:
  std::unique_ptr<TestIssuer> issuer_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Client> client_;
};

constexpr std::string_view kUpdates = R"(updatable = true
lookups = [{ id = "Old", update_key = "Key.1", found = ["revoke"] }]
)";
constexpr std::string_view kDeletes = R"(updatable = true
lookups = [{ id = "Old", found = ["delete"] }]
)";

TEST_F(Whole, ExtensionsComeWithWhatTheEnrolmentKnows) {
  configure("",
            std::string(kKey) +
                R"(property_bags = [{ type = "urn:x:bag", properties = [{ name = "Who", value = "{subject.cn} {{1}}", writable = true }] }]
logotypes = [{ type = "urn:x:logo", mime_type = "image/png", base64 = "AAEC" }]
extensions = [{ type = "urn:x:plain", text = "{serial}" }, { type = "urn:x:secret", base64 = "c2VjcmV0", encrypted = true }]
)");
  ASSERT_EQ(client().run(issuer().url()).status, 200);
  EXPECT_THAT(client().extensions().at("urn:x:bag"), HasSubstr("Value=\"Jane Doe {1}\""));
  EXPECT_EQ(client().extensions().at("urn:x:plain"), hex_encode(client().certificate("Key.1").serial()));
  EXPECT_EQ(client().extensions().at("urn:x:secret"), "secret");
  EXPECT_EQ(client().extensions().at("urn:x:logo").size(), 3U);
}

TEST_F(Whole, SymmetricKeysAreRandomAndKept) {
  configure("", R"([[profiles.default.keys]]
id = "Key.1"
usage = "symmetric-key"
algorithm = "p-256"
symmetric_key = { algorithms = ["http://www.w3.org/2000/09/xmldsig#hmac-sha1"], length = 20 }
)");
  ASSERT_EQ(client().run(issuer().url()).status, 200);
  EXPECT_EQ(client().imported().size(), 20U);
}

TEST_F(Whole, ASeedIsTakenOnce) {
  configure("", R"([[profiles.default.keys]]
id = "Key.1"
usage = "symmetric-key"
algorithm = "p-256"
symmetric_key = { algorithms = ["http://www.w3.org/2000/09/xmldsig#hmac-sha1"], seeds = "tokens" }
property_bags = [{ type = "urn:x:otp", properties = [{ name = "Token", value = "{seed.name}" }, { name = "Counter", value = "{seed.Counter}" }] }]
)");
  const auto database = must(storage::open_sqlite(issuer().path() / "issuer.db", {}));
  crypto::SystemRandom random;
  must(insert_seed(*database, must(issuer().issuer().unseal({})), {.pool = "tokens", .name = "T-1", .properties = {{"Counter", "7"}}},
                   SecretBytes::copy_of(bytes_of("12345678901234567890")), issuer().clock().now(), random));
  ASSERT_EQ(client().run(issuer().url()).status, 200);
  EXPECT_EQ(text_of(client().imported().expose_secret()), "12345678901234567890");
  EXPECT_THAT(client().extensions().at("urn:x:otp"), HasSubstr("Value=\"7\""));
  Client other(issuer(), device());
  const http::Response response = other.run(issuer().url());
  EXPECT_EQ(refusal_id(response), "key.no-seed");
  EXPECT_EQ(response.status, kUnavailable);
}

TEST_F(Whole, PresetPinsAreAttestedAndKeptForHelp) {
  configure(R"(pin_policies = [{ id = "PIN.1", preset = true, min_length = 6, max_length = 8, retry_limit = 3 }])",
            std::string(kKey) + "pin_policy = \"PIN.1\"\n");
  ASSERT_EQ(client().run(issuer().url()).status, 200);
  std::vector<CredentialSummary> credentials = must(issuer().issuer().credentials());
  must(issuer().issuer().add_passphrases(credentials, "jane (1000)", {}));
  ASSERT_EQ(credentials.at(0).passphrases.size(), 1U);
  EXPECT_EQ(credentials.at(0).passphrases.at(0).kind, PassphraseKind::kPin);
  EXPECT_EQ(credentials.at(0).passphrases.at(0).value.size(), 6U);
}

TEST_F(Whole, ABackupIsKeptAndRestoredIntoALaterKey) {
  configure("", std::string(kKey) + R"(private_key_backup = true
[[profiles.default.keys]]
id = "Key.2"
usage = "encryption"
algorithm = "p-256"
private_key = "issuer"
)");
  ASSERT_EQ(client().run(issuer().url()).status, 200);
  const crypto::PublicKey made = must(client().certificate("Key.1").public_key());
  const auto database = must(storage::open_sqlite(issuer().path() / "issuer.db", {}));
  const auto kept = must(find_kept_private_key(*database, must(issuer().issuer().unseal({})), "CN=Jane Doe,C=SE", "Key.1"));
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(must(crypto::PrivateKey::from_pkcs8(kept->value.expose_secret())).public_key(), made);
}

TEST_F(Whole, ABackupOfAnotherKeyIsRefused) {
  configure("", std::string(kKey) + "private_key_backup = true\n");
  client().run(issuer().url(), 2);
  keygen2::KeyInitializationResponse response = client().keys_response();
  crypto::SystemRandom random;
  const crypto::PrivateKey other = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  response.keys[0].private_key = sks::encrypt(client().session_key(), must(other.pkcs8()).expose_secret(), random);
  EXPECT_EQ(refusal_id(client().send(std::move(response))), "key.backup");
  Client next(issuer(), device());
  EXPECT_EQ(next.run(issuer().url()).status, 200);
}

TEST_F(Whole, AMissingBackupIsRefused) {
  configure("", std::string(kKey) + "private_key_backup = true\n");
  client().run(issuer().url(), 2);
  keygen2::KeyInitializationResponse response = client().keys_response();
  response.keys[0].private_key.reset();
  EXPECT_EQ(refusal_id(client().send(std::move(response))), "key.no-private-key");
}

TEST_F(Whole, RestoringNeedsABackup) {
  configure("", std::string(kKey) + "private_key = \"restored\"\n");
  EXPECT_EQ(refusal_id(client().run(issuer().url(), 2)), "key.no-backup");
}

TEST_F(Whole, ServerCookiesAreComparedAsCanonicalXml) {
  configure("server_cookie = true");
  EXPECT_EQ(client().run(issuer().url()).status, 200);
  Client other(issuer(), device());
  other.get(issuer().url());
  keygen2::PlatformNegotiationResponse response = other.negotiation_response();
  response.server_cookie->root().children().front().set_text("forged");
  EXPECT_EQ(refusal_id(other.send(std::move(response))), "server-cookie");
  Client without(issuer(), device());
  without.get(issuer().url());
  response = without.negotiation_response();
  response.server_cookie.reset();
  EXPECT_EQ(refusal_id(without.send(std::move(response))), "server-cookie.missing");
}

TEST_F(Whole, AnUpdateMovesOwnershipAndRevokesWhatItReplaced) {
  configure(std::string(kUpdates));
  const auto next = second();
  ASSERT_EQ(next->discover().status, 200);
  ASSERT_EQ(next->make_keys().status, 200);
  ASSERT_EQ(next->deploy().status, 200);
  EXPECT_THAT(endings(), ::testing::ElementsAre("updated", "confirmed"));
  const auto database = must(storage::open_sqlite(issuer().path() / "issuer.db", {}));
  EXPECT_EQ(must(ca::find(*database, client().certificate("Key.1").serial()))->status, ca::CertificateStatus::kRevoked);
}

TEST_F(Whole, WhatIsFoundIsDeleted) {
  configure(std::string(kDeletes));
  const auto next = second();
  ASSERT_EQ(next->discover().status, 200);
  ASSERT_EQ(next->make_keys().status, 200);
  ASSERT_EQ(next->request<keygen2::CredentialDeploymentRequest>().delete_keys.size(), 1U);
  ASSERT_EQ(next->deploy().status, 200);
  EXPECT_THAT(endings(), ::testing::ElementsAre("deleted", "confirmed"));
}

TEST_F(Whole, AnotherDevicesCredentialIsNotTakenFromIt) {
  configure(std::string(kDeletes));
  second();
  const Device thief(issuer().maker());
  Client liar(issuer(), thief);
  liar.remember(client());
  liar.get(issuer().url());
  liar.negotiate();
  liar.create_session();
  EXPECT_EQ(refusal_id(liar.discover()), "discovery.owner");
  EXPECT_THAT(endings(), ::testing::ElementsAre("confirmed"));
}

TEST_F(Whole, DiscoveryAnswersOtherThanAskedAreRefused) {
  configure(std::string(kDeletes));
  auto next = second();
  keygen2::CredentialDiscoveryResponse response = next->discovery_response();
  response.results.front().id = "Other";
  EXPECT_EQ(refusal_id(next->send(std::move(response))), "discovery.results");
  Client repeating(issuer(), device());
  repeating.remember(client());
  repeating.get(issuer().url());
  repeating.negotiate();
  repeating.create_session();
  response = repeating.discovery_response();
  response.results.front().matches.push_back(response.results.front().matches.front());
  EXPECT_EQ(refusal_id(repeating.send(std::move(response))), "discovery.repeated");
}

TEST_F(Whole, DeferredCertificatesComeAtTheResumeUrlAndAgainUntilAnswered) {
  configure("deferred_certification = true");
  const http::Response page = client().run(issuer().url(), 3);
  ASSERT_EQ(page.status, 202);
  EXPECT_TRUE(page.headers.get("Retry-After").has_value());
  const std::string link(*page.headers.get("Link"));
  const std::string url = link.substr(1, link.find('>') - 1);
  EXPECT_EQ(client().get(url).status, 202);
  must(issuer().issuer().approve(client().server_session_id()));
  issuer().restart();
  const http::Response first = client().get(url);
  const http::Response again = client().get(url);
  EXPECT_EQ(first.body, again.body);
  EXPECT_EQ(client().deploy().status, 200);
  EXPECT_EQ(refusal_id(client().get(url)), "session.ended");
  EXPECT_FALSE(issuer().issuer().approve(client().server_session_id()).has_value());
}

TEST_F(Whole, UnconfirmedCredentialsAreListedAndWithdrawnWhenTheSessionExpires) {
  configure("");
  client().run(issuer().url(), 3);
  EXPECT_EQ(must(issuer().issuer().credentials(Issuer::Which::kUnconfirmed)).size(), 1U);
  issuer().clock().pass(std::chrono::hours(1));
  must(issuer().service().clean_up());
  EXPECT_THAT(endings(), ::testing::ElementsAre("withdrawn"));
}

TEST_F(Whole, ARenewableKeyIsRenewedAtItsOwnUrl) {
  configure("updatable = true", std::string(kKey) + "renewable = true\n");
  ASSERT_EQ(client().run(issuer().url()).status, 200);
  Client renewal(issuer(), device());
  renewal.remember(client());
  ASSERT_EQ(renewal.get(client().extensions().at(std::string(keygen2::kRenewalUrlExtension))).status, 200);
  renewal.negotiate();
  renewal.create_session();
  ASSERT_EQ(renewal.discover().status, 200);
  renewal.make_keys();
  ASSERT_EQ(renewal.deploy().status, 200);
  EXPECT_THAT(endings(), ::testing::ElementsAre("updated", "confirmed"));
  EXPECT_EQ(refusal_id(Client(issuer(), device()).get(client().extensions().at(std::string(keygen2::kRenewalUrlExtension)))),
            "renewal.unavailable");
}

TEST_F(Whole, SignedRequestsAreSignedByTheIssuingCa) {
  configure("sign_requests = true");
  const http::Response first = client().get(issuer().url());
  const xml::Document document = must(xml::Document::parse(first.body));
  EXPECT_TRUE(xml::verify_with_certificate(document.root()).has_value());
}

TEST_F(Whole, AClonedEnrolmentTakesItsSubjectFromTheDevice) {
  configure("updatable = true");
  ASSERT_EQ(client().run(issuer().url()).status, 200);
  const std::string clone = profile(issuer().maker().root, "lookups = [{ id = \"Me\", found = [\"clone\"] }]", kKey);
  must(storage::write_file(issuer().path() / "issuer.toml", bytes_of(clone), storage::FileMode::kPrivate));
  issuer().restart();
  EXPECT_FALSE(issuer().issuer().make_url("default", "CN=Mallory").has_value());
  const auto begin = [&](Client& next) {
    next.get(must(issuer().issuer().make_url("default", std::nullopt)));
    next.negotiate();
    next.create_session();
  };
  Client next(issuer(), device());
  next.remember(client());
  begin(next);
  ASSERT_EQ(next.discover().status, 200);
  next.make_keys();
  ASSERT_EQ(next.deploy().status, 200);
  EXPECT_EQ(next.certificate("Key.1").common_name(), "Jane Doe");

  Client locked(issuer(), device());
  locked.remember(client());
  begin(locked);
  keygen2::CredentialDiscoveryResponse response = locked.discovery_response();
  response.results.front().matches.front().locked = true;
  EXPECT_EQ(refusal_id(locked.send(std::move(response))), "discovery.no-proof");
}

// Section 5: a container without a key store.
class Basic : public ::testing::Test {
 protected:
  static std::string configuration(const crypto::Certificate& /*root*/) {
    return "[profiles.default]\nbasic = true\nsession_life_time = 600\n" + std::string(kKey);
  }
  static http::Response answer(Client& client, const crypto::PrivateKey& key, const crypto::PrivateKey& signer) {
    const auto& asked = client.request<keygen2::KeyOperationRequest>();
    keygen2::KeyOperationResponse response;
    response.request_id = asked.request_id;
    response.keys.push_back({asked.keys.at(0).id, key.public_key()});
    xml::Document document = must(keygen2::write_message(std::move(response)));
    must(keygen2::sign_generated_key(document, asked.keys.at(0).id, uri::kEcdsaSha256, [&](ByteView signed_info) {
      return signer.sign(crypto::SignatureScheme::kEcdsaRaw, crypto::Digest::kSha256, signed_info);
    }));
    client.set_submit_url(asked.submit_url);
    return client.post(document.serialize());
  }

  TestIssuer issuer{{.configuration = configuration}};
  Device device{issuer.maker()};
  Client client{issuer, device};
  crypto::PrivateKey key = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
};

TEST_F(Basic, CredentialsAreWithoutProvenance) {
  ASSERT_EQ(client.get(issuer.url()).status, 200);
  ASSERT_EQ(answer(client, key, key).status, 200);
  const auto& deployed = client.request<keygen2::BasicCredentialDeploymentRequest>();
  EXPECT_EQ(must(deployed.keys.at(0).certificate_path.front().public_key()), key.public_key());
  EXPECT_EQ(client.send(keygen2::BasicCredentialDeploymentResponse{deployed.id}).status, 200);
  const std::vector<CredentialSummary> credentials = must(issuer.issuer().credentials());
  const CredentialSummary& credential = credentials.at(0);
  EXPECT_TRUE(credential.confirmed_at.has_value());
  EXPECT_TRUE(credential.device_id.empty());
}

TEST_F(Basic, AKeyThatDoesNotSignItselfIsRefused) {
  const crypto::PrivateKey other = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  client.get(issuer.url());
  EXPECT_EQ(refusal_id(answer(client, key, other)), "key-signature");
  EXPECT_TRUE(must(issuer.issuer().credentials()).empty());
}

TEST_F(Basic, IsNotToBeHadWhereTheProfileIsAnother) {
  TestIssuer other;
  Client stranger(other, device);
  stranger.get(other.url());
  client.get(issuer.url());
  keygen2::KeyOperationResponse response;
  response.request_id = stranger.server_session_id();
  response.keys.push_back({"Key.1", key.public_key()});
  xml::Document document = must(keygen2::write_message(std::move(response)));
  must(keygen2::sign_generated_key(document, "Key.1", uri::kEcdsaSha256, [&](ByteView signed_info) {
    return key.sign(crypto::SignatureScheme::kEcdsaRaw, crypto::Digest::kSha256, signed_info);
  }));
  EXPECT_EQ(refusal_id(stranger.post(document.serialize())), "message.unexpected");
}

}  // namespace
}  // namespace airtight::issuer::testing
