// Credential discovery: what does the device have of this issuer, and what is to become of it? The answer of the device is not
// authenticated, so it decides nothing alone: it has to agree with what was issued to this very device, and what is deleted or updated is
// proved to and by the key store. SKS "Credential discovery"; keygen2.md sections 3 and 6.
#include <algorithm>
#include <cctype>
#include <set>

#include "base/encoding.h"
#include "ca/register.h"
#include "crypto/certificate.h"
#include "issuer/internal/step.h"
#include "issuer/texts.h"

namespace airtight::issuer {
namespace {

using keygen2::LookupResult;
using keygen2::MatchingCredential;

Result<keygen2::LookupSpecifier> specifier_of(const LookupProfile& lookup, const Turn& turn, const crypto::Sha256Value& nonce) {
  keygen2::LookupSpecifier specifier;
  specifier.id = lookup.id;
  specifier.nonce = to_bytes(ByteView(nonce));
  specifier.serial = lookup.serial;
  if (lookup.email) {
    ca::Facts facts = TRY(facts_of_subject(turn.session.subject, turn.session.email));
    TRY(facts.add("profile", turn.profile.name));
    TRY(facts.add("device_id", turn.session.device_id));
    specifier.email = TRY(fill_text(*lookup.email, facts));
  }
  if (lookup.issued_before) specifier.issued_before = moment_of(*lookup.issued_before, turn.now);
  if (lookup.issued_after) specifier.issued_after = moment_of(*lookup.issued_after, turn.now);
  return specifier;
}

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// An ID for one more lookup, by another issuing CA.
std::string next_id(const Profile& profile, std::size_t& number) {
  for (;;) {
    std::string id = "CA." + std::to_string(++number);
    if (is_of_first_authority(profile, id)) continue;
    return id;
  }
}

// The steps of the SKS document that look at the certificate.
bool is_match(const crypto::Certificate& certificate, const keygen2::LookupSpecifier& lookup, const std::vector<ca::XmlSigner>& issuers) {
  const std::vector<std::string> emails = certificate.emails();
  const bool has_email =
      !lookup.email || std::ranges::any_of(emails, [&](const std::string& email) { return equal_without_case(email, *lookup.email); });
  const bool issued_here = std::ranges::any_of(
      issuers, [&](const ca::XmlSigner& issuer) { return certificate.verify_issued_by(issuer.certificate).has_value(); });
  return has_email && issued_here && (!lookup.serial || keygen2::decimal_of(certificate.serial()) == *lookup.serial) &&
         (!lookup.issued_before || certificate.not_before() < *lookup.issued_before) &&
         (!lookup.issued_after || certificate.not_before() > *lookup.issued_after);
}

// One match that agrees with what is known.
struct Found {
  Credential credential;
  Session owner;  // as the device says
  std::string subject;
  bool locked;
};

// Judges the matches of all lookups and decides what becomes of them.
class Discovery {
 public:
  Discovery(Turn& turn, const keygen2::CredentialDiscoveryRequest& request)
      : turn_(turn), request_(request), issuers_(turn.environment.authority.xml_signers()) {}

  [[nodiscard]] Verified<> judge(const std::vector<LookupResult>& results);
  [[nodiscard]] std::vector<Target> take_targets() { return std::move(targets_); }

 private:
  // What the results from `begin` to `end`, which answer one lookup of the profile, have found.
  [[nodiscard]] Verified<> judge_one(const std::vector<LookupResult>& results, std::size_t begin, std::size_t end);
  [[nodiscard]] Verified<std::optional<Found>> find(const MatchingCredential& match, const keygen2::LookupSpecifier& lookup);
  [[nodiscard]] Verified<Session> owner_of(const Credential& credential, const MatchingCredential& match);
  [[nodiscard]] Verified<> act(const LookupProfile& lookup, std::vector<Found> found);
  [[nodiscard]] Verified<> clone_from(const std::vector<Found>& found);
  void add_target(const Found& found, TargetOperation operation, const std::string& key_id, bool revoke);

