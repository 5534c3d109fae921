// The messages of KeyGen2 (keygen2.md section 3), one struct each. What is read has been validated against schema/keygen2.xsd first;
// what is written is valid if its values are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/algorithms.h"
#include "base/bytes.h"
#include "base/key_attributes.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "keygen2/message_kind.h"
#include "xml/document.h"
#include "xml/schema.h"
#include "xml/signature.h"

namespace airtight::keygen2 {

inline constexpr std::string_view kNamespace = "http://xmlns.webpki.org/keygen2/beta/20100402#";
inline constexpr std::string_view kMediaType = "application/xbpp+xml";
inline constexpr std::string_view kSessionKeyName = "derived-session-key";  // KeyName of the session response's signature
// The type of the Extension with which an issuer says where a key is renewed: the data are an absolute URL in UTF-8, without a final zero.
// GET begins a KeyGen2 session as an enrolment URL does, once the device's user proves, by discovery in that session, to have the key.
inline constexpr std::string_view kRenewalUrlExtension = "urn:airtight:keygen2:extension:renewal-url";

// ServerCookie: a document whose root is the element itself, with anything in it, kept whole.
using ServerCookie = std::optional<xml::Document>;

struct BasicCapabilities {
  std::vector<std::string> algorithms = {};
  std::vector<std::string> extensions = {};
  std::vector<std::uint16_t> rsa_key_sizes = {};
  std::optional<bool> settable_exponent = {};

  friend bool operator==(const BasicCapabilities&, const BasicCapabilities&) = default;
};

// What a response lists of `requested` where `available` is to be had: in the request's order, and SettableExponent only if asked for
// (keygen2.md section 6).
[[nodiscard]] BasicCapabilities supported_of(const BasicCapabilities& requested, const BasicCapabilities& available);

struct IssuerLogotype {
  std::string mime_type = {};
  Bytes image = {};

  friend bool operator==(const IssuerLogotype&, const IssuerLogotype&) = default;
};

struct PlatformNegotiationRequest {
  std::string id = {};  // the ServerSessionID
  std::string submit_url = {};
  std::optional<std::string> abort_url = {};
  std::vector<IssuerLogotype> logotypes = {};
  BasicCapabilities capabilities = {};
  ServerCookie server_cookie = {};
};

struct PlatformNegotiationResponse {
  std::string server_session_id = {};
  BasicCapabilities capabilities = {};
  ServerCookie server_cookie = {};
};

struct ProvisioningSessionRequest {
  std::string id = {};
  std::string server_time = {};  // as text: it is copied
  std::uint32_t session_life_time = 0;
  std::uint16_t session_key_limit = 0;
  std::string session_key_algorithm = {};
  bool updatable = false;
  std::string submit_url = {};  // IssuerURI of SKS
  crypto::PublicKey server_ephemeral_key;
  ServerCookie server_cookie = {};
};

struct ProvisioningSessionResponse {
  std::string id = {};  // the ClientSessionID
  std::string server_session_id = {};
  std::string server_time = {};
  Instant client_time = {};  // whole seconds
  Bytes session_attestation = {};
  std::optional<Bytes> server_certificate_fingerprint = {};
  crypto::PublicKey client_ephemeral_key;
  std::vector<crypto::Certificate> device_certificate_path = {};
  ServerCookie server_cookie = {};
};

struct RsaKeyAlgorithm {
  std::uint16_t key_size = 0;
  std::optional<std::uint32_t> exponent = {};  // absent: the key store's default

  friend bool operator==(const RsaKeyAlgorithm&, const RsaKeyAlgorithm&) = default;
};

struct EcKeyAlgorithm {
  std::string named_curve = {};  // URI

  friend bool operator==(const EcKeyAlgorithm&, const EcKeyAlgorithm&) = default;
};

// What KeyInitializationRequest asks for.
struct KeyPairRequest {
  std::string id = {};
  KeyUsage key_usage = KeyUsage::kSignature;
  Bytes issuer_seed = Bytes(32);
  BiometricProtection biometric_protection = BiometricProtection::kNone;
  bool private_key_backup = false;
  ExportPolicy export_policy = ExportPolicy::kNonExportable;
  std::optional<bool> updatable = {};  // absent: the session's
  DeletePolicy delete_policy = DeletePolicy::kNone;
  bool enable_pin_caching = false;
  bool import_private_key = false;
  std::string friendly_name = {};
  using Rsa = RsaKeyAlgorithm;
  using Ec = EcKeyAlgorithm;
  std::variant<Rsa, Ec> algorithm = {};

