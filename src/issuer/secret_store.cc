// The secrets that the issuer shares with devices: passphrases and keys, each kind sealed under a key of its own.
#include <array>

#include "issuer/credential_store.h"

namespace airtight::issuer {
namespace {

using storage::Database;
using storage::Row;

constexpr std::string_view kPassphrasePurpose = "issuer passphrases";
constexpr std::string_view kKeptKeyPurpose = "issuer kept keys";
constexpr std::array kPassphraseKinds = std::to_array<std::string_view>({"puk", "pin"});
constexpr std::array kKeptKinds = std::to_array<std::string_view>({"backup", "made", "symmetric"});

// Names a place so that no other place has the same name: no part can hold a line end.
Bytes place(std::string_view first, std::string_view second, std::string_view third) {
  return to_bytes(std::string(first).append("\n").append(second).append("\n").append(third));
}

Bytes kept_key_place(std::int64_t credential_id, std::string_view kind) { return place("kept", std::to_string(credential_id), kind); }

struct SealedRow {
  std::string kind;
  std::string name;
  std::string format;
  Bytes sealed;
  std::string server_session_id;
};

}  // namespace

std::string_view name_of(PassphraseKind kind) { return kPassphraseKinds[static_cast<std::size_t>(kind)]; }

SealedPassphrase seal_passphrase(const sealing::MasterKey& master_key, std::string_view server_session_id, const Passphrase& passphrase,
                                 RandomSource& random) {
  const Bytes where = place(server_session_id, name_of(passphrase.kind), passphrase.name);
  return {passphrase.kind, passphrase.name, passphrase.format,
          master_key.seal(kPassphrasePurpose, where, passphrase.value.expose_secret(), random)};
}

Result<> insert_passphrase(Database& database, std::int64_t session_id, const SealedPassphrase& passphrase) {
  TRY(database.execute("INSERT INTO issuer_passphrases (session_id, kind, name, format, sealed_value) VALUES (?, ?, ?, ?, ?)",
                       {session_id, name_of(passphrase.kind), std::string_view(passphrase.name), airtight::name_of(passphrase.format),
                        ByteView(passphrase.sealed_value)}));
  return {};
}

Result<std::vector<Passphrase>> open_passphrases(Database& database, const sealing::MasterKey& master_key, std::int64_t credential_id) {
  const std::vector<SealedRow> rows = TRY(storage::query_all(
      database,
      "SELECT p.kind, p.name, p.format, p.sealed_value, s.server_session_id FROM issuer_credentials c JOIN issuer_credentials o ON "
      "o.id = COALESCE(c.protection_id, c.id) JOIN issuer_sessions s ON s.id = o.session_id JOIN issuer_passphrases p ON p.session_id = "
      "s.id WHERE c.id = ? AND (p.kind = 'puk' OR p.name = o.key_id) ORDER BY p.kind, p.name",
      {credential_id}, [](const Row& row) { return SealedRow{row.text(0), row.text(1), row.text(2), row.blob(3), row.text(4)}; }));
  std::vector<Passphrase> out;
  for (const SealedRow& row : rows) {
    SecretBytes value = TRY(master_key.open(kPassphrasePurpose, place(row.server_session_id, row.kind, row.name), row.sealed));
    out.push_back({row.kind == "puk" ? PassphraseKind::kPuk : PassphraseKind::kPin, row.name,
                   value_named<PassphraseFormat>(row.format).value_or(PassphraseFormat::kBinary), std::move(value)});
  }
  return out;
}

Result<> keep_key(Database& database, const sealing::MasterKey& master_key, std::int64_t credential_id, KeptKind kind,
                  const SecretBytes& value, Instant now, RandomSource& random) {
  const std::string_view name = kKeptKinds[static_cast<std::size_t>(kind)];
  const Bytes sealed = master_key.seal(kKeptKeyPurpose, kept_key_place(credential_id, name), value.expose_secret(), random);
  TRY(database.execute("INSERT INTO issuer_kept_keys (credential_id, kind, sealed_value, created_at) VALUES (?, ?, ?, ?)",
                       {credential_id, name, ByteView(sealed), now.milliseconds}));
  return {};
}

Result<std::optional<KeptKey>> find_kept_private_key(Database& database, const sealing::MasterKey& master_key, std::string_view subject,
                                                     std::string_view key_id) {
  struct Found {
    std::int64_t credential_id;
    std::string kind;
    Bytes sealed;
  };
  const std::optional<Found> found = TRY(storage::query_one(
      database,
      "SELECT c.id, k.kind, k.sealed_value FROM issuer_kept_keys k JOIN issuer_credentials c ON c.id = k.credential_id JOIN "
      "issuer_sessions s ON s.id = c.session_id WHERE s.subject = ? AND c.key_id = ? AND c.confirmed_at IS NOT NULL AND k.kind <> "
      "'symmetric' ORDER BY c.id DESC LIMIT 1",
      {subject, key_id}, [](const Row& row) { return Found{row.integer(0), row.text(1), row.blob(2)}; }));
  if (!found) return std::optional<KeptKey>();
  return std::optional(KeptKey{found->credential_id,
                               TRY(master_key.open(kKeptKeyPurpose, kept_key_place(found->credential_id, found->kind), found->sealed))});
}

}  // namespace airtight::issuer
