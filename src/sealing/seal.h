// The seal of a folder: what opens its master key. A key file, a passphrase, a TPM 2.0 or a PKCS #11 token keeps it; the seal can be
// changed without touching the master key or anything that is sealed under it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "crypto/cipher.h"
#include "sealing/master_key.h"

namespace airtight::sealing {

enum class SealKind : std::uint8_t { kFile, kPassphrase, kTpm2, kPkcs11 };

// "file", "passphrase", "tpm2" or "pkcs11"; Fault::kBadInput otherwise.
[[nodiscard]] Result<SealKind> parse_seal_kind(std::string_view text);
[[nodiscard]] std::string_view name_of(SealKind kind);

// Platform configuration registers of a TPM's SHA-256 bank, 0 to 23, as bits.
struct PcrSet {
  std::uint32_t bits = 0;
  [[nodiscard]] bool empty() const { return bits == 0; }
  friend bool operator==(const PcrSet&, const PcrSet&) = default;
};
// "0,7,11" in ascending order without repetition; Fault::kBadInput otherwise. The empty text is the empty set.
[[nodiscard]] Result<PcrSet> parse_pcrs(std::string_view text);
[[nodiscard]] std::string name_of(const PcrSet& pcrs);

// What a new seal is to be. The cost is what guessing a passphrase once takes: 128 MiB and some tenths of a second.
struct KeyFileSeal {};
struct PassphraseSeal {
  crypto::ScryptCost cost = {};
};
struct Tpm2Seal {
  // How the TPM is reached, as tpm2-tss writes it ("device:/dev/tpmrm0", "swtpm:port=2321"); kept in the seal. Empty: whatever
  // TPM2TOOLS_TCTI says when the seal is opened, or else /dev/tpmrm0.
  std::string tcti = {};
  PcrSet pcrs = {};              // opens only while these have the values that they have now
  bool with_passphrase = false;  // opens only with a passphrase, whose guesses the TPM counts
  crypto::ScryptCost cost = {};
};
struct Pkcs11Seal {
  // RFC 7512: names the token, and the module by module-path (absolute) or as one that p11-kit knows; `object` labels the new key.
  std::string uri;
};
using NewSeal = std::variant<KeyFileSeal, PassphraseSeal, Tpm2Seal, Pkcs11Seal>;
[[nodiscard]] SealKind kind_of(const NewSeal& seal);

// The files of a seal: the seal itself, the key of SealKind::kFile, and that key while a change of seals is under way. For those who
// clear away what was only half made.
inline constexpr std::string_view kSealFile = "seal";
inline constexpr std::string_view kSealKeyFile = "seal.key";
inline constexpr std::string_view kNewSealKeyFile = "seal.key.new";

// What somebody is asked for.
struct SecretQuestion {
  enum class About : std::uint8_t { kPassphrase, kTokenPin, kKeyFile };
  About about = About::kPassphrase;
  bool is_new = false;     // it is being set: ask twice
  std::string token = {};  // kTokenPin: the token's label, and how many tries it says are left if these are few
  std::string file = {};   // kKeyFile: the encrypted private key that the passphrase is for
};

// Asks for a passphrase or a PIN; called only when one is needed, once for each, and may be empty where none is.
using PassphrasePrompt = std::function<Result<SecretBytes>(const SecretQuestion& question)>;

// Whoever puts new files into the folder of a store has to be its owner: even root would make files that the owner cannot open.
// Fault::kRefused if it belongs to another user.
[[nodiscard]] Result<> require_owner(const std::filesystem::path& folder);

// Makes a new master key, sealed in `folder` (made if need be): files `seal` and, for KeyFileSeal, `seal.key`, both 0600 and durable when
// this returns. After a crash in the middle it can be called again. A new passphrase is UTF-8 of at least 8 bytes. Fault::kRefused if
// there is a seal already; else as open_master_key() where a TPM or a token is to keep it.
[[nodiscard]] Result<MasterKey> create_master_key(const std::filesystem::path& folder, const NewSeal& seal, const PassphrasePrompt& prompt,
                                                  RandomSource& random);

// Opens the master key of `folder`. Fault::kRefused for a wrong passphrase, PIN, key file, TPM, token or state of the machine, and for
// files that others can read; kNotFound when a file, module, token or key is missing; kUnavailable when the TPM or token cannot be
// reached; kInternal when the seal is damaged. All say what to do. A wrong PIN or passphrase is tried once.
[[nodiscard]] Result<MasterKey> open_master_key(const std::filesystem::path& folder, const PassphrasePrompt& prompt);

// What a change of seals could not clear away; the change itself is done.
struct SealChange {
  std::optional<Error> leftover;
};

// Seals the same master key anew. Opens it first, as open_master_key() does; then the new seal takes the old one's place in one durable
// step, so that after a crash there is the one or the other; then what only the old seal needed (its key file, its key in a token) is
// removed. May run while the store is open. Fault::kUnavailable if another process is changing the seal, kRefused for the folder of
// another user.
[[nodiscard]] Result<SealChange> change_seal(const std::filesystem::path& folder, const NewSeal& seal, const PassphrasePrompt& prompt,
                                             RandomSource& random);

// What the seal of a folder says about itself, without opening it.
struct SealDescription {
  SealKind kind;
  std::vector<std::pair<std::string, std::string>> details;  // name and value, as in the file; nothing secret
};
[[nodiscard]] Result<SealDescription> describe_seal(const std::filesystem::path& folder);
[[nodiscard]] Result<SealKind> seal_kind_of(const std::filesystem::path& folder);

}  // namespace airtight::sealing
