#include "sks/records.h"

#include <algorithm>
#include <array>

#include "embedded/sks_schema.h"
#include "sks/internal/places.h"
#include "sks/methods.h"
#include "sks/status.h"

namespace airtight::sks {
namespace {

constexpr std::array kMigrations = {storage::Migration{1, embedded::k_sks_sql}};
constexpr std::size_t kMaxParsedKeys = 4096;

std::string_view counter_name(HandleKind kind) {
  switch (kind) {
    case HandleKind::kSession: return "session";
    case HandleKind::kPukPolicy: return "puk_policy";
    case HandleKind::kPinPolicy: return "pin_policy";
    case HandleKind::kKey: return "key";
  }
  return {};
}

storage::Value optional_reference(std::int64_t value) { return value == 0 ? storage::Value() : storage::Value(value); }

Result<DeviceIdentity> read_device(storage::Database& database) {
  auto device = TRY(storage::query_one(database, "SELECT vendor_name, vendor_description FROM sks_device", {},
                                       [](const storage::Row& row) { return DeviceIdentity{row.text(0), row.text(1), {}}; }));
  if (!device) return fail(Status::kInternal, "the store has no device: it was not made by `airtight device create`");
  device->certificate_path = TRY(storage::query_all(database, "SELECT certificate FROM sks_device_path ORDER BY position", {},
                                                    [](const storage::Row& row) { return row.blob(0); }));
  if (device->certificate_path.empty()) return fail(Status::kInternal, "the store has no device certificate");
  return std::move(*device);
}

}  // namespace

Result<> Records::create(storage::Database& database, const sealing::MasterKey& master_key, const DeviceIdentity& device,
                         const crypto::PrivateKey& attestation_key, RandomSource& random) {
  TRY(storage::migrate(database, "sks", kMigrations));
  auto transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
  const SecretBytes pkcs8 = TRY(attestation_key.pkcs8());
  const Bytes sealed = master_key.seal(kSealPurpose, attestation_key_place(), pkcs8.expose_secret(), random);
  TRY(database.execute("INSERT INTO sks_device VALUES (1, ?, ?, ?)",
                       {std::string_view(device.vendor_name), std::string_view(device.vendor_description), ByteView(sealed)}));
  for (std::size_t i = 0; i < device.certificate_path.size(); ++i) {
    TRY(database.execute("INSERT INTO sks_device_path VALUES (?, ?)",
                         {static_cast<std::int64_t>(i), ByteView(device.certificate_path[i])}));
  }
  return transaction.commit();
}

Result<std::unique_ptr<Records>> Records::open(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key,
                                               RandomSource& random) {
  TRY(storage::migrate(*database, "sks", kMigrations));
  DeviceIdentity device = TRY(read_device(*database));
  const auto sealed =
      TRY(storage::query_one(*database, "SELECT attestation_key FROM sks_device", {}, [](const storage::Row& row) { return row.blob(0); }));
  const SecretBytes pkcs8 = TRY(master_key.open(kSealPurpose, attestation_key_place(), *sealed));
  crypto::PrivateKey attestation_key = TRY(crypto::PrivateKey::from_pkcs8(pkcs8.expose_secret()));
  return std::unique_ptr<Records>(
      new Records(std::move(database), std::move(master_key), random, std::move(device), std::move(attestation_key)));
}

Records::Records(std::unique_ptr<storage::Database> database, sealing::MasterKey master_key, RandomSource& random, DeviceIdentity device,
                 crypto::PrivateKey attestation_key)
    : database_(std::move(database)),
      master_key_(std::move(master_key)),
      random_(random),
      device_(std::move(device)),
      attestation_key_(std::move(attestation_key)) {}

Result<> Records::apply(const std::vector<Change>& changes) {
  if (changes.empty()) return {};
  auto transaction = TRY(storage::Transaction::begin(*database_, storage::Access::kWrite));
  for (const Change& change : changes) {
    TRY(std::visit([&](const auto& one) { return apply_one(one); }, change));
  }
  return transaction.commit();
}

Result<> Records::take_handle(std::string_view kind, std::int64_t taken) {
  TRY(database_->execute("UPDATE sks_counters SET next = ? WHERE kind = ?", {taken + 1, kind}));
  return {};
}

Bytes Records::seal(ByteView place, const SecretBytes& secret) const {
  return master_key_.seal(kSealPurpose, place, secret.expose_secret(), random_);
}

Result<> Records::apply_one(const InsertSession& change) {
  const Session& s = change.session;
  TRY(take_handle("session", s.handle));
  const Bytes sealed = seal(place_of(s), s.session_key);
  TRY(database_->execute(
      "INSERT INTO sks_sessions (handle, open, server_session_id, client_session_id, issuer_uri, updatable, client_time, life_time, "
      "key_limit,"
      " created_at, key_uses, mac_counter, session_key) VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {std::int64_t{s.handle}, std::string_view(s.server_session_id), std::string_view(s.client_session_id), std::string_view(s.issuer_uri),
       std::int64_t{s.updatable}, static_cast<std::int64_t>(s.client_time), std::int64_t{s.life_time}, std::int64_t{s.key_limit},
       s.created_at.milliseconds, std::int64_t{s.key_uses}, std::int64_t{s.mac_counter}, ByteView(sealed)}));
  return {};
}

