// The state of a key store in its database: reads rows as values, writes changes as rows, seals what is secret.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "sealing/master_key.h"
#include "sks/pin_ledger.h"
#include "sks/state.h"
#include "storage/database.h"

namespace airtight::sks {

class Records final : public StateView {
 public:
  // Makes the tables and the device's rows in an empty database, in one transaction.
  [[nodiscard]] static Result<> create(storage::Database& database, const sealing::MasterKey& master_key, const DeviceIdentity& device,
                                       const crypto::PrivateKey& attestation_key, RandomSource& random);
  // Opens them; `random` outlives the records.
  [[nodiscard]] static Result<std::unique_ptr<Records>> open(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key,
                                                             RandomSource& random);

  // Applies all of `changes` in one durable transaction, or none.
  [[nodiscard]] Result<> apply(const std::vector<Change>& changes);

  // Verifies a PIN, every attempt counted durably first (sks.md section 6).
  [[nodiscard]] Result<> verify_pin(const Pin& pin, std::uint8_t retry_limit, const SecretBytes& given);
  // Writes back what right PINs left charged ahead.
  [[nodiscard]] Result<> settle_pins();

  [[nodiscard]] const DeviceIdentity& device() const override { return device_; }
  [[nodiscard]] Result<std::optional<Session>> session(Handle handle) const override;
  [[nodiscard]] Result<std::optional<Session>> open_session(std::string_view server_session_id, std::string_view client_session_id,
                                                            std::string_view issuer_uri) const override;
  [[nodiscard]] Result<std::optional<Session>> session_from(Handle from) const override;
  [[nodiscard]] Result<std::vector<PukPolicy>> puk_policies(Handle session) const override;
  [[nodiscard]] Result<std::vector<PinPolicy>> pin_policies(Handle session) const override;
  [[nodiscard]] Result<std::optional<PukPolicy>> puk_policy(Handle handle) const override;
  [[nodiscard]] Result<std::optional<PinPolicy>> pin_policy(Handle handle) const override;
  [[nodiscard]] Result<std::vector<Pin>> pins(Handle pin_policy) const override;
  [[nodiscard]] Result<std::optional<Pin>> pin(std::int64_t id) const override;
  [[nodiscard]] Result<std::optional<Key>> key(Handle handle) const override;
  [[nodiscard]] Result<std::optional<Key>> key_from(Handle from) const override;
  [[nodiscard]] Result<std::vector<Key>> keys(Handle session) const override;
  [[nodiscard]] Result<crypto::PrivateKey> private_key(const Key& key) const override;
  [[nodiscard]] Result<bool> is_provisioned(ByteView end_entity) const override;
  [[nodiscard]] Result<Handle> next_handle(HandleKind kind) const override;
  [[nodiscard]] Result<std::int64_t> next_pin_id() const override;
  [[nodiscard]] Result<Bytes> sign_attestation(ByteView message) const override;

 private:
  Records(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key, RandomSource& random, DeviceIdentity device,
          crypto::PrivateKey attestation_key);

  [[nodiscard]] Result<> apply_one(const InsertSession& change);
  [[nodiscard]] Result<> apply_one(const AdvanceSession& change);
  [[nodiscard]] Result<> apply_one(const CloseSession& change);
  [[nodiscard]] Result<> apply_one(const RemoveSession& change);
  [[nodiscard]] Result<> apply_one(const InsertPukPolicy& change);
  [[nodiscard]] Result<> apply_one(const InsertPinPolicy& change);
  [[nodiscard]] Result<> apply_one(const InsertPin& change);
  [[nodiscard]] Result<> apply_one(const InsertKey& change);
  [[nodiscard]] Result<> apply_one(const SetPath& change);

  [[nodiscard]] Result<> take_handle(std::string_view kind, std::int64_t taken);
  [[nodiscard]] Bytes seal(ByteView place, const SecretBytes& secret) const;
  [[nodiscard]] Result<Session> read_session(const storage::Row& row) const;
  [[nodiscard]] Result<PukPolicy> read_puk_policy(const storage::Row& row) const;
  [[nodiscard]] Result<Pin> read_pin(const storage::Row& row) const;
  [[nodiscard]] Result<Key> read_key(const storage::Row& row) const;

  std::unique_ptr<storage::Database> database_;
  sealing::MasterKey master_key_;
  RandomSource& random_;
  DeviceIdentity device_;
  crypto::PrivateKey attestation_key_;
  PinLedger ledger_;
  // Parsed keys, because parsing costs more than signing; emptied when it grows beyond kMaxParsedKeys.
  mutable std::map<Handle, crypto::PrivateKey> parsed_keys_;
};

}  // namespace airtight::sks
