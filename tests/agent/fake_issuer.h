// An issuer in memory for tests of the agent: it answers HTTP requests without a socket, follows KeyGen2 and SKS exactly, and can be told
// to misbehave in one place.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crypto/random.h"
#include "http/client.h"
#include "keygen2/messages.h"
#include "sks/session_security.h"
#include "tests/agent/fake_ca.h"
#include "tests/sks/device.h"

namespace airtight::agent::testing {

// What the issuer was sent.
struct Sent {
  std::string method;
  http::Url url;
  std::string cookies;
  std::string content_type;
};

// A credential as its issuer keeps it.
struct IssuedKey {
  std::string id;
  std::string client_session_id;
  std::string server_session_id;
  Bytes session_key;
  crypto::Certificate certificate;

  [[nodiscard]] keygen2::TargetKey as_target() const {
    return {.client_session_id = client_session_id,
            .server_session_id = server_session_id,
            .certificate_fingerprint = to_bytes(certificate.sha256()),
            .mac = {}};
  }
};

// What a key gets beside its certificate; all of it in clear.
struct Extras {
  Particulars particulars = {};
  Bytes symmetric_key = {};
  std::vector<std::string> endorsed_algorithms = {};
  std::optional<crypto::PrivateKey> restored_key = {};
  std::vector<keygen2::ExtensionObject> extensions = {};
  std::optional<IssuedKey> updates = {};
};

class FakeIssuer final : public http::Client {
 public:
  FakeIssuer();

  static constexpr const char* kStartUrl = "https://issuer.example.com/enrol/7Hq2";
  static constexpr const char* kSubmitUrl = "https://issuer.example.com/submit";
  static constexpr const char* kAbortUrl = "https://issuer.example.com/abort";
  static constexpr const char* kResumeUrl = "https://issuer.example.com/resume/9xTw";
  static constexpr const char* kServerSessionId = "S-0123456789abcdef0123456789abcd";

  [[nodiscard]] Result<http::Exchange> send(const http::Url& url, http::Request request) override;
  // The same by files: its first request, and its request after `response` (empty after the last).
  [[nodiscard]] Bytes first_file();
  [[nodiscard]] Bytes next_file(ByteView response);

  // How it behaves.
  std::string server_session_id = kServerSessionId;
  std::vector<keygen2::CreateObject> objects;     // what KeyInitializationRequest asks for; PUK values are in clear and encrypted when sent
  std::vector<keygen2::LookupSpecifier> lookups;  // not empty: it looks for keys first; nonces are filled in
  std::map<std::string, Extras> extras;           // by key ID
  std::vector<IssuedKey> deletes;
  bool updatable = false;
  std::uint32_t session_life_time = 10000;
  bool signs_requests = false;
  bool defers_certification = false;
  bool certificates_ready = false;  // at the resume URL
  keygen2::BasicCapabilities asked_capabilities;
  std::optional<crypto::Certificate> tls_certificate;                          // absent: plain HTTP
  std::function<void(keygen2::Message&)> change_message;                       // before it is written and signed
  std::function<void(keygen2::MessageKind, xml::Document&)> change_document;   // after it was signed
  std::function<void(const http::Request&, http::Exchange&)> change_exchange;  // last of all

  // What it saw.
  std::vector<Sent> sent;
  std::vector<keygen2::MessageKind> received;
  std::optional<keygen2::ClientErrorResponse> error;
  std::optional<keygen2::BasicCapabilities> supported;
  std::optional<keygen2::ProvisioningSessionResponse> session_response;
  std::optional<keygen2::CredentialDiscoveryResponse> discovered;
  std::vector<keygen2::GeneratedPublicKey> keys;
  std::vector<IssuedKey> issued;  // of all confirmed sessions
  bool session_signature_verified = false;
  bool close_attestation_verified = false;
  [[nodiscard]] bool was_fetched(const std::string& url) const;
  [[nodiscard]] const FakeCa& ca() const { return ca_; }
  [[nodiscard]] const crypto::Certificate& signer() const { return signer_certificate_; }
  [[nodiscard]] Result<SecretBytes> decrypt(ByteView encrypted) const { return sks::decrypt(session_key_, encrypted); }

  // A key under a PIN that the user chooses, under a PUK, as objects has it by default.
  [[nodiscard]] static keygen2::PinPolicyRequest pin_policy(std::string id = "PIN.1");
  [[nodiscard]] static keygen2::KeyPairRequest key(std::string id = "Key.1", KeyUsage usage = KeyUsage::kSignature);

 private:
  [[nodiscard]] Result<http::Exchange> answer(const http::Request& request);
  [[nodiscard]] Result<http::Exchange> answer_message(const xml::Document& document, keygen2::Message& message);
  [[nodiscard]] Result<http::Exchange> reply(keygen2::Message message);
  [[nodiscard]] Result<http::Exchange> reply_with_keys();
  [[nodiscard]] http::Exchange page(int status) const;
  [[nodiscard]] keygen2::PlatformNegotiationRequest negotiation_request() const;
  [[nodiscard]] keygen2::ProvisioningSessionRequest session_request() const;
  [[nodiscard]] keygen2::CredentialDiscoveryRequest discovery_request() const;
  [[nodiscard]] keygen2::KeyInitializationRequest key_request();
  void accept_session(const xml::Document& document, keygen2::ProvisioningSessionResponse& response);

  // fake_deployment.cc
  [[nodiscard]] keygen2::CredentialDeploymentRequest deployment_request();
  [[nodiscard]] keygen2::CertifiedPublicKey certified(const keygen2::GeneratedPublicKey& key);
  [[nodiscard]] keygen2::CertifiedPublicKey::Import import_of(const Extras& extra, ByteView certificate);
  void protect(keygen2::ExtensionObject& object, ByteView certificate);
  [[nodiscard]] keygen2::TargetKey target(const IssuedKey& key, std::string_view method, ByteView new_certificate);
  [[nodiscard]] Bytes mac(std::string_view method, std::initializer_list<ByteView> data);

  xml::Schema schema_;
  crypto::SystemRandom random_;
  FakeCa ca_;
  crypto::PrivateKey ephemeral_;
  crypto::PrivateKey signer_;
  crypto::Certificate signer_certificate_;
  SecretBytes session_key_;
  std::string client_session_id_;
  std::vector<IssuedKey> unconfirmed_;
  std::uint16_t mac_counter_ = 0;
};

// A handler for change_message that sees messages of one type alone.
template <typename Wanted>
[[nodiscard]] std::function<void(keygen2::Message&)> changing(std::function<void(Wanted&)> change) {
  return [change = std::move(change)](keygen2::Message& message) {
    if (auto* wanted = std::get_if<Wanted>(&message)) change(*wanted);
  };
}

}  // namespace airtight::agent::testing
