// Seeds of one-time passwords, and other symmetric keys that came from elsewhere, in the issuer's database: each is sealed, waits in a pool
// under a name, and is issued once. Each function is one or a few statements within the caller's transaction.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "base/time.h"
#include "ca/template.h"
#include "issuer/profile.h"
#include "otp/one_time_password.h"
#include "otp/pskc.h"
#include "sealing/master_key.h"
#include "storage/database.h"

namespace airtight::issuer {

// What is known of a seed for texts, by its name there without "seed.": serial, manufacturer, ..., and what its property bag has.
using SeedProperties = std::map<std::string, std::string, std::less<>>;

// A seed without its secret.
struct SeedDescription {
  std::string pool;
  std::string name;                                // of its kind in the pool: the Key Id of a container
  SeedProperties properties = {};                  // fill templates as {seed.NAME}; {seed.name} is `name`
  std::optional<otp::Parameters> parameters = {};  // of one-time passwords
  std::string algorithm = {};                      // URI of the only one that it may be used with; empty: what the profile endorses
  Bytes user = {};                                 // DER Name of the only one who may get it; empty: anybody
  std::optional<Instant> not_before = {};
  std::optional<Instant> not_after = {};
  std::optional<otp::SeedPinPolicy> pin_policy = {};  // of the PIN that has to guard it
};

// Fault::kRefused if the pool has a seed of that name, issued or not.
[[nodiscard]] Result<> insert_seed(storage::Database& database, const sealing::MasterKey& master_key, const SeedDescription& seed,
                                   const SecretBytes& value, Instant now, RandomSource& random);

// What a key can take.
struct SeedWish {
  std::string pool;
  std::vector<std::string> algorithms = {};  // URIs that the profile endorses
  std::optional<std::string> bag_type = {};  // of the property bag that the profile itself writes for one-time passwords
  std::optional<PinPolicy> pin = {};         // that will guard the key; absent: none that is known
  Bytes user = {};                           // DER Name of the subject
  Instant now = {};
};
// What `key` of `profile` can take for `subject` (RFC 4514 text). A key that updates another has the PIN of that one, which may be any.
[[nodiscard]] Result<SeedWish> wish_of(const Profile& profile, const KeyProfile& key, std::string_view subject, bool updates, Instant now);

// The seed that is taken next: the oldest of those for this user, else of those for anybody, whose algorithm, kind, dates and PIN policy
// the key can keep. Nothing if there is none.
struct SeedOffer {
  std::int64_t id = 0;
  std::optional<Instant> not_after = {};
};
[[nodiscard]] Result<std::optional<SeedOffer>> find_seed(storage::Database& database, const SeedWish& wish);

struct Seed {
  SecretBytes value;
  SeedDescription description;
};
// Takes what find_seed() has found in the same transaction, for the credential: nobody gets it again.
[[nodiscard]] Result<Seed> take_seed(storage::Database& database, const sealing::MasterKey& master_key, std::int64_t id,
                                     std::int64_t credential_id);

// What texts of profiles may name of a seed.
[[nodiscard]] Result<> add_facts(const SeedDescription& seed, ca::Facts& facts);

// A seed for people.
struct SeedSummary {
  std::int64_t id = 0;
  SeedDescription description;
  Instant created_at;
  std::string serial;   // hex: of the certificate with which it was issued; empty: it waits
  std::string subject;  // RFC 4514 text: of the session in which it was issued; empty: it waits
};
// All of a pool, or of all pools if it is empty, the oldest first.
[[nodiscard]] Result<std::vector<SeedSummary>> list_seeds(storage::Database& database, std::string_view pool);

// A seed and its secret, for a server that checks passwords.
struct OpenSeed {
  SeedSummary summary;
  SecretBytes value;
};
// Those of `names`, or all of the pool if there are none, the oldest first, issued or not. Fault::kNotFound names one that is not there.
[[nodiscard]] Result<std::vector<OpenSeed>> open_seeds(storage::Database& database, const sealing::MasterKey& master_key,
                                                       std::string_view pool, const std::vector<std::string>& names);
// Fault::kNotFound if there is no such seed, kRefused for one that was issued.
[[nodiscard]] Result<> remove_seed(storage::Database& database, std::string_view pool, std::string_view name);

}  // namespace airtight::issuer
