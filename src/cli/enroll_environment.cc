#include "cli/enroll_environment.h"

#include <filesystem>
#include <limits>
#include <utility>

#include "base/encoding.h"
#include "keygen2/messages.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kLargestPemFile = 1U << 20;
constexpr std::size_t kMostKeys = 10'000;
constexpr std::size_t kMostExtensionBytes = 1U << 30;
constexpr const char* kMemoryFolder = "agent";  // in the store's: it goes where the store goes

Result<std::string> pem_file(const std::string& path) { return to_text(TRY(storage::read_file(path, kLargestPemFile))); }

Result<std::unique_ptr<http::Client>> web_client(const EnrollSettings& settings) {
  http::ClientOptions options;
  if (!settings.ca_file.empty()) options.ca_pem = TRY(pem_file(settings.ca_file));
  if (!settings.client_certificate.empty()) {
    options.certificate_chain_pem = TRY(pem_file(settings.client_certificate));
    options.private_key_pem = TRY(storage::read_secret_file(settings.client_key, kLargestPemFile));
  }
  return http::Client::create(std::move(options));
}

Result<std::vector<crypto::Certificate>> signers_in(const std::string& path) {
  if (path.empty()) return std::vector<crypto::Certificate>();
  const std::string pem = TRY(pem_file(path));
  auto signers = crypto::certificates_from_pem(pem);
  if (!signers) return Failure(std::move(signers.error()).in(path));
  return signers;
}

}  // namespace

void add_enroll_settings(CLI::App& command, EnrollSettings& settings) {
  add_store_option(command, settings.store);
  command.add_option("--ca-file", settings.ca_file, "Trust these CA certificates (PEM) for TLS instead of the system's")->type_name("FILE");
  command.add_option("--signer-file", settings.signer_file, "Accept only requests signed under these certificates (PEM)")
      ->type_name("FILE");
  CLI::Option* const certificate =
      command
          .add_option("--client-cert", settings.client_certificate, "Prove who this client is by this TLS certificate, with its issuers")
          ->type_name("PEM");
  CLI::Option* const key = command.add_option("--client-key", settings.client_key, "Its key (0600)")->type_name("PEM");
  certificate->needs(key);
  key->needs(certificate);
  command.add_option("--pin-file", settings.user.pin_file, "PINs from a file (0600) in lines of POLICY-ID KEY-ID PIN")->type_name("FILE");
  command.add_option("--pinentry", settings.user.pinentry, "Ask for PINs with this pinentry program; none: on the terminal")
      ->type_name("PROGRAM");
  command.add_flag("--yes", settings.user.yes, "Do not ask: the issuer, its signer and the keys are wanted");
  command.add_option("--save-logotypes", settings.user.logotypes_folder, "Keep the issuer's logotypes in this folder")->type_name("DIR");
  add_number(command, "--max-keys", settings.limits.max_keys, 1, kMostKeys,
             "Refuse to make, update or delete more keys than this (default 20)")
      ->type_name("N");
  add_number(command, "--max-lifetime", settings.limits.max_session_life_time, 1, std::numeric_limits<std::uint32_t>::max(),
             "Refuse a session that stays open longer than this (default 2678400, 31 days)")
      ->type_name("SECONDS");
  add_number(command, "--max-extension-bytes", settings.limits.max_extension_bytes, 0, kMostExtensionBytes,
             "Refuse more than this of logotypes, properties and other extensions of keys (default 262144)")
      ->type_name("BYTES");
}

EnrollEnvironment::EnrollEnvironment(const EnrollSettings& settings, EnrollUser user, xml::Schema schema, const Context& context)
    : settings_(settings),
      user_(std::move(user)),
      schema_(std::move(schema)),
      log_(context.log()),
      memory_(std::filesystem::path(settings.store) / kMemoryFolder) {}

Result<std::unique_ptr<EnrollEnvironment>> EnrollEnvironment::create(const EnrollSettings& settings, const Context& context) {
  auto http = TRY(web_client(settings));
  auto signers = TRY(signers_in(settings.signer_file));
  EnrollUser user = TRY(EnrollUser::create(settings.user, context));
  auto store = TRY(open_key_store(settings.store));
  xml::Schema schema = TRY(keygen2::compile_schema());
  std::unique_ptr<EnrollEnvironment> environment(new EnrollEnvironment(settings, std::move(user), std::move(schema), context));
  environment->http_ = std::move(http);
  environment->signers_ = std::move(signers);
  environment->store_ = std::move(store);
  return environment;
}

agent::EnrollmentTools EnrollEnvironment::tools() {
  return {.key_store = *store_->channel,
          .user = user_,
          .schema = schema_,
          .clock = store_->clock,
          .log = log_,
          .memory = &memory_,
          .administration = store_->administration.get()};
}

agent::EnrollmentOptions EnrollEnvironment::options() const { return {.signers = signers_, .limits = settings_.limits}; }

// The keys stay whatever the issuer made of the last message (keygen2.md section 6), and that is no clean end.
std::optional<Error> unconfirmed(const agent::EnrollmentOutcome& outcome) {
  if (!outcome.unconfirmed) return std::nullopt;
  Error error = *outcome.unconfirmed;
  return std::move(error).in("the keys are in place, but the issuer could not be told so");
}

json::object outcome_as_json(const agent::EnrollmentOutcome& outcome) {
  json::array keys;
  for (const agent::EnrolledKey& key : outcome.keys) {
    keys.push_back(json::object{{"handle", key.handle},
                                {"id", key.id},
                                {"renewed", key.renewed},
                                {"subject", key.certificate.subject()},
                                {"issuer", key.certificate.issuer()},
                                {"serial", hex_encode(key.certificate.serial())},
                                {"not_after", format_time(key.certificate.not_after())},
                                {"fingerprint", hex_encode(key.certificate.sha256())}});
  }
  json::array deleted;
  for (const std::uint32_t handle : outcome.deleted) deleted.emplace_back(handle);
  json::object object{{"issuer", outcome.issuer_host},
                      {"server_session_id", outcome.server_session_id},
                      {"client_session_id", outcome.client_session_id},
                      {"keys", std::move(keys)},
                      {"deleted", std::move(deleted)},
                      {"confirmed", !outcome.unconfirmed && !outcome.resume_url}};
  if (const auto error = unconfirmed(outcome)) object["error"] = error_as_json(*error);
  if (outcome.resume_url) object["resume_url"] = *outcome.resume_url;
  if (!outcome.retry_after.empty()) object["retry_after"] = outcome.retry_after;
  return object;
}

}  // namespace airtight::cli
