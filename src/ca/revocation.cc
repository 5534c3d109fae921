#include "ca/revocation.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.h"
#include "base/text.h"
#include "ca/audit.h"

namespace airtight::ca {
namespace {

constexpr std::size_t kMaxSerial = 20;
constexpr std::size_t kFingerprint = 32;
constexpr std::size_t kMaxNote = 1000;  // bytes

struct ReasonName {
  RevocationReason reason;
  std::string_view name;
};
constexpr std::array kReasons = {
    ReasonName{RevocationReason::kUnspecified, "unspecified"},
    ReasonName{RevocationReason::kKeyCompromise, "keyCompromise"},
    ReasonName{RevocationReason::kCaCompromise, "cACompromise"},
    ReasonName{RevocationReason::kAffiliationChanged, "affiliationChanged"},
    ReasonName{RevocationReason::kSuperseded, "superseded"},
    ReasonName{RevocationReason::kCessationOfOperation, "cessationOfOperation"},
    ReasonName{RevocationReason::kCertificateHold, "certificateHold"},
    ReasonName{RevocationReason::kRemoveFromCrl, "removeFromCRL"},
    ReasonName{RevocationReason::kPrivilegeWithdrawn, "privilegeWithdrawn"},
    ReasonName{RevocationReason::kAaCompromise, "aACompromise"},
};

bool is_final(RevocationReason reason) {
  return reason != RevocationReason::kCertificateHold && reason != RevocationReason::kRemoveFromCrl;
}

Result<IssuedCertificate> find_required(storage::Database& database, ByteView serial) {
  auto certificate = TRY(find(database, serial));
  if (!certificate) return fail(Fault::kNotFound, "no certificate with serial number " + hex_encode(serial) + " was issued here");
  return std::move(*certificate);
}

Failure revoked_already(const IssuedCertificate& certificate) {
  return fail(Fault::kRefused, "the certificate with serial number " + hex_encode(certificate.serial) + " is revoked, which is final",
              "issue a new certificate");
}

// Whoever trusts a root would have to believe its own word that it is not to be believed (RFC 5280, section 6: a CRL says nothing of a
// trust anchor).
Result<> require_revocable(const IssuedCertificate& certificate) {
  if (certificate.profile != kRootProfile && certificate.profile != kTlsRootProfile) return {};
  return fail(Fault::kRefused, "\"" + certificate.subject + "\" is a root, which no CRL can revoke",
              "replace it with 'airtight ca rollover --root', and have those who trust it remove it");
}

struct Change {
  CertificateStatus status;
  std::optional<Instant> at;
  std::optional<RevocationReason> reason;
  std::string_view event;
  std::string_view note;
};

Result<> apply(storage::Database& database, const Clock& clock, const IssuedCertificate& certificate, const Change& change) {
  using storage::Value;
  if (!is_line(change.note) || change.note.size() > kMaxNote)
    return fail(Fault::kBadInput, "a note has to be one line of UTF-8 of at most 1000 bytes",
                "shorten it, and leave out line ends and control characters");
  const Value at = change.at ? Value(change.at->milliseconds) : Value();
  const Value reason = change.reason ? Value(static_cast<std::int64_t>(std::to_underlying(*change.reason))) : Value();
  TRY(database.execute("UPDATE ca_certificates SET status = ?1, revoked_at = ?2, reason = ?3 WHERE id = ?4",
                       {name_of(change.status), at, reason, certificate.id}));
  TRY(database.execute("UPDATE ca_crls SET stale = 1 WHERE key_name = ?1", {std::string_view(certificate.issuer_key)}));
  std::string detail = "serial: " + hex_encode(certificate.serial) + "\nsubject: " + certificate.subject + "\n";
  if (change.reason) detail += "reason: " + std::string(name_of(*change.reason)) + "\n";
  if (!change.note.empty()) detail += "note: " + std::string(change.note) + "\n";
  return record(database, clock, change.event, detail);
}

}  // namespace

std::string_view name_of(RevocationReason reason) {
  const auto found = std::ranges::find(kReasons, reason, &ReasonName::reason);
  return found == kReasons.end() ? std::string_view() : found->name;
}

std::optional<RevocationReason> reason_named(std::string_view name) {
  const auto found = std::ranges::find(kReasons, name, &ReasonName::name);
  if (found == kReasons.end()) return std::nullopt;
  return found->reason;
}

std::vector<std::string_view> revocation_reason_names() {
  std::vector<std::string_view> out;
  for (const ReasonName& row : kReasons) {
    if (is_final(row.reason)) out.push_back(row.name);
  }
  return out;
}

Result<> revoke(storage::Database& database, const Clock& clock, ByteView serial, RevocationReason reason, std::string_view note) {
  if (!is_final(reason) || name_of(reason).empty()) {
    return fail(Fault::kRefused, "a certificate cannot be revoked for good with the reason " + std::string(name_of(reason)),
                "hold it, or release it from a hold");
  }
  const IssuedCertificate certificate = TRY(find_required(database, serial));
  TRY(require_revocable(certificate));
  if (certificate.status == CertificateStatus::kRevoked) return revoked_already(certificate);
  // What was signed during a hold stays in doubt.
  const Instant at = certificate.revoked_at.value_or(clock.now().whole_seconds());
  return apply(database, clock, certificate, {CertificateStatus::kRevoked, at, reason, "certificate.revoked", note});
}

Result<> hold(storage::Database& database, const Clock& clock, ByteView serial, std::string_view note) {
  const IssuedCertificate certificate = TRY(find_required(database, serial));
  TRY(require_revocable(certificate));
  if (certificate.status == CertificateStatus::kRevoked) return revoked_already(certificate);
  if (certificate.status == CertificateStatus::kSuspended) {
    return fail(Fault::kRefused, "the certificate with serial number " + hex_encode(serial) + " is on hold already");
  }
  return apply(database, clock, certificate,
               {CertificateStatus::kSuspended, clock.now().whole_seconds(), RevocationReason::kCertificateHold, "certificate.held", note});
}

Result<> release(storage::Database& database, const Clock& clock, ByteView serial, std::string_view note) {
  const IssuedCertificate certificate = TRY(find_required(database, serial));
  if (certificate.status == CertificateStatus::kRevoked) return revoked_already(certificate);
  if (certificate.status == CertificateStatus::kValid) {
    return fail(Fault::kRefused, "the certificate with serial number " + hex_encode(serial) + " is not on hold");
  }
  return apply(database, clock, certificate, {CertificateStatus::kValid, {}, {}, "certificate.released", note});
}

Result<IssuedCertificate> find_named(storage::Database& database, std::string_view name) {
  std::string digits(name);
  std::erase(digits, ':');
  if (digits.size() % 2 == 1) digits.insert(0, "0");  // serial numbers are often written without leading zeros
  const auto bytes = hex_decode(digits);
  if (!bytes || bytes->empty() || (bytes->size() > kMaxSerial && bytes->size() != kFingerprint)) {
    return fail(Fault::kBadInput, "\"" + std::string(name) + "\" is neither a serial number nor a SHA-256 fingerprint",
                "write it in hex, as 'airtight ca list DIR' shows it");
  }
  ByteView wanted = *bytes;
  if (wanted.size() == kFingerprint) {
    auto found = TRY(find_by_fingerprint(database, wanted));
    if (found) return std::move(*found);
    return fail(Fault::kNotFound, "no certificate with the fingerprint " + hex_encode(wanted) + " was issued here");
  }
  while (wanted.size() > 1 && wanted[0] == std::byte{0}) wanted = wanted.subspan(1);
  return find_required(database, wanted);
}

}  // namespace airtight::ca
