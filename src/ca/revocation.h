// The life of a certificate after it was issued: held, released, revoked (RFC 5280, section 5.3.1). Each change stands in the audit log of
// the same transaction, and makes the CRL of the certificate's issuer due.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "ca/register.h"
#include "storage/database.h"

namespace airtight::ca {

// "unspecified", "keyCompromise", ... as RFC 5280 writes them; nothing for a name that is not one.
[[nodiscard]] std::string_view name_of(RevocationReason reason);
[[nodiscard]] std::optional<RevocationReason> reason_named(std::string_view name);
// Those for which revoke() can be asked, in the order of their codes: all but certificateHold and removeFromCRL.
[[nodiscard]] std::vector<std::string_view> revocation_reason_names();

// Revokes for good, in the caller's open write transaction; a certificate on hold can be revoked too. `note` is for the audit log.
// Fault::kNotFound for an unknown serial number, kRefused for a certificate that is revoked already, because that is final, for a root, of
// which only those who trust it can dispose, and for the reasons that are no revocation.
[[nodiscard]] Result<> revoke(storage::Database& database, const Clock& clock, ByteView serial, RevocationReason reason,
                              std::string_view note);

// Suspends a certificate (reason certificateHold) until it is released or revoked. Fault::kNotFound; kRefused unless it is valid and no
// root.
[[nodiscard]] Result<> hold(storage::Database& database, const Clock& clock, ByteView serial, std::string_view note);
// Ends a hold. Fault::kNotFound; kRefused unless the certificate is on hold.
[[nodiscard]] Result<> release(storage::Database& database, const Clock& clock, ByteView serial, std::string_view note);

// The certificate that people name: by its serial number or its SHA-256 fingerprint, in hex of either case, with or without colons.
// Fault::kBadInput for something else, kNotFound if it was not issued here.
[[nodiscard]] Result<IssuedCertificate> find_named(storage::Database& database, std::string_view name);

}  // namespace airtight::ca
