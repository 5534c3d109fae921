#include "issuer/credential_store.h"

#include <array>
#include <set>

#include "base/encoding.h"
#include "ca/register.h"
#include "ca/revocation.h"
#include "issuer/session_store.h"

namespace airtight::issuer {
namespace {

using storage::Database;
using storage::Row;
using storage::Value;

constexpr std::array kOperationNames = std::to_array<std::string_view>({"none", "update", "delete"});

#define AIRTIGHT_SELECT_CREDENTIAL                                                                                               \
  "SELECT id, session_id, owner_id, protection_id, key_id, key_usage, updatable, provenance, certificate, fingerprint, serial, " \
  "issued_at, "                                                                                                                  \
  "not_after, confirmed_at, ended_at, ended FROM issuer_credentials WHERE "

std::optional<Instant> instant_or_nothing(const Row& row, int column) {
  return row.is_null(column) ? std::optional<Instant>() : std::optional(Instant{row.integer(column)});
}

Credential credential_from(const Row& row) {
  Credential credential;
  credential.id = row.integer(0);
  credential.session_id = row.integer(1);
  credential.owner_id = row.integer(2);
  if (!row.is_null(3)) credential.protection_id = row.integer(3);
  credential.key_id = row.text(4);
  credential.key_usage = value_named<KeyUsage>(row.text(5)).value_or(KeyUsage::kSignature);
  credential.updatable = row.integer(6) != 0;
  credential.provenance = row.integer(7) != 0;
  credential.certificate = row.blob(8);
  credential.fingerprint = row.blob(9);
  credential.serial = row.text(10);
  credential.issued_at = {row.integer(11)};
  credential.not_after = {row.integer(12)};
  credential.confirmed_at = instant_or_nothing(row, 13);
  credential.ended_at = instant_or_nothing(row, 14);
  credential.withdrawn = !row.is_null(15) && row.text(15) == "withdrawn";
  return credential;
}

Result<> revoke(Database& database, const Clock& clock, const Credential& credential, ca::RevocationReason reason, std::string_view note) {
  const Bytes serial = TRY(hex_decode(credential.serial));
  const auto issued = TRY(ca::find(database, serial));
  if (!issued || issued->status == ca::CertificateStatus::kRevoked) return {};
  return ca::revoke(database, clock, serial, reason, note);
}

Result<> end_credential(Database& database, std::int64_t id, std::string_view how, Instant now) {
  TRY(database.execute("UPDATE issuer_credentials SET ended = ?, ended_at = ? WHERE id = ?", {how, now.milliseconds, id}));
  return {};
}

Result<> carry_out_target(Database& database, const Clock& clock, std::int64_t session_id, const Target& target,
                          const Credential& credential) {
  if (target.revoke) {
    const bool superseded = target.operation == TargetOperation::kUpdate;
    const auto reason = superseded ? ca::RevocationReason::kSuperseded : ca::RevocationReason::kCessationOfOperation;
    TRY(revoke(database, clock, credential, reason, "a session of its device gave it up"));
  }
  if (target.operation == TargetOperation::kNone || (credential.ended_at && !credential.withdrawn)) return {};
  const bool update = target.operation == TargetOperation::kUpdate;
  TRY(end_credential(database, credential.id, update ? "updated" : "deleted", clock.now()));
  if (!update) return {};
  TRY(database.execute("UPDATE issuer_credentials SET protection_id = ? WHERE session_id = ? AND key_id = ?",
                       {credential.protection_id.value_or(credential.id), session_id, std::string_view(target.key_id)}));
  return {};
}

}  // namespace

Result<std::int64_t> insert_credential(Database& database, const Credential& credential) {
  TRY(
      database.execute("INSERT INTO issuer_credentials (session_id, owner_id, key_id, key_usage, updatable, provenance, certificate, "
                       "fingerprint, serial, issued_at, not_after) VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                       {credential.session_id, std::string_view(credential.key_id), airtight::name_of(credential.key_usage),
                        std::int64_t{credential.updatable}, std::int64_t{credential.provenance}, ByteView(credential.certificate),
                        ByteView(credential.fingerprint), std::string_view(credential.serial), credential.issued_at.milliseconds,
                        credential.not_after.milliseconds}));
  return database.last_insert_id();
}

Result<std::optional<Credential>> find_credential(Database& database, std::int64_t id) {
  return storage::query_one(database, AIRTIGHT_SELECT_CREDENTIAL "id = ?", {id}, credential_from);
}

Result<std::optional<Credential>> find_credential_by_fingerprint(Database& database, ByteView fingerprint) {
  return storage::query_one(database, AIRTIGHT_SELECT_CREDENTIAL "fingerprint = ?", {fingerprint}, credential_from);
}

