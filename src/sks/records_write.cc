// The writing half of Records: one transaction, and the tree of versions up to the root.
#include "sks/internal/places.h"
#include "sks/records.h"
#include "sks/status.h"

namespace airtight::sks {

using internal::Inventory;
using internal::RecordId;

namespace {

std::int64_t column(std::uint64_t value) { return static_cast<std::int64_t>(value); }
std::int64_t column(internal::RecordKind kind) { return static_cast<std::int64_t>(kind); }
storage::Value optional_blob(const std::optional<ByteView>& bytes) { return bytes ? storage::Value(*bytes) : storage::Value(); }

}  // namespace

Result<Records::Writing> Records::Writing::begin(Records& records) {
  if (records.anchor_is_behind_) TRY(records.catch_up_anchor());
  return Writing(records, TRY(storage::Transaction::begin(*records.database_, storage::Access::kWrite)));
}

Records::Writing::Writing(Records& records, storage::Transaction transaction)
    : records_(&records),
      transaction_(std::move(transaction)),
      version_(records.root_version_ + 1),
      anchor_count_(records.anchor_count_ == 0 ? 0 : records.anchor_count_ + 1) {}

Result<> Records::Writing::put(Handle session, Inventory& inventory, RecordId record, const SecretBytes& plain,
                               std::optional<ByteView> fingerprint) {
  const Bytes sealed =
      records_->master_key_.seal(internal::kSealPurpose, internal::place_of(record, version_), plain.expose_secret(), records_->random_);
  TRY(records_->database_->execute(
      "INSERT INTO sks_records (session, kind, id, part, version, fingerprint, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (session, kind, id, part) DO UPDATE SET version = excluded.version, fingerprint = excluded.fingerprint,"
      " sealed = excluded.sealed",
      {column(session), column(record.kind), column(record.id), column(record.part), column(version_), optional_blob(fingerprint),
       ByteView(sealed)}));
  internal::note(inventory, record, version_);
  return {};
}

Result<> Records::Writing::erase(Handle session, Inventory& inventory, RecordId record) {
  TRY(records_->database_->execute("DELETE FROM sks_records WHERE session = ? AND kind = ? AND id = ? AND part = ?",
                                   {column(session), column(record.kind), column(record.id), column(record.part)}));
  internal::strike(inventory, record);
  return {};
}

Result<> Records::Writing::relocate(Handle from, Inventory& from_inventory, Handle to, Inventory& to_inventory, RecordId record) {
  TRY(records_->database_->execute("UPDATE sks_records SET session = ? WHERE session = ? AND kind = ? AND id = ? AND part = ?",
                                   {column(to), column(from), column(record.kind), column(record.id), column(record.part)}));
  const auto item = internal::find(from_inventory, record);
  if (item == from_inventory.end()) return fail(Status::kInternal, "a record that should change hands is not there");
  internal::note(to_inventory, record, item->version);
  internal::strike(from_inventory, record);
  return {};
}

Result<> Records::Writing::put_session(const Session& session, const Inventory& inventory) {
  TRY(records_->group_of(session.handle));  // compared with its rows before they change
  const internal::SessionRecord record{session, internal::digest_of(inventory)};
  const Bytes sealed = records_->master_key_.seal(internal::kSealPurpose, internal::session_place(session.handle, version_),
                                                  internal::record_bytes(record).expose_secret(), records_->random_);
  const auto names = internal::names_digest(session.server_session_id, session.client_session_id, session.issuer_uri);
  const std::optional<ByteView> indexed = session.open ? std::optional(internal::indexed(names)) : std::nullopt;
  TRY(records_->database_->execute(
      "INSERT INTO sks_sessions (handle, version, names, sealed) VALUES (?, ?, ?, ?)"
      " ON CONFLICT (handle) DO UPDATE SET version = excluded.version, names = excluded.names, sealed = excluded.sealed",
      {column(session.handle), column(version_), optional_blob(indexed), ByteView(sealed)}));
  sessions_[session.handle] = version_;
  return {};
}

Result<> Records::Writing::erase_session(Handle session) {
  TRY(records_->group_of(session));  // as above
  TRY(records_->database_->execute("DELETE FROM sks_records WHERE session = ?", {column(session)}));
  TRY(records_->database_->execute("DELETE FROM sks_sessions WHERE handle = ?", {column(session)}));
  sessions_[session] = std::nullopt;
  return {};
}

Result<> Records::Writing::commit(const NextHandles& next_handles) {
  std::map<std::uint64_t, Group> changed;
  for (const auto& [session, version] : sessions_) {
    const std::uint64_t number = internal::group_number(session);
    auto found = changed.find(number);
    if (found == changed.end()) {
      const Group* const known = TRY(records_->group_of(session));
      found = changed.emplace(number, known == nullptr ? Group{} : *known).first;
      found->second.loaded = true;
    }
    internal::Versions& known = found->second.sessions;
    const auto at = std::ranges::lower_bound(known, session, {}, &internal::Versions::value_type::first);
    const bool is_known = at != known.end() && at->first == session;
    if (!version) {
      if (is_known) known.erase(at);
    } else if (is_known) {
      at->second = *version;
    } else {
      known.emplace(at, session, *version);
    }
  }
  for (auto& [number, group] : changed) {
    if (group.sessions.empty()) {
      TRY(records_->database_->execute("DELETE FROM sks_roots WHERE id = ?", {column(number + 1)}));
      continue;
    }
    group.version = version_;
    const internal::GroupRecord record{internal::digest_of(group.sessions)};
    const Bytes sealed = records_->master_key_.seal(internal::kSealPurpose, internal::root_place(number + 1, version_),
                                                    internal::record_bytes(record).expose_secret(), records_->random_);
    TRY(
        records_->database_->execute("INSERT INTO sks_roots (id, version, sealed) VALUES (?, ?, ?)"
                                     " ON CONFLICT (id) DO UPDATE SET version = excluded.version, sealed = excluded.sealed",
                                     {column(number + 1), column(version_), ByteView(sealed)}));
  }
  internal::Versions versions;
  versions.reserve(records_->groups_.size() + changed.size());
  for (const auto& [number, group] : records_->groups_) {
    if (!changed.contains(number)) versions.emplace_back(number, group.version);
  }
  for (const auto& [number, group] : changed) {
    if (!group.sessions.empty()) versions.emplace_back(number, version_);
  }
  std::ranges::sort(versions);
  const internal::RootRecord root{anchor_count_, {next_handles.begin(), next_handles.end()}, internal::digest_of(versions)};
  const Bytes sealed = records_->master_key_.seal(records_->root_purpose_, internal::root_place(0, version_),
                                                  internal::record_bytes(root).expose_secret(), records_->random_);
  TRY(records_->database_->execute("UPDATE sks_roots SET version = ?, sealed = ? WHERE id = 0", {column(version_), ByteView(sealed)}));
  TRY(transaction_.commit());

  for (auto& [number, group] : changed) {
    if (group.sessions.empty()) {
      records_->groups_.erase(number);
    } else {
      records_->groups_[number] = std::move(group);
    }
  }
  records_->root_version_ = version_;
  records_->next_handles_ = next_handles;
  records_->anchor_count_ = anchor_count_;
  if (changes_anchor_) {
    records_->anchor_ = anchor_;
    records_->anchor_is_behind_ = false;
    return {};
  }
  if (anchor_count_ != 0 && !records_->catch_up_anchor()) records_->anchor_is_behind_ = true;
  return {};
}

}  // namespace airtight::sks
