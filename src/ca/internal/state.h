// What is behind Authority: its keys as the database has them, opened or not, and how certificates get into the register.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "ca/authority.h"
#include "ca/internal/issuing.h"
#include "ca/key_storage.h"
#include "crypto/certificate.h"
#include "crypto/signer.h"
#include "sealing/master_key.h"
#include "storage/database.h"

namespace airtight::ca {

inline constexpr std::string_view kRootRole = "root";
inline constexpr std::string_view kIssuingRole = "issuing";
inline constexpr std::string_view kTlsRole = "tls";
inline constexpr std::string_view kAnyPolicy = "2.5.29.32.0";
inline constexpr std::string_view kOcspSigningId = "1.3.6.1.5.5.7.3.9";

// A row of ca_keys. Immutable.
struct AuthorityKeyRow {
  std::string name;
  std::string role;
  std::int64_t generation;
  bool active;
  KeyStorage storage;
  crypto::Certificate certificate;
  Bytes sealed_pkcs8;                            // of storage in the database
  std::shared_ptr<const crypto::Signer> signer;  // null: sealed until needed, or closed
};
using KeyPointer = std::shared_ptr<const AuthorityKeyRow>;

struct CrossRow {
  std::string name;
  crypto::Certificate certificate;
};

struct KeySet {
  std::vector<KeyPointer> all;  // the oldest first
  std::vector<CrossRow> crosses;
  KeyPointer root;  // the active ones
  KeyPointer issuing;
  KeyPointer tls;
  [[nodiscard]] KeyPointer find(std::string_view name) const;
};

struct AuthorityState {
  AuthorityState(sealing::MasterKey key, const Clock& time, RandomSource& randomness, OpenOptions how)
      : master_key(std::move(key)), clock(time), random(randomness), options(std::move(how)) {}

  sealing::MasterKey master_key;
  const Clock& clock;
  RandomSource& random;
  OpenOptions options;

  [[nodiscard]] std::shared_ptr<const KeySet> keys() const {
    const std::lock_guard lock(mutex_);
    return keys_;
  }
  void set_keys(std::shared_ptr<const KeySet> keys) {
    const std::lock_guard lock(mutex_);
    keys_ = std::move(keys);
  }
  // Reads the keys anew, after a rollover by whoever. Asks nobody: a new key outside of the database stays closed.
  [[nodiscard]] Result<> reload(storage::Database& database);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const KeySet> keys_;
};

// Brings the ca tables up to date.
[[nodiscard]] Result<> migrate_ca_tables(storage::Database& database);

// All keys, none of them open. Fault::kNotFound if there is no authority.
[[nodiscard]] Result<std::shared_ptr<KeySet>> read_keys(storage::Database& database);

// The same. Opens those of the issuing and TLS roles that are in the database, or that `access` can ask for; the root's too if `which` says
// so. Keys that `known` has open stay open.
[[nodiscard]] Result<std::shared_ptr<const KeySet>> load_keys(storage::Database& database, const sealing::MasterKey& master_key,
                                                              const KeyAccess& access, WhichKeys which, const KeySet* known = nullptr);

// Whether there is an authority in the database.
[[nodiscard]] Result<bool> has_keys(storage::Database& database);

// The key's signer; opens one that is sealed in the database. Fault::kUnavailable for one that is closed.
[[nodiscard]] Result<std::shared_ptr<const crypto::Signer>> signer_of(const sealing::MasterKey& master_key, const AuthorityKeyRow& key);

// A new key for the row `name`, without a certificate yet.
struct NewKey {
  std::shared_ptr<const crypto::Signer> signer;
  KeyStorage storage;
  Bytes sealed_pkcs8;
};
struct KeyWish {
  KeyKind kind;
  KeyStorage storage;
};
[[nodiscard]] Result<NewKey> new_key(std::string_view name, const KeyWish& wish, const KeyAccess& access,
                                     const sealing::MasterKey& master_key, RandomSource& random);

// The row of `key`, active.
struct KeyPlace {
  std::string_view name;
  std::string_view role;
  std::int64_t generation;
};
[[nodiscard]] Result<> insert_key(storage::Database& database, const KeyPlace& place, const crypto::Certificate& certificate,
                                  const NewKey& key);

// The name of the row of that generation: "issuing", "issuing-2".
[[nodiscard]] std::string key_name(std::string_view role, std::int64_t generation);

// Who may have signed a certificate: the key in use alone, or any key of the authority, for certificates of its own.
enum class By : std::uint8_t { kActiveKey, kAnyKey };

// What a certificate is in the register and in the audit log.
struct Entry {
  std::string_view profile;
  std::string_view issuer_key;
  std::string_view verdict = {};
  By by = By::kAnyKey;
};
// Fault::kRefused if the key's certificate is revoked or on hold: nothing more is issued under it.
[[nodiscard]] Result<> require_good(storage::Database& database, const AuthorityKeyRow& key);

// Every certificate goes through here, in the open transaction. False, and nothing was written, if the key is not active (any more).
[[nodiscard]] Result<bool> enter(storage::Database& database, const Clock& clock, const crypto::Certificate& certificate,
                                 const Entry& entry);

// A key sealed for a place in the database (table, column and row).
[[nodiscard]] Result<Bytes> seal_private_key(const sealing::MasterKey& master_key, std::string_view place, const crypto::PrivateKey& key,
                                             RandomSource& random);
[[nodiscard]] Result<crypto::PrivateKey> open_private_key(const sealing::MasterKey& master_key, std::string_view place, ByteView sealed);

// Where what `key` signs is looked up: "<url>/crl/issuing.crl" and the like; none without a URL.
[[nodiscard]] std::vector<std::string> crl_urls(const std::string& publication_url, std::string_view key);
[[nodiscard]] std::vector<std::string> issuer_urls(const std::string& publication_url, std::string_view key);
[[nodiscard]] std::vector<std::string> ocsp_urls(const std::string& publication_url);

// The plan of a CA of this authority: "<organization> <common name>".
[[nodiscard]] Result<CaPlan> plan_of(const std::string& organization, std::string_view common_name, std::uint32_t days);
// That of an issuing CA under the key `root`: any policy, no CA below it.
[[nodiscard]] Result<CaPlan> issuing_plan(const std::string& organization, std::int64_t generation, std::uint32_t days,
                                          const std::string& publication_url, std::string_view root);

}  // namespace airtight::ca
