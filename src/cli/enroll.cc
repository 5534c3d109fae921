// airtight enroll: gets keys and certificates from an issuer, over the web or by files, in one go or in several.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/enrollment.h"
#include "agent/key_list.h"
#include "agent/offline_enrollment.h"
#include "agent/printable.h"
#include "base/encoding.h"
#include "cli/commands.h"
#include "cli/enroll_description.h"
#include "cli/enroll_environment.h"
#include "cli/interruption.h"
#include "cli/token_client.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kLargestMessage = 4U << 20;

struct Options {
  EnrollSettings settings;
  std::string what;  // a URL, a file, or a session that is under way
  std::string token_file;
  bool resume = false;
  bool abort = false;
  std::string in;
  std::string out;
};

std::string name_of(const agent::SessionRecord& record) { return agent::printable(record.server_session_id); }

// Sessions that an earlier run left open are harmless, but their owner should know.
Result<> report_open_sessions(EnrollEnvironment& environment, const std::string& folder, const Context& context) {
  sks::Channel& key_store = *environment.store().channel;
  const auto under_way = TRY(agent::sessions_under_way(environment.memory(), key_store));
  for (const agent::SessionRecord& record : under_way) {
    if (record.transport == agent::Transport::kFiles) continue;  // waits for its next file
    context.err << "Note: an enrolment with " << agent::printable(record.place.host)
                << " is under way; go on with 'airtight enroll --resume --store " << folder << ' ' << name_of(record)
                << "', or end it with --abort in the place of --resume\n";
  }
  for (const auto& [handle, session] : TRY(agent::list_sessions(key_store))) {
    const bool is_known = std::ranges::any_of(
        under_way, [&](const agent::SessionRecord& record) { return record.client_session_id == session.client_session_id.value; });
    if (!session.is_open || is_known) continue;
    context.err << "Note: session " << handle << " with " << agent::printable(text_of(session.issuer_uri))
                << " is still open; if it is not waited for, end it with 'airtight device abort --store " << folder << ' ' << handle
                << "'\n";
  }
  return {};
}

// The session that the command line names, or the only one there is.
Result<agent::SessionRecord> session_named(const std::string& name, EnrollEnvironment& environment) {
  std::vector<agent::SessionRecord> records = TRY(agent::sessions_under_way(environment.memory(), *environment.store().channel));
  if (!name.empty()) {
    std::erase_if(records,
                  [&](const agent::SessionRecord& record) { return record.server_session_id != name && record.resume_url != name; });
  }
  if (records.size() == 1) return std::move(records.front());
  if (records.empty()) {
    return fail(Fault::kNotFound, "no enrolment is under way in this key store" + (name.empty() ? "" : " under the name '" + name + "'"),
                "'airtight device sessions' lists what the store itself knows");
  }
  std::string names;
  for (const agent::SessionRecord& record : records) names += (names.empty() ? "" : ", ") + name_of(record);
  return fail(Fault::kBadInput, std::to_string(records.size()) + " enrolments are under way", "name one of them: " + names);
}

bool is_url(const std::string& text) { return text.starts_with("http://") || text.starts_with("https://"); }

void print_outcome(const agent::EnrollmentOutcome& outcome, const std::string& folder, const Context& context) {
  if (outcome.resume_url) {
    context.out << "The certificates are not ready yet";
    if (!outcome.retry_after.empty()) context.out << "; the issuer says to come back after " << describe_delay(outcome.retry_after);
    context.out << "\nGo on with: airtight enroll --resume --store " << folder << " '" << *outcome.resume_url << "'\n";
  }
  for (const agent::EnrolledKey& key : outcome.keys) {
    context.out << key.handle << "  " << key.id << "  " << agent::printable(key.certificate.subject()) << "  serial "
                << hex_encode(key.certificate.serial()) << (key.renewed ? "  renewed" : "") << '\n';
  }
  for (const std::uint32_t handle : outcome.deleted) context.out << handle << "  deleted\n";
}

Result<agent::EnrollmentOutcome> resume(const Options& options, EnrollEnvironment& environment) {
  Result<agent::SessionRecord> record = session_named(options.what, environment);
  agent::EnrollmentOptions enrollment = environment.options();
  if (!record && !is_url(options.what)) return Failure(std::move(record.error()));
  TRY(environment.require_person());
  if (record) return agent::continue_enrollment(std::move(*record), enrollment, environment.tools(), environment.http());
  enrollment.url = options.what;
  enrollment.resume = true;
  return agent::enroll(enrollment, environment.tools(), environment.http());
}

Result<agent::EnrollmentOutcome> start(const Options& options, EnrollEnvironment& environment, const Context& context) {
  TRY(environment.require_person());
  TRY(report_open_sessions(environment, options.settings.store, context));
  agent::EnrollmentOptions enrollment = environment.options();
  if (is_url(options.what) || !std::filesystem::exists(options.what)) {
    enrollment.url = options.what;
    if (options.token_file.empty()) return agent::enroll(enrollment, environment.tools(), environment.http());
    SecretBytes token = TRY(read_token(options.token_file));
    const auto client = TRY(TokenClient::create(environment.http(), options.what, std::move(token)));
    return agent::enroll(enrollment, environment.tools(), *client);
  }
  const Bytes message = TRY(storage::read_file(options.what, kLargestMessage));
  auto outcome = agent::enroll_from_message(message, enrollment, environment.tools(), environment.http());
  if (!outcome && outcome.error().code_in(Protocol::kHttp)) {
    outcome.error().hint = "the issuer may want the browser's cookies, which are not in the file: give airtight the enrolment URL itself";
  }
  return outcome;
}

