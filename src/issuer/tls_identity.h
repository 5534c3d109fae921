// With which certificate the issuer shows itself over TLS: its own authority's, or one that was given.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret_bytes.h"
#include "ca/authority.h"
#include "crypto/certificate.h"
#include "crypto/digest.h"
#include "storage/database.h"

namespace airtight::issuer {

// From when on a certificate is renewed, or its end is warned of.
inline constexpr std::chrono::days kTlsRenewalNotice{30};

struct TlsIdentity {
  std::string chain_pem;
  SecretBytes key_pem;
  crypto::Certificate certificate;  // the server's own
};

// Reads both files and checks that they belong together.
[[nodiscard]] Result<TlsIdentity> read_tls_identity(const std::filesystem::path& certificate, const std::filesystem::path& key);

// Names and addresses by which the server is reached.
struct TlsHosts {
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
};
// localhost, 127.0.0.1, ::1 and `hosts`. Fault::kBadInput for what is neither a DNS name nor an address.
[[nodiscard]] Result<TlsHosts> tls_hosts(const std::vector<std::string>& hosts);

// A server certificate for `key` by the authority's TLS root, written to `file`.
[[nodiscard]] Result<> write_tls_certificate(const std::filesystem::path& file, storage::Database& database, const ca::Authority& authority,
                                             const crypto::PublicKey& key, const TlsHosts& hosts);

// What an agent needs to trust `chain`: its last certificate if that signed itself; nothing where the system's roots are meant.
[[nodiscard]] std::string trust_anchor_pem(const std::vector<crypto::Certificate>& chain);

}  // namespace airtight::issuer
