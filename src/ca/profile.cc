#include "ca/profile.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <utility>

namespace airtight::ca {
namespace {

using crypto::KeyUsageBit;
using Kind = AlternativeName::Kind;

constexpr std::string_view kServerAuth = "1.3.6.1.5.5.7.3.1";
constexpr std::string_view kClientAuth = "1.3.6.1.5.5.7.3.2";
constexpr std::string_view kCodeSigning = "1.3.6.1.5.5.7.3.3";
constexpr std::string_view kEmailProtection = "1.3.6.1.5.5.7.3.4";
constexpr std::string_view kTimeStamping = "1.3.6.1.5.5.7.3.8";
constexpr std::string_view kOcspSigning = "1.3.6.1.5.5.7.3.9";
constexpr std::string_view kDocumentSigning = "1.3.6.1.5.5.7.3.36";
constexpr std::string_view kSmartCardLogon = "1.3.6.1.4.1.311.20.2.2";  // Microsoft's szOID_KP_SMARTCARD_LOGON

constexpr std::uint32_t kMaxTlsServerDays = 397;  // what TLS clients accept (CA/Browser Forum, Baseline Requirements 6.3.2)

constexpr std::uint16_t bit(KeyUsageBit usage) { return std::to_underlying(usage); }
constexpr std::uint16_t kSign = bit(KeyUsageBit::kDigitalSignature);
constexpr std::uint16_t kCommit = kSign | bit(KeyUsageBit::kNonRepudiation);
constexpr std::uint16_t kEncipher = bit(KeyUsageBit::kKeyEncipherment);
constexpr std::uint16_t kAgree = bit(KeyUsageBit::kKeyAgreement);

// One row a purpose: what its certificates say, and what names they cannot do without.
struct PurposeRow {
  Purpose purpose;
  std::string_view name;
  std::uint16_t rsa_usage;
  std::uint16_t ec_usage;
  std::array<std::string_view, 2> extended;
  std::array<Kind, 2> wanted;  // one of these; unused for purposes without wish
  std::string_view wish;       // for people; empty: none
};
constexpr std::array kPurposes = {
    PurposeRow{Purpose::kGeneral, "general", 0, 0, {}, {}, ""},
    PurposeRow{Purpose::kTlsClient, "tls-client", kSign, kSign, {kClientAuth}, {}, ""},
    // RFC 8550, section 4.4.2: EC keys agree on keys where RSA keys encipher them.
    PurposeRow{
        Purpose::kEmailSigning, "email-signing", kCommit, kCommit, {kEmailProtection}, {Kind::kEmail, Kind::kEmail}, "a mail address"},
    PurposeRow{Purpose::kEmailEncryption,
               "email-encryption",
               kEncipher,
               kAgree,
               {kEmailProtection},
               {Kind::kEmail, Kind::kEmail},
               "a mail address"},
    PurposeRow{
        Purpose::kEmail, "email", kSign | kEncipher, kSign | kAgree, {kEmailProtection}, {Kind::kEmail, Kind::kEmail}, "a mail address"},
    PurposeRow{Purpose::kSmartCardLogon,
               "smart-card-logon",
               kSign,
               kSign,
               {kClientAuth, kSmartCardLogon},
               {Kind::kUpn, Kind::kUpn},
               "a user principal name"},
    PurposeRow{Purpose::kCodeSigning, "code-signing", kSign, kSign, {kCodeSigning}, {}, ""},
    PurposeRow{
        Purpose::kTlsServer, "tls-server", kSign | kEncipher, kSign, {kServerAuth}, {Kind::kDns, Kind::kIp}, "a host name or address"},
    PurposeRow{Purpose::kDocumentSigning, "document-signing", kCommit, kCommit, {kDocumentSigning}, {}, ""},
};

const PurposeRow& row_of(Purpose purpose) { return *std::ranges::find(kPurposes, purpose, &PurposeRow::purpose); }

Failure bad(const CertificateProfile& profile, std::string what, std::string hint = {}) {
  return fail(Fault::kBadInput, "the certificate profile \"" + profile.name + "\" " + std::move(what), std::move(hint));
}

// Purposes that this door does not give: they would make somebody else's answers this authority's own.
Result<> check_extended(const CertificateProfile& profile) {
  for (const std::string& id : profile.extended_key_usage) {
    if (!crypto::is_object_id_text(id)) return bad(profile, "has an extended key usage \"" + id + "\" that is no object identifier");
    if (id == kOcspSigning) return bad(profile, "would make an OCSP responder", "the authority makes its own; take " + id + " out");
    if (id == kTimeStamping) {
      return bad(profile, "is for time stamps, whose certificates have a critical purpose and no other (RFC 3161, section 2.3)",
                 "take " + id + " out");
    }
  }
  return {};
}

// `names` is a Subject or the CertificateContent.
template <typename Names>
std::vector<std::string>& names_of(Names& subject, Kind kind) {
  switch (kind) {
    case Kind::kEmail: return subject.emails;
    case Kind::kDns: return subject.dns_names;
    case Kind::kIp: return subject.ip_addresses;
    case Kind::kUri: return subject.uris;
    case Kind::kUpn: break;
  }
  return subject.upns;
}

bool has_wanted(const PurposeRow& row, Subject& subject) {
  if (row.wish.empty()) return true;
  return std::ranges::any_of(row.wanted, [&](Kind kind) { return !names_of(subject, kind).empty(); });
}

// What does not depend on an enrolment can be looked at before there is one.
Result<> check_constant_names(const CertificateProfile& profile) {
  crypto::CertificateContent content;
  for (const AlternativeName& name : profile.alternative_names) {
    if (name.value.is_constant()) names_of(content, name.kind).push_back(TRY(name.value.expand({})));
  }
  const Result<> checked = crypto::check_alternative_names(content);
  if (!checked) return bad(profile, "has an alternative name that cannot be: " + checked.error().message);
  return {};
}

}  // namespace

std::string_view name_of(Purpose purpose) { return row_of(purpose).name; }

std::optional<Purpose> purpose_named(std::string_view name) {
  const auto found = std::ranges::find(kPurposes, name, &PurposeRow::name);
  if (found == kPurposes.end()) return std::nullopt;
  return found->purpose;
}

std::vector<std::string_view> purpose_names() {
  std::vector<std::string_view> out;
  for (const PurposeRow& row : kPurposes) out.push_back(row.name);
  return out;
}

Result<> check_profile(const CertificateProfile& profile) {
  constexpr std::uint16_t kAuthority = bit(KeyUsageBit::kKeyCertSign) | bit(KeyUsageBit::kCrlSign);
  if ((profile.key_usage & kAuthority) != 0) {
    return bad(profile, "would make a CA", "take keyCertSign and cRLSign out of its key usage");
  }
  if (profile.validity_days == 0) return bad(profile, "would make a certificate that is never valid", "give it at least one day");
  TRY(check_extended(profile));
  for (const std::string& id : profile.policies) {
    if (!crypto::is_object_id_text(id)) return bad(profile, "has a policy \"" + id + "\" that is no object identifier");
    if (std::ranges::count(profile.policies, id) > 1) return bad(profile, "has the policy " + id + " twice");
  }
  TRY(check_constant_names(profile));
  const std::vector<std::string> extended = extended_key_usage_of(profile);
  if (std::ranges::find(extended, kServerAuth) != extended.end() && profile.validity_days > kMaxTlsServerDays) {
    return bad(profile, "is for TLS servers and lasts longer than clients accept",
               "give it at most " + std::to_string(kMaxTlsServerDays) + " days");
  }
  return {};
}

Result<std::uint16_t> key_usage_of(const CertificateProfile& profile, KeyAlgorithmType key) {
  const PurposeRow& row = row_of(profile.purpose);
  const bool rsa = key == KeyAlgorithmType::kRsa;
  if (profile.key_usage == 0) return rsa ? row.rsa_usage : row.ec_usage;
  constexpr std::uint16_t kRsaAlone = kEncipher | bit(KeyUsageBit::kDataEncipherment);
  if (!rsa && (profile.key_usage & kRsaAlone) != 0) {
    return bad(profile, "would have an EC key encipher, which EC keys cannot", "use key-agreement");
  }
  if (rsa && (profile.key_usage & kAgree) != 0) {
    return bad(profile, "would have an RSA key agree on keys, which RSA keys cannot", "use key-encipherment");
  }
  return profile.key_usage;
}

std::vector<std::string> extended_key_usage_of(const CertificateProfile& profile) {
  std::vector<std::string> out;
  const auto add = [&](std::string_view id) {
    if (!id.empty() && std::ranges::find(out, id) == out.end()) out.emplace_back(id);
  };
  for (const std::string_view id : row_of(profile.purpose).extended) add(id);
  for (const std::string& id : profile.extended_key_usage) add(id);
  return out;
}

Result<Subject> make_subject(const CertificateProfile& profile, const Facts& facts, Subject given) {
  if (profile.subject) given.name_der = TRY(profile.subject->expand(facts));
  for (const AlternativeName& name : profile.alternative_names) {
    std::vector<std::string>& names = names_of(given, name.kind);
    for (std::string& value : TRY(name.value.expand_all(facts))) {
      if (std::ranges::find(names, value) == names.end()) names.push_back(std::move(value));
    }
  }
  const PurposeRow& row = row_of(profile.purpose);
  if (!has_wanted(row, given)) {
    return fail(Fault::kRefused,
                "a certificate for " + std::string(row.name) + " has to hold " + std::string(row.wish) +
                    ", and there is none for the profile \"" + profile.name + "\"",
                "give one with the enrolment, or as an alternative name in the profile");
  }
  return given;
}

}  // namespace airtight::ca
