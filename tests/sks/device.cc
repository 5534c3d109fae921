#include "tests/sks/device.h"

#include <gtest/gtest.h>

#include "crypto/certificate_builder.h"
#include "sealing/master_key.h"
#include "storage/database.h"

namespace airtight::sks::testing {
namespace {

crypto::CertificateContent content(const crypto::PublicKey& key, std::string_view subject, std::string_view issuer, bool ca) {
  crypto::SystemRandom random;
  crypto::CertificateContent out;
  out.serial = random.bytes(8);
  out.serial[0] = std::byte{1};
  out.subject_der = crypto::name_from_text(subject).value();
  out.issuer_der = crypto::name_from_text(issuer).value();
  out.not_before = Instant{1262304000000};
  out.not_after = Instant{4102444800000};
  out.spki = key.spki();
  out.ca = ca;
  return out;
}

crypto::PrivateKey attestation_key(KeyAlgorithmType type) {
  if (type == KeyAlgorithmType::kRsa) return crypto::PrivateKey::generate(crypto::RsaSpec{2048}).value();
  return crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}).value();
}

}  // namespace

TestCa::TestCa()
    : key_(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}).value()),
      root_(crypto::sign_certificate(content(key_.public_key(), "CN=Test CA", "CN=Test CA", true), key_).value()) {}

crypto::Certificate TestCa::certify(const crypto::PublicKey& key, std::string_view common_name) const {
  return crypto::sign_certificate(content(key, "CN=" + std::string(common_name), "CN=Test CA", false), key_).value();
}

TestDevice::TestDevice(DeviceOptions options)
    : options_(std::move(options)),
      attestation_key_(attestation_key(options_.attestation)),
      certificate_(maker_.certify(attestation_key_.public_key(), "Device")) {
  auto database =
      options_.file.empty() ? storage::open_sqlite_in_memory() : storage::open_sqlite(options_.file, {.exclusive = true, .create = true});
  const DeviceBirth birth{"Example Vendor", "Example Model", {certificate_}, options_.store};
  EXPECT_TRUE(KeyStore::create(**database, master_key_, birth, attestation_key_, random_).has_value());
  store_ = KeyStore::open(std::move(*database), master_key_, platform()).value();
}

Result<std::unique_ptr<KeyStore>> TestDevice::open() const {
  return KeyStore::open(TRY(storage::open_sqlite(options_.file, {.exclusive = true})), master_key_, platform());
}

void TestDevice::reopen() {
  close();
  store_ = open().value();
}

Bytes TestDevice::exchange(ByteView request) { return to_bytes(store_->call(SecretBytes::copy_of(request)).value().expose_secret()); }

TestIssuer::TestIssuer(Channel& store, const crypto::Certificate& device, SessionOptions options) : store_(store) {
  const auto ephemeral = crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}).value();
  CreateProvisioningSession request;
  request.session_key_algorithm = options.algorithm == SessionAlgorithm::kSk2 ? uri::kSessionKey2 : uri::kSessionKey1;
  algorithm_ = options.algorithm;
  request.server_session_id.value = options.server_session_id;
  request.server_ephemeral_key = ephemeral.public_key().spki();
  request.issuer_uri = to_bytes(options.issuer_uri);
  request.updatable = options.updatable;
  request.client_time.milliseconds = 1268911409000;
  request.session_life_time = options.life_time;
  request.session_key_limit = options.key_limit;
  const auto response = sks::call(store, request).value();
  handle_ = response.provisioning_handle;
  parameters_ = {.client_session_id = response.client_session_id.value,
                 .server_session_id = options.server_session_id,
                 .issuer_uri = options.issuer_uri,
                 .server_ephemeral_key = request.server_ephemeral_key,
                 .client_ephemeral_key = response.client_ephemeral_key,
                 .updatable = options.updatable,
                 .client_time = Instant{1268911409000},
                 .session_life_time = options.life_time,
                 .session_key_limit = options.key_limit};
  const auto z = ephemeral.agree(crypto::PublicKey::from_spki(response.client_ephemeral_key).value()).value();
  key_ = derive_session_key(z, parameters_, device.der(), algorithm_);
  const auto device_key = device.public_key().value();
  EXPECT_TRUE(device_key
                  .verify(crypto::x509_scheme(device_key.type()), crypto::Digest::kSha256, session_attestation_data(keys(), parameters_),
                          response.session_attestation)
                  .has_value());
}

Bytes TestIssuer::encrypt(std::string_view plain, std::string_view method) { return encrypt(bytes_of(plain), method); }

Bytes TestIssuer::encrypt(ByteView plain, std::string_view method) { return sks::encrypt(keys(), {method, mac_counter_}, plain, random_); }

Bytes32 TestIssuer::mac(std::string_view method, std::initializer_list<ByteView> data) {
  return method_mac(method, keys(), mac_counter_++, data);
}

Bytes32 TestIssuer::mac(std::string_view method, const std::vector<MacInput>& data) {
  return method_mac(method, keys(), mac_counter_++, std::span(data));
}

CreatePukPolicy TestIssuer::puk_policy(std::string id, std::string_view value) {
  CreatePukPolicy request;
  request.provisioning_handle = handle_;
  request.id.value = std::move(id);
  request.puk_value = encrypt(value);
  request.format = static_cast<std::uint8_t>(PassphraseFormat::kNumeric);
  request.retry_limit = 3;
  return request;
}

