// Reading credential discovery.
#include "keygen2/internal/readers.h"
#include "keygen2/internal/values.h"
#include "keygen2/internal/vocabulary.h"

namespace airtight::keygen2::internal {
namespace {

Result<LookupSpecifier> read_lookup_specifier(xml::Element e) {
  LookupSpecifier value;
  value.id = TRY(required(e, "ID", parse_id));
  value.nonce = TRY(required(e, "Nonce", parse_bytes32));
  value.email = TRY(optional(e, "Email", parse_text));
  value.serial = TRY(optional(e, "Serial", parse_integer));
  value.issued_before = TRY(optional(e, "IssuedBefore", parse_instant));
  value.issued_after = TRY(optional(e, "IssuedAfter", parse_instant));
  return value;
}

Result<MatchingCredential> read_matching_credential(xml::Element e) {
  MatchingCredential value;
  value.client_session_id = TRY(required(e, "ClientSessionID", parse_id));
  value.server_session_id = TRY(required(e, "ServerSessionID", parse_id));
  value.certificate_fingerprint = TRY(required(e, "CertificateFingerprint", parse_bytes32));
  value.locked = TRY(or_default(e, "Locked", parse_boolean, false));
  return value;
}

Result<LookupResult> read_lookup_result(xml::Element e) {
  LookupResult value;
  value.id = TRY(required(e, "ID", parse_id));
  value.matches = TRY(read_all(e.children(kNamespace, "MatchingCredential"), read_matching_credential));
  return value;
}

}  // namespace

Result<Message> read_credential_discovery_request(xml::Element root) {
  CredentialDiscoveryRequest message;
  TRY(read_session_request(root, message));
  message.lookups = TRY(read_all(root.children(kNamespace, "LookupSpecifier"), read_lookup_specifier));
  message.server_cookie = cookie_in(root);
  return message;
}

Result<Message> read_credential_discovery_response(xml::Element root) {
  CredentialDiscoveryResponse message;
  TRY(read_session_response(root, message));
  message.results = TRY(read_all(root.children(kNamespace, "LookupResult"), read_lookup_result));
  message.server_cookie = cookie_in(root);
  return message;
}

}  // namespace airtight::keygen2::internal
