// AlgorithmIdentifiers of signatures in X.509 (RFC 4055, RFC 5758): what a certificate says about how it was signed.
#pragma once

#include <functional>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "crypto/signer.h"

namespace airtight::crypto {

struct SignatureMethod {
  SignatureScheme scheme;
  Digest digest;
};

// Reads a whole AlgorithmIdentifier: RSA PKCS #1, RSASSA-PSS (MGF1 with the same hash, salt as long as the hash) and ECDSA, each with
// SHA-256, SHA-384 or SHA-512. Fault::kRefused for everything else, SHA-1 by name.
[[nodiscard]] Result<SignatureMethod> read_signature_algorithm(ByteView algorithm_identifier);

// The AlgorithmIdentifier under which `key` signs in X.509: x509_scheme() with x509_digest().
[[nodiscard]] Bytes signature_algorithm_of(const PublicKey& key);

// SEQUENCE { tbs, AlgorithmIdentifier, signature over tbs }: the outer form of certificates and CRLs. `make_tbs` gets the
// AlgorithmIdentifier, which both have inside too.
[[nodiscard]] Result<Bytes> sign_outer(const Signer& key, const std::function<Bytes(ByteView algorithm)>& make_tbs);

}  // namespace airtight::crypto
