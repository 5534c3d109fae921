// Certificates of TLS clients, judged by those who accept all that a CA of theirs has issued: path, validity, what the certificate is for,
// and revocation (RFC 5280, section 6). The paths of devices are another matter, and are judged in provenance/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"

namespace airtight::crypto {

// Verifies that `client` was issued by one of `cas`, each of which is trusted by itself, and at `now` is good for a TLS client: it is no
// CA, its extended key usage names clientAuth, its key usage allows a signature, keys and hashes have 112 bits of security. With `crls`
// (DER, or one or more in PEM) a CRL of its issuer has to be there that is valid now and does not name it. Fault::kRefused says what does
// not hold; kBadInput for CRLs that cannot be read.
[[nodiscard]] Result<> verify_tls_client(const Certificate& client, std::span<const Certificate> cas, std::optional<ByteView> crls,
                                         Instant now);

// Fault::kBadInput for what verify_tls_client() would not take as `crls`.
[[nodiscard]] Result<> check_crls(ByteView crls);

// The alternative names of one kind, as written, in their order.
enum class AlternativeName : std::uint8_t { kDns, kEmail, kUri };
[[nodiscard]] std::vector<std::string> alternative_names(const Certificate& certificate, AlternativeName kind);

}  // namespace airtight::crypto
