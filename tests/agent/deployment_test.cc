// Everything that an issuer can deploy beside a certificate, and what the key store has of it afterwards.
#include <gmock/gmock.h>

#include "agent/enrollment.h"
#include "base/algorithms.h"
#include "tests/agent/enrollment_fixture.h"

namespace airtight::agent::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::must;

class Deployment : public EnrollmentFixture {
 protected:
  Deployment() { issuer.objects = {FakeIssuer::key()}; }
  sks::GetExtensionObject::Response extension(std::string_view type) {
    return must(device.call(sks::GetExtensionObject{.key_handle = keys().at(0).handle, .extension_type = to_bytes(type)}));
  }
  // An enrolment whose keys may be updated later; what it issued.
  IssuedKey first_enrollment() {
    issuer.updatable = true;
    must(run());
    issuer.server_session_id = "S-second";
    issuer.extras.clear();
    return issuer.issued.at(0);
  }
};

TEST_F(Deployment, ImportsASymmetricKey) {
  issuer.objects = {FakeIssuer::key("Key.1", KeyUsage::kSymmetricKey)};
  issuer.extras["Key.1"] = {.symmetric_key = to_bytes("12345678901234567890"), .endorsed_algorithms = {std::string(uri::kHmacSha1)}};
  must(run());
  EXPECT_THAT(keys().at(0).key.endorsed_algorithms, ElementsAre(to_bytes(uri::kHmacSha1)));
  const auto hmac = must(device.call(sks::PerformHmac{.key_handle = keys().at(0).handle,
                                                      .algorithm = std::string(uri::kHmacSha1),
                                                      .pin = {},
                                                      .data = {SecretBytes::copy_of(bytes_of("message"))}}));
  EXPECT_EQ(hmac.hmac.size(), 20U);
}

TEST_F(Deployment, ImportsAPrivateKey) {
  keygen2::KeyPairRequest key = FakeIssuer::key();
  key.import_private_key = true;
  issuer.objects = {key};
  issuer.extras["Key.1"].restored_key = FakeCa::new_key();
  must(run());
  EXPECT_EQ(must(keys().at(0).path.front().public_key()).spki(), issuer.extras["Key.1"].restored_key->public_key().spki());
}

TEST_F(Deployment, GivesTheIssuerACopyOfAPrivateKeyThatItBacksUp) {
  keygen2::KeyPairRequest key = FakeIssuer::key();
  key.private_key_backup = true;
  issuer.objects = {key};
  must(run());
  ASSERT_TRUE(issuer.keys.at(0).private_key);
  const SecretBytes pkcs8 = must(issuer.decrypt(*issuer.keys[0].private_key));
  EXPECT_EQ(must(crypto::PrivateKey::from_pkcs8(pkcs8.expose_secret())).public_key().spki(), issuer.keys[0].public_key.spki());
}

TEST_F(Deployment, AddsAPropertyBagAsItWasWritten) {
  const keygen2::PropertyBag bag{.type = "urn:example:bag",
                                 .properties = {{.name = "Counter", .value = "0", .writable = true}, {.name = "Digits", .value = "6"}}};
  issuer.extras["Key.1"].extensions = {bag};
  must(run());
  const auto kept = extension("urn:example:bag");
  EXPECT_EQ(kept.base_type, std::to_underlying(ExtensionBaseType::kPropertyBag));
  EXPECT_EQ(to_text(kept.extension_data.value.expose_secret()), to_text(must(keygen2::canonical_property_bag(bag.type, bag.properties))));
}

TEST_F(Deployment, AddsALogotypeWithItsMimeType) {
  issuer.extras["Key.1"].extensions = {
      keygen2::Logotype{.type = "urn:example:logo", .mime_type = "image/png", .image = to_bytes("pixels")}};
  must(run());
  const auto kept = extension("urn:example:logo");
  EXPECT_EQ(text_of(kept.qualifier), "image/png");
  EXPECT_EQ(text_of(kept.extension_data.value.expose_secret()), "pixels");
}

TEST_F(Deployment, AddsExtensionsInClearAndEncrypted) {
  issuer.extras["Key.1"].extensions = {keygen2::Extension{.type = "urn:example:open", .data = to_bytes("in clear")},
                                       keygen2::Extension{.type = "urn:example:secret", .data = to_bytes("a seed"), .encrypted = true}};
  must(run());
  EXPECT_EQ(text_of(extension("urn:example:open").extension_data.value.expose_secret()), "in clear");
  EXPECT_EQ(text_of(extension("urn:example:secret").extension_data.value.expose_secret()), "a seed");
}

