// airtight enroll: gets keys and certificates from an issuer.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/enrollment.h"
#include "agent/key_list.h"
#include "agent/printable.h"
#include "base/encoding.h"
#include "cli/commands.h"
#include "cli/enroll_user.h"
#include "cli/interruption.h"
#include "cli/key_store.h"
#include "http/client.h"
#include "keygen2/messages.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kLargestCaFile = 1U << 20;

struct Options {
  std::string store;
  std::string ca_file;
  EnrollUserOptions user;
  agent::EnrollmentOptions enrollment;
};

// An earlier run that was interrupted leaves an open session: harmless, but its owner should know.
Result<> report_open_sessions(sks::Channel& key_store, const std::string& folder, const Context& context) {
  for (const auto& [handle, session] : TRY(agent::list_sessions(key_store))) {
    if (!session.is_open) continue;
    context.err << "Note: session " << handle << " with " << agent::printable(text_of(session.issuer_uri))
                << " is still open; if it is not waited for, end it with 'airtight device abort --store " << folder << ' ' << handle
                << "'\n";
  }
  return {};
}

// The keys stay whatever the issuer made of the last message (keygen2.md section 6), and that is no clean end.
std::optional<Error> unconfirmed(const agent::EnrollmentOutcome& outcome) {
  if (!outcome.unconfirmed) return std::nullopt;
  Error error = *outcome.unconfirmed;
  return std::move(error)
      .in("the keys are in place, but the issuer could not be told so")
      .with_hint("tell the issuer; the keys work as long as it does not revoke them");
}

json::object outcome_as_json(const agent::EnrollmentOutcome& outcome) {
  json::array keys;
  for (const agent::EnrolledKey& key : outcome.keys) {
    keys.push_back(json::object{{"handle", key.handle},
                                {"id", key.id},
                                {"subject", key.certificate.subject()},
                                {"issuer", key.certificate.issuer()},
                                {"serial", hex_encode(key.certificate.serial())},
                                {"not_after", format_time(key.certificate.not_after())},
                                {"fingerprint", hex_encode(key.certificate.sha256())}});
  }
  json::object object{{"issuer", outcome.issuer_host},
                      {"server_session_id", outcome.server_session_id},
                      {"client_session_id", outcome.client_session_id},
                      {"keys", std::move(keys)},
                      {"confirmed", !outcome.unconfirmed && !outcome.resume_url}};
  if (const auto error = unconfirmed(outcome)) object["error"] = error_as_json(*error);
  if (outcome.resume_url) object["resume_url"] = *outcome.resume_url;
  if (!outcome.retry_after.empty()) object["retry_after"] = outcome.retry_after;
  return object;
}

void print_outcome(const agent::EnrollmentOutcome& outcome, const std::string& folder, const Context& context) {
  if (outcome.resume_url) {
    context.out << "The certificates are not ready yet";
    if (!outcome.retry_after.empty()) context.out << "; the issuer says to come back after " << outcome.retry_after;
    context.out << "\nGo on with: airtight enroll --resume --store " << folder << " '" << *outcome.resume_url << "'\n";
  }
  for (const agent::EnrolledKey& key : outcome.keys) {
    context.out << key.handle << "  " << key.id << "  " << agent::printable(key.certificate.subject()) << "  serial "
                << hex_encode(key.certificate.serial()) << '\n';
  }
}

Result<> enroll(const Options& options, Context& context) {
  http::ClientOptions client_options;
  if (!options.ca_file.empty()) client_options.ca_pem = to_text(TRY(storage::read_file(options.ca_file, kLargestCaFile)));
  const auto client = TRY(http::Client::create(std::move(client_options)));
  EnrollUser user = TRY(EnrollUser::create(options.user, context));
  const auto store = TRY(open_key_store(options.store));
  if (!options.enrollment.resume) TRY(report_open_sessions(*store->channel, options.store, context));

  const Interruption interruption;  // from here on a session may be open, which is to be aborted first
  const xml::Schema schema = TRY(keygen2::compile_schema());
  const Log log = context.log();
  const agent::EnrollmentOutcome outcome = TRY(
      agent::enroll(options.enrollment,
                    {.http = *client, .key_store = *store->channel, .user = user, .schema = schema, .clock = store->clock, .log = log}));
  context.refused = outcome.unconfirmed.has_value();
  if (context.json) {
    context.print_json(outcome_as_json(outcome));
    return {};
  }
  print_outcome(outcome, options.store, context);
  if (const auto error = unconfirmed(outcome)) context.print_error(*error);
  return {};
}

}  // namespace

void add_enroll(CLI::App& root, Context& context) {
  const auto options = std::make_shared<Options>();
  CLI::App& command =
      add_command(root, context, "enroll", "Get keys and certificates from an issuer",
                  "airtight enroll https://issuer.example.com/e/7Hq2 --store ./card\n"
                  "airtight enroll https://localhost:8443/e/7Hq2 --store ./card --ca-file ./issuer/tls/ca.pem --pin-file ./pins --yes",
                  Secrets::kHandled, [options, &context] { return enroll(*options, context); });
  command.add_option("URL", options->enrollment.url, "The enrolment URL that the issuer gave")->required()->type_name("");
  add_store_option(command, options->store);
  command.add_option("--ca-file", options->ca_file, "Trust these CA certificates (PEM) for TLS instead of the system's")->type_name("FILE");
  command.add_option("--pin-file", options->user.pin_file, "PINs from a file (0600) in lines of POLICY-ID KEY-ID PIN")->type_name("FILE");
  command.add_flag("--yes", options->user.yes, "Do not ask whether the keys are wanted");
  command.add_flag("--resume", options->enrollment.resume, "URL is the one at which a deferred enrolment goes on");
  command.add_option("--max-keys", options->enrollment.max_keys, "Refuse to make more keys than this (default 20)")->type_name("N");
}

}  // namespace airtight::cli
