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

namespace airtight::sealing {

enum class SealKind : std::uint8_t { kFile, kPassphrase };

// "file" or "passphrase"; Fault::kBadInput otherwise.
[[nodiscard]] Result<SealKind> parse_seal_kind(std::string_view text);
[[nodiscard]] std::string_view name_of(SealKind kind);

class MasterKey {
 public:
  explicit MasterKey(SecretBytes key);  // 32 bytes

  // Encrypts and authenticates `plain` for the place named by `context` (table, row, column ...): AES-256-GCM under a key derived
  // for `purpose`. A record moved to another place does not open.
  [[nodiscard]] Bytes seal(std::string_view purpose, ByteView context, ByteView plain, RandomSource& random) const;
  // Fault::kInternal if the record was not sealed so.
  [[nodiscard]] Result<SecretBytes> open(std::string_view purpose, ByteView context, ByteView sealed) const;

 private:
  struct Derived;
  std::shared_ptr<Derived> derived_;
};

// Asks for a passphrase; called only when one is needed. `confirm` is true when it is being set.
using PassphrasePrompt = std::function<Result<SecretBytes>(bool confirm)>;

// Makes a new master key, sealed in `folder` (files seal.json and, for kFile, seal.key, 0600).
[[nodiscard]] Result<MasterKey> create_master_key(const std::filesystem::path& folder, SealKind kind, const PassphrasePrompt& prompt,
                                                  RandomSource& random);

// Opens the master key of `folder`. Fault::kRefused for a wrong passphrase or key file, kNotFound when it is missing; both say what to do.
[[nodiscard]] Result<MasterKey> open_master_key(const std::filesystem::path& folder, const PassphrasePrompt& prompt);

[[nodiscard]] Result<SealKind> seal_kind_of(const std::filesystem::path& folder);

}  // namespace airtight::sealing
