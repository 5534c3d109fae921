// Reading credential deployment, in a key store's session and in the basic profile, which a schema cannot tell apart.
#include "keygen2/internal/readers.h"
#include "keygen2/internal/values.h"
#include "keygen2/internal/vocabulary.h"

namespace airtight::keygen2::internal {
namespace {

// True if `element` has all of `attributes`, false if it has none; an error in between.
Result<bool> has_all_or_none(xml::Element element, std::initializer_list<std::string_view> attributes) {
  std::string_view there;
  std::string_view absent;
  for (const std::string_view name : attributes) (element.attribute(name) ? there : absent) = name;
  if (!there.empty() && !absent.empty()) return refuse("it has " + std::string(there) + " but not " + std::string(absent));
  return absent.empty();
}

Result<TargetKey> read_target(xml::Element e) {
  TargetKey value;
  value.client_session_id = TRY(required(e, "ClientSessionID", parse_id));
  value.server_session_id = TRY(required(e, "ServerSessionID", parse_id));
  value.certificate_fingerprint = TRY(required(e, "CertificateFingerprint", parse_bytes32));
  value.mac = TRY(required(e, "MAC", parse_bytes32));
  return value;
}

Result<SymmetricKey> read_symmetric_key(xml::Element e) {
  SymmetricKey value;
  value.encrypted_value = TRY(content_bytes(e));
  value.endorsed_algorithms = TRY(required(e, "EndorsedAlgorithms", parse_uris));
  value.mac = TRY(required(e, "MAC", parse_bytes32));
  return value;
}

Result<RestoredPrivateKey> read_restored_private_key(xml::Element e) {
  RestoredPrivateKey value;
  value.encrypted_value = TRY(content_bytes(e));
  value.mac = TRY(required(e, "MAC", parse_bytes32));
  return value;
}

Result<CertifiedPublicKey::Import> import_in(xml::Element key) {
  if (const auto symmetric = key.child(kNamespace, "SymmetricKey")) return TRY(read_symmetric_key(*symmetric));
  if (const auto restored = key.child(kNamespace, "PrivateKey")) return TRY(read_restored_private_key(*restored));
  return std::monostate();
}

Result<Property> read_property(xml::Element e) {
  Property value;
  value.name = TRY(required(e, "Name", parse_text));
  value.value = TRY(required(e, "Value", parse_text));
  value.writable = TRY(optional(e, "Writable", parse_boolean));
  return value;
}

Result<PropertyBag> read_property_bag(xml::Element e) {
  PropertyBag value;
  // As written: the canonical form has it so, and the key store compares the two.
  value.type = TRY(required(e, "Type", parse_text));
  value.properties = TRY(read_all(e.children(kNamespace, "Property"), read_property));
  value.mac = TRY(required(e, "MAC", parse_bytes32));
  value.canonical = TRY(canonical_form_of_bag(e));
  TRY(check_extension_size(e, value.canonical.size()));
  return value;
}

Result<Logotype> read_logotype(xml::Element e) {
  Logotype value;
  value.type = TRY(required(e, "Type", parse_uri));
  value.mime_type = TRY(required(e, "MimeType", parse_text));
  value.image = TRY(content_bytes(e));
  value.mac = TRY(required(e, "MAC", parse_bytes32));
  TRY(check_extension_size(e, value.image.size()));
  return value;
}

Result<Extension> read_extension(xml::Element e) {
  Extension value;
  value.type = TRY(required(e, "Type", parse_uri));
  value.data = TRY(content_bytes(e));
  value.encrypted = e.name() == "EncryptedExtension";
  value.mac = TRY(required(e, "MAC", parse_bytes32));
  TRY(check_extension_size(e, value.data.size(), value.encrypted));
  return value;
}

// Adds what `child` of a CertifiedPublicKey is, if it is an extension.
Result<> add_extension(std::vector<ExtensionObject>& extensions, xml::Element child) {
  if (child.is(kNamespace, "PropertyBag")) extensions.emplace_back(TRY(read_property_bag(child)));
  if (child.is(kNamespace, "Logotype")) extensions.emplace_back(TRY(read_logotype(child)));
  if (child.is(kNamespace, "Extension") || child.is(kNamespace, "EncryptedExtension")) extensions.emplace_back(TRY(read_extension(child)));
  return {};
}

Result<CertifiedPublicKey> read_certified_public_key(xml::Element e) {
  CertifiedPublicKey key;
  key.id = TRY(required(e, "ID", parse_id));
  key.mac = TRY(required(e, "MAC", parse_bytes32));
  key.certificate_path = TRY(certificates_in(e));
  key.import = TRY(import_in(e));
  for (const xml::Element child : e.children()) TRY(add_extension(key.extensions, child));
  if (const auto update = e.child(kNamespace, "UpdateKey")) key.update = TRY(read_target(*update));
  return key;
}

}  // namespace

Result<Message> read_credential_deployment_request(xml::Element root) {
  if (!TRY(has_all_or_none(root, {"ClientSessionID", "IssuerURI", "CloseSessionMAC"})))
    return read_basic_credential_deployment_request(root);
  CredentialDeploymentRequest message;
  TRY(read_session_request(root, message));
  message.issuer_uri = TRY(required(root, "IssuerURI", parse_issuer_uri));
  message.close_session_mac = TRY(required(root, "CloseSessionMAC", parse_bytes32));
  message.keys = TRY(read_all(root.children(kNamespace, "CertifiedPublicKey"), read_certified_public_key));
  message.delete_keys = TRY(read_all(root.children(kNamespace, "DeleteKey"), read_target));
  message.server_cookie = cookie_in(root);
  return message;
}

Result<Message> read_credential_deployment_response(xml::Element root) {
  if (!TRY(has_all_or_none(root, {"ID", "CloseSessionAttestation"}))) return read_basic_credential_deployment_response(root);
  CredentialDeploymentResponse message;
  TRY(read_session_response(root, message));
  message.close_session_attestation = TRY(required(root, "CloseSessionAttestation", parse_bytes32));
  message.server_cookie = cookie_in(root);
  return message;
}

}  // namespace airtight::keygen2::internal
