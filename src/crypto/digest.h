// Digests, HMAC and the KDF building blocks of the protocols, over OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "base/bytes.h"
#include "base/secret_bytes.h"

namespace airtight::crypto {

enum class Digest : std::uint8_t { kSha1, kSha256, kSha384, kSha512 };

using Sha256Value = std::array<std::byte, 32>;

// The digest's output length in bytes.
[[nodiscard]] std::size_t digest_size(Digest digest);

// Digest of the concatenation of `parts`.
[[nodiscard]] Bytes digest(Digest digest, std::initializer_list<ByteView> parts);
[[nodiscard]] Sha256Value sha256(std::initializer_list<ByteView> parts);
[[nodiscard]] inline Sha256Value sha256(ByteView data) { return sha256({data}); }

// HMAC-SHA256 under `key` of the concatenation of `parts` (a span, so that parts can be collected).
[[nodiscard]] Sha256Value hmac_sha256(ByteView key, std::span<const ByteView> parts);
[[nodiscard]] inline Sha256Value hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) {
  return hmac_sha256(key, std::span(parts.begin(), parts.size()));
}

// The same where the result is itself a key.
[[nodiscard]] SecretBytes hmac_sha256_key(ByteView key, std::initializer_list<ByteView> parts);

// HMAC with any of the digests.
[[nodiscard]] Bytes hmac(Digest digest, ByteView key, ByteView data);

// HKDF (RFC 5869) with SHA-256: the extraction, and 32 bytes of the expansion.
[[nodiscard]] inline SecretBytes hkdf_extract(ByteView salt, ByteView input_key) { return hmac_sha256_key(salt, {input_key}); }
[[nodiscard]] SecretBytes hkdf_expand(ByteView pseudo_random_key, ByteView info);

// SHA-256 of `parts` where the result is a key.
[[nodiscard]] SecretBytes sha256_key(std::initializer_list<ByteView> parts);

}  // namespace airtight::crypto
