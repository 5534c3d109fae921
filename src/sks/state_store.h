// The state of a key store: trees cached in memory and published by pointer, behind them the records. Readers take the version that is
// there; a call's changes become the next version if what they were made from is still the present one.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "sks/attempt_ledger.h"
#include "sks/engine.h"
#include "sks/platform.h"
#include "sks/records.h"

namespace airtight::sks {

class StateStore final : public StateView {
 public:
  [[nodiscard]] static Result<std::unique_ptr<StateStore>> open(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key,
                                                                const Platform& platform);

  // False: something that the call was based on has changed meanwhile, and the call has to be made again.
  // Proves what `wanted` says, every attempt counted durably first. ERROR_AUTHORIZATION.
  [[nodiscard]] Result<bool> prove(const Authorization& wanted);
  // Writes what a call that succeeded wants changed, in one transaction, and publishes it. `proved` is what was proved for it.
  [[nodiscard]] Result<bool> commit(Call& call, const Authorization* proved);
  // After an error: ends the session that the call named, removes expired ones, keeps uses counted.
  [[nodiscard]] Result<bool> abandon(const Call& call);
  // Writes back what right PINs left charged ahead.
  [[nodiscard]] Result<> settle();

  // Calls on one open session take turns, so that none does slow work in vain. Held for the call.
  [[nodiscard]] std::shared_ptr<std::mutex> turn_of(Handle session);

  // For maintenance: runs `work` on the records while nobody else uses them.
  template <typename Work>
  auto with_records(Work&& work) {
    const std::lock_guard lock(database_mutex_);
    return work(*records_);
  }
  // Over a backup's copy, for KeyStore::restore().
  [[nodiscard]] static Result<std::unique_ptr<StateStore>> open(std::unique_ptr<Records> records, const Platform& platform);
  // Writes new versions of many sessions at once: (present, next), null to remove it. They must be the present ones.
  [[nodiscard]] Result<> replace(const std::vector<std::pair<Ref<SessionTree>, std::shared_ptr<SessionTree>>>& sessions);
  // From now on no handle below these is given out.
  void raise_handles(const NextHandles& least);
  [[nodiscard]] NextHandles next_handles() const;
  // Binds the store to what `anchor`, which outlives it, shows now; null: to none.
  [[nodiscard]] Result<> change_anchor(RollbackAnchor* anchor);

  [[nodiscard]] const DeviceIdentity& device() const override { return device_; }
  [[nodiscard]] bool has_approver() const override { return platform_.approver != nullptr; }
  [[nodiscard]] Result<Ref<SessionTree>> session(Handle handle) const override;
  [[nodiscard]] Result<Ref<SessionTree>> session_of_key(Handle key) const override;
  [[nodiscard]] Result<Ref<SessionTree>> session_from(Handle from) const override;
  [[nodiscard]] Result<FoundKey> key_from(Handle from) const override;
  [[nodiscard]] Result<Ref<SessionTree>> open_session(std::string_view server_session_id, std::string_view client_session_id,
                                                      std::string_view issuer_uri) const override;
  [[nodiscard]] Result<std::vector<FoundKey>> keys_with_certificate(const crypto::Sha256Value& fingerprint) const override;
  [[nodiscard]] std::uint8_t errors_of(const Pin& pin) const override;
  [[nodiscard]] std::uint8_t errors_of(const PukPolicy& policy) const override;
  [[nodiscard]] Result<std::vector<Bytes>> certificate_path(const Key& key) const override;
  [[nodiscard]] Result<crypto::PrivateKey> private_key(const Key& key) const override;
  [[nodiscard]] Result<SharedSecret> symmetric_key(const Key& key) const override;
  [[nodiscard]] Result<SecretBytes> extension_data(const Key& key, std::size_t index) const override;
  [[nodiscard]] Result<std::uint64_t> draw_handle(HandleKind kind) const override;
  [[nodiscard]] Result<Bytes> sign_attestation(ByteView message) const override;

 private:
  // A published version of a session.
  struct Entry {
    Ref<SessionTree> tree;
    internal::Inventory inventory;
    mutable std::atomic<std::uint64_t> last_use{0};
    [[nodiscard]] std::size_t weight() const { return 1 + inventory.size(); }
  };
  using EntryRef = std::shared_ptr<const Entry>;