TEST_F(Deployment, TakesAPinThatTheIssuerSets) {
  keygen2::PinPolicyRequest policy = FakeIssuer::pin_policy();
  policy.keys = std::vector{keygen2::PresetPin{.encrypted_value = to_bytes("4711"), .key = FakeIssuer::key()}};
  issuer.objects = {policy};
  must(run());
  EXPECT_THAT(user.questions, IsEmpty());
  const Bytes hash(32, std::byte{7});
  EXPECT_TRUE(device.call(sks::SignHashedData{.key_handle = keys().at(0).handle,
                                              .signature_algorithm = std::string(uri::kEcdsaSha256),
                                              .pin = SecretBytes::copy_of(bytes_of("4711")),
                                              .hashed_data = hash}));
}

TEST_F(Deployment, SetsTheDevicePinIfThereIsNone) {
  issuer.objects = {keygen2::DevicePinRequest{FakeIssuer::key()}};
  user.device_pins = {"1", "12345678", "2580", "12345678"};
  must(run());
  ASSERT_THAT(user.questions, SizeIs(2));
  EXPECT_FALSE(user.questions[1].again_because.empty());  // the first was too short
  EXPECT_EQ(pin_state(keys().at(0)), "device PIN");
}

TEST_F(Deployment, DoesNotAskForADevicePinThatIsThere) {
  must(administration->set_device_pin(SecretBytes::copy_of(bytes_of("2580")), SecretBytes::copy_of(bytes_of("12345678"))));
  issuer.objects = {keygen2::DevicePinRequest{FakeIssuer::key()}};
  must(run());
  EXPECT_THAT(user.questions, IsEmpty());
}

TEST_F(Deployment, UpdatesAKeyUnderItsHandle) {
  const IssuedKey old_key = first_enrollment();
  const std::uint32_t handle = keys().at(0).handle;
  issuer.extras["Key.1"].updates = old_key;
  const EnrollmentOutcome outcome = must(run());
  ASSERT_THAT(outcome.keys, SizeIs(1));
  EXPECT_EQ(outcome.keys[0].handle, handle);
  EXPECT_TRUE(outcome.keys[0].renewed);
  ASSERT_THAT(keys(), SizeIs(1));
  EXPECT_EQ(keys()[0].handle, handle);
  EXPECT_EQ(keys()[0].path.front(), issuer.issued.at(1).certificate);
  EXPECT_THAT(user.changes, ElementsAre(std::to_string(handle) + " replaced by Key.1"));
}

TEST_F(Deployment, DeletesAKeyInASessionThatMakesNone) {
  const IssuedKey old_key = first_enrollment();
  const std::uint32_t handle = keys().at(0).handle;
  issuer.objects.clear();
  issuer.deletes = {old_key};
  const EnrollmentOutcome outcome = must(run());
  EXPECT_THAT(outcome.deleted, ElementsAre(handle));
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_EQ(sessions(), 0U);
  EXPECT_TRUE(issuer.close_attestation_verified);
  EXPECT_THAT(user.changes, ElementsAre(std::to_string(handle) + " deleted"));
}

TEST_F(Deployment, DoesAllOfItAtOnce) {
  issuer.objects = {FakeIssuer::key("Old.1"), FakeIssuer::key("Old.2")};
  first_enrollment();
  const std::vector<IssuedKey> old_keys = issuer.issued;
  issuer.objects = {FakeIssuer::key("New.1"), FakeIssuer::key("New.2", KeyUsage::kSymmetricKey)};
  issuer.extras["New.1"] = {.extensions = {keygen2::Extension{.type = "urn:example:open", .data = to_bytes("x")}}, .updates = old_keys[0]};
  issuer.extras["New.2"] = {.symmetric_key = Bytes(16, std::byte{3}), .endorsed_algorithms = {std::string(uri::kAes128Cbc)}};
  issuer.deletes = {old_keys[1]};
  const EnrollmentOutcome outcome = must(run());
  EXPECT_THAT(outcome.keys, SizeIs(2));
  EXPECT_THAT(outcome.deleted, SizeIs(1));
  EXPECT_THAT(keys(), SizeIs(2));
  EXPECT_TRUE(issuer.close_attestation_verified);
}

}  // namespace
}  // namespace airtight::agent::testing
