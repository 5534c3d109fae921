#include "ca/authority.h"

#include <array>

#include "base/algorithms.h"
#include "base/encoding.h"
#include "ca/audit.h"
#include "ca/internal/issuing.h"
#include "crypto/certificate_builder.h"
#include "embedded/ca_schema.h"

namespace airtight::ca {
namespace {

using crypto::Certificate;
using crypto::CertificateContent;
using crypto::KeyUsageBit;
using crypto::PrivateKey;
using crypto::PublicKey;
using storage::Database;

constexpr std::array kMigrations = {storage::Migration{1, embedded::k_ca_sql}};
constexpr std::string_view kSealPurpose = "ca-key";
constexpr std::string_view kRoot = "root";
constexpr std::string_view kIssuing = "issuing";
constexpr std::string_view kTls = "tls";
constexpr std::string_view kServerAuth = "1.3.6.1.5.5.7.3.1";
constexpr std::chrono::days kTlsServerLife{397};  // the most that TLS clients accept (CA/Browser Forum, Baseline Requirements 6.3.2)
constexpr unsigned kMinRsaBits = 2048;

Bytes seal_context(std::string_view name) { return to_bytes("ca_keys.sealed_pkcs8/" + std::string(name)); }

Result<> check_key(const PublicKey& key) {
  if (key.type() == KeyAlgorithmType::kRsa && key.bits() < kMinRsaBits) {
    return fail(Fault::kRefused, "an RSA key of " + std::to_string(key.bits()) + " bits is too weak to be certified",
                "use 2048 bits or more, or P-256");
  }
  return {};
}

// What a certificate is in the register and in the audit log.
struct Entry {
  std::string_view profile;
  std::string_view issuer_key;
  std::string_view verdict;
};

// Every certificate goes through here, in the open transaction.
Result<> enter(Database& database, const Clock& clock, const Certificate& certificate, const Entry& entry) {
  const Bytes serial = certificate.serial();
  const std::string subject = certificate.subject();
  TRY(
      database.execute("INSERT INTO ca_certificates (serial, der, subject, not_before, not_after, profile, issuer_key, status, issued_at) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'valid', ?8)",
                       {ByteView(serial), ByteView(certificate.der()), subject, certificate.not_before().milliseconds,
                        certificate.not_after().milliseconds, entry.profile, entry.issuer_key, clock.now().milliseconds}));
  return record(database, clock, "certificate.issued",
                "serial: " + hex_encode(serial) + "\nsubject: " + subject + "\nprofile: " + std::string(entry.profile) +
                    "\nsha256: " + hex_encode(certificate.sha256()) + "\n" + std::string(entry.verdict));
}

Result<> store(Database& database, const sealing::MasterKey& master_key, std::string_view name, const Signer& signer,
               RandomSource& random) {
  const SecretBytes pkcs8 = TRY(signer.key.pkcs8());
  const Bytes sealed = master_key.seal(kSealPurpose, seal_context(name), pkcs8.expose_secret(), random);
  TRY(database.execute("INSERT INTO ca_keys (name, certificate, sealed_pkcs8) VALUES (?1, ?2, ?3)",
                       {name, ByteView(signer.certificate.der()), ByteView(sealed)}));
  return {};
}

struct StoredKey {
  Bytes certificate;
  Bytes sealed_pkcs8;
};

Result<std::optional<StoredKey>> load(Database& database, std::string_view name) {
  return storage::query_one(database, "SELECT certificate, sealed_pkcs8 FROM ca_keys WHERE name = ?1", {name},
                            [](const storage::Row& row) { return StoredKey{row.blob(0), row.blob(1)}; });
}

Result<StoredKey> load_required(Database& database, std::string_view name) {
  auto stored = TRY(load(database, name));
  if (!stored)
    return fail(Fault::kNotFound, "there is no certificate authority in this database", "make one with: airtight issuer init DIR");
  return std::move(*stored);
}

Result<Signer> open_signer(Database& database, const sealing::MasterKey& master_key, std::string_view name) {
  const StoredKey stored = TRY(load_required(database, name));
  const SecretBytes pkcs8 = TRY(master_key.open(kSealPurpose, seal_context(name), stored.sealed_pkcs8));
  Signer signer{TRY(Certificate::parse(stored.certificate)), TRY(PrivateKey::from_pkcs8(pkcs8.expose_secret()))};
  if (!equal(signer.certificate.spki(), signer.key.public_key().spki())) {
    return fail(Fault::kInternal, "the " + std::string(name) + " key of the certificate authority does not fit its certificate",
                "restore the database from a backup");
  }
  return signer;
}

}  // namespace

struct Authority::State {
  Certificate root;
  Signer issuing;
  Signer tls;
  const Clock& clock;
  RandomSource& random;
};

Result<> Authority::create(Database& database, const sealing::MasterKey& master_key, const AuthorityOptions& options, const Clock& clock,
                           RandomSource& random) {
  if (options.root_days == 0 || options.issuing_days == 0)
    return fail(Fault::kBadInput, "a CA certificate has to be valid for at least a day");
  TRY(storage::migrate(database, "ca", kMigrations));
  storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
  if (TRY(load(database, kRoot))) {
    return fail(Fault::kRefused, "there is a certificate authority in this database already", "use it, or choose another folder");
  }
  const auto plan = [&](std::string_view role, std::uint32_t days, unsigned path_length) -> Result<CaPlan> {
    const std::string common_name = options.organization + " " + std::string(role);
    const Bytes subject = TRY(crypto::name_from_attributes({{"O", options.organization}, {"CN", common_name}}));
    return CaPlan{subject, options.curve, std::chrono::days(days), path_length};
  };
  const Instant now = clock.now();
  const CaPlan root_plan = TRY(plan("Root CA", options.root_days, 1));
  const CaPlan issuing_plan = TRY(plan("Issuing CA 1", options.issuing_days, 0));
  CaPlan tls_plan = TRY(plan("TLS Root CA", options.root_days, 0));
  tls_plan.extended_key_usage = {std::string(kServerAuth)};
  const Signer root = TRY(make_root(root_plan, now, random));
  const Signer issuing = TRY(make_authority(issuing_plan, root, now, random));
  const Signer tls = TRY(make_root(tls_plan, now, random));
  TRY(record(database, clock, "ca.created", "organization: " + options.organization + "\n"));
  TRY(store(database, master_key, kRoot, root, random));
  TRY(store(database, master_key, kIssuing, issuing, random));
  TRY(store(database, master_key, kTls, tls, random));
  TRY(enter(database, clock, root.certificate, {"root", kRoot, ""}));
  TRY(enter(database, clock, issuing.certificate, {"issuing", kRoot, ""}));
  TRY(enter(database, clock, tls.certificate, {"tls-root", kTls, ""}));
  return transaction.commit();
}

Result<Authority> Authority::open(Database& database, const sealing::MasterKey& master_key, const Clock& clock, RandomSource& random) {
  TRY(storage::migrate(database, "ca", kMigrations));
  const StoredKey root = TRY(load_required(database, kRoot));
  return Authority(
      std::make_shared<const State>(State{TRY(Certificate::parse(root.certificate)), TRY(open_signer(database, master_key, kIssuing)),
                                          TRY(open_signer(database, master_key, kTls)), clock, random}));
}

const Certificate& Authority::root() const { return state_->root; }
const Certificate& Authority::issuing() const { return state_->issuing.certificate; }
const Certificate& Authority::tls_root() const { return state_->tls.certificate; }

Result<Certificate> Authority::issue(Database& database, const CertificateProfile& profile, const Subject& subject, const PublicKey& key,
                                     const provenance::Verdict& verdict) const {
  if (verdict.decision != provenance::Decision::kAllow) {
    return fail(Fault::kRefused, "no certificate is issued, because the device is not accepted: " + verdict.rule);
  }
  if ((profile.key_usage & kAuthorityUsage) != 0 || profile.validity_days == 0) {
    return fail(Fault::kBadInput, "the certificate profile \"" + profile.name + "\" would make a CA or a certificate that is never valid",
                "take keyCertSign and cRLSign out of its key usage and give it at least one day");
  }
  TRY(check_key(key));
  const std::chrono::days life(profile.validity_days);
  CertificateContent content = TRY(content_under(state_->issuing, key, state_->clock.now(), life, state_->random));
  content.subject_der = subject.name_der;
  content.key_usage = profile.key_usage;
  content.extended_key_usage = profile.extended_key_usage;
  content.policies = profile.policies;
  content.emails = subject.emails;
  content.dns_names = subject.dns_names;
  Certificate certificate = TRY(crypto::sign_certificate(content, state_->issuing.key));
  TRY(enter(database, state_->clock, certificate, {profile.name, kIssuing, verdict.to_text()}));
  return certificate;
}

Result<Certificate> Authority::issue_tls_server(Database& database, const PublicKey& key, const std::vector<std::string>& dns_names,
                                                const std::vector<std::string>& ip_addresses) const {
  if (dns_names.empty() && ip_addresses.empty()) return fail(Fault::kBadInput, "a TLS server certificate has to have a name or an address");
  TRY(check_key(key));
  CertificateContent content = TRY(content_under(state_->tls, key, state_->clock.now(), kTlsServerLife, state_->random));
  // Clients look at the alternative names alone; the common name is for people, as far as it fits.
  const std::string& name = dns_names.empty() ? ip_addresses.front() : dns_names.front();
  content.subject_der = TRY(crypto::name_from_attributes({{"CN", std::string_view(name).substr(0, 64)}}));
  content.key_usage = key.type() == KeyAlgorithmType::kRsa ? bits({KeyUsageBit::kDigitalSignature, KeyUsageBit::kKeyEncipherment})
                                                           : bits({KeyUsageBit::kDigitalSignature});
  content.extended_key_usage = {std::string(kServerAuth)};
  content.dns_names = dns_names;
  content.ip_addresses = ip_addresses;
  Certificate certificate = TRY(crypto::sign_certificate(content, state_->tls.key));
  TRY(enter(database, state_->clock, certificate, {"tls-server", kTls, ""}));
  return certificate;
}

Result<Bytes> Authority::sign_xml(ByteView message) const {
  const PrivateKey& key = state_->issuing.key;
  const bool rsa = key.public_key().type() == KeyAlgorithmType::kRsa;
  return key.sign(rsa ? crypto::SignatureScheme::kRsaPkcs1 : crypto::SignatureScheme::kEcdsaRaw, crypto::Digest::kSha256, message);
}

std::string_view Authority::xml_signature_method() const {
  return state_->issuing.key.public_key().type() == KeyAlgorithmType::kRsa ? uri::kRsaSha256 : uri::kEcdsaSha256;
}

}  // namespace airtight::ca