CreatePinPolicy TestIssuer::pin_policy(std::string id, Handle puk) const {
  CreatePinPolicy request;
  request.provisioning_handle = handle_;
  request.id.value = std::move(id);
  request.puk_policy_handle = puk;
  request.user_defined = true;
  request.user_modifiable = true;
  request.format = static_cast<std::uint8_t>(PassphraseFormat::kNumeric);
  request.retry_limit = 3;
  request.min_length = 4;
  request.max_length = 8;
  return request;
}

CreateKeyPair TestIssuer::key_pair(std::string id, Handle pin_policy, std::string_view pin) const {
  CreateKeyPair request;
  request.provisioning_handle = handle_;
  request.attestation_algorithm = uri::kKeyAttestation1;
  request.id.value = std::move(id);
  request.pin_policy_handle = pin_policy;
  request.pin_value = SecretBytes::copy_of(bytes_of(pin));
  request.key_usage = static_cast<std::uint8_t>(KeyUsage::kAuthentication);
  request.key_algorithm = EccKeySpec{std::string(uri::kP256)};
  return request;
}

SetCertificatePath TestIssuer::certificate_path(std::string_view id, const CreateKeyPair::Response& key) {
  SetCertificatePath request;
  request.provisioning_handle = handle_;
  request.key_handle = key.key_handle;
  request.x509_certificates = {ca_.certify(crypto::PublicKey::from_spki(key.generated_public_key).value()).der(), ca_.root().der()};
  request.mac =
      mac("setCertificatePath", {key.generated_public_key, bytes_of(id), request.x509_certificates[0], request.x509_certificates[1]});
  return request;
}

CloseProvisioningSession TestIssuer::close() {
  CloseProvisioningSession request;
  request.provisioning_handle = handle_;
  request.mac = mac("closeProvisioningSession",
                    {bytes_of(parameters_.client_session_id), bytes_of(parameters_.server_session_id), bytes_of(parameters_.issuer_uri)});
  return request;
}

CreateKeyPair::Response TestIssuer::provision(const CreateKeyPair& request) {
  const auto key = sks::call(store_, request).value();
  EXPECT_TRUE(sks::call(store_, certificate_path(request.id.value, key)).has_value());
  EXPECT_TRUE(sks::call(store_, close()).has_value());
  return key;
}

CertifiedKey TestIssuer::certified(const CreateKeyPair& request) {
  const auto key = sks::call(store_, request).value();
  const SetCertificatePath path = certificate_path(request.id.value, key);
  EXPECT_TRUE(sks::call(store_, path).has_value());
  return {request.id.value, key.key_handle, key.generated_public_key, path.x509_certificates.front()};
}

SetSymmetricKey TestIssuer::symmetric_key(const CertifiedKey& key, ByteView secret, const std::vector<std::string_view>& algorithms) {
  SetSymmetricKey request{handle_, key.handle, encrypt(secret, "setSymmetricKey"), {}, {}};
  std::vector<MacInput> data = {ByteView(key.certificate), secret};
  for (const std::string_view algorithm : algorithms) {
    request.endorsed_algorithms.push_back(to_bytes(algorithm));
    data.push_back(MacInput::text(algorithm));
  }
  request.mac = mac("setSymmetricKey", data);
  return request;
}

RestorePrivateKey TestIssuer::private_key(const CertifiedKey& key, ByteView pkcs8) {
  RestorePrivateKey request{handle_, key.handle, encrypt(pkcs8, "restorePrivateKey"), {}};
  request.mac = mac("restorePrivateKey", {key.certificate, pkcs8});
  return request;
}

AddExtensionData TestIssuer::extension(const CertifiedKey& key, ExtensionBaseType base_type, std::string_view type, ByteView data,
                                       std::string_view qualifier) {
  const bool encrypted = base_type == ExtensionBaseType::kEncryptedExtension;
  AddExtensionData request;
  request.provisioning_handle = handle_;
  request.key_handle = key.handle;
  request.base_type = static_cast<std::uint8_t>(base_type);
  request.qualifier = to_bytes(qualifier);
  request.extension_data.value = encrypted ? encrypt(data, "addExtensionData") : to_bytes(data);
  request.extension_type = to_bytes(type);
  request.mac = mac("addExtensionData", std::vector<MacInput>{ByteView(key.certificate), MacInput::byte(request.base_type),
                                                              MacInput::text(qualifier), MacInput::blob(data), MacInput::text(type)});
  return request;
}

PostProvisioningDeleteKey TestIssuer::delete_key(const TestIssuer& original, const CertifiedKey& target) {
  const auto proof = post_provisioning_mac(original.keys(), target.certificate);
  return {handle_, target.handle, mac("postProvisioningDeleteKey", {proof})};
}

PostProvisioningUpdateKey TestIssuer::update_key(const CertifiedKey& key, const TestIssuer& original, const CertifiedKey& target) {
  const auto proof = post_provisioning_mac(original.keys(), target.certificate);
  return {handle_, key.handle, target.handle, mac("postProvisioningUpdateKey", {proof, key.certificate})};
}

}  // namespace airtight::sks::testing
