// The master key under which a store's or issuer's secrets are sealed. The key itself is random and constant; what protects it
// (a passphrase through scrypt, or a key file) can change without touching what it sealed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "crypto/cipher.h"

namespace airtight::sealing {

enum class SealKind : std::uint8_t { kFile, kPassphrase };

// "file" or "passphrase"; Fault::kBadInput otherwise.
[[nodiscard]] Result<SealKind> parse_seal_kind(std::string_view text);
[[nodiscard]] std::string_view name_of(SealKind kind);

// Cheap to copy (shared); its functions may be called from any thread.
class MasterKey {
 public:
  explicit MasterKey(SecretBytes key);  // 32 bytes; anything else is a bug and throws std::invalid_argument

  // Encrypts and authenticates `plain` for the place named by `context` (table, row, column ...): AES-256-GCM under a key derived
  // for `purpose`. A record moved to another place does not open. Nonces are random, so a purpose is good for 2^32 records.
  [[nodiscard]] Bytes seal(std::string_view purpose, ByteView context, ByteView plain, RandomSource& random) const;
  // Fault::kInternal if the record was not sealed so.
  [[nodiscard]] Result<SecretBytes> open(std::string_view purpose, ByteView context, ByteView sealed) const;

 private:
  struct Derived;
  std::shared_ptr<Derived> derived_;
};

// The files of a seal: the seal itself, and the key of SealKind::kFile. For those who clear away what was only half made.
inline constexpr std::string_view kSealFile = "seal";
inline constexpr std::string_view kSealKeyFile = "seal.key";

// Asks for a passphrase; called only when one is needed, and may be empty where none is. `confirm` is true when it is being set.
using PassphrasePrompt = std::function<Result<SecretBytes>(bool confirm)>;

// Makes a new master key, sealed in `folder` (made if need be): files `seal` and, for kFile, `seal.key`, both 0600 and durable when this
// returns. After a crash in the middle it can be called again. A new passphrase is UTF-8 of at least 8 bytes; `cost` is what guessing
// one costs (128 MiB and some tenths of a second a guess). Fault::kRefused if there is a seal already.
[[nodiscard]] Result<MasterKey> create_master_key(const std::filesystem::path& folder, SealKind kind, const PassphrasePrompt& prompt,
                                                  RandomSource& random, const crypto::ScryptCost& cost = {});

// Opens the master key of `folder`. Fault::kRefused for a wrong passphrase or key file, or files that others can read; kNotFound when
// one is missing; kInternal when the seal is damaged. All say what to do.
[[nodiscard]] Result<MasterKey> open_master_key(const std::filesystem::path& folder, const PassphrasePrompt& prompt);

[[nodiscard]] Result<SealKind> seal_kind_of(const std::filesystem::path& folder);

}  // namespace airtight::sealing
