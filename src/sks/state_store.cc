// The reading half of StateStore: cache and look-ups.
#include "sks/state_store.h"

#include <algorithm>

#include "base/constant_time.h"
#include "sks/internal/key_material.h"
#include "sks/internal/places.h"
#include "sks/status.h"

namespace airtight::sks {

using internal::RecordKind;

namespace {

// Of cached sessions with their records: some 20 to 30 MiB with the parsed keys behind them.
constexpr std::size_t kMaxWeight = 16384;
constexpr int kPatience = 100;  // how often a look-up that others keep disturbing is made again

Failure disturbed() { return fail(Status::kInternal, "the key store is too busy with the same object"); }

}  // namespace

Result<std::unique_ptr<StateStore>> StateStore::open(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key,
                                                     const Platform& platform) {
  return open(TRY(Records::open(std::move(database), std::move(master_key), platform.random, platform.anchor)), platform);
}

Result<std::unique_ptr<StateStore>> StateStore::open(std::unique_ptr<Records> records, const Platform& platform) {
  const auto loaded = TRY(records->load(kDeviceTree));
  if (!loaded) return fail(Fault::kInternal, "the key store has no device", "restore it from a backup");
  DeviceIdentity device = TRY(records->load_device(loaded->inventory));
  crypto::PrivateKey attestation_key = TRY(records->load_attestation_key(loaded->inventory));
  return std::unique_ptr<StateStore>(new StateStore(std::move(records), platform, std::move(device), std::move(attestation_key)));
}

StateStore::StateStore(std::unique_ptr<Records> records, const Platform& platform, DeviceIdentity device,
                       crypto::PrivateKey attestation_key)
    : platform_(platform), device_(std::move(device)), attestation_key_(std::move(attestation_key)), records_(std::move(records)) {
  for (std::size_t i = 0; i < kHandleKinds; ++i) next_handles_[i] = records_->next_handles()[i];
}

StateStore::EntryRef StateStore::cached(Handle session) const {
  const std::shared_lock lock(cache_mutex_);
  const auto found = entries_.find(session);
  if (found == entries_.end()) return nullptr;
  found->second->last_use.store(uses_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return found->second;
}

StateStore::EntryRef StateStore::cached_with_key(Handle key) const {
  const std::shared_lock lock(cache_mutex_);
  const auto session = session_by_key_.find(key);
  if (session == session_by_key_.end()) return nullptr;
  const auto found = entries_.find(session->second);
  if (found == entries_.end()) return nullptr;
  found->second->last_use.store(uses_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return found->second;
}

Result<StateStore::EntryRef> StateStore::entry(Handle session) const {
  if (auto known = cached(session)) return known;
  const std::lock_guard lock(database_mutex_);
  return entry_locked(session);
}

Result<StateStore::EntryRef> StateStore::entry_locked(Handle session) const {
  if (auto known = cached(session)) return known;
  auto loaded = TRY(records_->load(session));
  if (!loaded) return EntryRef();
  auto fresh = std::make_shared<Entry>();
  fresh->tree = std::move(loaded->tree);
  fresh->inventory = std::move(loaded->inventory);
  publish(session, fresh);
  return EntryRef(std::move(fresh));
}

Result<StateStore::EntryRef> StateStore::entry_with_key(Handle key) const {
  if (auto known = cached_with_key(key)) return known;
  const std::lock_guard lock(database_mutex_);
  const auto located = TRY(records_->locate_key(key));
  if (!located) return EntryRef();
  auto found = TRY(entry_locked(located->session));
  if (!found || found->tree->key(key) == nullptr) return EntryRef();
  return found;
}

void StateStore::publish(Handle session, EntryRef next) const {
  const std::lock_guard lock(cache_mutex_);
  const auto old = entries_.find(session);
  if (old != entries_.end()) {
    weight_ -= old->second->weight();
    for (const auto& key : old->second->tree->keys) {
      const auto known = session_by_key_.find(key->handle);
      if (known != session_by_key_.end() && known->second == session) session_by_key_.erase(known);
    }
    entries_.erase(old);
  }
  if (!next) return;
  next->last_use = ++uses_;
  weight_ += next->weight();
  for (const auto& key : next->tree->keys) session_by_key_[key->handle] = session;
  entries_.emplace(session, std::move(next));
  if (weight_ > kMaxWeight) make_room();
}

// Drops the half of the sessions that was used longest ago, but never the one that has just come.
void StateStore::make_room() const {
  std::vector<std::pair<std::uint64_t, Handle>> by_use;
  by_use.reserve(entries_.size());
  for (const auto& [session, known] : entries_) by_use.emplace_back(known->last_use.load(), session);
  const auto middle = by_use.begin() + static_cast<std::ptrdiff_t>(by_use.size() / 2);
  std::ranges::nth_element(by_use, middle);
  for (auto at = by_use.begin(); at != middle; ++at) {
    const auto found = entries_.find(at->second);
    weight_ -= found->second->weight();
    for (const auto& key : found->second->tree->keys) session_by_key_.erase(key->handle);
    entries_.erase(found);
  }
}

Result<Ref<SessionTree>> StateStore::session(Handle handle) const {
  const auto found = TRY(entry(handle));
  return found ? found->tree : nullptr;
}

Result<Ref<SessionTree>> StateStore::session_of_key(Handle key) const {
  const auto found = TRY(entry_with_key(key));
  return found ? found->tree : nullptr;
}

Result<Ref<SessionTree>> StateStore::session_from(Handle from) const {
  for (int attempt = 0; attempt < kPatience; ++attempt) {
    const std::lock_guard lock(database_mutex_);
    const auto located = TRY(records_->locate_session_from(from));
    if (!located) return nullptr;
    const auto found = TRY(entry_locked(*located));
    if (found) return found->tree;
  }
  return disturbed();
}

Result<StateView::FoundKey> StateStore::key_from(Handle from) const {
  const std::lock_guard lock(database_mutex_);
  const auto located = TRY(records_->locate_key_from(from));
  if (!located) return FoundKey{};
  const auto found = TRY(entry_locked(located->session));
  if (!found || found->tree->key(located->key) == nullptr) {
    return fail(Status::kInternal, "key " + std::to_string(located->key) + " is listed, but no session has it");
  }
  return FoundKey{found->tree, located->key};
}

Result<Ref<SessionTree>> StateStore::open_session(std::string_view server_session_id, std::string_view client_session_id,
                                                  std::string_view issuer_uri) const {
  const auto names = internal::names_digest(server_session_id, client_session_id, issuer_uri);
  const std::lock_guard lock(database_mutex_);
  for (const Handle handle : TRY(records_->locate_names(internal::indexed(names)))) {
    const auto found = TRY(entry_locked(handle));
    if (!found || !found->tree->session.open) continue;
    const Session& session = found->tree->session;
    if (session.server_session_id == server_session_id && session.client_session_id == client_session_id &&
        session.issuer_uri == issuer_uri) {
      return found->tree;
    }
  }
  return nullptr;
}

Result<std::vector<StateView::FoundKey>> StateStore::keys_with_certificate(const crypto::Sha256Value& fingerprint) const {
  const std::lock_guard lock(database_mutex_);
  std::vector<FoundKey> out;
  for (const auto& located : TRY(records_->locate_certificate(fingerprint))) {
    const auto found = TRY(entry_locked(located.session));
    const Key* const key = found ? found->tree->key(located.key) : nullptr;
    if (key != nullptr && key->end_entity == fingerprint) out.push_back({found->tree, located.key});
  }
  return out;
}

std::uint8_t StateStore::errors_of(const Pin& pin) const { return ledger_.errors({Counted::kPin, pin.id}, pin.error_count); }
std::uint8_t StateStore::errors_of(const PukPolicy& policy) const {
  return ledger_.errors({Counted::kPuk, policy.handle}, policy.error_count);
}

Result<std::optional<SecretBytes>> StateStore::read_bulk(Handle key, RecordKind kind, std::size_t part) const {
  for (int attempt = 0; attempt < kPatience; ++attempt) {
    const auto found = TRY(entry_with_key(key));
    if (!found) return fail(Status::kNoKey, "the key is gone");
    const std::lock_guard lock(database_mutex_);
    if (!is_present(found->tree)) continue;
    return records_->read(found->tree->session.handle, found->inventory, {kind, key, static_cast<std::uint32_t>(part)});
  }
  return disturbed();
}

Result<std::vector<Bytes>> StateStore::certificate_path(const Key& key) const {
  const auto bytes = TRY(read_bulk(key.handle, RecordKind::kCertificatePath, 0));
  if (!bytes) return std::vector<Bytes>();
  auto path = internal::record_of<internal::PathRecord>(bytes->expose_secret());
  if (!path) return fail(Status::kInternal, "a certificate path cannot be read");
  return std::move(path->certificates);
}

Result<crypto::PrivateKey> StateStore::private_key(const Key& key) const {
  KeyMaterialSlot& slot = *key.material;
  const std::lock_guard lock(slot.mutex);
  if (!slot.private_key) {
    const auto pkcs8 = TRY(read_bulk(key.handle, RecordKind::kPrivateKey, 0));
    if (!pkcs8) return fail(Status::kInternal, "the private key is missing");
    slot.private_key = TRY(crypto::PrivateKey::from_pkcs8(pkcs8->expose_secret()));
  }
  return *slot.private_key;
}

Result<SharedSecret> StateStore::symmetric_key(const Key& key) const {
  KeyMaterialSlot& slot = *key.material;
  const std::lock_guard lock(slot.mutex);
  if (!slot.symmetric_key) {
    auto bytes = TRY(read_bulk(key.handle, RecordKind::kSymmetricKey, 0));
    if (!bytes) return fail(Status::kInternal, "the symmetric key is missing");
    classify(bytes->expose_secret());
    slot.symmetric_key = share(std::move(*bytes));
  }
  return slot.symmetric_key;
}

Result<SecretBytes> StateStore::extension_data(const Key& key, std::size_t index) const {
  auto bytes = TRY(read_bulk(key.handle, RecordKind::kExtension, index));
  if (!bytes) return fail(Status::kInternal, "an extension's data are missing");
  return std::move(*bytes);
}

Result<std::uint64_t> StateStore::draw_handle(HandleKind kind) const {
  const std::uint64_t handle = next_handles_[static_cast<std::size_t>(kind)]++;
  if (kind != HandleKind::kPin && handle >= kNoHandle) return fail(Status::kStorage, "the handles of this key store are used up");
  return handle;
}

Result<Bytes> StateStore::sign_attestation(ByteView message) const {
  return attestation_key_.sign(crypto::x509_scheme(attestation_key_.public_key().type()), crypto::Digest::kSha256, message);
}

std::shared_ptr<std::mutex> StateStore::turn_of(Handle session) {
  const std::lock_guard lock(turns_mutex_);
  auto& known = turns_[session];
  auto turn = known.lock();
  if (!turn) {
    constexpr std::size_t kSweepSize = 1024;
    if (turns_.size() > kSweepSize) std::erase_if(turns_, [&](const auto& one) { return one.first != session && one.second.expired(); });
    turn = std::make_shared<std::mutex>();
    turns_[session] = turn;
  }
  return turn;
}

}  // namespace airtight::sks
