// Reading platform negotiation, the provisioning session, and client errors.
#include "keygen2/internal/readers.h"
#include "keygen2/internal/values.h"
#include "keygen2/internal/vocabulary.h"

namespace airtight::keygen2::internal {
namespace {

Result<std::vector<std::uint16_t>> parse_sizes(std::string_view text) {
  std::vector<std::uint16_t> sizes;
  for (const std::string_view word : words_of(text)) sizes.push_back(TRY(parse_number<std::uint16_t>(word)));
  return sizes;
}

Result<ClientError> parse_client_error(std::string_view text) {
  for (int code = 0; code <= static_cast<int>(ClientError::kGeneralError); ++code) {
    if (name_of(static_cast<ClientError>(code)) == text) return static_cast<ClientError>(code);
  }
  return refuse("\"" + std::string(text) + "\" is not an error that KeyGen2 names");
}

Result<BasicCapabilities> capabilities_in(xml::Element message) {
  const xml::Element element = TRY(only_child(message, kNamespace, "BasicCapabilities"));
  BasicCapabilities value;
  value.algorithms = TRY(or_default(element, "Algorithms", parse_uris, {}));
  value.extensions = TRY(or_default(element, "Extensions", parse_uris, {}));
  value.rsa_key_sizes = TRY(or_default(element, "RSAKeySizes", parse_sizes, {}));
  value.settable_exponent = TRY(optional(element, "SettableExponent", parse_boolean));
  return value;
}

Result<crypto::PublicKey> ephemeral_key_in(xml::Element message, std::string_view name) {
  return public_key_in(TRY(only_child(message, kNamespace, name)));
}

}  // namespace

// Structs are filled field by field: leaving an aggregate's initializer half-way through TRY would leak what g++ 12 has built of it.

Result<Message> read_platform_negotiation_request(xml::Element root) {
  PlatformNegotiationRequest message;
  message.id = TRY(required(root, "ID", parse_id));
  message.submit_url = TRY(required(root, "SubmitURL", parse_uri));
  message.abort_url = TRY(optional(root, "AbortURL", parse_uri));
  for (const xml::Element logotype : root.children(kNamespace, "IssuerLogotype")) {
    IssuerLogotype& added = message.logotypes.emplace_back();
    added.mime_type = TRY(required(logotype, "MimeType", parse_text));
    added.image = TRY(content_bytes(logotype));
  }
  message.capabilities = TRY(capabilities_in(root));
  message.server_cookie = cookie_in(root);
  return message;
}

Result<Message> read_platform_negotiation_response(xml::Element root) {
  PlatformNegotiationResponse message;
  message.server_session_id = TRY(required(root, "ServerSessionID", parse_id));
  message.capabilities = TRY(capabilities_in(root));
  message.server_cookie = cookie_in(root);
  return message;
}

Result<Message> read_provisioning_session_request(xml::Element root) {
  ProvisioningSessionRequest message{.server_ephemeral_key = TRY(ephemeral_key_in(root, "ServerEphemeralKey"))};
  message.id = TRY(required(root, "ID", parse_id));
  message.server_time = TRY(required(root, "ServerTime", parse_time_text));
  message.session_life_time = TRY(required(root, "SessionLifeTime", parse_number<std::uint32_t>));
  message.session_key_limit = TRY(required(root, "SessionKeyLimit", parse_number<std::uint16_t>));
  message.session_key_algorithm = TRY(required(root, "SessionKeyAlgorithm", parse_uri));
  message.updatable = TRY(or_default(root, "Updatable", parse_boolean, false));
  message.submit_url = TRY(required(root, "SubmitURL", parse_issuer_uri));
  message.server_cookie = cookie_in(root);
  return message;
}

Result<Message> read_provisioning_session_response(xml::Element root) {
  const xml::Element device_certificate = TRY(only_child(root, kNamespace, "DeviceCertificate"));
  ProvisioningSessionResponse message{.client_ephemeral_key = TRY(ephemeral_key_in(root, "ClientEphemeralKey"))};
  TRY(read_session_response(root, message));
  message.server_time = TRY(required(root, "ServerTime", parse_time_text));
  message.client_time = TRY(required(root, "ClientTime", parse_instant));
  message.session_attestation = TRY(required(root, "SessionAttestation", parse_bytes));
  message.server_certificate_fingerprint = TRY(optional(root, "ServerCertificateFingerprint", parse_bytes32));
  message.device_certificate_path = TRY(certificates_in(device_certificate));
  message.server_cookie = cookie_in(root);
  return message;
}

Result<Message> read_client_error_response(xml::Element root) {
  ClientErrorResponse message;
  message.server_session_id = TRY(required(root, "ServerSessionID", parse_id));
  message.error = TRY(required(root, "Error", parse_client_error));
  message.argument = TRY(required(root, "Argument", parse_text));
  return message;
}

}  // namespace airtight::keygen2::internal