  Turn& turn_;
  const keygen2::CredentialDiscoveryRequest& request_;
  std::vector<ca::XmlSigner> issuers_;
  std::vector<Target> targets_;
  std::set<std::int64_t> targeted_;
};

bool can_be_changed(const Found& found) { return found.credential.updatable && !found.owner.sealed_session_key.empty(); }

// The owner that is recorded; or a later session on this device that took the key over, of which only the last answer got lost.
Verified<Session> Discovery::owner_of(const Credential& credential, const MatchingCredential& match) {
  const std::optional<Session> owner = TRY(find_session_by_server_id(turn_.database, match.server_session_id));
  if (owner && owner->client_session_id == match.client_session_id && owner->device_certificate == turn_.session.device_certificate) {
    if (owner->id == credential.owner_id) return *owner;
    const std::vector<Target> targets = TRY(find_targets(turn_.database, owner->id));
    const bool took_over = owner->state == keygen2::ServerState::kAborted && !owner->sealed_session_key.empty() &&
                           std::ranges::any_of(targets, [&](const Target& target) { return target.owner_id == credential.owner_id; });
    if (took_over) return *owner;
  }
  return refuse(kForbidden, "discovery.owner",
                "The device says that a credential belongs to another session, or to another device, than the one that it was issued to");
}

Verified<std::optional<Found>> Discovery::find(const MatchingCredential& match, const keygen2::LookupSpecifier& lookup) {
  std::optional<Credential> credential = TRY(find_credential_by_fingerprint(turn_.database, match.certificate_fingerprint));
  // Not recorded here: perhaps the database was restored since. It is left alone.
  if (!credential) return std::optional<Found>();
  if (credential->ended_at && !credential->withdrawn) {
    return refuse(kForbidden, "discovery.ended", "The device says that it has a credential which it has deleted or replaced");
  }
  const crypto::Certificate certificate = TRY(crypto::Certificate::parse(credential->certificate));
  if (!is_match(certificate, lookup, issuers_)) {
    return refuse(kForbidden, "discovery.not-matching",
                  "The device returns a credential that the lookup " + lookup.id + " does not ask for");
  }
  Session owner = TRY(owner_of(*credential, match));
  const std::optional<Session> origin = TRY(find_session(turn_.database, credential->session_id));
  if (!origin) return Refused(fail(Fault::kInternal, "a credential has no session").error());
  return std::optional(Found{*std::move(credential), std::move(owner), origin->subject, match.locked});
}

void Discovery::add_target(const Found& found, TargetOperation operation, const std::string& key_id, bool revoke) {
  if (operation == TargetOperation::kNone && !revoke) return;
  if (!targeted_.insert(found.credential.id).second) return;
  targets_.push_back({found.credential.id, found.owner.id, operation, key_id, revoke});
}

// An existing credential says who this is: the newest that is confirmed, valid and not locked.
Verified<> Discovery::clone_from(const std::vector<Found>& found) {
  std::set<std::string> subjects;
  for (const Found& one : found) {
    const Bytes serial = TRY(hex_decode(one.credential.serial));
    const auto issued = TRY(ca::find(turn_.database, serial));
    const bool valid = issued && issued->status == ca::CertificateStatus::kValid && one.credential.not_after > turn_.now;
    if (valid && one.credential.confirmed_at && !one.credential.ended_at && !one.locked) subjects.insert(one.subject);
  }
  if (subjects.empty()) {
    return refuse(kConflict, "discovery.no-proof", "The device has no valid credential of this issuer that says who its user is");
  }
  if (subjects.size() > 1) {
    return refuse(kConflict, "discovery.ambiguous", "The device has credentials of several users, and the enrolment does not say of which");
  }
  turn_.session.subject = *subjects.begin();
  return {};
}

Verified<> Discovery::act(const LookupProfile& lookup, std::vector<Found> found) {
  std::ranges::sort(found, [](const Found& a, const Found& b) { return a.credential.id > b.credential.id; });
  if (lookup.clone) TRY(clone_from(found));
  bool acted = lookup.clone && !lookup.remove && !lookup.update;
  bool updated = !lookup.update;
  for (const Found& one : found) {
    const KeyProfile* key = updated ? nullptr : turn_.profile.find_key(*lookup.update);
    if (key != nullptr && can_be_changed(one) && key->usage == one.credential.key_usage && !targeted_.contains(one.credential.id)) {
      add_target(one, TargetOperation::kUpdate, key->id, lookup.revoke);
      updated = acted = true;
      continue;
    }
    const bool remove = lookup.remove && can_be_changed(one);
    add_target(one, remove ? TargetOperation::kDelete : TargetOperation::kNone, {}, lookup.revoke);
    acted = acted || remove || (!lookup.update && !lookup.remove);
  }
  if (lookup.required && (!acted || !updated)) {
    return refuse(kConflict, "discovery.nothing-found", "The device has no credential that this enrolment could go on from");
  }
  return {};
}

Verified<> Discovery::judge(const std::vector<LookupResult>& results) {
  const auto same_id = [](const LookupResult& result, const keygen2::LookupSpecifier& lookup) { return result.id == lookup.id; };
  if (!std::ranges::equal(results, request_.lookups, same_id)) {
    return refuse(kForbidden, "discovery.results", "The device does not answer each lookup that it was asked, in their order");
  }
  for (std::size_t begin = 0; begin < results.size();) {
    std::size_t end = begin + 1;
    while (end < results.size() && !is_of_first_authority(turn_.profile, results[end].id)) ++end;
    TRY(judge_one(results, begin, end));
    begin = end;
  }
  return {};
}

Verified<> Discovery::judge_one(const std::vector<LookupResult>& results, std::size_t begin, std::size_t end) {
  const LookupProfile* profile = turn_.profile.find_lookup(results[begin].id);
  if (profile == nullptr) return Refused(fail(Fault::kInternal, "the session's profile has no lookup " + results[begin].id).error());
  std::size_t count = 0;
  std::set<std::string> fingerprints;
  std::vector<Found> found;
  for (std::size_t i = begin; i < end; ++i) {
    count += results[i].matches.size();
    if (count > profile->most) {
      return refuse(kConflict, "discovery.too-many",
                    "The device has " + std::to_string(count) + " credentials or more where at most " + std::to_string(profile->most) +
                        " are dealt with in one session");
    }
    for (const MatchingCredential& match : results[i].matches) {
      if (!fingerprints.insert(to_text(match.certificate_fingerprint)).second)
        return refuse(kForbidden, "discovery.repeated", "The device returns a credential twice");
      std::optional<Found> one = TRY(find(match, request_.lookups[i]));
      if (one) found.push_back(*std::move(one));
    }
  }
  return act(*profile, std::move(found));
}

}  // namespace

bool is_of_first_authority(const Profile& profile, std::string_view lookup_id) { return profile.find_lookup(lookup_id) != nullptr; }

Verified<Answer> discover_credentials(Turn& turn) {
  Session& session = turn.session;
  session.server_time = format_time(turn.now);
  keygen2::CredentialDiscoveryRequest request;
  request.id = session.server_session_id;
  request.client_session_id = session.client_session_id;
  request.server_time = session.server_time;
  request.submit_url = submit_url(session);
  const crypto::Sha256Value nonce = keygen2::discovery_nonce(session.client_session_id, session.server_session_id, submit_url(session));
  const std::size_t authorities = turn.environment.authority.xml_signers().size();
  std::size_t extra_lookups = 0;
  for (const LookupProfile& lookup : turn.profile.lookups) {
    Result<keygen2::LookupSpecifier> specifier = specifier_of(lookup, turn, nonce);
    if (!specifier && specifier.error().fault == Fault::kNotFound) return Refused(no_value(specifier.error()));
    request.lookups.push_back(TRY(std::move(specifier)));
    for (std::size_t earlier = 1; earlier < authorities; ++earlier) {
      keygen2::LookupSpecifier again = request.lookups.back();
      again.id = next_id(turn.profile, extra_lookups);
      request.lookups.push_back(std::move(again));
    }
  }
  session.request = TRY(request_text(turn, std::move(request)));
  return Answer{keygen2::ServerState::kAwaitCredentialDiscoveryResponse,
                [&turn](storage::Database&) -> Verified<http::Response> { return message_response(turn.session.request); }};
}

Verified<Answer> handle_credential_discovery(Turn& turn, const keygen2::Received& received) {
  const auto& response = std::get<keygen2::CredentialDiscoveryResponse>(received.message);
  TRY(check_both_sessions(turn, response.server_session_id, response.id, response.server_cookie));
  const keygen2::Received sent = TRY(keygen2::read_message(turn.session.request, turn.environment.schema));
  Discovery discovery(turn, std::get<keygen2::CredentialDiscoveryRequest>(sent.message));
  TRY(discovery.judge(response.results));
  turn.session.request.clear();
  const SecretBytes session_key = TRY(open_session_key(turn.environment, turn.session));
  return initialize_keys(turn, session_key, discovery.take_targets());
}

}  // namespace airtight::issuer