Result<std::optional<Credential>> find_credential_by_serial(Database& database, std::string_view serial) {
  return storage::query_one(database, AIRTIGHT_SELECT_CREDENTIAL "serial = ? ORDER BY id DESC LIMIT 1", {serial}, credential_from);
}

Result<std::optional<Credential>> find_credential_of_key(Database& database, std::int64_t session_id, std::string_view key_id) {
  return storage::query_one(database, AIRTIGHT_SELECT_CREDENTIAL "session_id = ? AND key_id = ?", {session_id, key_id}, credential_from);
}

Result<bool> can_be_renewed(Database& database, const Credential& credential) {
  if (credential.withdrawn) return credential.updatable;
  if (!credential.confirmed_at || credential.ended_at || !credential.updatable) return false;
  const Bytes serial = TRY(hex_decode(credential.serial));
  const auto issued = TRY(ca::find(database, serial));
  return issued && issued->status == ca::CertificateStatus::kValid;
}

Result<std::int64_t> confirm_credentials(Database& database, std::int64_t session_id, Instant now) {
  return database.execute("UPDATE issuer_credentials SET confirmed_at = ? WHERE session_id = ?", {now.milliseconds, session_id});
}

Result<std::int64_t> withdraw_credentials(Database& database, const Clock& clock, std::int64_t session_id, std::string_view reason) {
  const std::vector<Credential> unconfirmed = TRY(storage::query_all(
      database, AIRTIGHT_SELECT_CREDENTIAL "session_id = ? AND confirmed_at IS NULL AND ended_at IS NULL", {session_id}, credential_from));
  for (const Credential& credential : unconfirmed) {
    TRY(revoke(database, clock, credential, ca::RevocationReason::kCessationOfOperation, reason));
    TRY(end_credential(database, credential.id, "withdrawn", clock.now()));
  }
  return static_cast<std::int64_t>(unconfirmed.size());
}

Result<> insert_targets(Database& database, std::int64_t session_id, const std::vector<Target>& targets) {
  std::int64_t position = 0;
  for (const Target& target : targets) {
    const Value key = target.key_id.empty() ? Value(std::monostate()) : Value(std::string_view(target.key_id));
    TRY(
        database.execute("INSERT INTO issuer_targets (session_id, position, credential_id, owner_id, operation, key_id, revoke) VALUES (?, "
                         "?, ?, ?, ?, ?, ?)",
                         {session_id, position++, target.credential_id, target.owner_id,
                          kOperationNames[static_cast<std::size_t>(target.operation)], key, std::int64_t{target.revoke}}));
  }
  return {};
}

Result<std::vector<Target>> find_targets(Database& database, std::int64_t session_id) {
  return storage::query_all(
      database, "SELECT credential_id, operation, key_id, revoke, owner_id FROM issuer_targets WHERE session_id = ? ORDER BY position",
      {session_id}, [](const Row& row) {
        Target target;
        target.credential_id = row.integer(0);
        for (std::size_t i = 0; i < kOperationNames.size(); ++i) {
          if (row.text(1) == kOperationNames[i]) target.operation = static_cast<TargetOperation>(i);
        }
        if (!row.is_null(2)) target.key_id = row.text(2);
        target.revoke = row.integer(3) != 0;
        target.owner_id = row.integer(4);
        return target;
      });
}

Result<> carry_out_targets(Database& database, const Clock& clock, std::int64_t session_id) {
  std::set<std::int64_t> owners;
  for (const Target& target : TRY(find_targets(database, session_id))) {
    const std::optional<Credential> credential = TRY(find_credential(database, target.credential_id));
    if (!credential) return fail(Fault::kInternal, "a credential that a session updates or deletes is not in the database");
    TRY(carry_out_target(database, clock, session_id, target, *credential));
    if (target.operation != TargetOperation::kNone) owners.insert({credential->owner_id, target.owner_id});
  }
  for (const std::int64_t owner : owners) {
    // A session of which only the last answer got lost: by what the device has now, it did then what it was to do.
    const std::optional<Session> session = TRY(find_session(database, owner));
    if (session && session->state == keygen2::ServerState::kAborted && owner != session_id) TRY(carry_out_targets(database, clock, owner));
    TRY(database.execute("UPDATE issuer_credentials SET owner_id = ? WHERE owner_id = ?", {session_id, owner}));
    TRY(database.execute("UPDATE issuer_sessions SET sealed_session_key = NULL WHERE id = ?", {owner}));
  }
  return {};
}

}  // namespace airtight::issuer