  friend bool operator==(const KeyPairRequest&, const KeyPairRequest&) = default;
};

struct PresetPin {
  Bytes encrypted_value = {};
  KeyPairRequest key = {};

  friend bool operator==(const PresetPin&, const PresetPin&) = default;
};

struct PinPolicyRequest {
  std::string id = {};
  PassphraseFormat format = PassphraseFormat::kNumeric;
  std::uint8_t retry_limit = 0;
  std::uint8_t min_length = 0;
  std::uint8_t max_length = 0;
  std::optional<bool> user_modifiable = {};  // absent: true over KeyPair, false over PresetPIN
  Grouping grouping = Grouping::kNone;
  std::uint8_t pattern_restrictions = 0;  // PatternRestriction ORed
  InputMethod input_method = InputMethod::kAny;
  std::variant<std::vector<KeyPairRequest>, std::vector<PresetPin>> keys = {};

  [[nodiscard]] bool user_defined() const { return keys.index() == 0; }
  [[nodiscard]] bool is_user_modifiable() const { return user_modifiable.value_or(user_defined()); }
  friend bool operator==(const PinPolicyRequest&, const PinPolicyRequest&) = default;
};

struct PukPolicyRequest {
  std::string id = {};
  Bytes encrypted_value = {};
  PassphraseFormat format = PassphraseFormat::kNumeric;
  std::uint8_t retry_limit = 0;
  std::vector<PinPolicyRequest> pin_policies = {};

  friend bool operator==(const PukPolicyRequest&, const PukPolicyRequest&) = default;
};

struct DevicePinRequest {
  KeyPairRequest key = {};

  friend bool operator==(const DevicePinRequest&, const DevicePinRequest&) = default;
};

using CreateObject = std::variant<PukPolicyRequest, PinPolicyRequest, DevicePinRequest, KeyPairRequest>;

struct KeyInitializationRequest {
  std::string id = {};
  std::string client_session_id = {};
  std::string server_time = {};
  std::string submit_url = {};
  std::string key_attestation_algorithm = std::string(uri::kKeyAttestation1);
  bool deferred_certification = false;
  std::vector<CreateObject> objects = {};  // document order is the order of SKS calls
  ServerCookie server_cookie = {};
};

// One key of a request with what stands above it.
struct RequestedKey {
  const KeyPairRequest* key;
  const PinPolicyRequest* pin_policy;  // null: none of its own
  const PukPolicyRequest* puk_policy;  // null: none
  const PresetPin* preset_pin;         // null: the user defines the PIN, or there is none
  bool device_pin;
};
// Every key in document order, pointing into `request`.
[[nodiscard]] std::vector<RequestedKey> requested_keys(const KeyInitializationRequest& request);

struct GeneratedPublicKey {
  std::string id = {};
  Bytes key_attestation = {};
  crypto::PublicKey public_key;
  std::optional<Bytes> private_key = {};  // encrypted
};

struct KeyInitializationResponse {
  std::string id = {};
  std::string server_session_id = {};
  std::vector<GeneratedPublicKey> keys = {};
  ServerCookie server_cookie = {};
};

// A key that the issuer made or kept (setSymmetricKey, restorePrivateKey). Values are encrypted under the session key.
struct SymmetricKey {
  Bytes encrypted_value = {};
  std::vector<std::string> endorsed_algorithms = {};  // URIs, as written
  Bytes mac = {};

  friend bool operator==(const SymmetricKey&, const SymmetricKey&) = default;
};
struct RestoredPrivateKey {
  Bytes encrypted_value = {};
  Bytes mac = {};

  friend bool operator==(const RestoredPrivateKey&, const RestoredPrivateKey&) = default;
};

// Extension objects (addExtensionData).
struct Property {
  std::string name = {};
  std::string value = {};
  std::optional<bool> writable = {};  // absent: false; what is written stays written, for the MAC covers it

  friend bool operator==(const Property&, const Property&) = default;
};
struct PropertyBag {
  std::string type = {};  // URI as written, unique within the key
  std::vector<Property> properties = {};
  Bytes mac = {};
  // The bytes that the MAC covers and the key store keeps: exclusive canonical XML without MAC and prefixes. Filled by read_message with
  // what stood in the message (white space between properties is part of it); for writing it is canonical_property_bag().
  Bytes canonical = {};

  friend bool operator==(const PropertyBag&, const PropertyBag&) = default;
};
struct Logotype {
  std::string type = {};
  std::string mime_type = {};
  Bytes image = {};
  Bytes mac = {};

