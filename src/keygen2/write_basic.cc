// Writing the messages of the basic profile (keygen2.md sections 5 and 6).
#include "keygen2/internal/vocabulary.h"
#include "keygen2/internal/writers.h"

namespace airtight::keygen2::internal {

Result<> write(xml::Element root, const KeyOperationRequest& message) {
  root.set_attribute("RequestID", message.request_id);
  root.set_attribute("SubmitURL", message.submit_url);
  xml::Element objects = root.add(kKeyGen2, "CreateObject");
  for (const BasicKeyPair& key : message.keys) {
    xml::Element element = objects.add(kKeyGen2, "KeyPair");
    element.set_attribute("ID", key.id);
    element.set_attribute("KeyUsage", name_of(key.key_usage));
    add_key_algorithm(element, key.algorithm);
  }
  return {};
}

void add_unsigned_signature(xml::Element generated_key, const crypto::PublicKey& public_key) {
  xml::add_key_value(generated_key.add(kDs, "Signature").add(kDs, "KeyInfo").add(kDs, "KeyValue"), public_key);
}

Result<> write(xml::Element root, const KeyOperationResponse& message) {
  root.set_attribute("RequestID", message.request_id);
  for (const BasicGeneratedKey& key : message.keys) {
    xml::Element element = root.add(kKeyGen2, "GeneratedPublicKey");
    element.set_attribute("ID", key.id);
    element.set_attribute("RequestID", message.request_id);
    add_unsigned_signature(element, key.public_key);
  }
  return {};
}

Result<> write(xml::Element root, const BasicCredentialDeploymentRequest& message) {
  root.set_attribute("ID", message.id);
  root.set_attribute("ServerTime", message.server_time);
  root.set_attribute("SubmitURL", message.submit_url);
  for (const BasicCertifiedKey& key : message.keys) {
    xml::Element element = root.add(kKeyGen2, "CertifiedPublicKey");
    element.set_attribute("ID", key.id);
    add_certificates(element, key.certificate_path);
  }
  return {};
}

Result<> write(xml::Element root, const BasicCredentialDeploymentResponse& message) {
  root.set_attribute("ServerSessionID", message.server_session_id);
  return {};
}

}  // namespace airtight::keygen2::internal
