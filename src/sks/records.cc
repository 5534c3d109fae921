// The reading half of Records, and its root.
#include "sks/records.h"

#include <algorithm>

#include "embedded/sks_schema.h"
#include "sks/internal/key_material.h"
#include "sks/internal/places.h"
#include "sks/status.h"

namespace airtight::sks {

using internal::Inventory;
using internal::InventoryItem;
using internal::RecordId;
using internal::RecordKind;

namespace {

constexpr std::array kMigrations = {storage::Migration{1, embedded::k_sks_sql}};
constexpr std::string_view kSchema = "key_store";

std::int64_t column(std::uint64_t value) { return static_cast<std::int64_t>(value); }

Failure damaged(std::string what) {
  return Failure(Error{Fault::kInternal, "the key store is damaged: " + std::move(what),
                       "'airtight device verify' says what is wrong; a backup can be restored with 'airtight device restore'",
                       std::nullopt});
}

// So much that it cannot be opened.
Failure beyond_opening(std::string what) {
  return Failure(Error{Fault::kInternal, "the key store is damaged: " + std::move(what),
                       "restore the newest backup with 'airtight device restore --lost'", std::nullopt});
}

constexpr std::string_view kOldCopyHint =
    "put the latest database back; if there is none, 'airtight device restore --lost' makes a store of the newest backup, with every PIN "
    "and PUK locked";

// Stores of the first schema, which was never released.
Result<> refuse_first_schema(storage::Database& database) {
  const auto found = TRY(
      storage::query_one(database, "SELECT 1 FROM sqlite_schema WHERE name = 'sks_device'", {}, [](const storage::Row&) { return true; }));
  if (!found) return {};
  return fail(Fault::kRefused, "the key store has an early format, which is not read any more",
              "make a new store and enroll its keys again");
}

template <typename T>
Result<T> decoded(const SecretBytes& bytes, std::string what) {
  auto record = internal::record_of<T>(bytes.expose_secret());
  if (!record) return damaged(what + " cannot be read");
  return std::move(*record);
}

Handle handle_of(const storage::Row& row, int index) { return static_cast<Handle>(row.integer(index)); }

}  // namespace

Result<SecretBytes> Records::open_sealed(ByteView place, ByteView sealed) const {
  return master_key_.open(internal::kSealPurpose, place, sealed);
}

Result<> Records::create(storage::Database& database, const sealing::MasterKey& master_key, const DeviceIdentity& device,
                         const crypto::PrivateKey& attestation_key, RandomSource& random) {
  TRY(storage::migrate(database, kSchema, kMigrations));
  auto transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
  const std::uint64_t version = 1;
  const auto seal = [&](ByteView place, const SecretBytes& plain) {
    return master_key.seal(internal::kSealPurpose, place, plain.expose_secret(), random);
  };
  Inventory inventory;
  const auto put = [&](RecordId record, const SecretBytes& plain) -> Result<> {
    const Bytes sealed = seal(internal::place_of(record, version), plain);
    TRY(database.execute("INSERT INTO sks_records (session, kind, id, part, version, sealed) VALUES (0, ?, ?, 0, ?, ?)",
                         {column(static_cast<std::uint64_t>(record.kind)), column(record.id), column(version), ByteView(sealed)}));
    inventory.push_back({record, version});
    return {};
  };
  TRY(put({RecordKind::kDevice, 1}, internal::record_bytes(device)));
  const SecretBytes pkcs8 = TRY(attestation_key.pkcs8());
  TRY(put({RecordKind::kAttestationKey, 1}, pkcs8));

  Session session;  // the device's own
  session.open = false;
  session.session_key = share(SecretBytes());
  const internal::SessionRecord record{session, internal::digest_of(inventory)};
  const Bytes sealed_session = seal(internal::session_place(kDeviceTree, version), internal::record_bytes(record));
  TRY(database.execute("INSERT INTO sks_sessions (handle, version, sealed) VALUES (0, ?, ?)", {column(version), ByteView(sealed_session)}));

  const internal::GroupRecord group{internal::digest_of(internal::Versions{{kDeviceTree, version}})};
  const Bytes sealed_group = seal(internal::root_place(1, version), internal::record_bytes(group));
  const internal::RootRecord root{0, std::vector<std::uint64_t>(kHandleKinds, 1), internal::digest_of(internal::Versions{{0, version}})};
  const Bytes sealed_root = seal(internal::root_place(0, version), internal::record_bytes(root));
  TRY(database.execute("INSERT INTO sks_roots (id, version, sealed) VALUES (0, ?1, ?2), (1, ?1, ?3)",
                       {column(version), ByteView(sealed_root), ByteView(sealed_group)}));
  return transaction.commit();
}

Result<std::unique_ptr<Records>> Records::open(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key,
                                               RandomSource& random, RollbackAnchor* anchor) {
  TRY(refuse_first_schema(*database));
  TRY(storage::migrate(*database, kSchema, kMigrations));
  std::unique_ptr<Records> records(new Records(std::move(database), std::move(master_key), random, anchor));
  TRY(records->open_root());
  TRY(records->check_anchor());
  return records;
}

Result<std::unique_ptr<Records>> Records::open_backup(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key,
                                                      RandomSource& random) {
  TRY(storage::migrate(*database, kSchema, kMigrations));
  std::unique_ptr<Records> records(new Records(std::move(database), std::move(master_key), random, nullptr));
  records->root_purpose_ = internal::kBackupPurpose;
  TRY(records->open_root());
  records->anchor_count_ = 0;
  return records;
}

Result<> Records::become_backup(storage::Database& database, const sealing::MasterKey& master_key, RandomSource& random) {
  const auto row = TRY(storage::query_one(database, "SELECT version, sealed FROM sks_roots WHERE id = 0", {}, [](const storage::Row& one) {
    return std::pair(static_cast<std::uint64_t>(one.integer(0)), one.blob(1));
  }));
  if (!row) return damaged("it has no root");
  const auto& [version, sealed] = *row;
  const SecretBytes plain = TRY(master_key.open(internal::kSealPurpose, internal::root_place(0, version), sealed));
  const Bytes sealed_again = master_key.seal(internal::kBackupPurpose, internal::root_place(0, version), plain.expose_secret(), random);
  TRY(database.execute("UPDATE sks_roots SET sealed = ? WHERE id = 0", {ByteView(sealed_again)}));
  // In the file itself: a log that stays beside it when the file is moved would leave a store there.
  const auto journal =
      TRY(storage::query_one(database, "PRAGMA journal_mode = DELETE", {}, [](const storage::Row& one) { return one.text(0); }));
  if (journal != "delete") return fail(Fault::kStorage, "the backup cannot be completed", "make another one, on another disk");
  return {};
}

Result<> Records::open_root() {
  const auto cursor = TRY(database_->query("SELECT id, version, CASE id WHEN 0 THEN sealed END FROM sks_roots ORDER BY id"));
  std::optional<Bytes> sealed;
  internal::Versions versions;
  while (const storage::Row* row = TRY(cursor->next())) {
    const auto version = static_cast<std::uint64_t>(row->integer(1));
    if (row->integer(0) == 0) {
      sealed = row->blob(2);
      root_version_ = version;
      continue;
    }
    const auto number = static_cast<std::uint64_t>(row->integer(0)) - 1;
    versions.emplace_back(number, version);
    groups_[number].version = version;
  }
  if (!sealed) return beyond_opening("it has no root");
  const Bytes place = internal::root_place(0, root_version_);
  const auto plain = master_key_.open(root_purpose_, place, *sealed);
  if (!plain) {
    if (root_purpose_ == internal::kSealPurpose && master_key_.open(internal::kBackupPurpose, place, *sealed)) {
      return fail(Fault::kRefused, "this is a backup of a key store, and no key store",
                  "move the file away, put the store's own back, and give the backup to 'airtight device restore --from FILE'");
    }
    return beyond_opening(plain.error().message);
  }
  const auto root = TRY(decoded<internal::RootRecord>(*plain, "the root"));
  if (root.groups != internal::digest_of(versions)) return beyond_opening("its groups of sessions are not those that the root knows");
  if (root.next_handles.size() != kHandleKinds) return beyond_opening("the root lacks a handle counter");
  std::ranges::copy(root.next_handles, next_handles_.begin());
  anchor_count_ = root.anchor_count;
  return {};
}

Result<> Records::check_anchor() {
  if (anchor_count_ == 0 && anchor_ == nullptr) return {};
  if (anchor_count_ == 0) {
    return fail(Fault::kRefused, "the key store is not the latest: it is from before it was anchored, so an old copy has been put back",
                std::string(kOldCopyHint));
  }
  if (anchor_ == nullptr) {
    return fail(Fault::kRefused, "the key store is anchored against roll-back, and its anchor is not there",
                "put the file 'anchor' back into the store's folder; if it is lost, 'airtight device restore --lost' makes a store of the "
                "newest backup");
  }
  const std::uint64_t count = TRY(anchor_->read());
  if (count == anchor_count_) return {};
  if (count + 1 == anchor_count_) return catch_up_anchor();  // stopped between commit and anchor
  return fail(Fault::kRefused,
              "the key store is not the latest: it is at step " + std::to_string(anchor_count_) + " and its anchor at " +
                  std::to_string(count) + ", so an old copy has been put back",
              std::string(kOldCopyHint));
}

Result<> Records::catch_up_anchor() {
  anchor_is_behind_ = true;
  const std::uint64_t count = TRY(anchor_->advance());
  if (count != anchor_count_) return fail(Fault::kInternal, "the anchor counts something else than this key store's steps");
  anchor_is_behind_ = false;
  return {};
}

Result<Records::Group*> Records::group_of(Handle session) {
  const std::uint64_t number = internal::group_number(session);
  const auto found = groups_.find(number);
  if (found == groups_.end()) return nullptr;
  Group& group = found->second;
  if (group.loaded) return &group;
  const auto sealed = TRY(storage::query_one(*database_, "SELECT sealed FROM sks_roots WHERE id = ?", {column(number + 1)},
                                             [](const storage::Row& row) { return row.blob(0); }));
  if (!sealed) return damaged("a group of sessions is missing");
  const SecretBytes plain = TRY(open_sealed(internal::root_place(number + 1, group.version), *sealed));
  const auto record = TRY(decoded<internal::GroupRecord>(plain, "a group of sessions"));
  internal::Versions versions;
  const auto cursor = TRY(database_->query("SELECT handle, version FROM sks_sessions WHERE handle BETWEEN ? AND ? ORDER BY handle",
                                           {column(number * internal::kGroupSize), column((number + 1) * internal::kGroupSize - 1)}));
  while (const storage::Row* row = TRY(cursor->next())) {
    versions.emplace_back(static_cast<std::uint64_t>(row->integer(0)), static_cast<std::uint64_t>(row->integer(1)));
  }
  if (record.sessions != internal::digest_of(versions)) {
    return damaged("the sessions from " + std::to_string(number * internal::kGroupSize) + " on are not those that were written last");
  }
  group.sessions = std::move(versions);
  group.loaded = true;
  return &group;
}

Result<std::optional<Records::Loaded>> Records::load(Handle session) {
  Group* const group = TRY(group_of(session));
  if (group == nullptr) return std::optional<Loaded>();
  const auto known = std::ranges::lower_bound(group->sessions, session, {}, &internal::Versions::value_type::first);
  if (known == group->sessions.end() || known->first != session) return std::optional<Loaded>();
  const auto sealed = TRY(storage::query_one(*database_, "SELECT sealed FROM sks_sessions WHERE handle = ?", {column(session)},
                                             [](const storage::Row& row) { return row.blob(0); }));
  const std::string name = "session " + std::to_string(session);
  if (!sealed) return damaged(name + " is missing");
  const SecretBytes plain = TRY(open_sealed(internal::session_place(session, known->second), *sealed));
  auto record = TRY(decoded<internal::SessionRecord>(plain, name));
  if (record.session.handle != session) return damaged(name + " is another one");
  Loaded loaded{std::make_shared<SessionTree>(), {}};
  loaded.tree->session = std::move(record.session);
  TRY(read_tree_records(session, *loaded.tree, loaded.inventory));
  if (record.inventory != internal::digest_of(loaded.inventory)) {
    return damaged("what " + name + " owns is not what was written last");
  }
  return std::optional<Loaded>(std::move(loaded));
}

Result<> Records::read_tree_records(Handle session, SessionTree& tree, Inventory& inventory) {
  const auto cursor = TRY(
      database_->query("SELECT kind, id, part, version, CASE WHEN kind BETWEEN 1 AND 4 THEN sealed END FROM sks_records WHERE session = ?"
                       " ORDER BY kind, id, part",
                       {column(session)}));
  const std::string name = "a record of session " + std::to_string(session);
  while (const storage::Row* row = TRY(cursor->next())) {
    const RecordId record{static_cast<RecordKind>(row->integer(0)), static_cast<std::uint64_t>(row->integer(1)),
                          static_cast<std::uint32_t>(row->integer(2))};
    const auto version = static_cast<std::uint64_t>(row->integer(3));
    inventory.push_back({record, version});
    if (internal::is_bulk(record.kind) || record.kind == RecordKind::kDevice) continue;
    const SecretBytes plain = TRY(open_sealed(internal::place_of(record, version), row->blob(4)));
    switch (record.kind) {
      case RecordKind::kPukPolicy: tree.add(TRY(decoded<PukPolicy>(plain, name))); break;
      case RecordKind::kPinPolicy: tree.add(TRY(decoded<PinPolicy>(plain, name))); break;
      case RecordKind::kPin: tree.add(TRY(decoded<Pin>(plain, name))); break;
      case RecordKind::kKey: {
        Key key = TRY(decoded<Key>(plain, name));
        key.material = std::make_shared<KeyMaterialSlot>();
        tree.add(std::move(key));
        break;
      }
      default: return damaged(name + " is of no known kind");
    }
  }
  return {};
}

Result<std::optional<SecretBytes>> Records::read(Handle session, const Inventory& inventory, RecordId record) {
  const auto item = internal::find(inventory, record);
  if (item == inventory.end()) return std::optional<SecretBytes>();
  const auto sealed =
      TRY(storage::query_one(*database_, "SELECT sealed FROM sks_records WHERE session = ? AND kind = ? AND id = ? AND part = ?",
                             {column(session), column(static_cast<std::uint64_t>(record.kind)), column(record.id), column(record.part)},
                             [](const storage::Row& row) { return row.blob(0); }));
  if (!sealed) return damaged("a record of session " + std::to_string(session) + " is missing");
  return std::optional<SecretBytes>(TRY(open_sealed(internal::place_of(record, item->version), *sealed)));
}

Result<DeviceIdentity> Records::load_device(const Inventory& device_inventory) {
  const auto plain = TRY(read(kDeviceTree, device_inventory, {RecordKind::kDevice, 1}));
  if (!plain) return damaged("it has no device");
  auto device = TRY(decoded<DeviceIdentity>(*plain, "the device"));
  if (device.certificate_path.empty()) return damaged("it has no device certificate");
  return device;
}

Result<crypto::PrivateKey> Records::load_attestation_key(const Inventory& device_inventory) {
  const auto plain = TRY(read(kDeviceTree, device_inventory, {RecordKind::kAttestationKey, 1}));
  if (!plain) return damaged("it has no attestation key");
  return crypto::PrivateKey::from_pkcs8(plain->expose_secret());
}

Result<std::optional<Records::Located>> Records::locate_key(Handle key) {
  return storage::query_one(*database_, "SELECT id, session FROM sks_records WHERE kind = 4 AND id = ?", {column(key)},
                            [](const storage::Row& row) { return Located{handle_of(row, 0), handle_of(row, 1)}; });
}

Result<std::optional<Records::Located>> Records::locate_key_from(Handle from) {
  return storage::query_one(*database_, "SELECT id, session FROM sks_records WHERE kind = 4 AND id >= ? ORDER BY id LIMIT 1",
                            {column(from)}, [](const storage::Row& row) { return Located{handle_of(row, 0), handle_of(row, 1)}; });
}

Result<std::vector<Records::Located>> Records::locate_certificate(const crypto::Sha256Value& fingerprint) {
  return storage::query_all(*database_, "SELECT id, session FROM sks_records WHERE fingerprint = ? ORDER BY id",
                            {internal::indexed(fingerprint)},
                            [](const storage::Row& row) { return Located{handle_of(row, 0), handle_of(row, 1)}; });
}

Result<std::optional<Handle>> Records::locate_session_from(Handle from) {
  return storage::query_one(*database_, "SELECT handle FROM sks_sessions WHERE handle >= ? ORDER BY handle LIMIT 1", {column(from)},
                            [](const storage::Row& row) { return handle_of(row, 0); });
}

Result<std::vector<Handle>> Records::locate_names(ByteView names) {
  return storage::query_all(*database_, "SELECT handle FROM sks_sessions WHERE names = ? ORDER BY handle", {names},
                            [](const storage::Row& row) { return handle_of(row, 0); });
}

Result<std::vector<Handle>> Records::all_sessions() {
  std::vector<Handle> handles;
  for (const auto& [number, unused] : groups_) {
    const Group* const group = TRY(group_of(static_cast<Handle>(number * internal::kGroupSize)));
    for (const auto& [handle, version] : group->sessions) handles.push_back(static_cast<Handle>(handle));
  }
  return handles;
}

}  // namespace airtight::sks
