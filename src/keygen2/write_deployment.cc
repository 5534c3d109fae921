// Writing credential deployment in a key store's session.
#include <algorithm>
#include <string>

#include "base/encoding.h"
#include "keygen2/internal/values.h"
#include "keygen2/internal/vocabulary.h"
#include "keygen2/internal/writers.h"

namespace airtight::keygen2 {
namespace internal {
namespace {

void set_target(xml::Element element, const TargetKey& target) {
  element.set_attribute("ClientSessionID", target.client_session_id);
  element.set_attribute("ServerSessionID", target.server_session_id);
  set_bytes(element, "CertificateFingerprint", target.certificate_fingerprint);
  set_bytes(element, "MAC", target.mac);
}

void add_import(xml::Element /*key*/, std::monostate /*nothing*/) {}

void add_import(xml::Element key, const SymmetricKey& symmetric) {
  xml::Element element = key.add(kKeyGen2, "SymmetricKey");
  element.set_attribute("EndorsedAlgorithms", joined(symmetric.endorsed_algorithms));
  set_bytes(element, "MAC", symmetric.mac);
  element.set_text(base64_encode(symmetric.encrypted_value));
}

void add_import(xml::Element key, const RestoredPrivateKey& restored) {
  xml::Element element = key.add(kKeyGen2, "PrivateKey");
  set_bytes(element, "MAC", restored.mac);
  element.set_text(base64_encode(restored.encrypted_value));
}

void fill_bag(xml::Element bag, std::string_view type, const std::vector<Property>& properties) {
  bag.set_attribute("Type", type);
  for (const Property& property : properties) {
    xml::Element element = bag.add(kKeyGen2, "Property");
    element.set_attribute("Name", property.name);
    element.set_attribute("Value", property.value);
    set_if_present(element, "Writable", property.writable);
  }
}

Result<> add_extension(xml::Element key, const PropertyBag& bag) {
  xml::Element element = key.add(kKeyGen2, "PropertyBag");
  fill_bag(element, bag.type, bag.properties);
  set_bytes(element, "MAC", bag.mac);
  const Bytes canonical = TRY(canonical_form_of_bag(element));
  return check_extension_size(element, canonical.size());
}

Result<> add_extension(xml::Element key, const Logotype& logotype) {
  xml::Element element = key.add(kKeyGen2, "Logotype");
  element.set_attribute("Type", logotype.type);
  element.set_attribute("MimeType", logotype.mime_type);
  set_bytes(element, "MAC", logotype.mac);
  element.set_text(base64_encode(logotype.image));
  return check_extension_size(element, logotype.image.size());
}

Result<> add_extension(xml::Element key, const Extension& extension) {
  xml::Element element = key.add(kKeyGen2, extension.encrypted ? "EncryptedExtension" : "Extension");
  element.set_attribute("Type", extension.type);
  set_bytes(element, "MAC", extension.mac);
  element.set_text(base64_encode(extension.data));
  return check_extension_size(element, extension.data.size(), extension.encrypted);
}

Result<> add_certified_key(xml::Element message, const CertifiedPublicKey& key) {
  xml::Element element = message.add(kKeyGen2, "CertifiedPublicKey");
  element.set_attribute("ID", key.id);
  set_bytes(element, "MAC", key.mac);
  add_certificates(element, key.certificate_path);
  std::visit([&](const auto& import) { add_import(element, import); }, key.import);
  for (const ExtensionObject& object : key.extensions)
    TRY(std::visit([&](const auto& extension) { return add_extension(element, extension); }, object));
  if (key.update) set_target(element.add(kKeyGen2, "UpdateKey"), *key.update);
  return {};
}

}  // namespace

Result<> write(xml::Element root, const CredentialDeploymentRequest& message) {
  set_session_request(root, message);
  root.set_attribute("IssuerURI", message.issuer_uri);
  set_bytes(root, "CloseSessionMAC", message.close_session_mac);
  for (const CertifiedPublicKey& key : message.keys) TRY(add_certified_key(root, key));
  for (const TargetKey& target : message.delete_keys) set_target(root.add(kKeyGen2, "DeleteKey"), target);
  return {};
}

Result<> write(xml::Element root, const CredentialDeploymentResponse& message) {
  set_session_response(root, message);
  set_bytes(root, "CloseSessionAttestation", message.close_session_attestation);
  return {};
}

}  // namespace internal

Result<Bytes> canonical_property_bag(std::string_view type, const std::vector<Property>& properties) {
  const xml::Document document = xml::Document::create(internal::kKeyGen2, "PropertyBag");
  internal::fill_bag(document.root(), type, properties);
  return internal::canonical_form_of_bag(document.root());
}

}  // namespace airtight::keygen2