Result<> abort(const Options& options, EnrollEnvironment& environment, const Context& context) {
  agent::SessionRecord record = TRY(session_named(options.what, environment));
  const std::string name = record.server_session_id;
  TRY(agent::abandon_enrollment(std::move(record), environment.tools(), environment.http()));
  if (context.json) {
    context.print_json(json::object{{"aborted", name}});
  } else {
    context.out << "The enrolment " << agent::printable(name) << " is aborted\n";
  }
  return {};
}

// One file in, one file out.
Result<> take_offline_step(const Options& options, EnrollEnvironment& environment, Context& context) {
  const Bytes request = TRY(storage::read_file(options.in, kLargestMessage));
  TRY(environment.require_person());
  const agent::OfflineStep step = TRY(agent::answer_offline(request, environment.options(), environment.tools()));
  TRY(storage::write_file(options.out, step.response, storage::FileMode::kPublic));
  TRY(agent::delivered(step, environment.memory()));
  if (step.refusal) {
    Error error = *step.refusal;
    return Failure(std::move(error).with_hint("the session has ended; " + options.out + " tells the issuer so"));
  }
  if (context.json) {
    json::object object = outcome_as_json(step.outcome);
    object["confirmed"] = false;  // nobody knows yet
    object["file"] = options.out;
    object["last"] = step.is_last;
    object["repeated"] = step.is_repeated;
    context.print_json(object);
    return {};
  }
  print_outcome(step.outcome, options.settings.store, context);
  if (step.is_repeated) context.err << "This file was answered before; the same response was written once more\n";
  context.err << "Take " << options.out << " to the issuer" << (step.is_last ? ", which confirms the keys: it is the last" : "") << '\n';
  return {};
}

Result<> enroll(const Options& options, Context& context) {
  const auto environment = TRY(EnrollEnvironment::create(options.settings, context));
  const Interruption interruption;  // from here on a session may be open, which is to be aborted first
  if (!options.in.empty()) return take_offline_step(options, *environment, context);
  if (options.abort) return abort(options, *environment, context);
  const agent::EnrollmentOutcome outcome = options.resume ? TRY(resume(options, *environment)) : TRY(start(options, *environment, context));
  context.refused = outcome.unconfirmed.has_value();
  if (context.json) {
    context.print_json(outcome_as_json(outcome));
    return {};
  }
  print_outcome(outcome, options.settings.store, context);
  if (const auto error = unconfirmed(outcome)) context.print_error(*error);
  return {};
}

// What CLI11's own rules cannot say.
void check_usage(const Options& options) {
  if (options.in.empty() != options.out.empty()) throw CLI::ValidationError("--in and --out", "each wants the other");
  const int ways = (options.in.empty() ? 0 : 1) + (options.resume ? 1 : 0) + (options.abort ? 1 : 0);
  if (ways > 1) throw CLI::ValidationError("--in, --resume and --abort", "these exclude each other");
  if (!options.in.empty() && !options.what.empty()) throw CLI::ValidationError("--in", "it takes the place of the URL");
  if (!options.token_file.empty() && (ways > 0 || !is_url(options.what)))
    throw CLI::ValidationError("--token-file", "it is shown at the URL of a new enrolment");
  if (ways == 0 && options.what.empty()) throw CLI::RequiredError("URL");
}

}  // namespace

void add_enroll(CLI::App& root, Context& context) {
  const auto options = std::make_shared<Options>();
  CLI::App& command =
      add_command(root, context, "enroll", "Get keys and certificates from an issuer",
                  "airtight enroll https://issuer.example.com/e/7Hq2 --store ./card\n"
                  "airtight enroll https://localhost:8443/e/7Hq2 --store ./card --ca-file ./issuer/tls/ca.pem --pin-file ./pins --yes\n"
                  "airtight enroll --resume --store ./card\n"
                  "airtight enroll --in request.xml --out response.xml --store ./card",
                  Secrets::kHandled, [options, &context] { return enroll(*options, context); });
  command
      .add_option("URL", options->what,
                  "The enrolment URL that the issuer gave, or a file that a browser saved from there; with --resume a resume URL, with "
                  "--resume and --abort a session ID, if there are several")
      ->type_name("");
  add_enroll_settings(command, options->settings);
  command.add_option("--token-file", options->token_file, "Show the bearer token in this file (0600) at the URL")->type_name("FILE");
  command.add_flag("--resume", options->resume, "Go on with an enrolment that was put off or interrupted");
  command.add_flag("--abort", options->abort, "End such an enrolment, here and at the issuer");
  command.add_option("--in", options->in, "Off-line: the issuer's next message")->type_name("FILE");
  command.add_option("--out", options->out, "Off-line: where the response to it goes")->type_name("FILE");
  command.parse_complete_callback([options] { check_usage(*options); });
}

}  // namespace airtight::cli
