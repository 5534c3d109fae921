#include "issuer/issuer.h"

#include "ca/audit.h"
#include "ca/authority.h"
#include "crypto/certificate.h"
#include "crypto/certificate_builder.h"
#include "issuer/enrolment.h"
#include "issuer/enrolment_subject.h"
#include "issuer/init.h"
#include "issuer/internal/step.h"
#include "issuer/operator_line.h"
#include "issuer/session_store.h"
#include "issuer/tls_identity.h"
#include "storage/database.h"
#include "storage/files.h"

namespace airtight::issuer {
namespace {

using storage::Row;

constexpr std::string_view kBaseUrlSetting = "base-url";

std::string text_at(const Row& row, int column) { return row.is_null(column) ? std::string() : row.text(column); }

SessionSummary session_from(const Row& row) {
  return {.server_session_id = row.text(0),
          .client_session_id = text_at(row, 1),
          .state = row.text(2),
          .profile = row.text(3),
          .subject = row.text(4),
          .device_id = text_at(row, 5),
          .refusal_id = text_at(row, 6),
          .refusal = text_at(row, 7),
          .created_at = {row.integer(8)},
          .updated_at = {row.integer(9)},
          .expires_at = {row.integer(10)}};
}

CredentialSummary credential_from(const Row& row) {
  CredentialSummary credential{.id = row.integer(9),
                               .server_session_id = row.text(0),
                               .key_id = row.text(1),
                               .serial = row.text(2),
                               .subject = row.text(3),
                               .profile = row.text(4),
                               .device_id = text_at(row, 5),
                               .ended = text_at(row, 10),
                               .issued_at = {row.integer(6)},
                               .not_after = {row.integer(7)},
                               .confirmed_at = {},
                               .in_doubt = row.integer(11) != 0};
  if (!row.is_null(8)) credential.confirmed_at = Instant{row.integer(8)};
  credential.status = text_at(row, 12);
  credential.kept_key = text_at(row, 13);
  return credential;
}

template <typename T>
Result<std::vector<T>> read_all(storage::Database& database, std::string_view sql, T (*from)(const Row&)) {
  std::vector<T> out;
  const auto cursor = TRY(database.query(sql));
  while (const Row* row = TRY(cursor->next())) out.push_back(from(*row));
  return out;
}

// An aborted session keeps its key where its device may have finished all the same.
#define AIRTIGHT_IN_DOUBT                                                                                                              \
  "(c.ended IS NULL AND EXISTS (SELECT 1 FROM issuer_targets t JOIN issuer_sessions d ON d.id = t.session_id WHERE t.credential_id = " \
  "c.id AND t.operation <> 'none' AND d.state = 'Aborted' AND d.sealed_session_key IS NOT NULL))"

#define AIRTIGHT_SELECT_CREDENTIALS                                                                                                  \
  "SELECT s.server_session_id, c.key_id, c.serial, s.subject, p.name, s.device_id, c.issued_at, c.not_after, c.confirmed_at, c.id, " \
  "c.ended, " AIRTIGHT_IN_DOUBT                                                                                                      \
  ", (SELECT a.status FROM ca_certificates a WHERE a.sha256 = c.fingerprint), "                                                      \
  "(SELECT k.kind FROM issuer_kept_keys k WHERE k.credential_id = c.id AND k.kind <> 'symmetric' LIMIT 1) "                          \
  "FROM issuer_credentials c JOIN issuer_sessions s ON s.id = c.session_id JOIN issuer_profiles p ON p.digest = s.profile_digest "

// A subject that somebody says stands for itself.
Result<std::string> subject_as_given(const Profile& profile, const std::string& subject) {
  TRY(check_subject_text(subject));
  TRY(check_templates(profile, subject, {}));
  return subject;
}

// What others could have written decides nothing here.
Result<Configuration> read_trusted_configuration(const std::filesystem::path& folder) {
  TRY(storage::require_unwritable_by_others(folder));
  TRY(storage::require_unwritable_by_others(folder / "issuer.toml"));
  return read_configuration(folder);
}

}  // namespace

Issuer::Issuer(std::filesystem::path folder, Configuration configuration, const Clock& clock, RandomSource& random)
    : folder_(std::move(folder)),
      configuration_(std::move(configuration)),
      pool_(folder_ / "issuer.db"),
      clock_(&clock),
      random_(&random) {}

Result<std::unique_ptr<Issuer>> Issuer::open(const std::filesystem::path& folder, const Clock& clock, RandomSource& random) {
  std::error_code fault;
  if (std::filesystem::exists(folder / kUnfinishedMark, fault)) {
    return fail(Fault::kRefused, folder.string() + " is only half made: 'airtight issuer init' was interrupted",
                "run 'airtight issuer init " + folder.string() + "' again");
  }
  if (!std::filesystem::exists(folder / "issuer.toml", fault)) {
    return fail(Fault::kNotFound, "there is no issuer in " + folder.string(),
                "make one with 'airtight issuer init " + folder.string() + "'");
  }
  Configuration configuration = TRY(read_trusted_configuration(folder));
  std::unique_ptr<Issuer> issuer(new Issuer(folder, std::move(configuration), clock, random));
  const DatabasePool::Lease database = TRY(issuer->pool_.take());
  // init made the tables: a database without them is not this issuer's any more.
  if (!TRY(has_issuer_tables(*database))) {
    return fail(Fault::kInternal, (folder / "issuer.db").string() + " holds no issuer: it is empty, or another program's",
                "restore it from a backup; the certificates that were issued stay valid meanwhile");
  }
  TRY(migrate_issuer_tables(*database));
  return issuer;
}

Result<Configuration> Issuer::read_configuration_again() const { return read_trusted_configuration(folder_); }

Result<std::vector<std::string>> Issuer::unread_profiles() {
  const DatabasePool::Lease database = TRY(pool_.take());
  const auto known =
      TRY(storage::query_one(*database, "SELECT COUNT(*) FROM issuer_profiles", {}, [](const Row& row) { return row.integer(0); }));
  std::vector<std::string> names;
  if (known.value_or(0) == 0) return names;
  for (const Profile& profile : configuration_.profiles) {
    if (!TRY(storage::query_one(*database, "SELECT 1 FROM issuer_profiles WHERE digest = ?", {ByteView(profile.digest)},
                                [](const Row& row) { return row.integer(0); })))
      names.push_back(profile.name);
  }
  return names;
}

Result<std::string> Issuer::base_url(storage::Database& database) const {
  if (configuration_.url) return *configuration_.url;
  std::optional<std::string> bound = TRY(find_setting(database, kBaseUrlSetting));
  if (bound) return *std::move(bound);
  const ListenAddress address = TRY(parse_listen_address(configuration_.listen));
  if (address.port == 0 || address.is_any()) {
    return fail(Fault::kRefused, "the issuer does not know its own address yet",
                "set url in issuer.toml, or start 'airtight issuer serve' first");
  }
  return base_url_of(address, configuration_.tls);
}

Result<std::string> Issuer::make_url(std::string_view profile_name, const std::optional<std::string>& subject) {
  const Profile* profile = TRY(configuration_.find_profile(profile_name));
  if (!profile->enrolment.url) {
    return fail(Fault::kRefused, "nobody enrols with the profile '" + profile->name + "' by a URL that is made for him",
                "add \"url\" to 'by' in [profiles." + profile->name + ".enrolment]");
  }
  Enrolment enrolment;
  enrolment.profile = profile->name;
  if (profile->clones()) {
    if (subject) {
      return fail(Fault::kBadInput, "the profile '" + profile->name + "' takes its subject from a credential that the device has",
                  "leave --subject out");
    }
  } else if (profile->enrolment.listed_devices) {
    if (subject) {
      return fail(Fault::kBadInput, "the profile '" + profile->name + "' takes its subject from the list of devices",
                  "leave --subject out; 'airtight issuer devices add' has it");
    }
  } else if (!subject && !profile->subject) {
    return fail(Fault::kBadInput, "the profile '" + profile->name + "' has no subject of its own",
                "say whom it is for: --subject 'CN=Jane Doe,C=SE'");
  }
  enrolment.subject = TRY(subject ? subject_as_given(*profile, *subject) : subject_at_first(profile->subject.value_or(""), *profile, {}));
  enrolment.created_at = clock_->now();
  enrolment.expires_at = enrolment.created_at.plus(std::chrono::hours(configuration_.url_validity_hours));
  const Token token = make_token(*random_);

  const DatabasePool::Lease database = TRY(pool_.take());
  const std::string base = TRY(base_url(*database));
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  TRY(insert_enrolment(*database, token.hash, enrolment));
  TRY(transaction.commit());
  return session_url(base, token.hash) + "/" + token.text;
}

Result<std::vector<SessionSummary>> Issuer::sessions() {
  const DatabasePool::Lease database = TRY(pool_.take());
  return read_all(
      *database,
      "SELECT s.server_session_id, s.client_session_id, s.state, p.name, s.subject, s.device_id, s.refusal_id, s.refusal, s.created_at, "
      "s.updated_at, s.expires_at FROM issuer_sessions s JOIN issuer_profiles p ON p.digest = s.profile_digest ORDER BY s.id",
      session_from);
}

Result<std::vector<CredentialSummary>> Issuer::credentials(Which which) {
  const DatabasePool::Lease database = TRY(pool_.take());
  return which == Which::kUnconfirmed
             ? read_all(*database, AIRTIGHT_SELECT_CREDENTIALS "WHERE c.confirmed_at IS NULL OR " AIRTIGHT_IN_DOUBT " ORDER BY c.id",
                        credential_from)
             : read_all(*database, AIRTIGHT_SELECT_CREDENTIALS "ORDER BY c.id", credential_from);
}

Result<> Issuer::add_passphrases(std::vector<CredentialSummary>& credentials, std::string_view by,
                                 const sealing::PassphrasePrompt& prompt) {
  const sealing::MasterKey master_key = TRY(unseal(prompt));
  const DatabasePool::Lease database = TRY(pool_.take());
  std::string shown;
  for (CredentialSummary& credential : credentials) {
    credential.passphrases = TRY(open_passphrases(*database, master_key, credential.id));
    for (const Passphrase& passphrase : credential.passphrases)
      shown += std::string(name_of(passphrase.kind)) + " " + passphrase.name + " of " + credential.serial + "\n";
  }
  if (shown.empty()) return {};
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  TRY(ca::record(*database, *clock_, "passphrases.shown", operator_line(by) + shown));
  return transaction.commit();
}

Result<std::optional<Descriptor>> Issuer::try_to_lead() const { return storage::try_lock(folder_ / "serve.lock"); }

Result<> Issuer::remember_base_url(std::string_view base_url) {
  const DatabasePool::Lease database = TRY(pool_.take());
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  TRY(set_setting(*database, kBaseUrlSetting, base_url));
  return transaction.commit();
}

Result<sealing::MasterKey> Issuer::unseal(const sealing::PassphrasePrompt& prompt) const {
  return sealing::open_master_key(folder_, prompt);
}

Result<bool> Issuer::renew_tls_certificate(const sealing::MasterKey& master_key) {
  const TlsIdentity identity = TRY(read_tls_identity(configuration_.tls_certificate, configuration_.tls_key));
  if (identity.certificate.not_after() > clock_->now().plus(kTlsRenewalNotice)) return false;
  const DatabasePool::Lease database = TRY(pool_.take());
  const std::optional<std::vector<std::string>> hosts = TRY(remembered_tls_hosts(*database));
  const ca::Authority authority = TRY(ca::Authority::open(*database, master_key, *clock_, *random_));
  if (!hosts || !identity.certificate.verify_issued_by(authority.tls_root())) return false;
  const crypto::PublicKey key = TRY(identity.certificate.public_key());
  const TlsHosts names = TRY(tls_hosts(*hosts));
  TRY(write_tls_certificate(configuration_.tls_certificate, *database, authority, key, names));
  return true;
}

Result<std::unique_ptr<IssuerService>> Issuer::make_service(ServiceAddress address, sealing::MasterKey master_key, const Log& log) {
  if (!address.send_mail && configuration_.mail) address.send_mail = sender_for(*configuration_.mail, *clock_, *random_);
  return IssuerService::create({.pool = pool_,
                                .configuration = configuration_,
                                .clock = *clock_,
                                .random = *random_,
                                .log = log,
                                .master_key = std::move(master_key),
                                .base_url = std::move(address.base_url),
                                .send_mail = std::move(address.send_mail),
                                .key_access = {folder_, std::move(address.prompt)},
                                .tls_fingerprint = address.tls_fingerprint});
}

}  // namespace airtight::issuer
