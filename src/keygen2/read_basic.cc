// Reading the messages of the basic profile (keygen2.md sections 5 and 6).
#include "keygen2/internal/readers.h"
#include "keygen2/internal/values.h"
#include "keygen2/internal/vocabulary.h"

namespace airtight::keygen2::internal {
namespace {

Result<BasicKeyPair> read_key_pair(xml::Element e) {
  BasicKeyPair value;
  value.id = TRY(required(e, "ID", parse_id));
  value.key_usage = TRY(required(e, "KeyUsage", parse_named<KeyUsage>));
  value.algorithm = TRY(key_algorithm_in(e));
  return value;
}

// "with a second Reference to KeyInfo": whether there is one, and whether anything verifies, is for verify_generated_keys().
Result<BasicGeneratedKey> read_generated_key(xml::Element e) {
  const xml::Element signature = TRY(only_child(e, kDsUri, "Signature"));
  const xml::Element key_info = TRY(only_child(signature, kDsUri, "KeyInfo"));
  const xml::Element key_value = TRY(only_child(key_info, kDsUri, "KeyValue"));
  BasicGeneratedKey key{.public_key = TRY(public_key_in(key_value))};
  key.id = TRY(required(e, "ID", parse_id));
  return key;
}

Result<BasicCertifiedKey> read_certified_key(xml::Element e) {
  if (e.attribute("MAC")) return refuse("a key has a MAC, but the message has no ClientSessionID, IssuerURI and CloseSessionMAC");
  if (e.children().size() != 1) return refuse("the basic profile deploys certificates and nothing else");
  BasicCertifiedKey key;
  key.id = TRY(required(e, "ID", parse_id));
  key.certificate_path = TRY(certificates_in(e));
  return key;
}

}  // namespace

Result<Message> read_key_operation_request(xml::Element root) {
  const xml::Element create_object = TRY(only_child(root, kNamespace, "CreateObject"));
  KeyOperationRequest message;
  message.request_id = TRY(required(root, "RequestID", parse_id));
  message.submit_url = TRY(required(root, "SubmitURL", parse_uri));
  message.keys = TRY(read_all(create_object.children(), read_key_pair));
  return message;
}

Result<Message> read_key_operation_response(xml::Element root) {
  const auto elements = root.children(kNamespace, "GeneratedPublicKey");
  KeyOperationResponse message;
  message.request_id = TRY(required(root, "RequestID", parse_id));
  // What a key signs is its own element alone: the RequestID there is what ties the signature to the request.
  for (const xml::Element element : elements) {
    if (element.attribute("RequestID") != message.request_id) return refuse("a key answers another request than the message does");
  }
  message.keys = TRY(read_all(elements, read_generated_key));
  return message;
}

Result<Message> read_basic_credential_deployment_request(xml::Element root) {
  for (const xml::Element child : root.children()) {
    if (child.is(kDsUri, "Signature") || child.is(kNamespace, "CertifiedPublicKey")) continue;
    return refuse("the basic profile has no " + std::string(child.name()));
  }
  BasicCredentialDeploymentRequest message;
  message.id = TRY(required(root, "ID", parse_id));
  message.server_time = TRY(required(root, "ServerTime", parse_time_text));
  message.submit_url = TRY(required(root, "SubmitURL", parse_uri));
  message.keys = TRY(read_all(root.children(kNamespace, "CertifiedPublicKey"), read_certified_key));
  return message;
}

Result<Message> read_basic_credential_deployment_response(xml::Element root) {
  if (!root.children().empty()) return refuse("the basic profile has no ServerCookie");
  BasicCredentialDeploymentResponse message;
  message.server_session_id = TRY(required(root, "ServerSessionID", parse_id));
  return message;
}

}  // namespace airtight::keygen2::internal
