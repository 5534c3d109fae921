#include "tests/issuer/support.h"

#include <boost/json.hpp>
#include <stdexcept>

#include "base/algorithms.h"
#include "crypto/certificate_builder.h"
#include "storage/files.h"
#include "xml/signature.h"

namespace airtight::issuer::testing {
namespace {

constexpr Instant kBirth{1262304000000};
constexpr Instant kEnd{4102444800000};

crypto::PrivateKey new_ec_key(crypto::Curve curve = crypto::Curve::kP256) {
  return must(crypto::PrivateKey::generate(crypto::EcSpec{curve}));
}

crypto::Certificate certify(const crypto::PublicKey& key, std::string_view subject, std::string_view issuer,
                            const crypto::PrivateKey& issuer_key, bool ca) {
  crypto::SystemRandom random;
  crypto::CertificateContent content;
  content.serial = random.bytes(8);
  content.serial[0] = std::byte{1};
  content.subject_der = must(crypto::name_from_text(subject));
  content.issuer_der = must(crypto::name_from_text(issuer));
  content.not_before = kBirth;
  content.not_after = kEnd;
  content.spki = key.spki();
  content.ca = ca;
  content.key_usage = ca ? 0x0600 : 0x8000;
  return must(crypto::sign_certificate(content, issuer_key));
}

constexpr std::string_view kRootName = "CN=Maker Root,O=Example Cards";
constexpr std::string_view kClassName = "CN=Card One,O=Example Cards";

// An RSA key is made once: tests look at what is said about it, not at its making.
const crypto::PrivateKey& rsa_key() {
  static const crypto::PrivateKey key = must(crypto::PrivateKey::generate(crypto::RsaSpec{2048}));
  return key;
}

crypto::PrivateKey key_as_asked(const keygen2::KeyPairRequest& request) {
  if (const auto* ec = std::get_if<keygen2::KeyPairRequest::Ec>(&request.algorithm))
    return new_ec_key(*crypto::curve_of_uri(ec->named_curve));
  return rsa_key();
}

std::string cookie_of(const http::Response& response) {
  const auto field = response.headers.get("Set-Cookie");
  return field ? std::string(field->substr(0, field->find(';'))) : std::string();
}

}  // namespace

Maker::Maker()
    : root_key(new_ec_key()),
      root(certify(root_key.public_key(), kRootName, kRootName, root_key, true)),
      class_key(new_ec_key()),
      device_class(certify(class_key.public_key(), kClassName, kRootName, root_key, true)) {}

Device::Device(const Maker& maker)
    : key(new_ec_key()),
      path{certify(key.public_key(), "CN=Device,serialNumber=0001,O=Example Cards", kClassName, maker.class_key, false),
           maker.device_class} {}

TestIssuer::TestIssuer(const IssuerSetup& setup) {
  const tests::TemporaryFolder makers;
  const std::filesystem::path root = makers / "root.pem";
  must(storage::write_file(root, bytes_of(crypto::to_pem(maker_.root)), storage::FileMode::kPublic));
  InitOptions options;
  options.organization = "Example Bank";
  options.accepted = {{"vendor", root}};
  must(init_issuer(path(), options, clock_, random_));
  if (setup.configuration) {
    must(storage::write_file(path() / "issuer.toml", bytes_of(setup.configuration(maker_.root)), storage::FileMode::kPrivate));
  }
  send_mail_ = setup.send_mail;
  if (setup.tls) fingerprint_ = crypto::sha256(bytes_of("the server's TLS certificate"));
  restart();
}

void TestIssuer::restart() {
  service_.reset();
  issuer_.reset();
  issuer_ = must(Issuer::open(path(), clock_, random_));
  must(issuer_->remember_base_url(kBaseUrl));
  service_ = another_service();
}

std::unique_ptr<IssuerService> TestIssuer::another_service() {
  return must(issuer_->make_service({std::string(kBaseUrl), fingerprint_, {}, send_mail_}, must(issuer_->unseal({})), log_));
}

SessionSummary TestIssuer::session() {
  const std::vector<SessionSummary> sessions = must(issuer_->sessions());
  if (sessions.size() != 1) throw std::runtime_error("there are " + std::to_string(sessions.size()) + " sessions");
  return sessions.front();
}

Client::Client(TestIssuer& issuer, const Device& device) : issuer_(issuer), device_(device) {}

http::Response Client::exchange(http::Request request) {
  request.headers.set("Accept", "application/xbpp+xml, application/problem+json");
  if (!cookie_.empty() && !by_hand_) request.headers.set("Cookie", cookie_);
  if (!authorization_.empty()) request.headers.set("Authorization", authorization_);
  request.client_certificate = certificate_;
  http::Response response = issuer_.service().handle(request);
  if (std::string cookie = cookie_of(response); !cookie.empty()) cookie_ = std::move(cookie);
  if (response.status != 200 || response.media_type() != keygen2::kMediaType) return response;
  last_ = must(keygen2::read_message(response.body, schema()));
  if (const auto* first = std::get_if<keygen2::PlatformNegotiationRequest>(&last_->message)) {
    server_session_id_ = first->id;
    submit_url_ = first->submit_url;
  }
  if (const auto* session = std::get_if<keygen2::ProvisioningSessionRequest>(&last_->message)) {
    session_request_ = keygen2::ProvisioningSessionRequest{session->id,
                                                           session->server_time,
                                                           session->session_life_time,
                                                           session->session_key_limit,
                                                           session->session_key_algorithm,
                                                           session->updatable,
                                                           session->submit_url,
                                                           session->server_ephemeral_key,
                                                           {}};
  }
  return response;
}

http::Response Client::get(std::string_view url) {
  return exchange({.method = "GET", .target = must(http::Url::parse(url)).target, .headers = {}, .body = {}, .peer = peer_});
}

http::Response Client::post(ByteView body, std::string_view media_type) {
  http::Request request{
      .method = "POST", .target = must(http::Url::parse(submit_url_)).target, .headers = {}, .body = to_bytes(body), .peer = peer_};
  request.headers.set("Content-Type", media_type);
  return exchange(std::move(request));
}

http::Response Client::send(const keygen2::Message& message) { return post(must(keygen2::write_message(message)).serialize()); }

keygen2::PlatformNegotiationResponse Client::negotiation_response() const {
  const auto& asked = request<keygen2::PlatformNegotiationRequest>();
  return {.server_session_id = asked.id, .capabilities = asked.capabilities, .server_cookie = cookie_to_return()};
}

sks::SessionParameters Client::parameters(const keygen2::ProvisioningSessionResponse& response) const {
  return {.client_session_id = response.id,
          .server_session_id = session_request_->id,
          .issuer_uri = session_request_->submit_url,
          .server_ephemeral_key = session_request_->server_ephemeral_key.spki(),
          .client_ephemeral_key = response.client_ephemeral_key.spki(),
          .updatable = session_request_->updatable,
          .client_time = response.client_time,
          .session_life_time = session_request_->session_life_time,
          .session_key_limit = session_request_->session_key_limit};
}

Bytes Client::attest_session(const keygen2::ProvisioningSessionResponse& response, const crypto::PrivateKey& signer) const {
  const auto data = sks::session_attestation_data(session_key_, parameters(response));
  return must(signer.sign(crypto::x509_scheme(signer.public_key().type()), crypto::Digest::kSha256, data));
}

keygen2::ProvisioningSessionResponse Client::session_response() {
  const auto& asked = request<keygen2::ProvisioningSessionRequest>();
  const crypto::PrivateKey ephemeral = new_ec_key();
  crypto::SystemRandom random;
  client_session_id_ = "C-" + std::string(28, '0') + std::to_string(10 + std::to_integer<int>(random.bytes(1)[0]) % 90);
  std::optional<Bytes> fingerprint;
  if (issuer_.tls_fingerprint()) fingerprint = to_bytes(*issuer_.tls_fingerprint());
  keygen2::ProvisioningSessionResponse response{.id = client_session_id_,
                                                .server_session_id = asked.id,
                                                .server_time = asked.server_time,
                                                .client_time = issuer_.clock().now().whole_seconds(),
                                                .session_attestation = {},
                                                .server_certificate_fingerprint = fingerprint,
                                                .client_ephemeral_key = ephemeral.public_key(),
                                                .device_certificate_path = device_.path,
                                                .server_cookie = cookie_to_return()};
  const SecretBytes z = must(ephemeral.agree(asked.server_ephemeral_key));
  session_key_ = sks::derive_session_key(z, parameters(response), device_.path.front().der());
  response.session_attestation = attest_session(response, device_.key);
  return response;
}

Bytes Client::sign(const keygen2::ProvisioningSessionResponse& response) const {
  const xml::Document document = must(keygen2::write_message(keygen2::ProvisioningSessionResponse{
      response.id, response.server_session_id, response.server_time, response.client_time, response.session_attestation,
      response.server_certificate_fingerprint, response.client_ephemeral_key, response.device_certificate_path, cookie_to_return()}));
  must(xml::sign_enveloped(
      document.root(), uri::kHmacSha256, {.key_name = std::string(keygen2::kSessionKeyName), .certificate = {}},
      [&](ByteView signed_info) -> Result<Bytes> { return to_bytes(sks::external_signature(session_key_, signed_info)); }));
  return document.serialize();
}

http::Response Client::create_session() { return post(sign(session_response())); }

Bytes Client::attest_key(const keygen2::RequestedKey& asked, const crypto::PublicKey& public_key,
                         const std::function<void(sks::AttestedKey&, sks::PinProtection&, std::optional<sks::AttestedPuk>&)>& spoil) const {
  const keygen2::KeyPairRequest& request = *asked.key;
  sks::AttestedKey key;
  key.id = request.id;
  key.issuer_seed = request.issuer_seed;
  key.public_key = public_key.spki();
  key.private_key_backup = request.private_key_backup;
  key.biometric_protection = request.biometric_protection;
  key.import_private_key = request.import_private_key;
  key.export_policy = request.export_policy;
  key.updatable = request.updatable.value_or(session_request_->updatable);
  key.delete_policy = request.delete_policy;
  key.enable_pin_caching = request.enable_pin_caching;
  key.key_usage = request.key_usage;
  key.friendly_name = request.friendly_name;
  sks::PinProtection protection = sks::NoPin();
  if (asked.device_pin) protection = sks::DevicePin();
  SecretBytes preset;
  if (asked.preset_pin != nullptr) preset = must(sks::decrypt(session_key_, asked.preset_pin->encrypted_value));
  if (const auto* pin = asked.pin_policy) {
    protection = sks::AttestedPin{pin->id,
                                  asked.preset_pin != nullptr ? &preset : nullptr,
                                  pin->is_user_modifiable(),
                                  pin->format,
                                  pin->retry_limit,
                                  pin->grouping,
                                  pin->pattern_restrictions,
                                  pin->min_length,
                                  pin->max_length,
                                  pin->input_method};
  }
  SecretBytes puk_value;
  std::optional<sks::AttestedPuk> puk;
  if (asked.puk_policy != nullptr) {
    puk_value = must(sks::decrypt(session_key_, asked.puk_policy->encrypted_value));
    puk = sks::AttestedPuk{asked.puk_policy->id, asked.puk_policy->retry_limit, &puk_value, asked.puk_policy->format};
  }
  if (spoil) spoil(key, protection, puk);
  return to_bytes(sks::key_attestation(session_key_, key, protection, puk));
}

keygen2::KeyInitializationResponse Client::keys_response() {
  const auto& asked = request<keygen2::KeyInitializationRequest>();
  keygen2::KeyInitializationResponse response{
      .id = client_session_id_, .server_session_id = asked.id, .keys = {}, .server_cookie = cookie_to_return()};
  for (const keygen2::RequestedKey& key : keygen2::requested_keys(asked)) {
    const crypto::PrivateKey private_key = key_as_asked(*key.key);
    const crypto::PublicKey made = private_key.public_key();
    keys_.insert_or_assign(key.key->id, made);
    std::optional<Bytes> backup;
    crypto::SystemRandom random;
    if (key.key->private_key_backup) backup = sks::encrypt(session_key_, must(private_key.pkcs8()).expose_secret(), random);
    response.keys.push_back({key.key->id, attest_key(key, made), made, backup});
  }
  return response;
}

keygen2::ServerCookie Client::cookie_to_return() const {
  return std::visit(
      []<typename M>(const M& message) -> keygen2::ServerCookie {
        if constexpr (requires { message.server_cookie; }) {
          if (message.server_cookie) return xml::Document::copy_of(message.server_cookie->root());
        }
        return {};
      },
      last_->message);
}

void Client::check_mac(std::string_view method, const std::vector<ByteView>& data, ByteView mac) {
  if (!equal(sks::method_mac(method, session_key_, mac_counter_++, std::span<const ByteView>(data)), mac))
    throw std::runtime_error("the MAC of " + std::string(method) + " is wrong");
}

void Client::check_extension(const crypto::Certificate& certificate, const keygen2::ExtensionObject& object) {
  ExtensionBaseType base = ExtensionBaseType::kPropertyBag;
  std::string qualifier;
  std::string type;
  Bytes data;
  ByteView mac;
  if (const auto* bag = std::get_if<keygen2::PropertyBag>(&object)) {
    type = bag->type;
    data = bag->canonical;
    mac = bag->mac;
  } else if (const auto* logotype = std::get_if<keygen2::Logotype>(&object)) {
    base = ExtensionBaseType::kLogotype;
    qualifier = logotype->mime_type;
    type = logotype->type;
    data = logotype->image;
    mac = logotype->mac;
  } else {
    const auto& extension = std::get<keygen2::Extension>(object);
    base = extension.encrypted ? ExtensionBaseType::kEncryptedExtension : ExtensionBaseType::kExtension;
    type = extension.type;
    data = extension.encrypted ? to_bytes(must(sks::decrypt(session_key_, extension.data)).expose_secret()) : extension.data;
    mac = extension.mac;
  }
  const Bytes base_type = {static_cast<std::byte>(base)};
  check_mac("addExtensionData", {certificate.der(), base_type, bytes_of(qualifier), data, bytes_of(type)}, mac);
  extensions_.insert_or_assign(type, to_text(data));
}

void Client::check_certified(const keygen2::CertifiedPublicKey& key) {
  std::vector<ByteView> data = {keys_.at(key.id).spki(), bytes_of(key.id)};
  for (const crypto::Certificate& certificate : key.certificate_path) data.emplace_back(certificate.der());
  check_mac("setCertificatePath", data, key.mac);
  const crypto::Certificate& certificate = key.certificate_path.front();
  certificates_.insert_or_assign(key.id, certificate);
  if (const auto* symmetric = std::get_if<keygen2::SymmetricKey>(&key.import)) {
    imported_ = must(sks::decrypt(session_key_, symmetric->encrypted_value));
    std::vector<ByteView> covered = {certificate.der(), imported_.expose_secret()};
    for (const std::string& algorithm : symmetric->endorsed_algorithms) covered.push_back(bytes_of(algorithm));
    check_mac("setSymmetricKey", covered, symmetric->mac);
  } else if (const auto* restored = std::get_if<keygen2::RestoredPrivateKey>(&key.import)) {
    imported_ = must(sks::decrypt(session_key_, restored->encrypted_value));
    check_mac("restorePrivateKey", {certificate.der(), imported_.expose_secret()}, restored->mac);
  }
  for (const keygen2::ExtensionObject& object : key.extensions) check_extension(certificate, object);
  if (key.update) check_target("postProvisioningUpdateKey", *key.update, &certificate);
}

void Client::check_target(std::string_view method, const keygen2::TargetKey& target, const crypto::Certificate* new_certificate) {
  if (earlier_ == nullptr) throw std::runtime_error("there is no earlier session");
  if (target.client_session_id != earlier_->client_session_id() || target.server_session_id != earlier_->server_session_id())
    throw std::runtime_error("the target belongs to another session");
  for (const auto& [id, certificate] : earlier_->certificates_) {
    if (!equal(certificate.sha256(), target.certificate_fingerprint)) continue;
    const auto proof = sks::post_provisioning_mac(earlier_->session_key(), certificate.der());
    std::vector<ByteView> data = {ByteView(proof)};
    if (new_certificate != nullptr) data.emplace_back(new_certificate->der());
    check_mac(method, data, target.mac);
    return;
  }
  throw std::runtime_error("there is no such target");
}

keygen2::CredentialDeploymentResponse Client::deployment_response() {
  const auto& asked = request<keygen2::CredentialDeploymentRequest>();
  mac_counter_ = 0;
  for (const keygen2::CertifiedPublicKey& key : asked.keys) check_certified(key);
  for (const keygen2::TargetKey& target : asked.delete_keys) check_target("postProvisioningDeleteKey", target, nullptr);
  check_mac("closeProvisioningSession",
            {bytes_of(client_session_id_), bytes_of(server_session_id_), bytes_of(session_request_->submit_url)}, asked.close_session_mac);
  return {.id = client_session_id_,
          .server_session_id = asked.id,
          .close_session_attestation = to_bytes(sks::close_attestation(session_key_, mac_counter_)),
          .server_cookie = cookie_to_return()};
}

keygen2::CredentialDiscoveryResponse Client::discovery_response() const {
  const auto& asked = request<keygen2::CredentialDiscoveryRequest>();
  const std::vector<crypto::Certificate> authorities = must(keygen2::verify_lookups(last_->document));
  keygen2::CredentialDiscoveryResponse response{client_session_id_, asked.id, {}, cookie_to_return()};
  for (std::size_t i = 0; i < asked.lookups.size(); ++i) {
    const keygen2::LookupSpecifier& lookup = asked.lookups[i];
    keygen2::LookupResult& result = response.results.emplace_back();
    result.id = lookup.id;
    if (earlier_ == nullptr) continue;
    for (const auto& [id, certificate] : earlier_->certificates_) {
      if (lookup.serial && *lookup.serial != keygen2::decimal_of(certificate.serial())) continue;
      if (!certificate.verify_issued_by(authorities[i])) continue;
      result.matches.push_back(
          {earlier_->client_session_id_, earlier_->server_session_id_, to_bytes(ByteView(certificate.sha256())), false});
    }
  }
  return response;
}

keygen2::ClientErrorResponse Client::error_response(keygen2::ClientError error) const {
  return {server_session_id_, error, "the user said no"};
}

http::Response Client::run(std::string_view url, int steps) {
  http::Response response = get(url);
  if (steps > 0 && response.status == 200) response = negotiate();
  if (steps > 1 && response.status == 200) response = create_session();
  if (steps > 2 && response.status == 200) response = make_keys();
  if (steps > 3 && response.status == 200) response = deploy();
  return response;
}

const xml::Schema& schema() {
  static const xml::Schema compiled = must(keygen2::compile_schema());
  return compiled;
}

std::string text(const http::Response& response) { return to_text(response.body); }

std::string refusal_id(const http::Response& response) {
  constexpr std::string_view kPrefix = "urn:airtight:issuer:";
  if (response.media_type() != "application/problem+json") return "not a refusal: " + std::to_string(response.status);
  const std::string type(boost::json::parse(text(response)).at("type").as_string());
  return type.substr(kPrefix.size());
}

std::string three_keys_configuration(const crypto::Certificate& root) {
  return std::string(R"(
[profiles.default]
session_life_time = 600
updatable = true
devices.accepted = [{ level = "vendor", certificate_pem = """)") +
         crypto::to_pem(root) + R"(""" }]

[[profiles.default.puk_policies]]
id = "PUK.1"
format = "alphanumeric"
length = 12
retry_limit = 0

[[profiles.default.pin_policies]]
id = "PIN.1"
puk_policy = "PUK.1"
format = "string"
min_length = 6
max_length = 20
retry_limit = 4
grouping = "unique"
pattern_restrictions = ["missing-group", "sequence"]
input_method = "trusted-gui"
user_modifiable = false

[[profiles.default.pin_policies]]
id = "PIN.2"
min_length = 4
max_length = 4
retry_limit = 3

[[profiles.default.keys]]
id = "Key.3"
usage = "encryption"
algorithm = "p-384"

[[profiles.default.keys]]
id = "Key.1"
pin_policy = "PIN.1"
usage = "signature"
algorithm = "p-256"
friendly_name = "Underskrift \u00e5\u00e4\u00f6"
export_policy = "puk"
delete_policy = "pin"
enable_pin_caching = true
updatable = false

[[profiles.default.keys]]
id = "Key.2"
pin_policy = "PIN.2"
usage = "authentication"
algorithm = "rsa"
rsa_size = 2048
)";
}

}  // namespace airtight::issuer::testing
