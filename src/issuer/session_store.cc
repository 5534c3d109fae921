#include "issuer/session_store.h"

#include <algorithm>
#include <array>

#include "embedded/issuer_files.h"

namespace airtight::issuer {
namespace {

using storage::Database;
using storage::Row;
using storage::Value;

constexpr std::array kMigrations = {storage::Migration{1, embedded::k_issuer_sql}};

constexpr std::array kWays = std::to_array<std::string_view>({"url", "open", "mail", "client", "renewal"});  // as Way counts

constexpr std::string_view kTlsHostsSetting = "tls-hosts";

Value text_or_null(std::string_view text) { return text.empty() ? Value(std::monostate()) : Value(text); }
Value blob_or_null(ByteView bytes) { return bytes.empty() ? Value(std::monostate()) : Value(bytes); }
std::string text_at(const Row& row, int column) { return row.is_null(column) ? std::string() : row.text(column); }
Bytes blob_at(const Row& row, int column) { return row.is_null(column) ? Bytes() : row.blob(column); }
Instant instant_at(const Row& row, int column) { return row.is_null(column) ? Instant() : Instant{row.integer(column)}; }

// The columns of a session in the order in which session_from reads them, up to its condition.
#define AIRTIGHT_SELECT_SESSION                                                                                                         \
  "SELECT id, enrolment_id, cookie_hash, state, step, profile_digest, subject, url, server_session_id, client_session_id, "             \
  "session_key_algorithm, updatable, session_life_time, session_key_limit, server_time, client_time, server_ephemeral_key, "            \
  "sealed_ephemeral_key, sealed_session_key, mac_sequence_counter, session_key_uses, device_certificate, device_id, verdict, request, " \
  "refusal_id, refusal, created_at, updated_at, expires_at, renews, resume_hash, keys_response, certify_at, email, signer FROM "        \
  "issuer_sessions "                                                                                                                    \
  "WHERE "

Result<Session> session_from(const Row& row) {
  const std::optional<keygen2::ServerState> state = keygen2::server_state_named(row.text(3));
  if (!state) return fail(Fault::kInternal, "a stored session is in the unknown state '" + row.text(3) + "'");
  Session session;
  session.id = row.integer(0);
  session.enrolment_id = row.integer(1);
  session.cookie_hash = row.blob(2);
  session.state = *state;
  session.step = row.integer(4);
  session.profile_digest = row.blob(5);
  session.subject = row.text(6);
  session.url = row.text(7);
  session.server_session_id = row.text(8);
  session.client_session_id = text_at(row, 9);
  session.session_key_algorithm = text_at(row, 10);
  session.updatable = row.integer(11) != 0;
  session.session_life_time = static_cast<std::uint32_t>(row.integer(12));
  session.session_key_limit = static_cast<std::uint16_t>(row.integer(13));
  session.server_time = text_at(row, 14);
  session.client_time = instant_at(row, 15);
  session.server_ephemeral_key = blob_at(row, 16);
  session.sealed_ephemeral_key = blob_at(row, 17);
  session.sealed_session_key = blob_at(row, 18);
  session.mac_sequence_counter = static_cast<std::uint16_t>(row.integer(19));
  session.session_key_uses = static_cast<std::uint32_t>(row.integer(20));
  session.device_certificate = blob_at(row, 21);
  session.device_id = text_at(row, 22);
  session.verdict = text_at(row, 23);
  session.request = blob_at(row, 24);
  session.refusal_id = text_at(row, 25);
  session.refusal = text_at(row, 26);
  session.created_at = instant_at(row, 27);
  session.updated_at = instant_at(row, 28);
  session.expires_at = instant_at(row, 29);
  if (!row.is_null(30)) session.renews = row.integer(30);
  session.resume_hash = blob_at(row, 31);
  session.keys_response = blob_at(row, 32);
  if (!row.is_null(33)) session.certify_at = instant_at(row, 33);
  session.email = text_at(row, 34);
  session.signer = blob_at(row, 35);
  return session;
}

Result<std::optional<Session>> find_one(Database& database, std::string_view select, std::initializer_list<Value> values) {
  const auto cursor = TRY(database.query(select, values));
  const Row* row = TRY(cursor->next());
  if (row == nullptr) return std::optional<Session>();
  return std::optional(TRY(session_from(*row)));
}

Value integer_or_null(const std::optional<std::int64_t>& value) { return value ? Value(*value) : Value(std::monostate()); }

}  // namespace

Result<bool> has_issuer_tables(Database& database) {
  const auto tables = TRY(storage::query_one(database, "SELECT count(*) FROM sqlite_schema WHERE name IN ('issuer_settings', 'ca_keys')",
                                             {}, [](const Row& row) { return row.integer(0); }));
  return tables == 2;
}

Result<> migrate_issuer_tables(Database& database) { return storage::migrate(database, "issuer", kMigrations); }

Result<std::optional<std::string>> find_setting(Database& database, std::string_view name) {
  const auto cursor = TRY(database.query("SELECT value FROM issuer_settings WHERE name = ?", {name}));
  const Row* row = TRY(cursor->next());
  if (row == nullptr) return std::optional<std::string>();
  return std::optional(row->text(0));
}

Result<> set_setting(Database& database, std::string_view name, std::string_view value) {
  TRY(database.execute("INSERT INTO issuer_settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                       {name, value}));
  return {};
}

Result<> remember_tls_hosts(Database& database, const std::vector<std::string>& hosts) {
  std::string lines;
  for (const std::string& host : hosts) lines += host + "\n";
  return set_setting(database, kTlsHostsSetting, lines);
}

Result<std::optional<std::vector<std::string>>> remembered_tls_hosts(Database& database) {
  const std::optional<std::string> lines = TRY(find_setting(database, kTlsHostsSetting));
  if (!lines) return std::optional<std::vector<std::string>>();
  std::vector<std::string> hosts;
  for (std::string_view rest = *lines; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1))
    hosts.emplace_back(rest.substr(0, rest.find('\n')));
  return std::optional(std::move(hosts));
}

Result<> insert_profile(Database& database, ByteView digest, std::string_view name, std::string_view snapshot, Instant now) {
  TRY(database.execute(
      "INSERT INTO issuer_profiles (digest, name, snapshot, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING",
      {digest, name, snapshot, now.milliseconds}));
  return {};
}

Result<std::string> find_profile_snapshot(Database& database, ByteView digest) {
  const auto cursor = TRY(database.query("SELECT snapshot FROM issuer_profiles WHERE digest = ?", {digest}));
  const Row* row = TRY(cursor->next());
  if (row == nullptr) return fail(Fault::kInternal, "the profile of a stored session is not in the database");
  return row->text(0);
}

std::string_view name_of(Way way) { return kWays.at(static_cast<std::size_t>(way)); }

Result<> insert_enrolment(Database& database, ByteView token_hash, const Enrolment& enrolment) {
  TRY(
      database.execute("INSERT INTO issuer_enrolments (token_hash, profile, way, subject, email, client, state, created_at, expires_at) "
                       "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       {token_hash, std::string_view(enrolment.profile), name_of(enrolment.way), std::string_view(enrolment.subject),
                        text_or_null(enrolment.email), text_or_null(enrolment.client), std::string_view(enrolment.used ? "used" : "unused"),
                        enrolment.created_at.milliseconds, enrolment.expires_at.milliseconds}));
  return {};
}

Result<std::optional<Enrolment>> find_enrolment(Database& database, ByteView token_hash) {
  return storage::query_one(
      database,
      "SELECT id, profile, way, subject, email, client, state, created_at, expires_at FROM issuer_enrolments WHERE token_hash = ?",
      {token_hash}, [](const Row& row) {
        Enrolment enrolment;
        enrolment.id = row.integer(0);
        enrolment.profile = row.text(1);
        enrolment.way = static_cast<Way>(std::ranges::find(kWays, row.text(2)) - kWays.begin());  // the table has no others
        enrolment.subject = row.text(3);
        enrolment.email = text_at(row, 4);
        enrolment.client = text_at(row, 5);
        enrolment.used = row.text(6) == "used";
        enrolment.created_at = instant_at(row, 7);
        enrolment.expires_at = instant_at(row, 8);
        return enrolment;
      });
}

Result<> remove_enrolment(Database& database, std::int64_t id) {
  TRY(database.execute("DELETE FROM issuer_enrolments WHERE id = ? AND state = 'unused'", {id}));
  return {};
}

Result<bool> use_enrolment(Database& database, std::int64_t id, Instant now) {
  return TRY(database.execute("UPDATE issuer_enrolments SET state = 'used', used_at = ? WHERE id = ? AND state = 'unused'",
                              {now.milliseconds, id})) == 1;
}

Result<> insert_session(Database& database, const Session& session) {
  TRY(database.execute(
      "INSERT INTO issuer_sessions (enrolment_id, renews, cookie_hash, state, is_open, step, profile_digest, signer, subject, email, url, "
      "server_session_id, updatable, session_life_time, session_key_limit, mac_sequence_counter, session_key_uses, created_at, updated_at, "
      "expires_at) VALUES (?, ?, ?, ?, 1, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?)",
      {session.enrolment_id, integer_or_null(session.renews), ByteView(session.cookie_hash), keygen2::name_of(session.state),
       ByteView(session.profile_digest), blob_or_null(session.signer), std::string_view(session.subject), text_or_null(session.email),
       std::string_view(session.url), std::string_view(session.server_session_id), std::int64_t{session.updatable},
       std::int64_t{session.session_life_time}, std::int64_t{session.session_key_limit}, session.created_at.milliseconds,
       session.created_at.milliseconds, session.expires_at.milliseconds}));
  return {};
}

Result<std::optional<Session>> find_session(Database& database, std::int64_t id) {
  return find_one(database, AIRTIGHT_SELECT_SESSION "id = ?", {id});
}

Result<std::optional<Session>> find_session_by_cookie(Database& database, ByteView cookie_hash) {
  return find_one(database, AIRTIGHT_SELECT_SESSION "cookie_hash = ?", {cookie_hash});
}

Result<std::optional<Session>> find_session_by_resume_token(Database& database, ByteView resume_hash) {
  return find_one(database, AIRTIGHT_SELECT_SESSION "resume_hash = ?", {resume_hash});
}

Result<std::optional<Session>> find_session_by_server_id(Database& database, std::string_view server_session_id) {
  return find_one(database, AIRTIGHT_SELECT_SESSION "server_session_id = ?", {server_session_id});
}

Result<std::optional<Session>> find_session_of_enrolment(Database& database, std::int64_t enrolment_id) {
  return find_one(database, AIRTIGHT_SELECT_SESSION "enrolment_id = ?", {enrolment_id});
}

Result<std::optional<Session>> find_unbegun_renewal(Database& database, std::int64_t credential_id) {
  return find_one(database, AIRTIGHT_SELECT_SESSION "renews = ? AND is_open = 1 AND step = 0", {credential_id});
}

Result<bool> replace_cookie(Database& database, std::int64_t id, std::int64_t step, ByteView cookie_hash) {
  return TRY(database.execute("UPDATE issuer_sessions SET cookie_hash = ? WHERE id = ? AND step = ? AND is_open = 1",
                              {cookie_hash, id, step})) == 1;
}

Result<> set_deployment(Database& database, const Session& session) {
  TRY(database.execute(
      "UPDATE issuer_sessions SET request = ?, mac_sequence_counter = ?, session_key_uses = ? WHERE id = ?",
      {ByteView(session.request), std::int64_t{session.mac_sequence_counter}, std::int64_t{session.session_key_uses}, session.id}));
  return {};
}

Result<bool> set_certify_at(Database& database, std::int64_t id, Instant now) {
  return TRY(database.execute("UPDATE issuer_sessions SET certify_at = ? WHERE id = ? AND state = ? AND certify_at IS NULL",
                              {now.milliseconds, id, keygen2::name_of(keygen2::ServerState::kAwaitCertification)})) == 1;
}

Result<bool> count_session_key_use(Database& database, std::int64_t id) {
  return TRY(database.execute("UPDATE issuer_sessions SET session_key_uses = session_key_uses + 1 WHERE id = ? AND session_key_uses < "
                              "session_key_limit AND sealed_session_key IS NOT NULL",
                              {id})) == 1;
}

Result<> forget_session_key(Database& database, std::int64_t id) {
  TRY(database.execute("UPDATE issuer_sessions SET sealed_session_key = NULL WHERE id = ?", {id}));
  return {};
}

Result<bool> advance_session(Database& database, const Session& session, std::int64_t expected_step) {
  const std::optional<std::int64_t> certify_at =
      session.certify_at ? std::optional(session.certify_at->milliseconds) : std::optional<std::int64_t>();
  const std::int64_t changed = TRY(database.execute(
      "UPDATE issuer_sessions SET state = ?, is_open = ?, step = step + 1, subject = ?, client_session_id = ?, session_key_algorithm = ?, "
      "server_time = ?, client_time = ?, server_ephemeral_key = ?, sealed_ephemeral_key = ?, sealed_session_key = ?, "
      "mac_sequence_counter = ?, session_key_uses = ?, device_certificate = ?, device_id = ?, verdict = ?, request = ?, keys_response = ?, "
      "resume_hash = ?, certify_at = ?, refusal_id = ?, refusal = ?, updated_at = ?, expires_at = ? WHERE id = ? AND step = ?",
      {keygen2::name_of(session.state),
       std::int64_t{!keygen2::is_final(session.state)},
       std::string_view(session.subject),
       text_or_null(session.client_session_id),
       text_or_null(session.session_key_algorithm),
       text_or_null(session.server_time),
       session.client_time.milliseconds,
       blob_or_null(session.server_ephemeral_key),
       blob_or_null(session.sealed_ephemeral_key),
       blob_or_null(session.sealed_session_key),
       std::int64_t{session.mac_sequence_counter},
       std::int64_t{session.session_key_uses},
       blob_or_null(session.device_certificate),
       text_or_null(session.device_id),
       text_or_null(session.verdict),
       blob_or_null(session.request),
       blob_or_null(session.keys_response),
       blob_or_null(session.resume_hash),
       integer_or_null(certify_at),
       text_or_null(session.refusal_id),
       text_or_null(session.refusal),
       session.updated_at.milliseconds,
       session.expires_at.milliseconds,
       session.id,
       expected_step}));
  return changed == 1;
}

Result<bool> abort_session(Database& database, const Session& session, const Ending& ending, Instant now) {
  const std::int64_t changed = TRY(database.execute(
      "UPDATE issuer_sessions SET sealed_session_key = CASE WHEN state = ? AND updatable THEN sealed_session_key END, "
      "sealed_ephemeral_key = NULL, request = NULL, keys_response = NULL, state = ?, is_open = 0, step = step + 1, "
      "device_certificate = COALESCE(?, device_certificate), device_id = COALESCE(?, device_id), verdict = COALESCE(?, verdict), "
      "refusal_id = ?, refusal = ?, updated_at = ? WHERE id = ? AND is_open = 1",
      {keygen2::name_of(keygen2::ServerState::kAwaitCredentialDeploymentResponse), keygen2::name_of(keygen2::ServerState::kAborted),
       blob_or_null(session.device_certificate), text_or_null(session.device_id), text_or_null(session.verdict), ending.id, ending.sentence,
       now.milliseconds, session.id}));
  return changed == 1;
}

}  // namespace airtight::issuer
