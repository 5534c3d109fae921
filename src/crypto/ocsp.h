// The messages of OCSP (RFC 6960): requests read, answers written. What the answers are is for ca/ to decide.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/digest.h"
#include "crypto/signer.h"

namespace airtight::crypto {

// Which certificate a request asks about (section 4.1.1).
struct OcspCertId {
  Bytes der;                     // the whole CertID, which comes back in the answer
  std::optional<Digest> digest;  // of the two hashes; absent: one that we do not compute
  Bytes issuer_name_hash;        // of the issuer's Name in DER
  Bytes issuer_key_hash;         // of the bits of its key
  Bytes serial;                  // magnitude, big-endian
};

struct OcspRequest {
  std::vector<OcspCertId> certificates;  // at least one
  std::optional<Bytes> nonce = {};       // 1 to 32 bytes (RFC 8954)
};

// Reads an OCSPRequest of at most 64 KiB in strict DER. Its signature, if it has one, is not looked at (section 4.1.2 leaves it to the
// server). Fault::kBadInput for what is malformed, of another version, empty, or has a nonce of another size, a critical extension that
// is not known here, or a negative serial number.
[[nodiscard]] Result<OcspRequest> read_ocsp_request(ByteView der);

// The hashes by which a CertID names the issuer of that certificate.
struct OcspIssuerHashes {
  Bytes name;
  Bytes key;
};
[[nodiscard]] Result<OcspIssuerHashes> ocsp_issuer_hashes(Digest digest, const Certificate& issuer);

// OCSPResponseStatus without an answer (section 4.2.1).
enum class OcspRefusal : std::uint8_t { kMalformedRequest = 1, kInternalError = 2, kTryLater = 3, kUnauthorized = 6 };
[[nodiscard]] Bytes write_ocsp_refusal(OcspRefusal refusal);

struct OcspGood {};
struct OcspUnknown {};
struct OcspRevoked {
  Instant at;
  std::uint8_t reason = 0;  // CRLReason; unspecified (0) is left out
};
using OcspStatus = std::variant<OcspGood, OcspRevoked, OcspUnknown>;

struct OcspSingle {
  Bytes cert_id;  // OcspCertId::der
  OcspStatus status;
};

struct OcspAnswer {
  std::vector<OcspSingle> singles;
  Instant produced_at;
  Instant this_update;
  Instant next_update;
  std::optional<Bytes> nonce = {};  // comes back as it came
  bool by_name = false;             // names the responder by its subject, else by the SHA-1 of its key
};

// A whole OCSPResponse in DER: BasicOCSPResponse signed by `key`, whose certificate `responder` goes along.
[[nodiscard]] Result<Bytes> sign_ocsp_answer(const OcspAnswer& answer, const Certificate& responder, const Signer& key);

}  // namespace airtight::crypto
