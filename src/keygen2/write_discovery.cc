// Writing credential discovery.
#include "base/time.h"
#include "keygen2/internal/vocabulary.h"
#include "keygen2/internal/writers.h"

namespace airtight::keygen2::internal {
namespace {

// Nothing is issued between two seconds: before a moment in between is before the second that ends it.
Instant next_whole_second(Instant instant) { return instant.plus(std::chrono::milliseconds(999)).whole_seconds(); }

}  // namespace

Result<> write(xml::Element root, const CredentialDiscoveryRequest& message) {
  set_session_request(root, message);
  for (const LookupSpecifier& lookup : message.lookups) {
    xml::Element element = root.add(kKeyGen2, "LookupSpecifier");
    element.set_attribute("ID", lookup.id);
    set_bytes(element, "Nonce", lookup.nonce);
    if (lookup.email) element.set_attribute("Email", *lookup.email);
    if (lookup.serial) element.set_attribute("Serial", *lookup.serial);
    if (lookup.issued_before) element.set_attribute("IssuedBefore", format_time(next_whole_second(*lookup.issued_before)));
    if (lookup.issued_after) element.set_attribute("IssuedAfter", format_time(*lookup.issued_after));
  }
  return {};
}

Result<> write(xml::Element root, const CredentialDiscoveryResponse& message) {
  set_session_response(root, message);
  for (const LookupResult& result : message.results) {
    xml::Element element = root.add(kKeyGen2, "LookupResult");
    element.set_attribute("ID", result.id);
    for (const MatchingCredential& match : result.matches) {
      xml::Element credential = element.add(kKeyGen2, "MatchingCredential");
      credential.set_attribute("ClientSessionID", match.client_session_id);
      credential.set_attribute("ServerSessionID", match.server_session_id);
      set_bytes(credential, "CertificateFingerprint", match.certificate_fingerprint);
      set_flag(credential, "Locked", match.locked);
    }
  }
  return {};
}

}  // namespace airtight::keygen2::internal