Result<> Records::apply_one(const AdvanceSession& change) {
  TRY(database_->execute("UPDATE sks_sessions SET key_uses = ?, mac_counter = ? WHERE handle = ?",
                         {std::int64_t{change.key_uses}, std::int64_t{change.mac_counter}, std::int64_t{change.session}}));
  return {};
}

Result<> Records::apply_one(const CloseSession& change) {
  TRY(database_->execute("UPDATE sks_sessions SET open = 0 WHERE handle = ?", {std::int64_t{change.session}}));
  return {};
}

Result<> Records::apply_one(const RemoveSession& change) {
  for (const Key& key : TRY(keys(change.session))) {
    parsed_keys_.erase(key.handle);
    ledger_.forget(key.pin);
  }
  TRY(database_->execute("DELETE FROM sks_sessions WHERE handle = ?", {std::int64_t{change.session}}));
  return {};
}

Result<> Records::apply_one(const InsertPukPolicy& change) {
  const PukPolicy& p = change.policy;
  TRY(take_handle("puk_policy", p.handle));
  const Bytes sealed = seal(place_of(p), p.value);
  TRY(database_->execute(
      "INSERT INTO sks_puk_policies (handle, session, id, format, retry_limit, error_count, value) VALUES (?, ?, ?, ?, ?, ?, ?)",
      {std::int64_t{p.handle}, std::int64_t{p.session}, std::string_view(p.id), static_cast<std::int64_t>(p.format),
       std::int64_t{p.retry_limit}, std::int64_t{p.error_count}, ByteView(sealed)}));
  return {};
}

Result<> Records::apply_one(const InsertPinPolicy& change) {
  const PinPolicy& p = change.policy;
  TRY(take_handle("pin_policy", p.handle));
  TRY(database_->execute(
      "INSERT INTO sks_pin_policies (handle, session, id, puk_policy, user_defined, user_modifiable, format, retry_limit, grouping,"
      " pattern_restrictions, min_length, max_length, input_method) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {std::int64_t{p.handle}, std::int64_t{p.session}, std::string_view(p.id), optional_reference(p.puk_policy),
       std::int64_t{p.user_defined}, std::int64_t{p.user_modifiable}, static_cast<std::int64_t>(p.rules.format),
       std::int64_t{p.retry_limit}, static_cast<std::int64_t>(p.grouping), std::int64_t{p.rules.pattern_restrictions},
       std::int64_t{p.rules.min_length}, std::int64_t{p.rules.max_length}, static_cast<std::int64_t>(p.input_method)}));
  return {};
}

Result<> Records::apply_one(const InsertPin& change) {
  const Pin& p = change.pin;
  TRY(take_handle("pin", p.id));
  const Bytes sealed = seal(place_of(p), p.value);
  TRY(database_->execute("INSERT INTO sks_pins (id, policy, half, error_count, value) VALUES (?, ?, ?, ?, ?)",
                         {p.id, std::int64_t{p.policy}, static_cast<std::int64_t>(p.half), std::int64_t{p.error_count}, ByteView(sealed)}));
  return {};
}

Result<> Records::apply_one(const InsertKey& change) {
  const Key& k = change.key;
  TRY(take_handle("key", k.handle));
  const SecretBytes pkcs8 = TRY(change.private_key.pkcs8());
  const Bytes sealed = seal(place_of(k), pkcs8);
  TRY(database_->execute(
      "INSERT INTO sks_keys (handle, session, id, pin_policy, pin, biometric_protection, private_key_backup, export_policy, updatable,"
      " delete_policy, enable_pin_caching, import_private_key, usage, friendly_name, public_key, private_key)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {std::int64_t{k.handle}, std::int64_t{k.session}, std::string_view(k.id), optional_reference(k.pin_policy), optional_reference(k.pin),
       static_cast<std::int64_t>(k.biometric_protection), std::int64_t{k.private_key_backup}, static_cast<std::int64_t>(k.export_policy),
       std::int64_t{k.updatable}, static_cast<std::int64_t>(k.delete_policy), std::int64_t{k.enable_pin_caching},
       std::int64_t{k.import_private_key}, static_cast<std::int64_t>(k.usage), std::string_view(k.friendly_name), ByteView(k.public_key),
       ByteView(sealed)}));
  return {};
}

