// AlgorithmIdentifiers of signatures in X.509 (RFC 4055, RFC 5758): what a certificate says about how it was signed.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "crypto/key.h"

namespace airtight::crypto {

struct SignatureMethod {
  SignatureScheme scheme;
  Digest digest;
};

// Reads a whole AlgorithmIdentifier: RSA PKCS #1, RSASSA-PSS (MGF1 with the same hash, salt as long as the hash) and ECDSA, each with
// SHA-256, SHA-384 or SHA-512. Fault::kRefused for everything else, SHA-1 by name.
[[nodiscard]] Result<SignatureMethod> read_signature_algorithm(ByteView algorithm_identifier);

// The AlgorithmIdentifier of SHA-256 with `scheme`, which is kRsaPkcs1 or kEcdsaDer.
[[nodiscard]] Bytes sha256_signature_algorithm(SignatureScheme scheme);

}  // namespace airtight::crypto
