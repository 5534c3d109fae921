// A key store in memory for tests: a device with its certificate, a clock that the test sets, and the issuer's side of a session computed
// independently of the store.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/algorithms.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "crypto/random.h"
#include "sks/client.h"
#include "sks/key_store.h"
#include "sks/session_security.h"

namespace airtight::sks::testing {

class FakeClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  void set(Instant instant) { now_ = instant; }
  void pass(std::chrono::milliseconds span) { now_ = now_.plus(span); }

 private:
  Instant now_{1268911409000};
};

// A self-made hierarchy: an issuer's CA that certifies whatever key it is given.
class TestCa {
 public:
  TestCa();
  [[nodiscard]] const crypto::Certificate& root() const { return root_; }
  [[nodiscard]] crypto::Certificate certify(const crypto::PublicKey& key, std::string_view common_name = "User") const;

 private:
  crypto::PrivateKey key_;
  crypto::Certificate root_;
};

// Notes how long it should have waited.
class FakePause final : public Pause {
 public:
  void wait(std::chrono::milliseconds span) override {
    waited.push_back(span);
    if (meanwhile) std::exchange(meanwhile, {})();
  }
  std::vector<std::chrono::milliseconds> waited;
  std::function<void()> meanwhile;  // happens once, while somebody waits
};

struct DeviceOptions {
  KeyAlgorithmType attestation = KeyAlgorithmType::kEcc;
  StoreOptions store = {};
  Approver* approver = nullptr;
  RollbackAnchor* anchor = nullptr;
  std::filesystem::path file = {};  // of its database; in memory without one
};

class TestDevice {
 public:
  explicit TestDevice(DeviceOptions options = {});
  explicit TestDevice(KeyAlgorithmType attestation) : TestDevice(DeviceOptions{.attestation = attestation}) {}

  [[nodiscard]] KeyStore& store() { return *store_; }
  [[nodiscard]] FakeClock& clock() { return clock_; }
  [[nodiscard]] FakePause& pause() { return pause_; }
  // Stops the store and opens it again, as a restart does; it has to have a file.
  void reopen();
  void close() { store_.reset(); }
  [[nodiscard]] Result<std::unique_ptr<KeyStore>> open() const;  // while it is closed
  [[nodiscard]] const sealing::MasterKey& master_key() const { return master_key_; }
  [[nodiscard]] Platform platform() const { return {clock_, random_, pause_, options_.approver, options_.anchor}; }
  [[nodiscard]] const crypto::Certificate& certificate() const { return certificate_; }
  [[nodiscard]] const TestCa& maker() const { return maker_; }

  template <typename Request>
  [[nodiscard]] Result<typename Request::Response> call(const Request& request) {
    return sks::call(*store_, request);
  }
  // Raw bytes in and out.
  [[nodiscard]] Bytes exchange(ByteView request);

 private:
  DeviceOptions options_;
  FakeClock clock_;
  mutable crypto::SystemRandom random_;
  mutable FakePause pause_;
  sealing::MasterKey master_key_{random_.secret(32)};
  TestCa maker_;
  crypto::PrivateKey attestation_key_;
  crypto::Certificate certificate_;
  std::unique_ptr<KeyStore> store_;
};

struct SessionOptions {
  bool updatable = false;
  std::uint32_t life_time = 10000;
  std::uint16_t key_limit = 50;
  std::string issuer_uri = "https://issuer.example.com/provsess";
  std::string server_session_id = "S-fedcba9876543210fedcba98765432";
  SessionAlgorithm algorithm = SessionAlgorithm::kSk1;
};

// A key as its issuer knows it once it has certified it.
struct CertifiedKey {
  std::string id;
  Handle handle = 0;
  Bytes public_key;   // as generated
  Bytes certificate;  // end-entity
};

// The issuer's side of one open session.
class TestIssuer {
 public:
  explicit TestIssuer(TestDevice& device, SessionOptions options = {})
      : TestIssuer(device.store(), device.certificate(), std::move(options)) {}
  // With any key store, whose device certificate is `device`.
  TestIssuer(Channel& store, const crypto::Certificate& device, SessionOptions options = {});

  [[nodiscard]] Handle handle() const { return handle_; }
  [[nodiscard]] const SecretBytes& session_key() const { return key_; }
  [[nodiscard]] const SessionParameters& parameters() const { return parameters_; }

  [[nodiscard]] SessionKey keys() const { return {key_, algorithm_}; }

  [[nodiscard]] Bytes encrypt(std::string_view plain, std::string_view method = "createPUKPolicy");
  [[nodiscard]] Bytes encrypt(ByteView plain, std::string_view method);
  [[nodiscard]] Bytes32 mac(std::string_view method, std::initializer_list<ByteView> data);  // and counts
  [[nodiscard]] Bytes32 mac(std::string_view method, const std::vector<MacInput>& data);     // and counts
  void step_back() { --mac_counter_; }  // a request that was made does not count: it is not sent, or made again

  // Requests with sensible values, ready to be made wrong by a test.
  [[nodiscard]] CreatePukPolicy puk_policy(std::string id = "PUK.1", std::string_view value = "0123456789");
  [[nodiscard]] CreatePinPolicy pin_policy(std::string id = "PIN.1", Handle puk = 0) const;
  [[nodiscard]] CreateKeyPair key_pair(std::string id = "Key.1", Handle pin_policy = 0, std::string_view pin = "") const;
  [[nodiscard]] SetCertificatePath certificate_path(std::string_view id, const CreateKeyPair::Response& key);
  [[nodiscard]] CloseProvisioningSession close();
  // One key, certified, session closed.
  CreateKeyPair::Response provision(const CreateKeyPair& request);
  // One key, made and certified; the session goes on.
  CertifiedKey certified(const CreateKeyPair& request);

  // What can be done with a certified key.
  [[nodiscard]] SetSymmetricKey symmetric_key(const CertifiedKey& key, ByteView secret, const std::vector<std::string_view>& algorithms);
  [[nodiscard]] RestorePrivateKey private_key(const CertifiedKey& key, ByteView pkcs8);
  [[nodiscard]] AddExtensionData extension(const CertifiedKey& key, ExtensionBaseType base_type, std::string_view type, ByteView data,
                                           std::string_view qualifier = "");
  // `original` issued `target` in the session that owns it now.
  [[nodiscard]] PostProvisioningDeleteKey delete_key(const TestIssuer& original, const CertifiedKey& target);
  [[nodiscard]] PostProvisioningUpdateKey update_key(const CertifiedKey& key, const TestIssuer& original, const CertifiedKey& target);
  // A certificate for any key, by this issuer's CA.
  [[nodiscard]] const TestCa& ca() const { return ca_; }

 private:
  Channel& store_;
  TestCa ca_;
  crypto::SystemRandom random_;
  SessionParameters parameters_;
  SecretBytes key_;
  SessionAlgorithm algorithm_ = SessionAlgorithm::kSk1;
  Handle handle_ = 0;
  std::uint16_t mac_counter_ = 0;
};

// The status of a result: kOk if it has a value.
template <typename T>
[[nodiscard]] Status status(const Result<T>& result) {
  return result ? Status::kOk : status_of(result.error());
}

}  // namespace airtight::sks::testing
