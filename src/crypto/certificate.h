// X.509 certificates (RFC 5280): parsed once into an immutable value that keeps its exact bytes.
// Reading is strict DER and checks the form alone; who trusts whom is judged by those who validate paths (provenance/, ca/).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/key.h"

namespace airtight::crypto {

class Certificate {
 public:
  // Exactly one DER certificate, at most 64 KiB, no trailing bytes: version 3, or version 1 (which has no extensions, and so is no CA
  // here). Fault::kBadInput otherwise; so also for unique identifiers, a repeated extension, a signature algorithm that differs between
  // inside and outside, times in another form than RFC 5280 section 4.1.2.5 has, and malformed extensions among those with an accessor
  // below.
  [[nodiscard]] static Result<Certificate> parse(ByteView der);

  [[nodiscard]] const Bytes& der() const;
  [[nodiscard]] ByteView subject_der() const;  // Name
  [[nodiscard]] ByteView issuer_der() const;   // Name
  [[nodiscard]] std::string subject() const;   // RFC 4514 text
  [[nodiscard]] std::string issuer() const;
  [[nodiscard]] std::string common_name() const;        // the last CN of the subject; empty if none
  [[nodiscard]] std::string organization_name() const;  // the last O of the subject; empty if none
  [[nodiscard]] Bytes serial() const;                   // magnitude, big-endian
  [[nodiscard]] Instant not_before() const;
  [[nodiscard]] Instant not_after() const;
  [[nodiscard]] bool is_ca() const;                                // basicConstraints cA
  [[nodiscard]] std::optional<std::uint64_t> path_length() const;  // basicConstraints pathLenConstraint
  [[nodiscard]] std::optional<std::uint16_t> key_usage() const;    // KeyUsageBit ORed; nothing without the extension
  [[nodiscard]] std::optional<ByteView> subject_key_id() const;
  [[nodiscard]] std::optional<ByteView> authority_key_id() const;
  [[nodiscard]] std::vector<std::string> critical_extensions()
      const;  // dotted, in their order; a path validator refuses those that it does not know
  // The certified key. Fails for key types that crypto/key.h does not read.
  [[nodiscard]] Result<PublicKey> public_key() const;
  [[nodiscard]] ByteView spki() const;
  [[nodiscard]] std::vector<std::string> emails() const;  // of subject and subject alternative names, as written, no repeats

  [[nodiscard]] Sha256Value sha256() const;  // fingerprint
  [[nodiscard]] Sha256Value spki_sha256() const;
  [[nodiscard]] std::string sha1_hex() const;  // 40 digits, for old hands (provenance.md section 5)

  // "Issued by" as sks.md section 9 has it: issuer name equals the subject of `issuer` (byte for byte, RFC 5280 section 4.1.2.4), and the
  // signature verifies under its key. No more. RSA PKCS #1, RSASSA-PSS and ECDSA with SHA-256, SHA-384 or SHA-512; Fault::kRefused
  // otherwise.
  [[nodiscard]] Result<> verify_issued_by(const Certificate& issuer) const;

  // The same by whatever algorithm and key OpenSSL can verify, old ones too: for a key store, which is not whom a path has to convince.
  [[nodiscard]] bool is_issued_by(const Certificate& issuer) const;

  friend bool operator==(const Certificate& a, const Certificate& b) { return equal(a.der(), b.der()); }

 private:
  struct Parsed;
  explicit Certificate(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed_;
};

// Puts `certificates` into issuing order: first the one that issued no other, then each one's issuer. Names decide, and
// signatures only between issuers of one name: that all of them verify is for those who rely on the path to see (the key store does).
// Fault::kBadInput unless all of them, at most 16, form one path. KeyGen2: "the path in any order".
[[nodiscard]] Result<std::vector<Certificate>> order_path(std::vector<Certificate> certificates);

// PEM, one or more certificates, nothing else but comments (lines outside of the blocks).
[[nodiscard]] Result<std::vector<Certificate>> certificates_from_pem(std::string_view pem);
[[nodiscard]] std::string to_pem(const Certificate& certificate);
// "PRIVATE KEY" (PKCS #8); the text is secret.
[[nodiscard]] Result<SecretBytes> to_pem(const PrivateKey& key);
[[nodiscard]] Result<PrivateKey> private_key_from_pem(ByteView pem);
// "ENCRYPTED PRIVATE KEY" (RFC 5958): PBES2 with scrypt (RFC 7914, section 7) and AES-256-CBC.
[[nodiscard]] Result<std::string> to_encrypted_pem(const PrivateKey& key, ByteView passphrase);
// Reads what OpenSSL can decrypt of it. Fault::kRefused for a wrong passphrase, which also what was changed looks like.
[[nodiscard]] Result<PrivateKey> private_key_from_encrypted_pem(std::string_view pem, ByteView passphrase);

}  // namespace airtight::crypto
