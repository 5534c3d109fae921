// Credential discovery: which keys of this store an issuer issued earlier (SKS "Remote Key Lookup", keygen2.md sections 3 and 6). The
// issuer's signature is its filter: it learns of keys under its own CA, and of nothing else.
#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/internal/run.h"
#include "agent/key_list.h"

namespace airtight::agent {
namespace {

using keygen2::ClientError;
using keygen2::LookupSpecifier;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool has_email(const crypto::Certificate& certificate, std::string_view email) {
  return std::ranges::any_of(certificate.emails(),
                             [&](const std::string& one) { return std::ranges::equal(one, email, {}, lower, lower); });
}

// Steps 4 and 5. Validity dates do not matter, and both limits are exclusive.
bool matches(const KeyEntry& key, const LookupSpecifier& lookup, const crypto::Certificate& issuing_ca) {
  if (!key.is_usable()) return false;  // of an open session
  const crypto::Certificate& certificate = key.path.front();
  if (!equal(certificate.issuer_der(), issuing_ca.subject_der())) return false;
  if (lookup.email && !has_email(certificate, *lookup.email)) return false;
  if (lookup.serial && keygen2::decimal_of(certificate.serial()) != *lookup.serial) return false;
  if (lookup.issued_before && certificate.not_before() >= *lookup.issued_before) return false;
  if (lookup.issued_after && certificate.not_before() <= *lookup.issued_after) return false;
  return certificate.verify_issued_by(issuing_ca).has_value();  // last: it costs most
}

// Step 2.
Result<> check_nonces(const Run& run, const keygen2::CredentialDiscoveryRequest& request) {
  const crypto::Sha256Value nonce =
      keygen2::discovery_nonce(run.record.client_session_id, run.record.server_session_id, run.record.issuer_uri);
  for (const LookupSpecifier& lookup : request.lookups) {
    if (equal(lookup.nonce, nonce)) continue;
    return refuse(ClientError::kNonMatchingRequests, "the issuer looks for keys with a question that was not made for this session");
  }
  return {};
}

using SessionsByHandle = std::map<std::uint32_t, sks::EnumerateProvisioningSessions::Session>;

Result<SessionsByHandle> closed_sessions(sks::Channel& key_store) {
  SessionsByHandle sessions;
  for (SessionEntry& entry : TRY(list_sessions(key_store))) {
    if (!entry.session.is_open) sessions.emplace(entry.handle, std::move(entry.session));
  }
  return sessions;
}

keygen2::MatchingCredential credential_of(const KeyEntry& key, const sks::EnumerateProvisioningSessions::Session& session) {
  const bool locked = key.protection && (key.protection->protection_status & sks::kPinLocked) != 0;
  return {.client_session_id = session.client_session_id.value,
          .server_session_id = session.server_session_id.value,
          .certificate_fingerprint = to_bytes(key.path.front().sha256()),
          .locked = locked};
}

}  // namespace

Answer discover(Run& run, keygen2::CredentialDiscoveryRequest& request, const xml::Document& document) {
  TRY(check_client_session(run, request.client_session_id));
  TRY(find_session(run));
  run.tools.user.progress(Step::kLookingForKeys, "");
  TRY(check_nonces(run, request));
  const std::vector<crypto::Certificate> issuing_cas = TRY(keygen2::verify_lookups(document));  // step 1
  if (issuing_cas.size() != request.lookups.size()) {
    return refuse(ClientError::kNonMatchingRequests, "a question of the issuer for its keys is not signed");
  }
  const std::vector<KeyEntry> keys = TRY(list_keys(run.tools.key_store));  // step 3
  const SessionsByHandle sessions = TRY(closed_sessions(run.tools.key_store));
  keygen2::CredentialDiscoveryResponse response{.id = run.record.client_session_id,
                                                .server_session_id = request.id,
                                                .results = {},
                                                .server_cookie = std::move(request.server_cookie)};
  for (std::size_t i = 0; i < request.lookups.size(); ++i) {
    keygen2::LookupResult result{.id = request.lookups[i].id, .matches = {}};
    for (const KeyEntry& key : keys) {
      const auto session = sessions.find(key.key.provisioning_handle);
      if (session == sessions.end() || !matches(key, request.lookups[i], issuing_cas[i])) continue;
      result.matches.push_back(credential_of(key, session->second));
    }
    response.results.push_back(std::move(result));
  }
  return keygen2::write_message(std::move(response));
}

}  // namespace airtight::agent
