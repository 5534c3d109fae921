// The reading half of Records: rows as values.
#include <algorithm>
#include <array>

#include "sks/internal/places.h"
#include "sks/records.h"
#include "sks/status.h"

namespace airtight::sks {
namespace {

// `Parts` one after the other, at compile time: each query is its columns and its condition.
template <const std::string_view&... Parts>
constexpr std::string_view joined() {
  static constexpr auto kText = [] {
    std::array<char, (Parts.size() + ...)> text{};
    auto at = text.begin();
    ((at = std::ranges::copy(Parts, at).out), ...);
    return text;
  }();
  return {kText.data(), kText.size()};
}

constexpr std::string_view kSessions =
    "SELECT handle, open, server_session_id, client_session_id, issuer_uri, updatable, client_time, life_time, key_limit, created_at, "
    "key_uses,"
    " mac_counter, session_key FROM sks_sessions ";
constexpr std::string_view kPukPolicies = "SELECT handle, session, id, format, retry_limit, error_count, value FROM sks_puk_policies ";
constexpr std::string_view kPinPolicies =
    "SELECT handle, session, id, puk_policy, user_defined, user_modifiable, format, retry_limit, grouping, pattern_restrictions, "
    "min_length,"
    " max_length, input_method FROM sks_pin_policies ";
constexpr std::string_view kPins = "SELECT id, policy, half, error_count, value FROM sks_pins ";
constexpr std::string_view kKeys =
    "SELECT handle, session, id, pin_policy, pin, biometric_protection, private_key_backup, export_policy, updatable, delete_policy,"
    " enable_pin_caching, import_private_key, usage, friendly_name, public_key FROM sks_keys ";

constexpr std::string_view kByHandle = "WHERE handle = ?";
constexpr std::string_view kFromHandle = "WHERE handle >= ? ORDER BY handle LIMIT 1";
constexpr std::string_view kOfSession = "WHERE session = ? ORDER BY handle";
constexpr std::string_view kOpenByName = "WHERE client_session_id = ? AND server_session_id = ? AND issuer_uri = ? AND open = 1";
constexpr std::string_view kOfPolicy = "WHERE policy = ? ORDER BY id";
constexpr std::string_view kById = "WHERE id = ?";

template <typename T>
T small(const storage::Row& row, int column) {
  return static_cast<T>(row.integer(column));
}

Handle reference(const storage::Row& row, int column) { return row.is_null(column) ? 0 : small<Handle>(row, column); }

// The rows of `sql`, each read by `read`, which may fail.
template <typename Read>
auto all(storage::Database& database, std::string_view sql, std::initializer_list<storage::Value> values, Read&& read)
    -> Result<std::vector<typename std::invoke_result_t<Read, const storage::Row&>::value_type>> {
  const auto cursor = TRY(database.query(sql, values));
  std::vector<typename std::invoke_result_t<Read, const storage::Row&>::value_type> out;
  while (const storage::Row* row = TRY(cursor->next())) out.push_back(TRY(read(*row)));
  return out;
}

// The first such row.
template <typename Read>
auto first(storage::Database& database, std::string_view sql, std::initializer_list<storage::Value> values, Read&& read)
    -> Result<std::optional<typename std::invoke_result_t<Read, const storage::Row&>::value_type>> {
  using Value = typename std::invoke_result_t<Read, const storage::Row&>::value_type;
  const auto cursor = TRY(database.query(sql, values));
  const storage::Row* row = TRY(cursor->next());
  if (row == nullptr) return std::optional<Value>();
  return std::optional<Value>(TRY(read(*row)));
}

Result<PinPolicy> read_pin_policy(const storage::Row& row) {
  PinPolicy p;
  p.handle = small<Handle>(row, 0);
  p.session = small<Handle>(row, 1);
  p.id = row.text(2);
  p.puk_policy = reference(row, 3);
  p.user_defined = row.integer(4) != 0;
  p.user_modifiable = row.integer(5) != 0;
  p.rules.format = small<PassphraseFormat>(row, 6);
  p.retry_limit = small<std::uint8_t>(row, 7);
  p.grouping = small<Grouping>(row, 8);
  p.rules.pattern_restrictions = small<std::uint8_t>(row, 9);
  p.rules.min_length = small<std::uint8_t>(row, 10);
  p.rules.max_length = small<std::uint8_t>(row, 11);
  p.input_method = small<InputMethod>(row, 12);
  return p;
}

}  // namespace

Result<Session> Records::read_session(const storage::Row& row) const {
  Session s;
  s.handle = small<Handle>(row, 0);
  s.open = row.integer(1) != 0;
  s.server_session_id = row.text(2);
  s.client_session_id = row.text(3);
  s.issuer_uri = row.text(4);
  s.updatable = row.integer(5) != 0;
  s.client_time = static_cast<std::uint64_t>(row.integer(6));
  s.life_time = small<std::uint32_t>(row, 7);
  s.key_limit = small<std::uint16_t>(row, 8);
  s.created_at.milliseconds = row.integer(9);
  s.key_uses = small<std::uint32_t>(row, 10);
  s.mac_counter = small<std::uint16_t>(row, 11);
  s.session_key = TRY(master_key_.open(kSealPurpose, place_of(s), row.blob(12)));
  return s;
}

Result<PukPolicy> Records::read_puk_policy(const storage::Row& row) const {
  PukPolicy p;
  p.handle = small<Handle>(row, 0);
  p.session = small<Handle>(row, 1);
  p.id = row.text(2);
  p.format = small<PassphraseFormat>(row, 3);
  p.retry_limit = small<std::uint8_t>(row, 4);
  p.error_count = small<std::uint8_t>(row, 5);
  p.value = TRY(master_key_.open(kSealPurpose, place_of(p), row.blob(6)));
  return p;
}

Result<Pin> Records::read_pin(const storage::Row& row) const {
  Pin p;
  p.id = row.integer(0);
  p.policy = small<Handle>(row, 1);
  p.half = small<PinHalf>(row, 2);
  p.error_count = ledger_.errors(p.id, small<std::uint8_t>(row, 3));
  p.value = TRY(master_key_.open(kSealPurpose, place_of(p), row.blob(4)));
  return p;
}

Result<Key> Records::read_key(const storage::Row& row) const {
  Key k;
  k.handle = small<Handle>(row, 0);
  k.session = small<Handle>(row, 1);
  k.id = row.text(2);
  k.pin_policy = reference(row, 3);
  k.pin = row.is_null(4) ? 0 : row.integer(4);
  k.biometric_protection = small<BiometricProtection>(row, 5);
  k.private_key_backup = row.integer(6) != 0;
  k.export_policy = small<ExportPolicy>(row, 7);
  k.updatable = row.integer(8) != 0;
  k.delete_policy = small<DeletePolicy>(row, 9);
  k.enable_pin_caching = row.integer(10) != 0;
  k.import_private_key = row.integer(11) != 0;
  k.usage = small<KeyUsage>(row, 12);
  k.friendly_name = row.text(13);
  k.public_key = row.blob(14);
  k.certificate_path = TRY(storage::query_all(*database_, "SELECT certificate FROM sks_certificates WHERE key = ? ORDER BY position",
                                              {std::int64_t{k.handle}}, [](const storage::Row& inner) { return inner.blob(0); }));
  return k;
}

Result<std::optional<Session>> Records::session(Handle handle) const {
  return first(*database_, joined<kSessions, kByHandle>(), {std::int64_t{handle}},
               [&](const storage::Row& row) { return read_session(row); });
}

Result<std::optional<Session>> Records::open_session(std::string_view server_session_id, std::string_view client_session_id,
                                                     std::string_view issuer_uri) const {
  return first(*database_, joined<kSessions, kOpenByName>(), {client_session_id, server_session_id, issuer_uri},
               [&](const storage::Row& row) { return read_session(row); });
}

Result<std::optional<Session>> Records::session_from(Handle from) const {
  return first(*database_, joined<kSessions, kFromHandle>(), {std::int64_t{from}},
               [&](const storage::Row& row) { return read_session(row); });
}

Result<std::vector<PukPolicy>> Records::puk_policies(Handle session) const {
  return all(*database_, joined<kPukPolicies, kOfSession>(), {std::int64_t{session}},
             [&](const storage::Row& row) { return read_puk_policy(row); });
}

Result<std::vector<PinPolicy>> Records::pin_policies(Handle session) const {
  return all(*database_, joined<kPinPolicies, kOfSession>(), {std::int64_t{session}}, read_pin_policy);
}

Result<std::optional<PukPolicy>> Records::puk_policy(Handle handle) const {
  return first(*database_, joined<kPukPolicies, kByHandle>(), {std::int64_t{handle}},
               [&](const storage::Row& row) { return read_puk_policy(row); });
}

Result<std::optional<PinPolicy>> Records::pin_policy(Handle handle) const {
  return first(*database_, joined<kPinPolicies, kByHandle>(), {std::int64_t{handle}}, read_pin_policy);
}

Result<std::vector<Pin>> Records::pins(Handle pin_policy) const {
  return all(*database_, joined<kPins, kOfPolicy>(), {std::int64_t{pin_policy}}, [&](const storage::Row& row) { return read_pin(row); });
}

Result<std::optional<Pin>> Records::pin(std::int64_t id) const {
  return first(*database_, joined<kPins, kById>(), {id}, [&](const storage::Row& row) { return read_pin(row); });
}

Result<std::optional<Key>> Records::key(Handle handle) const {
  return first(*database_, joined<kKeys, kByHandle>(), {std::int64_t{handle}}, [&](const storage::Row& row) { return read_key(row); });
}

Result<std::optional<Key>> Records::key_from(Handle from) const {
  return first(*database_, joined<kKeys, kFromHandle>(), {std::int64_t{from}}, [&](const storage::Row& row) { return read_key(row); });
}

Result<std::vector<Key>> Records::keys(Handle session) const {
  return all(*database_, joined<kKeys, kOfSession>(), {std::int64_t{session}}, [&](const storage::Row& row) { return read_key(row); });
}

Result<bool> Records::is_provisioned(ByteView end_entity) const {
  const auto fingerprint = crypto::sha256(end_entity);
  const auto found = TRY(storage::query_one(*database_,
                                            "SELECT 1 FROM sks_certificates c JOIN sks_keys k ON k.handle = c.key"
                                            " JOIN sks_sessions s ON s.handle = k.session"
                                            " WHERE c.fingerprint = ? AND c.position = 0 AND s.open = 0 LIMIT 1",
                                            {ByteView(fingerprint)}, [](const storage::Row&) { return true; }));
  return found.has_value();
}

}  // namespace airtight::sks