Result<> Records::apply_one(const SetPath& change) {
  for (std::size_t i = 0; i < change.certificate_path.size(); ++i) {
    const Bytes& certificate = change.certificate_path[i];
    const auto fingerprint = crypto::sha256(certificate);
    TRY(database_->execute("INSERT INTO sks_certificates (key, position, fingerprint, certificate) VALUES (?, ?, ?, ?)",
                           {std::int64_t{change.key}, static_cast<std::int64_t>(i), ByteView(fingerprint), ByteView(certificate)}));
  }
  return {};
}

Result<> Records::verify_pin(const Pin& pin, std::uint8_t retry_limit, const SecretBytes& given) {
  constexpr std::string_view kUpdate = "UPDATE sks_pins SET error_count = ? WHERE id = ?";
  if (pin.error_count >= retry_limit) return fail(Status::kAuthorization, "the key is locked after too many wrong PINs");
  std::uint8_t on_disk = static_cast<std::uint8_t>(
      TRY(storage::query_one(*database_, "SELECT error_count FROM sks_pins WHERE id = ?", {pin.id}, [](const storage::Row& row) {
        return row.integer(0);
      })).value_or(0));
  const std::uint8_t charged = ledger_.charge(pin.id, on_disk);
  if (charged != on_disk) {
    TRY(database_->execute(kUpdate, {std::int64_t{charged}, pin.id}));
  }
  if (!equal_in_constant_time(pin.value.expose_secret(), given.expose_secret())) {
    ledger_.wrong(pin.id, on_disk);
    return fail(Status::kAuthorization, "the PIN is wrong");
  }
  ledger_.right(pin.id);
  const std::uint8_t resting = PinLedger::resting(charged, retry_limit);
  if (resting != charged) {
    TRY(database_->execute(kUpdate, {std::int64_t{resting}, pin.id}));
  }
  return {};
}

Result<> Records::settle_pins() {
  for (const auto& [pin, errors] : ledger_.known()) {
    TRY(database_->execute("UPDATE sks_pins SET error_count = ? WHERE id = ? AND error_count <> ?",
                           {std::int64_t{errors}, pin, std::int64_t{errors}}));
  }
  return {};
}

Result<crypto::PrivateKey> Records::private_key(const Key& key) const {
  const auto parsed = parsed_keys_.find(key.handle);
  if (parsed != parsed_keys_.end()) return parsed->second;
  const auto sealed = TRY(storage::query_one(*database_, "SELECT private_key FROM sks_keys WHERE handle = ?", {std::int64_t{key.handle}},
                                             [](const storage::Row& row) { return row.blob(0); }));
  if (!sealed) return fail(Status::kInternal, "the private key is missing");
  const SecretBytes pkcs8 = TRY(master_key_.open(kSealPurpose, place_of(key), *sealed));
  crypto::PrivateKey private_key = TRY(crypto::PrivateKey::from_pkcs8(pkcs8.expose_secret()));
  if (parsed_keys_.size() >= kMaxParsedKeys) parsed_keys_.clear();
  parsed_keys_.emplace(key.handle, private_key);
  return private_key;
}

Result<Handle> Records::next_handle(HandleKind kind) const {
  const auto next = TRY(storage::query_one(*database_, "SELECT next FROM sks_counters WHERE kind = ?", {counter_name(kind)},
                                           [](const storage::Row& row) { return row.integer(0); }));
  if (!next) return fail(Status::kInternal, "a handle counter is missing");
  if (*next >= std::int64_t{kNoHandle}) return fail(Status::kStorage, "the handles of this store are used up");
  return static_cast<Handle>(*next);
}

Result<std::int64_t> Records::next_pin_id() const {
  return TRY(storage::query_one(*database_, "SELECT next FROM sks_counters WHERE kind = 'pin'", {},
                                [](const storage::Row& row) { return row.integer(0); }))
      .value_or(1);
}

Result<Bytes> Records::sign_attestation(ByteView message) const {
  return attestation_key_.sign(crypto::x509_scheme(attestation_key_.public_key().type()), crypto::Digest::kSha256, message);
}

}  // namespace airtight::sks
