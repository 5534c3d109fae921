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

Result<CertifiedPublicKey> read_certified_public_key(xml::Element e) {
  CertifiedPublicKey key;
  key.id = TRY(required(e, "ID", parse_id));
  key.mac = TRY(required(e, "MAC", parse_bytes32));
  key.certificate_path = TRY(certificates_in(e));
  for (const xml::Element child : e.children()) {
    if (child.is(kDsUri, "X509Data")) continue;
    TRY(check_values(child));
    key.further_elements.emplace_back(child.name());
  }
  return key;
}

// keygen2.md sections 5 and 6: `ID`, `ServerTime`, `SubmitURL`; keys with `ID` and certificates; "no MACs".
Result<Message> read_basic_request(xml::Element root) {
  for (const xml::Element child : root.children()) {
    if (child.is(kDsUri, "Signature")) continue;
    if (!child.is(kNamespace, "CertifiedPublicKey")) return refuse("the basic profile has no " + std::string(child.name()));
    if (child.attribute("MAC")) return refuse("a key has a MAC, but the message has no ClientSessionID, IssuerURI and CloseSessionMAC");
    if (child.children().size() != 1) return refuse("the basic profile deploys certificates and nothing else");
  }
  return read_other(MessageKind::kBasicCredentialDeploymentRequest, root);
}

}  // namespace

Result<Message> read_credential_deployment_request(xml::Element root) {
  if (!TRY(has_all_or_none(root, {"ClientSessionID", "IssuerURI", "CloseSessionMAC"}))) return read_basic_request(root);
  CredentialDeploymentRequest message;
  message.id = TRY(required(root, "ID", parse_id));
  message.client_session_id = TRY(required(root, "ClientSessionID", parse_id));
  message.issuer_uri = TRY(required(root, "IssuerURI", parse_issuer_uri));
  message.server_time = TRY(required(root, "ServerTime", parse_time_text));
  message.submit_url = TRY(required(root, "SubmitURL", parse_uri));
  message.close_session_mac = TRY(required(root, "CloseSessionMAC", parse_bytes32));
  message.server_cookie = cookie_in(root);
  for (const xml::Element element : root.children(kNamespace, "CertifiedPublicKey"))
    message.keys.push_back(TRY(read_certified_public_key(element)));
  for (const xml::Element element : root.children(kNamespace, "DeleteKey")) {
    TRY(check_values(element));
    message.deletes_keys = true;
  }
  return message;
}

Result<Message> read_credential_deployment_response(xml::Element root) {
  if (!TRY(has_all_or_none(root, {"ID", "CloseSessionAttestation"}))) {
    if (!root.children().empty()) return refuse("the basic profile has no ServerCookie");
    return read_other(MessageKind::kBasicCredentialDeploymentResponse, root);
  }
  CredentialDeploymentResponse message;
  message.id = TRY(required(root, "ID", parse_id));
  message.server_session_id = TRY(required(root, "ServerSessionID", parse_id));
  message.close_session_attestation = TRY(required(root, "CloseSessionAttestation", parse_bytes32));
  message.server_cookie = cookie_in(root);
  return message;
}

}  // namespace airtight::keygen2::internal
