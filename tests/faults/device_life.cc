#include "tests/faults/device_life.h"

#include <gtest/gtest.h>

#include "base/algorithms.h"
#include "crypto/digest.h"
#include "device/store_folder.h"
#include "sks/methods.h"
#include "tests/faults/store_process.h"
#include "tests/support/must.h"

namespace airtight::faults {
namespace {

using sks::Handle;
using sks::Status;
using sks::testing::CertifiedKey;
using sks::testing::status;
using sks::testing::TestIssuer;
using tests::must;

constexpr std::string_view kMessage = "I owe you one.";
constexpr std::string_view kBagType = "urn:hotp";
constexpr std::string_view kBag =
    "<PropertyBag xmlns=\"http://xmlns.webpki.org/keygen2/beta/20100402#\" Type=\"urn:hotp\">\n"
    "  <Property Name=\"Counter\" Value=\"0\" Writable=\"true\"></Property>\n"
    "</PropertyBag>";

SecretBytes secret(std::string_view text) { return SecretBytes::copy_of(bytes_of(text)); }

template <typename E>
std::uint8_t number(E value) {
  return static_cast<std::uint8_t>(value);
}

std::string method_name(const SecretBytes& request) {
  std::string name;
  const auto method = std::to_integer<std::uint8_t>(request.expose_secret()[0]);
  std::apply([&](const auto&... row) { ((row.number == method ? void(name = row.name) : void()), ...); }, sks::kMethods);
  return name;
}

Status sign_status(sks::Channel& store, const CertifiedKey& key, std::string_view pin) {
  return status(sign(store, key.handle, key.public_key, pin));
}

CertifiedKey make_imported_key(sks::Channel& store, TestIssuer& issuer, const crypto::PrivateKey& restored) {
  auto request = issuer.key_pair("Imported");
  request.import_private_key = true;
  const auto made = must(sks::call(store, request));
  sks::SetCertificatePath path{issuer.handle(), made.key_handle, {issuer.ca().certify(restored.public_key()).der()}, {}};
  path.mac = issuer.mac("setCertificatePath", {made.generated_public_key, bytes_of("Imported"), path.x509_certificates[0]});
  must(sks::call(store, path));
  const CertifiedKey key{"Imported", made.key_handle, to_bytes(restored.public_key().spki()), path.x509_certificates[0]};
  must(sks::call(store, issuer.private_key(key, must(restored.pkcs8()).expose_secret())));
  return key;
}

}  // namespace

crypto::Certificate make_device(const std::filesystem::path& folder) {
  const sks::testing::TestCa maker;
  crypto::SystemRandom random;
  return must(device::create_device(
                  {.folder = folder, .vendor = "Example Vendor", .model = "Example Model"},
                  [&](const crypto::PublicKey& key) -> Result<std::vector<crypto::Certificate>> {
                    return std::vector{maker.certify(key, "Device")};
                  },
                  {}, random))
      .front();
}

void copy_store(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

Result<> sign(sks::Channel& store, Handle key, ByteView spki, std::string_view pin) {
  const auto hash = crypto::sha256(bytes_of(kMessage));
  const auto answer = TRY(sks::call(store, sks::SignHashedData{key, std::string(uri::kEcdsaSha256), secret(pin), to_bytes(hash)}));
  const crypto::PublicKey public_key = TRY(crypto::PublicKey::from_spki(spki));
  return public_key.verify(crypto::SignatureScheme::kEcdsaRaw, crypto::Digest::kSha256, bytes_of(kMessage), answer.result);
}

ProvisionedKeys provision(sks::Channel& store, const crypto::Certificate& device) {
  TestIssuer issuer(store, device, {.updatable = true, .key_limit = 200});
  const Handle puk = must(sks::call(store, issuer.puk_policy())).puk_policy_handle;
  auto shared = issuer.pin_policy("Shared", puk);
  shared.grouping = number(Grouping::kShared);
  const Handle shared_policy = must(sks::call(store, shared)).pin_policy_handle;
  const Handle own_policy = must(sks::call(store, issuer.pin_policy("Own", puk))).pin_policy_handle;

  auto first_request = issuer.key_pair("First", shared_policy, kPin);
  first_request.updatable = true;
  const CertifiedKey first = issuer.certified(first_request);
  auto second_request = issuer.key_pair("Second", shared_policy, kPin);
  second_request.updatable = true;
  second_request.private_key_backup = true;
  const CertifiedKey second = issuer.certified(second_request);
  auto guarded_request = issuer.key_pair("Guarded", own_policy, kOwnPin);
  guarded_request.delete_policy = number(DeletePolicy::kPin);
  const CertifiedKey guarded = issuer.certified(guarded_request);

  auto symmetric_request = issuer.key_pair("Symmetric");
  symmetric_request.key_usage = number(KeyUsage::kSymmetricKey);
  const CertifiedKey symmetric = issuer.certified(symmetric_request);
  must(sks::call(store, issuer.symmetric_key(symmetric, Bytes(20, std::byte{9}), {uri::kHmacSha1})));
  must(sks::call(store, issuer.extension(symmetric, ExtensionBaseType::kEncryptedExtension, "urn:secret", bytes_of("between us"))));
  must(sks::call(store, issuer.extension(symmetric, ExtensionBaseType::kPropertyBag, kBagType, bytes_of(kBag))));
  const auto restored = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  const CertifiedKey imported = make_imported_key(store, issuer, restored);
  must(sks::call(store, sks::SignProvisioningSessionData{issuer.handle(), to_bytes(bytes_of(kMessage))}));
  must(sks::call(store, issuer.close()));
  return {std::move(issuer), first, second, guarded, symmetric, imported};
}

void fail_to_provision(sks::Channel& store, const crypto::Certificate& device) {
  TestIssuer wrong(store, device);
  const auto puk = must(sks::call(store, wrong.puk_policy()));
  const auto policy = must(sks::call(store, wrong.pin_policy("PIN.1", puk.puk_policy_handle)));
  (void)wrong.certified(wrong.key_pair("Key.1", policy.pin_policy_handle, kPin));
  auto close = wrong.close();
  close.mac[0] ^= std::byte{1};
  EXPECT_EQ(status(sks::call(store, close)), Status::kMac);
  TestIssuer aborted(store, device);
  must(sks::call(store, aborted.key_pair()));
  must(sks::call(store, sks::AbortProvisioningSession{aborted.handle()}));
}

void use(sks::Channel& store, const ProvisionedKeys& keys) {
  const auto change_pin = [&](const CertifiedKey& key, std::string_view pin, std::string_view next) {
    return status(sks::call(store, sks::ChangePin{key.handle, secret(pin), secret(next)}));
  };
  const auto set_pin = [&](const CertifiedKey& key, std::string_view puk, std::string_view next) {
    return status(sks::call(store, sks::SetPin{key.handle, secret(puk), secret(next)}));
  };
  const auto unlock = [&](const CertifiedKey& key, std::string_view puk) {
    return status(sks::call(store, sks::UnlockKey{key.handle, secret(puk)}));
  };
  EXPECT_EQ(sign_status(store, keys.first, kPin), Status::kOk);
  EXPECT_EQ(sign_status(store, keys.first, kWrongPin), Status::kAuthorization);
  EXPECT_EQ(sign_status(store, keys.second, kPin), Status::kOk);
  EXPECT_EQ(sign_status(store, keys.second, kPin), Status::kOk);
  EXPECT_EQ(sign_status(store, keys.second, kWrongPin), Status::kAuthorization);
  EXPECT_EQ(sign_status(store, keys.first, kWrongPin), Status::kAuthorization);
  EXPECT_EQ(sign_status(store, keys.first, kPin), Status::kOk);
  EXPECT_EQ(change_pin(keys.first, kWrongPin, "4455"), Status::kAuthorization);
  EXPECT_EQ(change_pin(keys.first, kPin, "4455"), Status::kOk);
  EXPECT_EQ(sign_status(store, keys.second, "4455"), Status::kOk);
  EXPECT_EQ(set_pin(keys.second, kWrongPuk, kPin), Status::kAuthorization);
  EXPECT_EQ(set_pin(keys.second, kPuk, kPin), Status::kOk);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sign_status(store, keys.first, kWrongPin), Status::kAuthorization);
  EXPECT_EQ(sign_status(store, keys.second, kPin), Status::kAuthorization);  // locked
  EXPECT_EQ(unlock(keys.second, kWrongPuk), Status::kAuthorization);
  EXPECT_EQ(unlock(keys.second, kPuk), Status::kOk);
  EXPECT_EQ(sign_status(store, keys.first, kPin), Status::kOk);
  EXPECT_EQ(sign_status(store, keys.imported, ""), Status::kOk);
  must(sks::call(store, sks::PerformHmac{keys.symmetric.handle, std::string(uri::kHmacSha1), {}, {secret(kMessage)}}));
  must(sks::call(store, sks::SetProperty{keys.symmetric.handle, to_bytes(kBagType), to_bytes("Counter"), to_bytes("1")}));
  must(sks::call(store, sks::GetKeyProtectionInfo{keys.first.handle}));
  must(sks::call(store, sks::EnumerateKeys{}));
}

void provision_again(sks::Channel& store, const crypto::Certificate& device, ProvisionedKeys& keys) {
  TestIssuer issuer(store, device, {.updatable = true});
  const CertifiedKey next = issuer.certified(issuer.key_pair("Next"));
  must(sks::call(store, issuer.update_key(next, keys.issuer, keys.first)));
  must(sks::call(store, issuer.delete_key(keys.issuer, keys.second)));
  must(sks::call(store, issuer.close()));
  const Handle updated = keys.first.handle;
  keys.first = next;
  keys.first.handle = updated;
}

void use_up(sks::Channel& store, const ProvisionedKeys& keys) {
  const auto remove = [&](const CertifiedKey& key, std::string_view pin) {
    return status(sks::call(store, sks::DeleteKey{key.handle, secret(pin)}));
  };
  EXPECT_EQ(sign_status(store, keys.first, kWrongPin), Status::kAuthorization);
  EXPECT_EQ(sign_status(store, keys.first, kPin), Status::kOk);
  EXPECT_EQ(remove(keys.guarded, kWrongPin), Status::kAuthorization);
  EXPECT_EQ(remove(keys.guarded, kOwnPin), Status::kOk);
  EXPECT_EQ(remove(keys.symmetric, ""), Status::kOk);
  EXPECT_EQ(remove(keys.imported, ""), Status::kOk);
  EXPECT_EQ(sign_status(store, keys.first, kPin), Status::kOk);
  EXPECT_EQ(remove(keys.first, ""), Status::kOk);  // with it goes its session
}

// Opens the store for each call, and keeps what was before it.
class RecordedLife::Recorder final : public sks::Channel {
 public:
  explicit Recorder(RecordedLife& life) : life_(life) {}
  [[nodiscard]] Result<SecretBytes> call(const SecretBytes& request) override {
    const std::filesystem::path next = life_.store_before(life_.calls_.size() + 1);
    copy_store(life_.store_before(life_.calls_.size()), next);
    auto answer = must(open_store(next))->call(request);
    life_.calls_.push_back(
        {method_name(request), to_bytes(request.expose_secret()), static_cast<Status>(answer.value().expose_secret()[0])});
    life_.pictures_.push_back(picture_of(next));
    return answer;
  }

 private:
  RecordedLife& life_;
};

RecordedLife::RecordedLife() : device_(make_device(folder_ / "0")) {
  pictures_.push_back(picture_of(store_before(0)));
  Recorder store(*this);
  ProvisionedKeys keys = provision(store, device_);
  fail_to_provision(store, device_);
  use(store, keys);
  provision_again(store, device_, keys);
  use_up(store, keys);
}

const RecordedLife& RecordedLife::get() {
  static const RecordedLife kLife;
  return kLife;
}

}  // namespace airtight::faults
