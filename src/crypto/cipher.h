// Symmetric encryption: AES-256-CBC as SKS prescribes for data in a session, AES-256-GCM for what the project seals itself,
// and scrypt for keys out of passphrases.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "crypto/block_cipher.h"

namespace airtight::crypto {

// AES-256-CBC with PKCS #7 padding behind a random 16-byte IV (sks.md section 3). `key` has 32 bytes.
[[nodiscard]] Bytes encrypt_cbc(ByteView key, ByteView plain, RandomSource& random);

// The reverse, with strict padding; fails with Fault::kRefused for any input that does not fit, always the same error.
[[nodiscard]] Result<SecretBytes> decrypt_cbc(ByteView key, ByteView iv_and_cipher);

// The same with its padding, whatever that is, for data under a MAC, where it is not to be told from a wrong MAC. Empty for what is not of
// whole blocks, or less than two.
[[nodiscard]] SecretBytes decrypt_cbc_with_padding(ByteView key, ByteView iv_and_cipher);

// AES-256-GCM: 12-byte random nonce, cipher text, 16-byte tag. `context` is authenticated and binds the record to its place.
[[nodiscard]] Bytes seal_gcm(ByteView key, ByteView plain, ByteView context, RandomSource& random);
[[nodiscard]] Result<SecretBytes> open_gcm(ByteView key, ByteView sealed, ByteView context);

// scrypt (RFC 7914), memory-hard: 128 * r * n bytes.
struct ScryptCost {
  std::uint64_t n = 1U << 17;
  std::uint32_t r = 8;
  std::uint32_t p = 1;
};
[[nodiscard]] Result<SecretBytes> scrypt(ByteView passphrase, ByteView salt, const ScryptCost& cost, std::size_t size);

}  // namespace airtight::crypto
