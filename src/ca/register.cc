#include "ca/register.h"

#include <array>

#include "base/encoding.h"
#include "ca/audit.h"

namespace airtight::ca {
namespace {

using storage::Row;

constexpr std::array kStatuses = {CertificateStatus::kValid, CertificateStatus::kSuspended, CertificateStatus::kRevoked};

IssuedCertificate read_certificate(const Row& row) {
  CertificateStatus status = CertificateStatus::kRevoked;
  const std::string word = row.text(7);  // the table checks it
  for (CertificateStatus candidate : kStatuses) {
    if (name_of(candidate) == word) status = candidate;
  }
  return {
      row.integer(0),         row.blob(1), row.blob(2), row.text(3), Instant{row.integer(4)}, Instant{row.integer(5)}, row.text(6), status,
      Instant{row.integer(8)}};
}

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
  return storage::query_all(database,
                            "SELECT id, serial, der, subject, not_before, not_after, profile, status, issued_at FROM ca_certificates "
                            "WHERE id > ?1 ORDER BY id LIMIT ?2",
                            {after, static_cast<std::int64_t>(limit)}, read_certificate);
}

Result<std::int64_t> count(storage::Database& database) {
  const auto number =
      TRY(storage::query_one(database, "SELECT count(*) FROM ca_certificates", {}, [](const Row& row) { return row.integer(0); }));
  return number.value_or(0);
}

Result<std::optional<IssuedCertificate>> find(storage::Database& database, ByteView serial) {
  return storage::query_one(database,
                            "SELECT id, serial, der, subject, not_before, not_after, profile, status, issued_at FROM ca_certificates "
                            "WHERE serial = ?1",
                            {serial}, read_certificate);
}

Result<> set_status(storage::Database& database, const Clock& clock, ByteView serial, CertificateStatus status, std::string_view reason) {
  const auto certificate = TRY(find(database, serial));
  const std::string shown = hex_encode(serial);
  if (!certificate) return fail(Fault::kNotFound, "no certificate with serial number " + shown + " was issued here");
  if (certificate->status == CertificateStatus::kRevoked) {
    return fail(Fault::kRefused, "the certificate with serial number " + shown + " is revoked, which is final", "issue a new certificate");
  }
  TRY(database.execute("UPDATE ca_certificates SET status = ?1 WHERE id = ?2", {name_of(status), certificate->id}));
  return record(database, clock, "certificate." + std::string(name_of(status)),
                "serial: " + shown + "\nsubject: " + certificate->subject + "\nreason: " + std::string(reason) + "\n");
}

}  // namespace airtight::ca
