// The master key under which a store's or issuer's secrets are sealed. The key itself is random and constant; what protects it
// (seal.h) can change without touching what it sealed.
#pragma once

#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"

namespace airtight::sealing {

// Cheap to copy (shared); its functions may be called from any thread.
class MasterKey {
 public:
  explicit MasterKey(SecretBytes key);  // 32 bytes; anything else is a bug and throws std::invalid_argument

  // Encrypts and authenticates `plain` for the place named by `context` (table, row, column ...): AES-256-GCM under a key derived
  // for `purpose`. A record moved to another place does not open. Nonces are random, so a purpose is good for 2^32 records.
  [[nodiscard]] Bytes seal(std::string_view purpose, ByteView context, ByteView plain, RandomSource& random) const;
  // Fault::kInternal if the record was not sealed so.
  [[nodiscard]] Result<SecretBytes> open(std::string_view purpose, ByteView context, ByteView sealed) const;

  // A key of 32 bytes for `purpose`, always the same, from which neither the master key nor any other purpose's key follows.
  [[nodiscard]] SecretBytes derive_key(std::string_view purpose) const;

 private:
  struct Derived;
  std::shared_ptr<Derived> derived_;
};

}  // namespace airtight::sealing
