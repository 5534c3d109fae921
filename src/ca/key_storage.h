// What kinds of keys an authority signs with and where they are kept: in its database, sealed under the master key; in an encrypted file;
// or in a PKCS #11 token, which they never leave.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/signer.h"
#include "sealing/seal.h"

namespace airtight::ca {

enum class KeyKind : std::uint8_t { kP256, kP384, kRsa3072, kRsa4096 };
// "p-256", "p-384", "rsa-3072", "rsa-4096".
[[nodiscard]] std::string_view name_of(KeyKind kind);
[[nodiscard]] std::optional<KeyKind> key_kind_named(std::string_view name);
[[nodiscard]] std::vector<std::string_view> key_kind_names();

// A new one, in memory.
[[nodiscard]] Result<crypto::PrivateKey> generate_key(KeyKind kind);

struct KeyStorage {
  enum class Kind : std::uint8_t { kDatabase, kFile, kToken };
  Kind kind = Kind::kDatabase;
  // kFile: an encrypted PKCS #8 file in PEM; a relative name starts from the authority's folder. kToken: a PKCS #11 URI (RFC 7512) that
  // names a token and, by `object`, the label of the key.
  std::string location = {};
};
// "database", "file:NAME" or "pkcs11:...". Fault::kBadInput for anything else, and for a NAME with "..".
[[nodiscard]] Result<KeyStorage> parse_key_storage(std::string_view text);
// As parse_key_storage() reads it.
[[nodiscard]] std::string to_text(const KeyStorage& storage);

// What the storages other than the database need.
struct KeyAccess {
  std::filesystem::path folder = {};
  // Asks for the passphrase of a file or the PIN of a token. Without it those keys stay closed, and what needs them says so.
  sealing::PassphrasePrompt prompt = {};
};

// Makes a key in a file or a token. Fault::kRefused if there is one already, or no prompt; kBadInput for a passphrase of less than 8 bytes;
// as sealing::make_token_key() for tokens.
[[nodiscard]] Result<std::shared_ptr<const crypto::Signer>> make_key(const KeyStorage& storage, KeyKind kind, const KeyAccess& access);

// Opens it again. Fault::kNotFound if it is not there, kRefused for a wrong passphrase or PIN and for a file that others can read.
[[nodiscard]] Result<std::shared_ptr<const crypto::Signer>> open_key(const KeyStorage& storage, const KeyAccess& access);

}  // namespace airtight::ca
