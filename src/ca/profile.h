// What a kind of certificate holds: its purpose, from which key usage and extended key usage follow for each key algorithm, its policies
// and validity, and templates for the names in it. A profile is checked once, when it is read; a certificate is made from it and from
// facts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/key_attributes.h"
#include "base/result.h"
#include "base/time.h"
#include "ca/template.h"
#include "crypto/certificate_builder.h"

namespace airtight::ca {

enum class Purpose : std::uint8_t {
  kGeneral,          // what the profile itself says, and no more
  kTlsClient,        // RFC 5280 section 4.2.1.12: id-kp-clientAuth
  kEmailSigning,     // S/MIME (RFC 8550), a key that only signs
  kEmailEncryption,  // S/MIME, a key that only decrypts
  kEmail,            // S/MIME, one key for both
  kSmartCardLogon,   // Windows log-on: a user principal name, id-kp-clientAuth and Microsoft's own purpose
  kCodeSigning,      // id-kp-codeSigning
  kTlsServer,        // id-kp-serverAuth, with host names or addresses
  kDocumentSigning,  // RFC 9336: id-kp-documentSigning
};
// "general", "tls-client", "email-signing", "email-encryption", "email", "smart-card-logon", "code-signing", "tls-server",
// "document-signing".
[[nodiscard]] std::string_view name_of(Purpose purpose);
[[nodiscard]] std::optional<Purpose> purpose_named(std::string_view name);
[[nodiscard]] std::vector<std::string_view> purpose_names();

// A kind of alternative name with the template of its value. A value of the fact "dns" and the like makes one name each.
struct AlternativeName {
  enum class Kind : std::uint8_t { kEmail, kDns, kIp, kUri, kUpn };
  Kind kind;
  Template value;
};

struct CertificateProfile {
  std::string name;
  std::uint32_t validity_days = 365;
  std::uint16_t key_usage = 0;                       // crypto::KeyUsageBit ORed; 0: what follows from purpose and key algorithm
  std::vector<std::string> extended_key_usage = {};  // dotted OIDs, besides those of the purpose
  std::vector<std::string> policies = {};            // dotted OIDs
  Purpose purpose = Purpose::kGeneral;
  std::optional<NameTemplate> subject = {};             // absent: the enrolment's own subject
  std::vector<AlternativeName> alternative_names = {};  // besides those that the enrolment gives
  std::optional<Instant> latest_end = {};               // the certificate ends then, if not before: known when it is made, and not before
};

// Whom a certificate names.
struct Subject {
  Bytes name_der;
  std::vector<std::string> emails = {};
  std::vector<std::string> dns_names = {};
  std::vector<std::string> ip_addresses = {};
  std::vector<std::string> uris = {};
  std::vector<std::string> upns = {};  // user principal names (UPN), as Microsoft has them: user@domain
};

// Fault::kBadInput says what no key and no enrolment could mend: a profile that would make a CA or an OCSP responder, that is never valid,
// purposes or policies that are no object identifiers, and a TLS server of more than 397 days.
[[nodiscard]] Result<> check_profile(const CertificateProfile& profile);

// The key usage of a certificate of this profile for a key of type `key`. Fault::kBadInput for one that the algorithm cannot serve, such as
// keyEncipherment with EC keys (RFC 5480 section 3, RFC 3279 section 2.3.1).
[[nodiscard]] Result<std::uint16_t> key_usage_of(const CertificateProfile& profile, KeyAlgorithmType key);
// All its extended key usages, without repeats.
[[nodiscard]] std::vector<std::string> extended_key_usage_of(const CertificateProfile& profile);

// What the templates make of `facts`, added to what `given` has: the profile's subject, if it has one, takes the place of given.name_der.
// Faults as Template::expand() and NameTemplate::expand(); Fault::kRefused if a name that the purpose wants is missing: an address
// for e-mail, a UPN for smart cards, a host for TLS servers.
[[nodiscard]] Result<Subject> make_subject(const CertificateProfile& profile, const Facts& facts, Subject given = {});

}  // namespace airtight::ca
