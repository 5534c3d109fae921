#include "ca/authority.h"

#include <algorithm>

#include "base/algorithms.h"
#include "base/encoding.h"
#include "base/text.h"
#include "ca/audit.h"
#include "ca/internal/issuing.h"
#include "ca/internal/state.h"
#include "ca/register.h"
#include "crypto/certificate_builder.h"

namespace airtight::ca {
namespace {

using crypto::Certificate;
using crypto::CertificateContent;
using crypto::KeyUsageBit;
using crypto::PublicKey;
using storage::Database;

constexpr std::string_view kServerAuth = "1.3.6.1.5.5.7.3.1";
constexpr std::chrono::days kTlsServerLife{397};  // the most that TLS clients accept (CA/Browser Forum, Baseline Requirements 6.3.2)
constexpr unsigned kMinRsaBits = 2048;
constexpr std::size_t kMaxPath = 4;  // more than this authority ever has

Result<> check_key(const PublicKey& key) {
  if (key.type() == KeyAlgorithmType::kRsa && key.bits() < kMinRsaBits) {
    return fail(Fault::kRefused, "an RSA key of " + std::to_string(key.bits()) + " bits is too weak to be certified",
                "use 2048 bits or more, or P-256");
  }
  return {};
}

void add_names(CertificateContent& content, Subject subject) {
  content.subject_der = std::move(subject.name_der);
  content.emails = std::move(subject.emails);
  content.dns_names = std::move(subject.dns_names);
  content.ip_addresses = std::move(subject.ip_addresses);
  content.uris = std::move(subject.uris);
  content.upns = std::move(subject.upns);
}

void add_publication(CertificateContent& content, const std::string& publication_url, std::string_view issuer_key) {
  content.crl_urls = crl_urls(publication_url, issuer_key);
  content.ocsp_urls = ocsp_urls(publication_url);
  content.issuer_urls = issuer_urls(publication_url, issuer_key);
}

XmlSigner xml_signer_of(const std::shared_ptr<const AuthorityState>& state, const KeyPointer& key) {
  const Result<PublicKey> public_key = key->certificate.public_key();
  const bool rsa = public_key && public_key->type() == KeyAlgorithmType::kRsa;
  const auto sign = [state, key, rsa](ByteView message) -> Result<Bytes> {
    const auto signer = TRY(signer_of(state->master_key, *key));
    return signer->sign(rsa ? crypto::SignatureScheme::kRsaPkcs1 : crypto::SignatureScheme::kEcdsaRaw, crypto::Digest::kSha256, message);
  };
  return {key->certificate, rsa ? uri::kRsaSha256 : uri::kEcdsaSha256, sign};
}

}  // namespace

Result<> Authority::create(Database& database, const sealing::MasterKey& master_key, const AuthorityOptions& options, const Clock& clock,
                           RandomSource& random) {
  if (!is_line(options.organization))
    return fail(Fault::kBadInput, "the name of an organization has to be one line of UTF-8", "leave out line ends and control characters");
  CaPlan root_plan = TRY(plan_of(options.organization, "Root CA", options.root_days));
  CaPlan tls_plan = TRY(plan_of(options.organization, "TLS Root CA", options.root_days));
  tls_plan.path_length = 0;
  tls_plan.extended_key_usage = {std::string(kServerAuth)};
  const CaPlan below = TRY(issuing_plan(options.organization, 1, options.issuing_days, options.publication_url, kRootRole));
  TRY(migrate_ca_tables(database));
  storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
  if (TRY(has_keys(database))) {
    return fail(Fault::kRefused, "there is a certificate authority in this database already", "use it, or choose another folder");
  }
  const Instant now = clock.now();
  const NewKey root_key = TRY(new_key(kRootRole, {options.key, options.root_storage}, options.access, master_key, random));
  const NewKey issuing_key = TRY(new_key(kIssuingRole, {options.key, options.issuing_storage}, options.access, master_key, random));
  const NewKey tls_key = TRY(new_key(kTlsRole, {KeyKind::kP256, {}}, options.access, master_key, random));
  const Certificate root = TRY(certify_root(root_plan, *root_key.signer, now, random));
  const Certificate issuing = TRY(certify_authority(below, issuing_key.signer->public_key().spki(), root, *root_key.signer, now, random));
  const Certificate tls = TRY(certify_root(tls_plan, *tls_key.signer, now, random));
  TRY(record(database, clock, "ca.created", "organization: " + options.organization + "\n"));
  TRY(insert_key(database, {kRootRole, kRootRole, 1}, root, root_key));
  TRY(insert_key(database, {kIssuingRole, kIssuingRole, 1}, issuing, issuing_key));
  TRY(insert_key(database, {kTlsRole, kTlsRole, 1}, tls, tls_key));
  TRY(enter(database, clock, root, {kRootProfile, kRootRole}));
  TRY(enter(database, clock, issuing, {"issuing", kRootRole}));
  TRY(enter(database, clock, tls, {kTlsRootProfile, kTlsRole}));
  return transaction.commit();
}

Result<Authority> Authority::open(Database& database, const sealing::MasterKey& master_key, const Clock& clock, RandomSource& random,
                                  const OpenOptions& options) {
  TRY(migrate_ca_tables(database));
  auto state = std::make_shared<AuthorityState>(master_key, clock, random, options);
  state->set_keys(TRY(load_keys(database, master_key, options.access, options.keys)));
  return Authority(std::move(state));
}

Certificate Authority::root() const { return state_->keys()->root->certificate; }
Certificate Authority::issuing() const { return state_->keys()->issuing->certificate; }
Certificate Authority::tls_root() const { return state_->keys()->tls->certificate; }

Result<std::vector<Certificate>> Authority::path_of(const Certificate& certificate) const {
  const std::shared_ptr<const KeySet> keys = state_->keys();
  std::vector<Certificate> path = {certificate};
  while (path.size() <= kMaxPath) {
    const Certificate& last = path.back();
    const KeyPointer* issuer = nullptr;
    for (const KeyPointer& key : keys->all) {
      // Keys have names of their own (O and CN with a number), so that the name decides.
      if (equal(key->certificate.subject_der(), last.issuer_der())) issuer = &key;
    }
    if (issuer == nullptr) break;
    const Certificate& above = (*issuer)->certificate;
    if (equal(above.subject_der(), above.issuer_der())) return path;
    path.push_back(above);
  }
  return fail(Fault::kNotFound, "the certificate of \"" + certificate.subject() + "\" was not issued by this authority");
}

Result<Certificate> Authority::issue(Database& database, const CertificateProfile& profile, const Subject& subject, const PublicKey& key,
                                     const provenance::Verdict& verdict, const Facts& facts) const {
  if (verdict.decision != provenance::Decision::kAllow) {
    return fail(Fault::kRefused, "no certificate is issued, because the device is not accepted: " + verdict.rule);
  }
  TRY(check_profile(profile));
  TRY(check_key(key));
  const std::uint16_t key_usage = TRY(key_usage_of(profile, key.type()));
  // Twice at most: a second time if the keys were rolled over since they were read.
  for (bool again = false;; again = true) {
    const KeyPointer issuer = state_->keys()->issuing;
    if (const Result<> good = require_good(database, *issuer); !good) {
      if (again || good.error().fault != Fault::kRefused) return Failure(good.error());
      TRY(state_->reload(database));  // another process may have replaced it
      continue;
    }
    const auto signer = TRY(signer_of(state_->master_key, *issuer));
    CertificateContent content = TRY(
        content_under(issuer->certificate, {key.spki(), state_->clock.now(), std::chrono::days(profile.validity_days)}, state_->random));
    if (profile.latest_end) content.not_after = std::min(content.not_after, *profile.latest_end);
    Facts all = facts;
    TRY(all.add("serial", hex_encode(content.serial)));
    add_names(content, TRY(make_subject(profile, all, subject)));
    content.key_usage = key_usage;
    content.extended_key_usage = extended_key_usage_of(profile);
    content.policies = profile.policies;
    add_publication(content, state_->options.publication_url, issuer->name);
    Certificate certificate = TRY(crypto::sign_certificate(content, *signer));
    const std::string why = verdict.to_text();
    const Entry entry{profile.name, issuer->name, why, By::kActiveKey};
    if (TRY(enter(database, state_->clock, certificate, entry))) return certificate;
    if (again) return fail(Fault::kUnavailable, "the authority's keys are being rolled over", "try again");
    TRY(state_->reload(database));
  }
}

Result<Certificate> Authority::issue_tls_server(Database& database, const PublicKey& key, const std::vector<std::string>& dns_names,
                                                const std::vector<std::string>& ip_addresses) const {
  if (dns_names.empty() && ip_addresses.empty()) return fail(Fault::kBadInput, "a TLS server certificate has to have a name or an address");
  TRY(check_key(key));
  const KeyPointer issuer = state_->keys()->tls;
  TRY(require_good(database, *issuer));
  const auto signer = TRY(signer_of(state_->master_key, *issuer));
  CertificateContent content = TRY(content_under(issuer->certificate, {key.spki(), state_->clock.now(), kTlsServerLife}, state_->random));
  // Clients look at the alternative names alone; the common name is for people, as far as it fits.
  const std::string& name = dns_names.empty() ? ip_addresses.front() : dns_names.front();
  content.subject_der = TRY(crypto::name_from_attributes({{"CN", std::string_view(name).substr(0, 64)}}));
  content.key_usage = key.type() == KeyAlgorithmType::kRsa ? bits({KeyUsageBit::kDigitalSignature, KeyUsageBit::kKeyEncipherment})
                                                           : bits({KeyUsageBit::kDigitalSignature});
  content.extended_key_usage = {std::string(kServerAuth)};
  content.dns_names = dns_names;
  content.ip_addresses = ip_addresses;
  Certificate certificate = TRY(crypto::sign_certificate(content, *signer));
  TRY(enter(database, state_->clock, certificate, {"tls-server", issuer->name}));
  return certificate;
}

std::vector<XmlSigner> Authority::xml_signers() const {
  const std::shared_ptr<const KeySet> keys = state_->keys();
  const Instant now = state_->clock.now();
  std::vector<XmlSigner> out = {xml_signer_of(state_, keys->issuing)};
  for (auto key = keys->all.rbegin(); key != keys->all.rend(); ++key) {
    const AuthorityKeyRow& row = **key;
    const bool is_open = row.signer != nullptr || row.storage.kind == KeyStorage::Kind::kDatabase;
    if (row.role == kIssuingRole && row.name != keys->issuing->name && is_open && row.certificate.not_after() > now)
      out.push_back(xml_signer_of(state_, *key));
  }
  return out;
}

}  // namespace airtight::ca