  friend bool operator==(const Logotype&, const Logotype&) = default;
};
struct Extension {
  std::string type = {};
  Bytes data = {};  // encrypted under the session key if `encrypted`: EncryptedExtension
  bool encrypted = false;
  Bytes mac = {};

  friend bool operator==(const Extension&, const Extension&) = default;
};
// Bytes of data that an extension may have: of the plain ones if it is encrypted, which adds at most an IV and one block (sks.md section
// 7).
inline constexpr std::size_t kExtensionDataLimit = 65536;
inline constexpr std::size_t kEncryptedExtensionDataLimit = kExtensionDataLimit + 32;

using ExtensionObject = std::variant<PropertyBag, Logotype, Extension>;

// The exclusive canonical XML, without MAC and prefixes, of a bag with `properties` as write_message writes it (keygen2.md section 6).
[[nodiscard]] Result<Bytes> canonical_property_bag(std::string_view type, const std::vector<Property>& properties);

// UpdateKey and DeleteKey: a key of an earlier session.
struct TargetKey {
  std::string client_session_id = {};  // of the session that owns the target
  std::string server_session_id = {};
  Bytes certificate_fingerprint = {};  // SHA-256 of its end-entity certificate
  Bytes mac = {};

  friend bool operator==(const TargetKey&, const TargetKey&) = default;
};

struct CertifiedPublicKey {
  using Import = std::variant<std::monostate, SymmetricKey, RestoredPrivateKey>;
  std::string id = {};
  Bytes mac = {};                                          // of setCertificatePath
  std::vector<crypto::Certificate> certificate_path = {};  // as written, in any order
  Import import = {};
  std::vector<ExtensionObject> extensions = {};  // in document order
  std::optional<TargetKey> update = {};
};

struct CredentialDeploymentRequest {
  std::string id = {};
  std::string client_session_id = {};
  std::string issuer_uri = {};
  std::string server_time = {};
  std::string submit_url = {};
  Bytes close_session_mac = {};
  std::vector<CertifiedPublicKey> keys = {};
  std::vector<TargetKey> delete_keys = {};
  ServerCookie server_cookie = {};
};

struct CredentialDeploymentResponse {
  std::string id = {};
  std::string server_session_id = {};
  Bytes close_session_attestation = {};
  ServerCookie server_cookie = {};
};

// ClientErrorResponse@Error.
enum class ClientError : std::uint8_t {
  kNotImplemented,
  kUnexpectedClientException,
  kNegotiationFailure,
  kKeystoreOverflow,
  kUnsupportedFeatureRequested,
  kNonMatchingRequests,
  kNoSuchKey,
  kMissingProvisioningData,
  kUserAbort,
  kGeneralError,
};
[[nodiscard]] std::string_view name_of(ClientError error);

struct ClientErrorResponse {
  std::string server_session_id = {};
  ClientError error = ClientError::kGeneralError;
  std::string argument = {};
};

// One question of a credential discovery, signed by itself with a key whose certificate stands in the signature.
struct LookupSpecifier {
  std::string id = {};
  Bytes nonce = {};  // discovery_nonce() of the session
  std::optional<std::string> email = {};
  std::optional<std::string> serial = {};  // decimal, of any length; that of a certificate is decimal_of() its serial()
  std::optional<Instant> issued_before = {};
  std::optional<Instant> issued_after = {};

  friend bool operator==(const LookupSpecifier&, const LookupSpecifier&) = default;
};

struct CredentialDiscoveryRequest {
  std::string id = {};
  std::string client_session_id = {};
  std::string server_time = {};
  std::string submit_url = {};
  std::vector<LookupSpecifier> lookups = {};
  ServerCookie server_cookie = {};
};

// The big-endian `magnitude` in decimal, without leading zeros, as LookupSpecifier has serial numbers.
[[nodiscard]] std::string decimal_of(ByteView magnitude);

// SHA-256 of ClientSessionID || ServerSessionID || IssuerURI.
[[nodiscard]] crypto::Sha256Value discovery_nonce(std::string_view client_session_id, std::string_view server_session_id,
                                                  std::string_view issuer_uri);

// Signs every LookupSpecifier of a written CredentialDiscoveryRequest (each needs one; sign the message itself after this). `certificate`
// is the issuing CA's, `signature_method` and `sign` as in xml::sign_enveloped.
[[nodiscard]] Result<> sign_lookups(xml::Document& request, std::string_view signature_method, const crypto::Certificate& certificate,
                                    const xml::SignatureFunction& sign);
// Verifies the signature of every LookupSpecifier of a received CredentialDiscoveryRequest and returns their certificates in document
// order: the keys that match are those issued by them. Errors as those of read_message: non-matching-requests.
[[nodiscard]] Result<std::vector<crypto::Certificate>> verify_lookups(const xml::Document& request);

struct MatchingCredential {
  std::string client_session_id = {};  // of the session that owns the key
  std::string server_session_id = {};
  Bytes certificate_fingerprint = {};  // SHA-256
  bool locked = false;

