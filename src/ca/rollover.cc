#include "ca/rollover.h"

#include <algorithm>

#include "ca/audit.h"
#include "ca/internal/state.h"

namespace airtight::ca {
namespace {

using crypto::Certificate;
using crypto::Signer;
using storage::Database;

Result<AuthorityKey> shown(Database& database, const AuthorityKeyRow& key) {
  const auto registered = TRY(find_by_fingerprint(database, key.certificate.sha256()));
  if (!registered) return fail(Fault::kInternal, "the certificate of the authority's key " + key.name + " is not in its register");
  return AuthorityKey{key.name, key.role, key.active, key.storage, key.certificate, registered->status};
}

std::int64_t next_generation(const KeySet& keys, std::string_view role) {
  std::int64_t last = 0;
  for (const KeyPointer& key : keys.all) {
    if (key->role == role) last = std::max(last, key->generation);
  }
  return last + 1;
}

// A CA, or a root, on its way into the database.
struct Candidate {
  std::string role;
  std::int64_t generation;
  std::string name;
  NewKey key;
};

Result<Candidate> candidate(const AuthorityState& authority, const KeySet& keys, std::string_view role, const RolloverOptions& options) {
  const std::int64_t generation = next_generation(keys, role);
  std::string name = key_name(role, generation);
  NewKey key = TRY(new_key(name, {options.key, options.storage}, authority.options.access, authority.master_key, authority.random));
  return Candidate{std::string(role), generation, std::move(name), std::move(key)};
}

// Puts the key in the place of the active one of its role. Keys were made before the transaction: a person may have been asked for it.
Result<> replace_active(Database& database, const Candidate& fresh, const Certificate& certificate) {
  const auto last = TRY(storage::query_one(database, "SELECT max(generation) FROM ca_keys WHERE role = ?1", {std::string_view(fresh.role)},
                                           [](const storage::Row& row) { return row.integer(0); }));
  if (last.value_or(0) + 1 != fresh.generation)
    return fail(Fault::kUnavailable, "somebody else rolled the keys over meanwhile", "look at them: airtight ca show DIR");
  TRY(database.execute("UPDATE ca_keys SET active = 0 WHERE role = ?1 AND active = 1", {std::string_view(fresh.role)}));
  return insert_key(database, {fresh.name, fresh.role, fresh.generation}, certificate, fresh.key);
}

// After the commit: the new keys are open already, and stay so.
Result<AuthorityKey> adopt(AuthorityState& authority, Database& database,
                           const std::vector<std::pair<const Candidate*, Certificate>>& made) {
  KeySet known = *authority.keys();
  for (const auto& [fresh, certificate] : made) {
    known.all.push_back(std::make_shared<const AuthorityKeyRow>(AuthorityKeyRow{
        fresh->name, fresh->role, fresh->generation, true, fresh->key.storage, certificate, fresh->key.sealed_pkcs8, fresh->key.signer}));
  }
  KeyAccess nobody;
  nobody.folder = authority.options.access.folder;
  authority.set_keys(TRY(load_keys(database, authority.master_key, nobody, WhichKeys::kAllButRoot, &known)));
  const KeyPointer first = authority.keys()->find(made.front().first->name);
  return shown(database, *first);
}

struct Above {
  const Certificate& certificate;
  const Signer& signer;
  std::string_view name;
};

Result<Certificate> make_issuing(const AuthorityState& authority, const Candidate& fresh, const Above& root, std::uint32_t days) {
  const CaPlan plan =
      TRY(issuing_plan(root.certificate.organization_name(), fresh.generation, days, authority.options.publication_url, root.name));
  return certify_authority(plan, fresh.key.signer->public_key().spki(), root.certificate, root.signer, authority.clock.now(),
                           authority.random);
}

// The root `subject` certified by another root, for as long as both last.
Result<Certificate> cross_certify(const AuthorityState& authority, const Certificate& subject, const Above& issuer) {
  const Instant now = authority.clock.now();
  CaPlan plan;
  plan.subject_der = to_bytes(subject.subject_der());
  plan.life = std::chrono::floor<std::chrono::days>(std::chrono::milliseconds(subject.not_after().milliseconds - now.milliseconds));
  plan.path_length = 1;
  plan.policies = {std::string(kAnyPolicy)};
  plan.crl_urls = crl_urls(authority.options.publication_url, issuer.name);
  plan.ocsp_urls = ocsp_urls(authority.options.publication_url);
  plan.issuer_urls = issuer_urls(authority.options.publication_url, issuer.name);
  return certify_authority(plan, to_bytes(subject.spki()), issuer.certificate, issuer.signer, now, authority.random);
}

Result<> save_cross(Database& database, const AuthorityState& authority, const std::string& name, const Certificate& certificate,
                    std::string_view issuer) {
  TRY(database.execute("INSERT INTO ca_cross_certificates (name, certificate) VALUES (?1, ?2)",
                       {std::string_view(name), ByteView(certificate.der())}));
  TRY(enter(database, authority.clock, certificate, {"cross", issuer}));
  return {};
}

}  // namespace

Result<std::vector<AuthorityKey>> list_keys(Database& database) {
  const auto keys = TRY(read_keys(database));
  std::vector<AuthorityKey> out;
  for (const KeyPointer& key : keys->all) out.push_back(TRY(shown(database, *key)));
  return out;
}

Result<std::vector<CrossCertificate>> list_cross_certificates(Database& database) {
  const auto keys = TRY(read_keys(database));
  std::vector<CrossCertificate> out;
  for (const CrossRow& cross : keys->crosses) out.push_back({cross.name, cross.certificate});
  return out;
}

Result<AuthorityKey> Rollover::new_issuing(Database& database, const RolloverOptions& options) const {
  AuthorityState& authority = *authority_.state_;
  TRY(authority.reload(database));
  const std::shared_ptr<const KeySet> keys = authority.keys();
  const auto root_signer = TRY(signer_of(authority.master_key, *keys->root));
  const Candidate fresh = TRY(candidate(authority, *keys, kIssuingRole, options));
  const Certificate certificate =
      TRY(make_issuing(authority, fresh, {keys->root->certificate, *root_signer, keys->root->name}, options.days));
  storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
  TRY(replace_active(database, fresh, certificate));
  TRY(record(database, authority.clock, "ca.rolled-over", "key: " + fresh.name + "\nstorage: " + to_text(fresh.key.storage) + "\n"));
  TRY(enter(database, authority.clock, certificate, {"issuing", keys->root->name}));
  TRY(transaction.commit());
  return adopt(authority, database, {{&fresh, certificate}});
}

Result<AuthorityKey> Rollover::new_root(Database& database, const RolloverOptions& root, const RolloverOptions& issuing) const {
  AuthorityState& authority = *authority_.state_;
  TRY(authority.reload(database));
  const std::shared_ptr<const KeySet> keys = authority.keys();
  const auto old_signer = TRY(signer_of(authority.master_key, *keys->root));
  const Above old_root{keys->root->certificate, *old_signer, keys->root->name};
  const Candidate fresh_root = TRY(candidate(authority, *keys, kRootRole, root));
  const Candidate fresh_issuing = TRY(candidate(authority, *keys, kIssuingRole, issuing));
  const CaPlan plan = TRY(plan_of(old_root.certificate.organization_name(), "Root CA " + std::to_string(fresh_root.generation), root.days));
  const Certificate root_certificate = TRY(certify_root(plan, *fresh_root.key.signer, authority.clock.now(), authority.random));
  const Above new_root{root_certificate, *fresh_root.key.signer, fresh_root.name};
  const Certificate issuing_certificate = TRY(make_issuing(authority, fresh_issuing, new_root, issuing.days));
  const Certificate new_by_old = TRY(cross_certify(authority, root_certificate, old_root));
  const Certificate old_by_new = TRY(cross_certify(authority, old_root.certificate, new_root));

  storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
  TRY(replace_active(database, fresh_root, root_certificate));
  TRY(replace_active(database, fresh_issuing, issuing_certificate));
  TRY(record(database, authority.clock, "ca.root-rolled-over",
             "root: " + fresh_root.name + "\nstorage: " + to_text(fresh_root.key.storage) + "\nkey: " + fresh_issuing.name +
                 "\nstorage: " + to_text(fresh_issuing.key.storage) + "\n"));
  TRY(enter(database, authority.clock, root_certificate, {kRootProfile, fresh_root.name}));
  TRY(enter(database, authority.clock, issuing_certificate, {"issuing", fresh_root.name}));
  TRY(save_cross(database, authority, fresh_root.name + "-by-" + std::string(old_root.name), new_by_old, old_root.name));
  TRY(save_cross(database, authority, std::string(old_root.name) + "-by-" + fresh_root.name, old_by_new, fresh_root.name));
  TRY(transaction.commit());
  return adopt(authority, database, {{&fresh_root, root_certificate}, {&fresh_issuing, issuing_certificate}});
}

}  // namespace airtight::ca
