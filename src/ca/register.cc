#include "ca/register.h"

#include <array>

namespace airtight::ca {
namespace {

using storage::Row;

constexpr std::array kStatuses = {CertificateStatus::kValid, CertificateStatus::kSuspended, CertificateStatus::kRevoked};

IssuedCertificate read_certificate(const Row& row) {
  IssuedCertificate out{.id = row.integer(0),
                        .serial = row.blob(1),
                        .der = row.blob(2),
                        .subject = row.text(3),
                        .not_before = Instant{row.integer(4)},
                        .not_after = Instant{row.integer(5)},
                        .profile = row.text(6),
                        .issuer_key = row.text(7),
                        .status = CertificateStatus::kRevoked,
                        .issued_at = Instant{row.integer(9)}};
  const std::string word = row.text(8);  // the table checks it
  for (CertificateStatus candidate : kStatuses) {
    if (name_of(candidate) == word) out.status = candidate;
  }
  if (!row.is_null(10)) out.revoked_at = Instant{row.integer(10)};
  if (!row.is_null(11)) out.reason = static_cast<RevocationReason>(row.integer(11));
  return out;
}

// The columns are those that read_certificate() takes.
constexpr std::string_view kList =
    "SELECT id, serial, der, subject, not_before, not_after, profile, issuer_key, status, issued_at, revoked_at, reason "
    "FROM ca_certificates WHERE id > ?1 ORDER BY id LIMIT ?2";
constexpr std::string_view kFindBySerial =
    "SELECT id, serial, der, subject, not_before, not_after, profile, issuer_key, status, issued_at, revoked_at, reason "
    "FROM ca_certificates WHERE serial = ?1";
constexpr std::string_view kFindByFingerprint =
    "SELECT id, serial, der, subject, not_before, not_after, profile, issuer_key, status, issued_at, revoked_at, reason "
    "FROM ca_certificates WHERE sha256 = ?1";

}  // namespace

std::string_view name_of(CertificateStatus status) {
  switch (status) {
    case CertificateStatus::kValid: return "valid";
    case CertificateStatus::kSuspended: return "suspended";
    case CertificateStatus::kRevoked: return "revoked";
  }
  return {};
}

Result<std::vector<IssuedCertificate>> list(storage::Database& database, std::size_t limit, std::int64_t after) {
  return storage::query_all(database, kList, {after, static_cast<std::int64_t>(limit)}, read_certificate);
}

Result<std::int64_t> count(storage::Database& database) {
  const auto number =
      TRY(storage::query_one(database, "SELECT count(*) FROM ca_certificates", {}, [](const Row& row) { return row.integer(0); }));
  return number.value_or(0);
}

Result<std::optional<IssuedCertificate>> find(storage::Database& database, ByteView serial) {
  return storage::query_one(database, kFindBySerial, {serial}, read_certificate);
}

Result<std::optional<IssuedCertificate>> find_by_fingerprint(storage::Database& database, ByteView sha256) {
  return storage::query_one(database, kFindByFingerprint, {sha256}, read_certificate);
}

}  // namespace airtight::ca
