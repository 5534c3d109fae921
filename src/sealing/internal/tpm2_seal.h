// A key sealed by a TPM 2.0: a keyed-hash object under the storage primary key, which only this TPM can open, and only with the PCR values
// and the authorization that were asked for when it was made.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "sealing/seal.h"

namespace airtight::sealing::internal {

// The sealed object, as `tpm2_create` writes its files, and the primary key's name.
struct Tpm2Blob {
  Bytes primary;       // TPM2B_NAME without its size
  Bytes public_area;   // TPM2B_PUBLIC
  Bytes private_area;  // TPM2B_PRIVATE

  friend bool operator==(const Tpm2Blob&, const Tpm2Blob&) = default;
};

// What opening takes, beside the TPM itself. An authorization makes the TPM count wrong guesses.
struct Tpm2Conditions {
  PcrSet pcrs = {};
  const SecretBytes* authorization = nullptr;  // 32 bytes; null: none
};

// Seals `key` (32 bytes) in the TPM at `tcti`. Fault::kUnavailable if it cannot be reached; kRefused if it lacks the PCRs of
// the SHA-256 bank that are asked for, or its owner hierarchy is closed.
[[nodiscard]] Result<Tpm2Blob> tpm2_seal(const std::string& tcti, const SecretBytes& key, const Tpm2Conditions& conditions);

// The reverse. Fault::kRefused for another TPM or a cleared one, changed PCRs, a wrong authorization or one that is locked out; kInternal
// if the blob is not what a TPM made.
[[nodiscard]] Result<SecretBytes> tpm2_unseal(const std::string& tcti, const Tpm2Blob& blob, const Tpm2Conditions& conditions);

}  // namespace airtight::sealing::internal
