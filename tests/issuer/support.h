// An issuer in a folder of its own, makers of devices, and a scripted device that answers the issuer as a key store and its agent would.
// Every answer comes as a struct that a test may spoil before it is sent.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "crypto/random.h"
#include "http/message.h"
#include "issuer/init.h"
#include "issuer/issuer.h"
#include "issuer/server.h"
#include "keygen2/messages.h"
#include "sks/session_security.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"
#include "xml/schema.h"

namespace airtight::issuer::testing {

using tests::must;

class FakeClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return now_; }
  void pass(std::chrono::milliseconds span) { now_ = now_.plus(span); }

 private:
  Instant now_{1268911409000};
};

// A maker with a root, a device class, and devices.
struct Maker {
  Maker();
  crypto::PrivateKey root_key;
  crypto::Certificate root;
  crypto::PrivateKey class_key;
  crypto::Certificate device_class;
};

struct Device {
  explicit Device(const Maker& maker);
  crypto::PrivateKey key;
  std::vector<crypto::Certificate> path;  // device and class
};

inline constexpr std::string_view kBaseUrl = "https://issuer.example.com";

struct IssuerSetup {
  std::function<std::string(const crypto::Certificate& maker_root)> configuration = {};  // issuer.toml; empty: what init writes
  bool tls = true;
  SendMail send_mail = {};
};

class TestIssuer {
 public:
  explicit TestIssuer(const IssuerSetup& setup = {});

  // What a restart does: everything is opened again from the folder.
  void restart();

  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }
  [[nodiscard]] Issuer& issuer() { return *issuer_; }
  [[nodiscard]] IssuerService& service() { return *service_; }
  [[nodiscard]] const Maker& maker() const { return maker_; }
  [[nodiscard]] FakeClock& clock() { return clock_; }
  [[nodiscard]] const std::optional<crypto::Sha256Value>& tls_fingerprint() const { return fingerprint_; }
  [[nodiscard]] std::string url(std::string_view profile = "default") { return must(issuer_->make_url(profile, "CN=Jane Doe,C=SE")); }
  // A service of another node on the same folder.
  [[nodiscard]] std::unique_ptr<IssuerService> another_service();

  // The one session there is.
  [[nodiscard]] SessionSummary session();

 private:
  tests::TemporaryFolder folder_;
  FakeClock clock_;
  crypto::SystemRandom random_;
  Log log_ = Log::silent();
  Maker maker_;
  std::optional<crypto::Sha256Value> fingerprint_;
  SendMail send_mail_;
  std::unique_ptr<Issuer> issuer_;
  std::unique_ptr<IssuerService> service_;
};

// The device's side of one session.
class Client {
 public:
  Client(TestIssuer& issuer, const Device& device);

  http::Response get(std::string_view url);
  http::Response post(ByteView body, std::string_view media_type = keygen2::kMediaType);
  http::Response send(const keygen2::Message& message);
  // With the session's cookie replaced or left out (empty).
  void set_cookie(std::string cookie) { cookie_ = std::move(cookie); }
  [[nodiscard]] const std::string& cookie() const { return cookie_; }
  // From here on no HTTP cookie is sent.
  void carry_by_hand() { by_hand_ = true; }
  // What proves who the client is, with each request.
  void set_authorization(std::string text) { authorization_ = std::move(text); }
  void set_certificate(const crypto::Certificate& certificate) { certificate_ = certificate.der(); }
  void set_peer(std::string address) { peer_ = std::move(address); }
  void set_submit_url(std::string url) { submit_url_ = std::move(url); }

  // The request that came last, as a message.
  template <typename T>
  [[nodiscard]] const T& request() const {
    return std::get<T>(last_->message);
  }
  [[nodiscard]] bool has_request() const { return last_.has_value(); }

