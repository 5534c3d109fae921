// Signatures by keys of a key store, in the algorithms of getDeviceInfo and in the forms that other programs read.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "agent/key_list.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "crypto/digest.h"

namespace airtight::agent {

struct SignatureAlgorithm {
  std::string_view name;  // on the command line: "rsa-sha256"
  std::string_view uri;
  crypto::Digest digest;
  KeyAlgorithmType key_type;
};
[[nodiscard]] std::span<const SignatureAlgorithm> signature_algorithms();

// The algorithm `name` if it fits the key, or with an empty name the usual one of its type (SHA-256). Fault::kBadInput otherwise; the hint
// lists those that fit.
[[nodiscard]] Result<SignatureAlgorithm> choose_signature_algorithm(const KeyEntry& key, std::string_view name);

// How an ECDSA signature is written: ASN.1 DER as X.509 and the openssl command have it, or r || s as XML Signature and JOSE do.
enum class EcdsaForm : std::uint8_t { kDer, kRaw };

// Signs `hash`, a value of the algorithm's digest. An empty `pin` is for a key without one.
// The key store's refusals, in words for the one who typed the PIN.
[[nodiscard]] Result<Bytes> sign_hash(sks::Channel& key_store, const KeyEntry& key, const SignatureAlgorithm& algorithm, ByteView hash,
                                      const SecretBytes& pin, EcdsaForm form);

}  // namespace airtight::agent
