// Credentials, what sessions do to those of earlier sessions, and the secrets that the issuer shares with devices, in the issuer's
// database. Each function is one or a few statements within the caller's transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/key_attributes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "base/time.h"
#include "sealing/master_key.h"
#include "storage/database.h"

namespace airtight::issuer {

// A row of issuer_credentials.
struct Credential {
  std::int64_t id = 0;
  std::int64_t session_id = 0;
  std::int64_t owner_id = 0;
  std::optional<std::int64_t> protection_id = {};
  std::string key_id = {};
  KeyUsage key_usage = KeyUsage::kSignature;
  bool updatable = false;
  bool provenance = true;
  Bytes certificate = {};
  Bytes fingerprint = {};
  std::string serial = {};  // hex
  Instant issued_at = {};
  Instant not_after = {};
  std::optional<Instant> confirmed_at = {};
  std::optional<Instant> ended_at = {};
  bool withdrawn = false;  // ended by the issuer, unconfirmed: a device may have it all the same
};

// Returns its id.
[[nodiscard]] Result<std::int64_t> insert_credential(storage::Database& database, const Credential& credential);
[[nodiscard]] Result<std::optional<Credential>> find_credential(storage::Database& database, std::int64_t id);
[[nodiscard]] Result<std::optional<Credential>> find_credential_by_fingerprint(storage::Database& database, ByteView fingerprint);
// The last that was issued with this number, in hex.
[[nodiscard]] Result<std::optional<Credential>> find_credential_by_serial(storage::Database& database, std::string_view serial);
[[nodiscard]] Result<std::optional<Credential>> find_credential_of_key(storage::Database& database, std::int64_t session_id,
                                                                       std::string_view key_id);
// Whether a device may come back with it for renewal: one that it confirmed and whose certificate is valid, or of which only the last
// answer got lost.
[[nodiscard]] Result<bool> can_be_renewed(storage::Database& database, const Credential& credential);
// Confirms the credentials of a session; how many there are.
[[nodiscard]] Result<std::int64_t> confirm_credentials(storage::Database& database, std::int64_t session_id, Instant now);
// Revokes what the session issued and the device did not confirm, and marks it so; how many there were.
[[nodiscard]] Result<std::int64_t> withdraw_credentials(storage::Database& database, const Clock& clock, std::int64_t session_id,
                                                        std::string_view reason);

enum class TargetOperation : std::uint8_t { kNone, kUpdate, kDelete };
struct Target {
  std::int64_t credential_id = 0;
  std::int64_t owner_id = 0;  // the session that has the key, as the device said
  TargetOperation operation = TargetOperation::kNone;
  std::string key_id = {};  // of an update: the new key
  bool revoke = false;
};
[[nodiscard]] Result<> insert_targets(storage::Database& database, std::int64_t session_id, const std::vector<Target>& targets);
[[nodiscard]] Result<std::vector<Target>> find_targets(storage::Database& database, std::int64_t session_id);
// What the device has done with the targets once it closed the session: marks them, moves everything of their owners to the session
// (sks.md section 8), lets new credentials inherit the protection of those that they update, and revokes.
[[nodiscard]] Result<> carry_out_targets(storage::Database& database, const Clock& clock, std::int64_t session_id);

enum class PassphraseKind : std::uint8_t { kPuk, kPin };
[[nodiscard]] std::string_view name_of(PassphraseKind kind);  // "puk", "pin"
// A PUK under the ID of its policy, or a PIN that the issuer set under that of its key.
struct Passphrase {
  PassphraseKind kind = PassphraseKind::kPuk;
  std::string name;
  PassphraseFormat format = PassphraseFormat::kNumeric;
  SecretBytes value;
};
struct SealedPassphrase {
  PassphraseKind kind = PassphraseKind::kPuk;
  std::string name;
  PassphraseFormat format = PassphraseFormat::kNumeric;
  Bytes sealed_value;
};
[[nodiscard]] SealedPassphrase seal_passphrase(const sealing::MasterKey& master_key, std::string_view server_session_id,
                                               const Passphrase& passphrase, RandomSource& random);
[[nodiscard]] Result<> insert_passphrase(storage::Database& database, std::int64_t session_id, const SealedPassphrase& passphrase);
// Those that protect the credential now: of the session that it is from, or of the credential whose protection it took over.
[[nodiscard]] Result<std::vector<Passphrase>> open_passphrases(storage::Database& database, const sealing::MasterKey& master_key,
                                                               std::int64_t credential_id);

// Private and symmetric keys that the issuer keeps, sealed under a key of their own.
enum class KeptKind : std::uint8_t { kBackup, kMade, kSymmetric };
[[nodiscard]] Result<> keep_key(storage::Database& database, const sealing::MasterKey& master_key, std::int64_t credential_id,
                                KeptKind kind, const SecretBytes& value, Instant now, RandomSource& random);
// The private key of the newest confirmed credential of `subject` whose key was called `key_id` and that has one; nothing if there is none.
struct KeptKey {
  std::int64_t credential_id;
  SecretBytes value;
};
[[nodiscard]] Result<std::optional<KeptKey>> find_kept_private_key(storage::Database& database, const sealing::MasterKey& master_key,
                                                                   std::string_view subject, std::string_view key_id);

}  // namespace airtight::issuer