  // A session on its way from one version to the next.
  struct Step {
    EntryRef before;                     // null: a new session
    std::shared_ptr<SessionTree> after;  // null: removed
    internal::Inventory inventory;       // of `after`
  };
  using Steps = std::map<Handle, Step>;

  StateStore(std::unique_ptr<Records> records, const Platform& platform, DeviceIdentity device, crypto::PrivateKey attestation_key);

  [[nodiscard]] EntryRef cached(Handle session) const;
  [[nodiscard]] EntryRef cached_with_key(Handle key) const;
  // From the cache or the records; null: there is none. The second wants the database mutex held.
  [[nodiscard]] Result<EntryRef> entry(Handle session) const;
  [[nodiscard]] Result<EntryRef> entry_locked(Handle session) const;
  [[nodiscard]] Result<EntryRef> entry_with_key(Handle key) const;
  void publish(Handle session, EntryRef next) const;
  void make_room() const;

  [[nodiscard]] Result<std::optional<SecretBytes>> read_bulk(Handle key, internal::RecordKind kind, std::size_t part) const;

  // The counter of a PIN whose errors `call` wants forgotten; null if the store has never heard of it.
  [[nodiscard]] std::shared_ptr<Attempts> attempts_at(const Call& call, std::uint64_t pin);

  // The rest wants the database mutex held.
  [[nodiscard]] bool is_present(const Ref<SessionTree>& tree) const;
  // Adds a step for `tree`; false if that is not the present version.
  [[nodiscard]] bool begin_step(Steps& steps, const Ref<SessionTree>& tree, std::shared_ptr<SessionTree> after) const;
  [[nodiscard]] bool count_original_uses(Steps& steps, const Call& call) const;
  [[nodiscard]] Result<> write(Steps& steps, Call* call);
  [[nodiscard]] Result<> move_bulk_between_sessions(Records::Writing& writing, Steps& steps);
  [[nodiscard]] Result<> move_bulk_between_keys(Records::Writing& writing, Steps& steps, const std::vector<Call::BulkMove>& moves);
  [[nodiscard]] Result<> erase_what_is_gone(Records::Writing& writing, Handle session, Step& step);
  [[nodiscard]] Result<> put_what_is_new(Records::Writing& writing, Handle session, Step& step);
  [[nodiscard]] Result<> put_bulk(Records::Writing& writing, Steps& steps, std::vector<Call::BulkWrite>& writes);
  // Adds to `steps` that a PIN or PUK of `session` has `errors`. False if it is not there any more.
  [[nodiscard]] Result<bool> begin_count(Steps& steps, const AttemptKey& key, Handle session, std::uint8_t errors);
  void publish_steps(Steps& steps);

  [[nodiscard]] Result<bool> prove_value(const Authorization& wanted);
  // Whether the present version of `session` has that PIN or PUK with that very value.
  [[nodiscard]] Result<bool> has_value(Handle session, const AttemptKey& key, const SharedSecret& value) const;
  // ERROR_STORAGE while the anchor has not counted what was written last: a comparison would be a guess that can be taken back.
  [[nodiscard]] Result<> require_anchor();
  // ERROR_INTERNAL once nobody is kept waiting any more (Pause::is_over).
  [[nodiscard]] Result<> require_to_stay_open() const;
  // Writes the error count of a PIN or PUK. False if it is not there any more.
  [[nodiscard]] Result<bool> write_errors(const AttemptKey& key, Attempts& attempts, std::uint8_t errors);

  const Platform platform_;
  const DeviceIdentity device_;
  const crypto::PrivateKey attestation_key_;
  AttemptLedger ledger_;
  mutable std::array<std::atomic<std::uint64_t>, kHandleKinds> next_handles_{};

  // Taken in this order: attempts, database, cache.
  mutable std::mutex database_mutex_;
  std::unique_ptr<Records> records_;

  mutable std::shared_mutex cache_mutex_;
  mutable std::unordered_map<Handle, EntryRef> entries_;
  mutable std::unordered_map<Handle, Handle> session_by_key_;  // of cached sessions
  mutable std::size_t weight_ = 0;
  mutable std::atomic<std::uint64_t> uses_{0};

  std::mutex turns_mutex_;
  std::unordered_map<Handle, std::weak_ptr<std::mutex>> turns_;
};

}  // namespace airtight::sks
