// From message to document.
#include <string>
#include <utility>

#include "base/encoding.h"
#include "keygen2/internal/vocabulary.h"
#include "keygen2/internal/writers.h"
#include "keygen2/messages.h"

namespace airtight::keygen2 {
namespace internal {

void set_flag(xml::Element element, std::string_view name, bool value, bool value_if_absent) {
  if (value != value_if_absent) element.set_attribute(name, value ? "true" : "false");
}

void set_if_present(xml::Element element, std::string_view name, const std::optional<bool>& value) {
  if (value) element.set_attribute(name, *value ? "true" : "false");
}

void set_bytes(xml::Element element, std::string_view name, ByteView value) { element.set_attribute(name, base64_encode(value)); }

void add_certificates(xml::Element parent, std::span<const crypto::Certificate> certificates) {
  xml::Element data = parent.add(kDs, "X509Data");
  for (const crypto::Certificate& certificate : certificates) data.add(kDs, "X509Certificate").set_text(base64_encode(certificate.der()));
}

}  // namespace internal

namespace {

using namespace internal;

void add_capabilities(xml::Element message, const BasicCapabilities& capabilities) {
  xml::Element element = message.add(kKeyGen2, "BasicCapabilities");
  if (!capabilities.algorithms.empty()) element.set_attribute("Algorithms", joined(capabilities.algorithms));
  if (!capabilities.extensions.empty()) element.set_attribute("Extensions", joined(capabilities.extensions));
  if (!capabilities.rsa_key_sizes.empty()) element.set_attribute("RSAKeySizes", joined(capabilities.rsa_key_sizes));
  set_if_present(element, "SettableExponent", capabilities.settable_exponent);
}

Result<> write(xml::Element root, const PlatformNegotiationRequest& message) {
  root.set_attribute("ID", message.id);
  root.set_attribute("SubmitURL", message.submit_url);
  if (message.abort_url) root.set_attribute("AbortURL", *message.abort_url);
  for (const IssuerLogotype& logotype : message.logotypes) {
    xml::Element element = root.add(kKeyGen2, "IssuerLogotype");
    element.set_attribute("MimeType", logotype.mime_type);
    element.set_text(base64_encode(logotype.image));
  }
  add_capabilities(root, message.capabilities);
  return {};
}

Result<> write(xml::Element root, const PlatformNegotiationResponse& message) {
  root.set_attribute("ServerSessionID", message.server_session_id);
  add_capabilities(root, message.capabilities);
  return {};
}

Result<> write(xml::Element root, const ProvisioningSessionRequest& message) {
  root.set_attribute("ID", message.id);
  root.set_attribute("ServerTime", message.server_time);
  root.set_attribute("SessionLifeTime", std::to_string(message.session_life_time));
  root.set_attribute("SessionKeyLimit", std::to_string(message.session_key_limit));
  root.set_attribute("SessionKeyAlgorithm", message.session_key_algorithm);
  set_flag(root, "Updatable", message.updatable);
  root.set_attribute("SubmitURL", message.submit_url);
  xml::add_key_value(root.add(kKeyGen2, "ServerEphemeralKey"), message.server_ephemeral_key);
  return {};
}

Result<> write(xml::Element root, const ProvisioningSessionResponse& message) {
  set_session_response(root, message);
  root.set_attribute("ServerTime", message.server_time);
  root.set_attribute("ClientTime", format_time(message.client_time));
  set_bytes(root, "SessionAttestation", message.session_attestation);
  if (message.server_certificate_fingerprint) set_bytes(root, "ServerCertificateFingerprint", *message.server_certificate_fingerprint);
  xml::add_key_value(root.add(kKeyGen2, "ClientEphemeralKey"), message.client_ephemeral_key);
  add_certificates(root.add(kKeyGen2, "DeviceCertificate"), message.device_certificate_path);
  return {};
}

Result<> write(xml::Element root, const ClientErrorResponse& message) {
  root.set_attribute("ServerSessionID", message.server_session_id);
  root.set_attribute("Error", name_of(message.error));
  root.set_attribute("Argument", message.argument);
  return {};
}

// Namespaces that repeated elements use are declared once, at the top.
std::vector<xml::Namespace> namespaces_of(MessageKind kind) {
  switch (kind) {
    case MessageKind::kProvisioningSessionRequest: return {kDs11};
    case MessageKind::kProvisioningSessionResponse:
    case MessageKind::kKeyOperationResponse:
    case MessageKind::kKeyInitializationResponse: return {kDs, kDs11};
    case MessageKind::kCredentialDiscoveryRequest:
    case MessageKind::kBasicCredentialDeploymentRequest:
    case MessageKind::kCredentialDeploymentRequest: return {kDs};
    default: return {};
  }
}

const xml::Document* cookie_of(const auto& message) {
  if constexpr (requires { message.server_cookie; }) {
    return message.server_cookie ? &*message.server_cookie : nullptr;
  } else {
    return nullptr;
  }
}

}  // namespace

Result<xml::Document> write_message(const Message& message) {
  xml::Document document = xml::Document::create(kKeyGen2, name_of(message), namespaces_of(kind_of(message)));
  const auto write_all = [&](const auto& body) -> Result<> {
    xml::Element root = document.root();
    TRY(write(root, body));
    const xml::Document* cookie = cookie_of(body);
    if (cookie == nullptr) return {};
    if (!cookie->root().is(kNamespace, "ServerCookie")) return fail(Fault::kInternal, "a cookie is not in a ServerCookie element");
    root.add_copy(cookie->root());
    return {};
  };
  TRY(std::visit(write_all, message));
  return document;
}

}  // namespace airtight::keygen2