  friend bool operator==(const MatchingCredential&, const MatchingCredential&) = default;
};
struct LookupResult {
  std::string id = {};  // of its specifier
  std::vector<MatchingCredential> matches = {};

  friend bool operator==(const LookupResult&, const LookupResult&) = default;
};

struct CredentialDiscoveryResponse {
  std::string id = {};  // the ClientSessionID
  std::string server_session_id = {};
  std::vector<LookupResult> results = {};
  ServerCookie server_cookie = {};
};

// The basic profile, for containers without an SKS (keygen2.md section 5).
struct BasicKeyPair {
  std::string id = {};
  KeyUsage key_usage = KeyUsage::kSignature;
  std::variant<RsaKeyAlgorithm, EcKeyAlgorithm> algorithm = {};

  friend bool operator==(const BasicKeyPair&, const BasicKeyPair&) = default;
};
struct KeyOperationRequest {
  std::string request_id = {};
  std::string submit_url = {};
  std::vector<BasicKeyPair> keys = {};
};

// Each key signs itself, which proves possession of its private half: verify_generated_keys().
struct BasicGeneratedKey {
  std::string id = {};
  crypto::PublicKey public_key;
};
struct KeyOperationResponse {
  std::string request_id = {};
  std::vector<BasicGeneratedKey> keys = {};
};
// Signs GeneratedPublicKey `id` of a written KeyOperationResponse with the private half of its key.
[[nodiscard]] Result<> sign_generated_key(xml::Document& response, std::string_view id, std::string_view signature_method,
                                          const xml::SignatureFunction& sign);

// Verifies that each GeneratedPublicKey of a received KeyOperationResponse is signed by the very key in its KeyInfo, over itself and over
// KeyInfo if there is a second Reference. Here alone SHA-1 is accepted (keygen2.md section 5). Errors as those of read_message.
[[nodiscard]] Result<> verify_generated_keys(const xml::Document& response);

struct BasicCertifiedKey {
  std::string id = {};
  std::vector<crypto::Certificate> certificate_path = {};
};
struct BasicCredentialDeploymentRequest {
  std::string id = {};  // the RequestID
  std::string server_time = {};
  std::string submit_url = {};
  std::vector<BasicCertifiedKey> keys = {};
};
struct BasicCredentialDeploymentResponse {
  std::string server_session_id = {};  // the RequestID
};

using Message =
    std::variant<PlatformNegotiationRequest, PlatformNegotiationResponse, ProvisioningSessionRequest, ProvisioningSessionResponse,
                 CredentialDiscoveryRequest, CredentialDiscoveryResponse, KeyInitializationRequest, KeyInitializationResponse,
                 CredentialDeploymentRequest, CredentialDeploymentResponse, ClientErrorResponse, KeyOperationRequest, KeyOperationResponse,
                 BasicCredentialDeploymentRequest, BasicCredentialDeploymentResponse>;

[[nodiscard]] MessageKind kind_of(const Message& message);
// The name of the message's top element.
[[nodiscard]] std::string_view name_of(const Message& message);

// A message as it came: `message` was read from `document`, which signatures are verified against.
struct Received {
  Message message;
  xml::Document document;
};

// keygen2.xsd with the schemas that it imports, compiled. Do this once: it costs more than reading a message.
[[nodiscard]] Result<xml::Schema> compile_schema();

// Parses (hardened), validates, reads; verifies no signature. Errors carry Protocol::kKeyGen2 with the ClientError that a client answers:
// non-matching-requests for faults of XML, the schema, base64, IDs, times, keys and certificates; unsupported-feature-requested for an
// elliptic curve that this program does not know; general-error if validation itself could not be done.
[[nodiscard]] Result<Received> read_message(ByteView text, const xml::Schema& schema);

// An unsigned document for `message`; sign it with xml::sign_enveloped on its root where it is to be signed (a ProvisioningSessionResponse
// is valid only with its signature; so are a CredentialDiscoveryRequest and a KeyOperationResponse with those of their parts, see above).
// Attributes that equal their default are left out, but those of a property.
[[nodiscard]] Result<xml::Document> write_message(const Message& message);

// True if the message carries an enveloped ds:Signature of its own. Whether it verifies is another question.
[[nodiscard]] bool has_signature(const xml::Document& message);

}  // namespace airtight::keygen2
