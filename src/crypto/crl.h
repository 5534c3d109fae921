// Makes certificate revocation lists (RFC 5280, section 5): full, version 2. ca/ decides what goes in; this writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/signer.h"

namespace airtight::crypto {

struct RevokedCertificate {
  Bytes serial;  // magnitude, big-endian
  Instant revoked_at;
  std::uint8_t reason = 0;  // CRLReason; unspecified (0) is left out, as section 5.3.1 wants
};

struct CrlContent {
  Bytes issuer_der;
  Instant this_update;
  Instant next_update;
  std::uint64_t number = 0;  // cRLNumber (section 5.2.3)
  Bytes authority_key_id;    // subjectKeyIdentifier of the issuer
  std::vector<RevokedCertificate> revoked = {};
};

// The CertificateList in DER, signed as certificates of this key are. Fault::kBadInput for times that end before they begin.
[[nodiscard]] Result<Bytes> sign_crl(const CrlContent& content, const Signer& issuer_key);

}  // namespace airtight::crypto
