#include "ca/internal/state.h"

#include <array>

#include "base/encoding.h"
#include "ca/audit.h"
#include "ca/register.h"
#include "embedded/ca_schema.h"

namespace airtight::ca {
namespace {

using crypto::Certificate;
using crypto::PrivateKey;
using storage::Database;
using storage::Row;

constexpr std::array kMigrations = {storage::Migration{1, embedded::k_ca_sql}};
constexpr std::string_view kSealPurpose = "ca-key";

std::string key_place(std::string_view name) { return "ca_keys.sealed_pkcs8/" + std::string(name); }

struct StoredKey {
  std::string name;
  std::string role;
  std::int64_t generation;
  bool active;
  Bytes certificate;
  std::string storage;
  Bytes sealed_pkcs8;
};

Result<std::vector<StoredKey>> read_rows(Database& database) {
  return storage::query_all(database,
                            "SELECT name, role, generation, active, certificate, storage, sealed_pkcs8 FROM ca_keys "
                            "ORDER BY CASE role WHEN 'root' THEN 0 WHEN 'issuing' THEN 1 ELSE 2 END, generation",
                            {}, [](const Row& row) {
                              return StoredKey{row.text(0),
                                               row.text(1),
                                               row.integer(2),
                                               row.integer(3) != 0,
                                               row.blob(4),
                                               row.text(5),
                                               row.is_null(6) ? Bytes() : row.blob(6)};
                            });
}

Result<> check_fit(const AuthorityKeyRow& key) {
  if (key.signer == nullptr || equal(key.certificate.spki(), key.signer->public_key().spki())) return {};
  return fail(Fault::kInternal, "the key " + key.name + " of the certificate authority does not fit its certificate",
              "restore the database, or the key's file or token, from a backup");
}

Result<std::shared_ptr<const crypto::Signer>> open_sealed(const sealing::MasterKey& master_key, std::string_view name, ByteView sealed) {
  return std::make_shared<const crypto::KeySigner>(TRY(open_private_key(master_key, key_place(name), sealed)));
}

// Opens the key if it is one that is to be open.
Result<> open_row(AuthorityKeyRow& key, const sealing::MasterKey& master_key, const KeyAccess& access, WhichKeys which) {
  const bool wanted = key.role != kRootRole || which == WhichKeys::kAll;
  if (!wanted) return {};
  if (key.storage.kind == KeyStorage::Kind::kDatabase) {
    if (key.active) key.signer = TRY(open_sealed(master_key, key.name, key.sealed_pkcs8));
  } else if (access.prompt) {
    key.signer = TRY(open_key(key.storage, access));
  }
  return check_fit(key);
}

void choose_active(KeySet& keys, const KeyPointer& key) {
  if (!key->active) return;
  if (key->role == kRootRole) keys.root = key;
  if (key->role == kIssuingRole) keys.issuing = key;
  if (key->role == kTlsRole) keys.tls = key;
}

}  // namespace

KeyPointer KeySet::find(std::string_view name) const {
  for (const KeyPointer& key : all) {
    if (key->name == name) return key;
  }
  return nullptr;
}

Result<> AuthorityState::reload(Database& database) {
  const std::shared_ptr<const KeySet> before = keys();
  KeyAccess nobody;
  nobody.folder = options.access.folder;
  set_keys(TRY(load_keys(database, master_key, nobody, WhichKeys::kAllButRoot, before.get())));
  return {};
}

Result<> migrate_ca_tables(Database& database) { return storage::migrate(database, "ca", kMigrations); }

Result<std::shared_ptr<KeySet>> read_keys(Database& database) {
  auto out = std::make_shared<KeySet>();
  for (StoredKey& stored : TRY(read_rows(database))) {
    const auto key = std::make_shared<const AuthorityKeyRow>(
        AuthorityKeyRow{stored.name, stored.role, stored.generation, stored.active, TRY(parse_key_storage(stored.storage)),
                        TRY(Certificate::parse(stored.certificate)), std::move(stored.sealed_pkcs8), nullptr});
    choose_active(*out, key);
    out->all.push_back(key);
  }
  if (out->root == nullptr || out->issuing == nullptr || out->tls == nullptr) {
    return fail(Fault::kNotFound, "there is no certificate authority in this database", "make one with: airtight issuer init DIR");
  }
  const auto crosses = TRY(storage::query_all(database, "SELECT name, certificate FROM ca_cross_certificates ORDER BY name", {},
                                              [](const Row& row) { return std::pair(row.text(0), row.blob(1)); }));
  for (const auto& [name, der] : crosses) out->crosses.push_back({name, TRY(Certificate::parse(der))});
  return out;
}

Result<std::shared_ptr<const KeySet>> load_keys(Database& database, const sealing::MasterKey& master_key, const KeyAccess& access,
                                                WhichKeys which, const KeySet* known) {
  const std::shared_ptr<KeySet> out = TRY(read_keys(database));
  for (KeyPointer& key : out->all) {
    AuthorityKeyRow open = *key;
    const KeyPointer before = known != nullptr ? known->find(key->name) : nullptr;
    if (before != nullptr && before->certificate == key->certificate) open.signer = before->signer;
    if (open.signer == nullptr) TRY(open_row(open, master_key, access, which));
    key = std::make_shared<const AuthorityKeyRow>(std::move(open));
    choose_active(*out, key);
  }
  return std::shared_ptr<const KeySet>(out);
}

Result<bool> has_keys(Database& database) {
  const auto row =
      TRY(storage::query_one(database, "SELECT 1 FROM ca_keys LIMIT 1", {}, [](const Row& found) { return found.integer(0); }));
  return row.has_value();
}

Result<std::shared_ptr<const crypto::Signer>> signer_of(const sealing::MasterKey& master_key, const AuthorityKeyRow& key) {
  if (key.signer != nullptr) return key.signer;
  if (key.storage.kind == KeyStorage::Kind::kDatabase) {
    auto signer = TRY(open_sealed(master_key, key.name, key.sealed_pkcs8));
    if (!equal(key.certificate.spki(), signer->public_key().spki())) {
      return fail(Fault::kInternal, "the key " + key.name + " of the certificate authority does not fit its certificate",
                  "restore the database from a backup");
    }
    return signer;
  }
  return fail(Fault::kUnavailable, "the key " + key.name + " of the certificate authority is closed: it is in " + to_text(key.storage),
              "run the command on a terminal, where it can ask for a passphrase or PIN; restart 'airtight issuer serve' after a rollover");
}

Result<Bytes> seal_private_key(const sealing::MasterKey& master_key, std::string_view place, const PrivateKey& key, RandomSource& random) {
  const SecretBytes pkcs8 = TRY(key.pkcs8());
  return master_key.seal(kSealPurpose, bytes_of(place), pkcs8.expose_secret(), random);
}

Result<PrivateKey> open_private_key(const sealing::MasterKey& master_key, std::string_view place, ByteView sealed) {
  const SecretBytes pkcs8 = TRY(master_key.open(kSealPurpose, bytes_of(place), sealed));
  return PrivateKey::from_pkcs8(pkcs8.expose_secret());
}

Result<NewKey> new_key(std::string_view name, const KeyWish& wish, const KeyAccess& access, const sealing::MasterKey& master_key,
                       RandomSource& random) {
  if (wish.storage.kind != KeyStorage::Kind::kDatabase) return NewKey{TRY(make_key(wish.storage, wish.kind, access)), wish.storage, {}};
  PrivateKey key = TRY(generate_key(wish.kind));
  Bytes sealed = TRY(seal_private_key(master_key, key_place(name), key, random));
  return NewKey{std::make_shared<const crypto::KeySigner>(std::move(key)), wish.storage, std::move(sealed)};
}

Result<> insert_key(Database& database, const KeyPlace& place, const Certificate& certificate, const NewKey& key) {
  using storage::Value;
  const std::string kept = to_text(key.storage);
  const Value sealed = key.sealed_pkcs8.empty() ? Value() : Value(ByteView(key.sealed_pkcs8));
  TRY(database.execute(
      "INSERT INTO ca_keys (name, role, generation, active, certificate, storage, sealed_pkcs8) VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6)",
      {place.name, place.role, place.generation, ByteView(certificate.der()), std::string_view(kept), sealed}));
  return {};
}

std::string key_name(std::string_view role, std::int64_t generation) {
  return generation == 1 ? std::string(role) : std::string(role) + "-" + std::to_string(generation);
}

Result<> require_good(Database& database, const AuthorityKeyRow& key) {
  const crypto::Sha256Value sha256 = key.certificate.sha256();
  const auto status = TRY(storage::query_one(database, "SELECT status FROM ca_certificates WHERE sha256 = ?1", {ByteView(sha256)},
                                             [](const storage::Row& row) { return row.text(0); }));
  if (!status) return fail(Fault::kInternal, "the certificate of the authority's key " + key.name + " is not in its register");
  if (*status == name_of(CertificateStatus::kValid)) return {};
  if (*status == name_of(CertificateStatus::kSuspended)) {
    return fail(Fault::kRefused, "the certificate of the authority's key " + key.name + " is on hold",
                "release it ('airtight ca release'), or replace the key ('airtight ca rollover')");
  }
  return fail(Fault::kRefused, "the certificate of the authority's key " + key.name + " is revoked",
              "replace the key: 'airtight ca rollover'");
}

Result<bool> enter(Database& database, const Clock& clock, const Certificate& certificate, const Entry& entry) {
  const Bytes serial = certificate.serial();
  const crypto::Sha256Value sha256 = certificate.sha256();
  const std::string subject = certificate.subject();
  const std::int64_t written = TRY(database.execute(
      "INSERT INTO ca_certificates (serial, der, sha256, subject, not_before, not_after, profile, issuer_key, status, issued_at) "
      "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'valid', ?9 WHERE ?10 = 0 OR EXISTS (SELECT 1 FROM ca_keys WHERE name = ?8 AND active = 1)",
      {ByteView(serial), ByteView(certificate.der()), ByteView(sha256), std::string_view(subject), certificate.not_before().milliseconds,
       certificate.not_after().milliseconds, entry.profile, entry.issuer_key, clock.now().milliseconds,
       static_cast<std::int64_t>(entry.by == By::kActiveKey ? 1 : 0)}));
  if (written == 0) return false;
  TRY(record(database, clock, "certificate.issued",
             "serial: " + hex_encode(serial) + "\nsubject: " + subject + "\nprofile: " + std::string(entry.profile) +
                 "\nsha256: " + hex_encode(sha256) + "\n" + std::string(entry.verdict)));
  return true;
}

std::vector<std::string> crl_urls(const std::string& publication_url, std::string_view key) {
  if (publication_url.empty()) return {};
  return {publication_url + "/crl/" + std::string(key) + ".crl"};
}

std::vector<std::string> issuer_urls(const std::string& publication_url, std::string_view key) {
  if (publication_url.empty()) return {};
  return {publication_url + "/ca/" + std::string(key) + ".cer"};
}

std::vector<std::string> ocsp_urls(const std::string& publication_url) {
  if (publication_url.empty()) return {};
  return {publication_url + "/ocsp"};
}

Result<CaPlan> plan_of(const std::string& organization, std::string_view common_name, std::uint32_t days) {
  if (days == 0) return fail(Fault::kBadInput, "a CA certificate has to be valid for at least a day");
  CaPlan plan;
  plan.subject_der =
      TRY(crypto::name_from_attributes({{"O", organization}, {"CN", std::string_view(organization + " " + std::string(common_name))}}));
  plan.life = std::chrono::days(days);
  return plan;
}

Result<CaPlan> issuing_plan(const std::string& organization, std::int64_t generation, std::uint32_t days,
                            const std::string& publication_url, std::string_view root) {
  CaPlan plan = TRY(plan_of(organization, "Issuing CA " + std::to_string(generation), days));
  plan.path_length = 0;
  plan.policies = {std::string(kAnyPolicy)};
  plan.crl_urls = crl_urls(publication_url, root);
  plan.ocsp_urls = ocsp_urls(publication_url);
  plan.issuer_urls = issuer_urls(publication_url, root);
  return plan;
}

}  // namespace airtight::ca
