// The seal file: a few lines of text that say what opens the master key, and the master key wrapped under it. What is read is
// exactly what would be written; a checksum tells damage from a wrong passphrase.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/cipher.h"
#include "sealing/internal/pkcs11_seal.h"
#include "sealing/internal/tpm2_seal.h"
#include "sealing/seal.h"

namespace airtight::sealing::internal {

// scrypt over a passphrase gives the wrapping key.
struct PassphraseLock {
  Bytes salt;
  crypto::ScryptCost cost;
};

// The key file gives the wrapping key; its identifier tells another key file from a damaged seal.
struct KeyFileLock {
  Bytes key_id;
};

// A TPM keeps the wrapping key; scrypt over a passphrase, if there is one, gives the authorization for it.
struct Tpm2Lock {
  std::string tcti;
  PcrSet pcrs;
  Tpm2Blob blob;
  std::optional<PassphraseLock> passphrase;
};

// A private key in a token decrypts the wrapping key.
struct Pkcs11Lock {
  std::string uri;
  TokenBlob blob;
};

using Lock = std::variant<KeyFileLock, PassphraseLock, Tpm2Lock, Pkcs11Lock>;  // in the order of SealKind

struct SealFile {
  Lock lock;
  Bytes wrapped;  // crypto::seal_gcm with context_of(lock)
};

[[nodiscard]] SealKind kind_of(const Lock& lock);

// The lines about the lock, to which the wrapped key is bound.
[[nodiscard]] std::string context_of(const Lock& lock);

[[nodiscard]] std::string write_seal(const SealFile& seal);

// Fault::kInternal for a damaged seal, Fault::kRefused for one of a newer version or whose passphrase would cost more than a
// machine should be asked for.
[[nodiscard]] Result<SealFile> read_seal(std::string_view text);

// The most that a seal may ask for: 512 MiB of memory, and four passes over it.
[[nodiscard]] bool is_affordable(const crypto::ScryptCost& cost);

// The longest TCTI and URI that a seal may hold.
inline constexpr std::size_t kLongestTcti = 256;
inline constexpr std::size_t kLongestUri = 1024;

}  // namespace airtight::sealing::internal
