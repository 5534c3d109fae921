// The key store: bytes in, bytes out, over a database and a master key. One call is one transaction; a call takes full effect or none.
// Calls may come from any number of threads and do not wait for each other, except to write.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "sealing/master_key.h"
#include "sks/client.h"
#include "sks/platform.h"
#include "sks/state.h"
#include "storage/database.h"

namespace airtight::sks {

// What a device is born with.
struct DeviceBirth {
  std::string vendor_name;                            // 1-100 bytes
  std::string vendor_description;                     // 1-100 bytes
  std::vector<crypto::Certificate> certificate_path;  // device certificate first, without the maker's root
  StoreOptions options = {};
};

// One thing that verify() found wrong.
struct Finding {
  std::string id;       // stable: "record-does-not-open", "rolled-back", ...
  std::string subject;  // "key 7", "session 3", "database"
  std::string text;     // a sentence
};
struct VerifyReport {
  std::vector<Finding> findings;  // empty: the store is whole
  std::uint64_t sessions = 0;
  std::uint64_t keys = 0;
  std::uint64_t records = 0;  // sealed ones, all of which were opened
};

struct RestoreReport {
  std::uint64_t sessions = 0;
  std::uint64_t keys = 0;
  std::uint64_t open_sessions_dropped = 0;
  std::uint64_t locked = 0;  // PINs and PUKs whose present errors were not known
};

struct DevicePinStatus {
  bool is_set = false;
  unsigned pin_errors = 0;
  unsigned pin_retry_limit = 0;
  unsigned puk_errors = 0;
  unsigned puk_retry_limit = 0;
};

class KeyStore final : public Channel {
 public:
  // Fills an empty database: schema, device identity, sealed attestation key.
  [[nodiscard]] static Result<> create(storage::Database& database, const sealing::MasterKey& master_key, const DeviceBirth& birth,
                                       const crypto::PrivateKey& attestation_key, RandomSource& random);

  // Opens it. Fault::kInternal if the database is damaged or older than its anchor says.
  [[nodiscard]] static Result<std::unique_ptr<KeyStore>> open(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key,
                                                              const Platform& platform);
  // A clean stop: gives back what right PINs left charged ahead (sks.md section 6).
  ~KeyStore() override;

  // One request as sks.md section 1 has it; the answer always is a status and what follows it.
  [[nodiscard]] Result<SecretBytes> call(const SecretBytes& request) override;

  // The rest is for whoever owns the store, not for its callers.

  // The handles of the provisioned keys whose end-entity certificate has this SHA-256 fingerprint.
  [[nodiscard]] Result<std::vector<Handle>> find_keys(const crypto::Sha256Value& fingerprint);

  // The device PIN ("Device PINs and their possible unlocking is out of scope for the SKS API"): 4 to 100 bytes of UTF-8, five errors; its
  // PUK 8 to 100 bytes, ten errors. Status errors as for keys' PINs: ERROR_AUTHORIZATION, ERROR_OPTION.
  [[nodiscard]] Result<> set_device_pin(const SecretBytes& pin, const SecretBytes& puk);  // ERROR_NOT_ALLOWED if there is one
  [[nodiscard]] Result<> change_device_pin(const SecretBytes& pin, const SecretBytes& new_pin);
  [[nodiscard]] Result<> unlock_device_pin(const SecretBytes& puk);
  [[nodiscard]] Result<DevicePinStatus> device_pin_status();

  // Opens every record, checks every rule that ties them together, and the database itself. An error only if it cannot be done.
  [[nodiscard]] Result<VerifyReport> verify();

  // Writes a copy of the database, as it is at one moment, to the new file `file` (0600), while calls go on. The copy is no store: it can
  // only be restored.
  [[nodiscard]] Result<> back_up(const std::filesystem::path& file);

  // Makes a store of `copy`, which back_up() has written, and closes it: handles stay, open sessions go, and no PIN or PUK has less errors
  // than `present`, the store as it is now, counts for it. One that `present` does not know comes back locked; so do all where there is no
  // present store (null). A PUK that never locks gets its longest delay. Interrupted, it leaves a copy that can still only be restored.
  [[nodiscard]] static Result<RestoreReport> restore(std::unique_ptr<storage::Database> copy, const sealing::MasterKey& master_key,
                                                     KeyStore* present, const Platform& platform);

  // Binds the store to `anchor`, which outlives it, as it shows now; null: to none.
  [[nodiscard]] Result<> change_anchor(RollbackAnchor* anchor);
  // Leaves the anchor that the store is bound to in its care; one that was there before goes.
  void keep_anchor(std::unique_ptr<RollbackAnchor> anchor) { own_anchor_ = std::move(anchor); }
  [[nodiscard]] RollbackAnchor* kept_anchor() const { return own_anchor_.get(); }  // null: none

 private:
  struct Impl;
  explicit KeyStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<RollbackAnchor> own_anchor_;  // outlives impl_, which advances it until the end
  std::unique_ptr<Impl> impl_;
};

}  // namespace airtight::sks
