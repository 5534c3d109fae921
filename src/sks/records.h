// The records of a key store in its database: opens and seals them, and keeps the tree of versions that ties them together
// (schema/sks.sql). It caches nothing but that tree; whoever uses it makes sure that one thread at a time does.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/random.h"
#include "sealing/master_key.h"
#include "sks/internal/places.h"
#include "sks/internal/record_format.h"
#include "sks/platform.h"
#include "sks/state.h"
#include "storage/database.h"

namespace airtight::sks {

inline constexpr std::size_t kHandleKinds = 5;
using NextHandles = std::array<std::uint64_t, kHandleKinds>;  // by HandleKind

class Records {
 public:
  struct Loaded {
    std::shared_ptr<SessionTree> tree;
    internal::Inventory inventory;
  };

  // Fills an empty database, in one transaction.
  [[nodiscard]] static Result<> create(storage::Database& database, const sealing::MasterKey& master_key, const DeviceIdentity& device,
                                       const crypto::PrivateKey& attestation_key, RandomSource& random);
  // Reads the root of an existing one, and compares it with `anchor` (may be null). `random` and `anchor` outlive the records.
  [[nodiscard]] static Result<std::unique_ptr<Records>> open(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key,
                                                             RandomSource& random, RollbackAnchor* anchor);
  // The same for a copy made by KeyStore::back_up(), which cannot be opened as a store: its root is sealed for another purpose until
  // become_store().
  [[nodiscard]] static Result<std::unique_ptr<Records>> open_backup(std::unique_ptr<storage::Database> database,
                                                                    sealing::MasterKey master_key, RandomSource& random);
  // Makes the copy in `database` of a store's one that open_backup() opens.
  [[nodiscard]] static Result<> become_backup(storage::Database& database, const sealing::MasterKey& master_key, RandomSource& random);
  // From the next commit on this is a store again.
  void become_store() { root_purpose_ = internal::kSealPurpose; }
  [[nodiscard]] const sealing::MasterKey& master_key() const { return master_key_; }

  [[nodiscard]] storage::Database& database() { return *database_; }
  [[nodiscard]] const NextHandles& next_handles() const { return next_handles_; }
  [[nodiscard]] std::uint64_t version() const { return root_version_; }

  // A session with all that is not bulk; nothing if there is none. Fault::kInternal if anything about it is not as it was written.
  [[nodiscard]] Result<std::optional<Loaded>> load(Handle session);
  [[nodiscard]] Result<DeviceIdentity> load_device(const internal::Inventory& device_inventory);
  [[nodiscard]] Result<crypto::PrivateKey> load_attestation_key(const internal::Inventory& device_inventory);
  // A record of `session`, which has it in `inventory`; nothing if that has no such record.
  [[nodiscard]] Result<std::optional<SecretBytes>> read(Handle session, const internal::Inventory& inventory, internal::RecordId record);

  // Where things are. What is found is a hint: the session, once loaded, decides.
  struct Located {
    Handle key = 0;
    Handle session = 0;
  };
  [[nodiscard]] Result<std::optional<Located>> locate_key(Handle key);
  [[nodiscard]] Result<std::optional<Located>> locate_key_from(Handle from);
  [[nodiscard]] Result<std::vector<Located>> locate_certificate(const crypto::Sha256Value& fingerprint);
  [[nodiscard]] Result<std::optional<Handle>> locate_session_from(Handle from);
  [[nodiscard]] Result<std::vector<Handle>> locate_names(ByteView names);

  // Every session there is by the tree of versions, by ascending handle, with the device's 0. Opens all groups.
  [[nodiscard]] Result<std::vector<Handle>> all_sessions();
  [[nodiscard]] std::uint64_t anchor_count() const { return anchor_count_; }
  // True after a commit that the anchor could not count: what was written may be rolled back unnoticed until the next begin() has made up
  // for it.
  [[nodiscard]] bool anchor_is_behind() const { return anchor_is_behind_; }
  [[nodiscard]] Result<> catch_up_anchor();

  // One transaction: everything written in it has the next version of the store. It is rolled back unless committed.
  class Writing {
   public:
    [[nodiscard]] static Result<Writing> begin(Records& records);
    [[nodiscard]] std::uint64_t version() const { return version_; }

    // Each also notes itself in `inventory`, the session's.
    [[nodiscard]] Result<> put(Handle session, internal::Inventory& inventory, internal::RecordId record, const SecretBytes& plain,
                               std::optional<ByteView> fingerprint = std::nullopt);
    [[nodiscard]] Result<> erase(Handle session, internal::Inventory& inventory, internal::RecordId record);
    // The record stays as it is and becomes another session's.
    [[nodiscard]] Result<> relocate(Handle from, internal::Inventory& from_inventory, Handle to, internal::Inventory& to_inventory,
                                    internal::RecordId record);
    [[nodiscard]] Result<> put_session(const Session& session, const internal::Inventory& inventory);
    // With all records that are still its.
    [[nodiscard]] Result<> erase_session(Handle session);
    // From this commit on the store is anchored to `anchor`, which shows `count` now; null and 0: to none.
    void change_anchor(RollbackAnchor* anchor, std::uint64_t count) {
      anchor_ = anchor;
      anchor_count_ = count;
      changes_anchor_ = true;
    }

    // Groups, root, commit. After an error nothing is changed.
    [[nodiscard]] Result<> commit(const NextHandles& next_handles);

   private:
    Writing(Records& records, storage::Transaction transaction);
    Records* records_;
    storage::Transaction transaction_;
    std::uint64_t version_;
    RollbackAnchor* anchor_ = nullptr;
    std::uint64_t anchor_count_;
    bool changes_anchor_ = false;
    std::map<Handle, std::optional<std::uint64_t>> sessions_;  // changed ones with their new version; nothing: erased
  };

 private:
  struct Group {
    std::uint64_t version = 0;
    bool loaded = false;
    internal::Versions sessions;  // version by handle, ascending
  };

  Records(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key, RandomSource& random, RollbackAnchor* anchor)
      : database_(std::move(database)), master_key_(std::move(master_key)), random_(random), anchor_(anchor) {}

  [[nodiscard]] Result<> open_root();
  [[nodiscard]] Result<> check_anchor();
  [[nodiscard]] Result<Group*> group_of(Handle session);  // loaded and verified; null: there is none
  [[nodiscard]] Result<SecretBytes> open_sealed(ByteView place, ByteView sealed) const;
  [[nodiscard]] Result<> read_tree_records(Handle session, SessionTree& tree, internal::Inventory& inventory);

  std::unique_ptr<storage::Database> database_;
  sealing::MasterKey master_key_;
  RandomSource& random_;
  RollbackAnchor* anchor_;
  std::string_view root_purpose_ = internal::kSealPurpose;
  std::atomic<bool> anchor_is_behind_ = false;  // read by anybody
  std::uint64_t root_version_ = 0;
  std::uint64_t anchor_count_ = 0;
  NextHandles next_handles_{};
  std::map<std::uint64_t, Group> groups_;  // by number
};

}  // namespace airtight::sks