  // What a proper device answers to the request that came last.
  [[nodiscard]] keygen2::PlatformNegotiationResponse negotiation_response() const;
  [[nodiscard]] keygen2::ProvisioningSessionResponse session_response();
  [[nodiscard]] keygen2::KeyInitializationResponse keys_response();
  [[nodiscard]] keygen2::CredentialDeploymentResponse deployment_response();
  [[nodiscard]] keygen2::CredentialDiscoveryResponse discovery_response() const;
  [[nodiscard]] keygen2::ClientErrorResponse error_response(keygen2::ClientError error) const;

  // The session response with its signature by the session key.
  [[nodiscard]] Bytes sign(const keygen2::ProvisioningSessionResponse& response) const;
  // SessionAttestation of `response` as it is now, by the device or another signer.
  [[nodiscard]] Bytes attest_session(const keygen2::ProvisioningSessionResponse& response, const crypto::PrivateKey& signer) const;
  // KeyAttestation for `key` of the request as `spoil` changes it.
  [[nodiscard]] Bytes attest_key(
      const keygen2::RequestedKey& asked, const crypto::PublicKey& key,
      const std::function<void(sks::AttestedKey&, sks::PinProtection&, std::optional<sks::AttestedPuk>&)>& spoil = {}) const;

  // Goes through the session up to and including the answer to the request of the state.
  http::Response negotiate() { return send(negotiation_response()); }
  http::Response create_session();
  http::Response discover() { return send(discovery_response()); }
  http::Response make_keys() { return send(keys_response()); }
  http::Response deploy() { return send(deployment_response()); }
  // Begins with `url` and takes `steps` of the four answers; the last response.
  http::Response run(std::string_view url, int steps = 4);

  [[nodiscard]] const SecretBytes& session_key() const { return session_key_; }
  [[nodiscard]] const std::string& server_session_id() const { return server_session_id_; }
  [[nodiscard]] const std::string& client_session_id() const { return client_session_id_; }

  // What the device got: the session whose keys it has from before, and what is in them.
  void remember(const Client& earlier) { earlier_ = &earlier; }
  [[nodiscard]] const std::map<std::string, std::string>& extensions() const { return extensions_; }  // of all keys, by type
  [[nodiscard]] const SecretBytes& imported() const { return imported_; }
  [[nodiscard]] const crypto::Certificate& certificate(const std::string& key_id) const { return certificates_.at(key_id); }

 private:
  [[nodiscard]] keygen2::ServerCookie cookie_to_return() const;
  void check_mac(std::string_view method, const std::vector<ByteView>& data, ByteView mac);
  void check_certified(const keygen2::CertifiedPublicKey& key);
  void check_extension(const crypto::Certificate& certificate, const keygen2::ExtensionObject& object);
  void check_target(std::string_view method, const keygen2::TargetKey& target, const crypto::Certificate* new_certificate);

  http::Response exchange(http::Request request);
  [[nodiscard]] sks::SessionParameters parameters(const keygen2::ProvisioningSessionResponse& response) const;

  TestIssuer& issuer_;
  const Device& device_;
  std::string cookie_;
  bool by_hand_ = false;
  std::string authorization_;
  std::string peer_ = "test";
  std::optional<Bytes> certificate_;
  std::string submit_url_;
  std::optional<keygen2::Received> last_;
  std::optional<keygen2::ProvisioningSessionRequest> session_request_;
  std::string server_session_id_;
  std::string client_session_id_;
  SecretBytes session_key_;
  std::map<std::string, crypto::PublicKey> keys_;
  std::map<std::string, crypto::Certificate> certificates_;
  std::map<std::string, std::string> extensions_;
  SecretBytes imported_;
  std::uint16_t mac_counter_ = 0;
  const Client* earlier_ = nullptr;
};

// keygen2.xsd, compiled once.
[[nodiscard]] const xml::Schema& schema();

[[nodiscard]] std::string text(const http::Response& response);

// The id of a refusal: `response` as problem+json.
[[nodiscard]] std::string refusal_id(const http::Response& response);

// One profile in TOML: a P-256 key with PIN and PUK, an RSA key with PIN alone, a P-256 key without PIN; devices of `root` alone.
[[nodiscard]] std::string three_keys_configuration(const crypto::Certificate& root);

}  // namespace airtight::issuer::testing
