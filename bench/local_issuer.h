// The issuer's side of provisioning, without a protocol: puts certified keys into a key store as fast as that takes them.
#pragma once

#include <string>
#include <vector>

#include "base/algorithms.h"
#include "bench/measure.h"
#include "crypto/certificate_builder.h"
#include "crypto/random.h"
#include "sks/key_store.h"
#include "sks/session_security.h"

namespace airtight::bench {

// Makes a device and fills an empty database with it; its certificate.
inline Bytes create_device(storage::Database& database, const sealing::MasterKey& master_key, RandomSource& random) {
  const auto key = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  crypto::CertificateContent content;
  content.serial = Bytes(8, std::byte{1});
  content.subject_der = content.issuer_der = must(crypto::name_from_text("CN=Device"));
  content.not_after = Instant{4102444800000};
  content.spki = key.public_key().spki();
  const auto certificate = must(crypto::sign_certificate(content, key));
  must(sks::KeyStore::create(database, master_key, {"Example", "Bench", {certificate}, {}}, key, random));
  return certificate.der();
}

class LocalIssuer {
 public:
  LocalIssuer(sks::Channel& store, ByteView device_certificate) : store_(store), device_(to_bytes(device_certificate)) {}

  // Opens a session; `limit` uses of its key.
  void open(std::uint16_t limit = 65535) {
    sks::CreateProvisioningSession request;
    request.session_key_algorithm = uri::kSessionKey1;
    request.server_session_id.value = "S-bench";
    request.server_ephemeral_key = ephemeral_.public_key().spki();
    request.issuer_uri = to_bytes("https://issuer.example.com/bench");
    request.session_life_time = 1000000;
    request.session_key_limit = limit;
    const auto response = must(sks::call(store_, request));
    handle_ = response.provisioning_handle;
    client_id_ = response.client_session_id.value;
    sks::SessionParameters parameters;
    parameters.client_session_id = client_id_;
    parameters.server_session_id = "S-bench";
    parameters.issuer_uri = "https://issuer.example.com/bench";
    const auto peer = must(crypto::PublicKey::from_spki(response.client_ephemeral_key));
    const SecretBytes z = must(ephemeral_.agree(peer));
    session_key_ = sks::derive_session_key(z, parameters, device_);
    counter_ = 0;
    made_ = 0;
  }

  // A PUK policy: 0123456789, three errors.
  sks::Handle puk_policy() {
    sks::CreatePukPolicy request;
    request.provisioning_handle = handle_;
    request.id.value = "PUK.1";
    request.puk_value = sks::encrypt(session_key_, bytes_of("0123456789"), random_);
    request.retry_limit = 3;
    return must(sks::call(store_, request)).puk_policy_handle;
  }

  // A PIN policy for user-defined PINs: 4 to 8 digits, three errors.
  sks::Handle pin_policy(sks::Handle puk_policy = 0) {
    sks::CreatePinPolicy request;
    request.provisioning_handle = handle_;
    request.id.value = "PIN.1";
    request.puk_policy_handle = puk_policy;
    request.user_defined = true;
    request.user_modifiable = true;
    request.retry_limit = 3;
    request.min_length = 4;
    request.max_length = 8;
    return must(sks::call(store_, request)).pin_policy_handle;
  }

  sks::CreateKeyPair::Response create(std::variant<sks::RsaKeySpec, sks::EccKeySpec> spec, sks::Handle pin_policy = 0) {
    sks::CreateKeyPair request;
    request.provisioning_handle = handle_;
    request.attestation_algorithm = uri::kKeyAttestation1;
    request.id.value = id_of(made_++);
    request.pin_policy_handle = pin_policy;
    if (pin_policy != 0) request.pin_value = SecretBytes::copy_of(bytes_of("1357"));
    request.key_usage = static_cast<std::uint8_t>(KeyUsage::kAuthentication);
    request.key_algorithm = std::move(spec);
    return must(sks::call(store_, request));
  }

  // Certifies the key that was made last; returns its certificate.
  Bytes certify(const sks::CreateKeyPair::Response& key) {
    crypto::CertificateContent content;
    content.serial = big_endian(++serial_ | 0x4000000000000000U, 8);
    content.subject_der = must(crypto::name_from_text("CN=User " + std::to_string(serial_) + ",O=Example,C=SE"));
    content.issuer_der = must(crypto::name_from_text("CN=Bench CA,O=Example,C=SE"));
    content.not_before = Instant{1700000000000};
    content.not_after = Instant{4102444800000};
    content.spki = key.generated_public_key;
    const Bytes certificate = must(crypto::sign_certificate(content, ca_)).der();
    sks::SetCertificatePath request;
    request.provisioning_handle = handle_;
    request.key_handle = key.key_handle;
    request.x509_certificates = {certificate};
    const std::string id = id_of(made_ - 1);
    request.mac = sks::method_mac("setCertificatePath", session_key_, counter_++, {key.generated_public_key, bytes_of(id), certificate});
    static_cast<void>(must(sks::call(store_, request)));
    return certificate;
  }

  [[nodiscard]] sks::CloseProvisioningSession closing() {
    sks::CloseProvisioningSession request;
    request.provisioning_handle = handle_;
    request.mac = sks::method_mac("closeProvisioningSession", session_key_, counter_++,
                                  {bytes_of(client_id_), bytes_of("S-bench"), bytes_of("https://issuer.example.com/bench")});
    return request;
  }
  void close() { static_cast<void>(must(sks::call(store_, closing()))); }

  [[nodiscard]] static sks::EccKeySpec p256() { return {std::string(uri::kP256)}; }
  [[nodiscard]] static sks::RsaKeySpec rsa(std::uint16_t bits) { return {bits, 0}; }

 private:
  [[nodiscard]] static std::string id_of(unsigned number) { return "Key." + std::to_string(number + 1); }

  sks::Channel& store_;
  Bytes device_;
  crypto::PrivateKey ephemeral_ = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  crypto::PrivateKey ca_ = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  crypto::SystemRandom random_;
  SecretBytes session_key_;
  sks::Handle handle_ = 0;
  std::string client_id_;
  std::uint16_t counter_ = 0;
  unsigned made_ = 0;
  std::uint64_t serial_ = 0;
};

}  // namespace airtight::bench
