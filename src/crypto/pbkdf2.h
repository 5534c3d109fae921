// PBKDF2 (RFC 8018, section 5.2): keys out of passphrases, for formats of others that are protected so. What the project seals itself goes
// through scrypt (cipher.h).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "crypto/digest.h"

namespace airtight::crypto {

// `size` bytes out of a passphrase, with HMAC of `digest` as the pseudo-random function. Fault::kBadInput for no iterations or no bytes.
[[nodiscard]] Result<SecretBytes> pbkdf2(Digest digest, ByteView passphrase, ByteView salt, std::uint32_t iterations, std::size_t size);

}  // namespace airtight::crypto
