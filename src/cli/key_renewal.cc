// airtight keys renew: new certificates for keys whose issuer said where, one by name or all that soon expire.
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/printable.h"
#include "agent/renewal.h"
#include "base/time.h"
#include "cli/enroll_description.h"
#include "cli/enroll_environment.h"
#include "cli/interruption.h"
#include "cli/key_options.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;
using agent::KeyEntry;
using agent::RenewalState;

constexpr int kUsualDays = 30;
constexpr int kMostDays = 36500;

struct Options {
  EnrollSettings settings;
  std::string key;
  std::string url;
  int days = kUsualDays;
  const CLI::Option* due = nullptr;  // whether --due was given
};

// What came of one key.
struct Report {
  KeyEntry key;
  std::string word;  // "renewed", "deferred", "failed", "not-renewable"
  std::optional<agent::EnrollmentOutcome> outcome;
  std::optional<Error> error;
};

std::string_view word_of(RenewalState state) {
  switch (state) {
    case RenewalState::kRenewed: return "renewed";
    case RenewalState::kDeferred: return "deferred";
    case RenewalState::kFailed: return "failed";
  }
  return "failed";
}

Report renew_at(const KeyEntry& key, const std::string& url, EnrollEnvironment& environment) {
  agent::Renewal renewal = agent::renew(key, url, environment.options(), environment.tools(), environment.http());
  return {.key = std::move(renewal.key),
          .word = std::string(word_of(renewal.state)),
          .outcome = std::move(renewal.outcome),
          .error = std::move(renewal.error)};
}

// Where `key` is renewed, as its issuer said, unless the user knows better.
Report renew(const KeyEntry& key, const std::string& url, EnrollEnvironment& environment) {
  if (!url.empty()) return renew_at(key, url, environment);
  const auto known = agent::renewal_url_of(*environment.store().channel, key);
  if (!known) return {.key = key, .word = "failed", .outcome = {}, .error = known.error()};
  if (*known) return renew_at(key, **known, environment);
  return {.key = key,
          .word = "not-renewable",
          .outcome = {},
          .error = Error{Fault::kNotFound, "the issuer of key " + std::to_string(key.handle) + " did not say where it is renewed",
                         "name the issuer's URL after the key", std::nullopt}};
}

json::object as_json(const Report& report) {
  json::object object{{"key", report.key.handle},
                      {"id", report.key.key.id.value},
                      {"not_after", format_time(report.key.path.front().not_after())},
                      {"state", report.word}};
  if (report.outcome) object["enrolment"] = outcome_as_json(*report.outcome);
  if (report.error) object["error"] = error_as_json(*report.error);
  return object;
}

std::string new_expiry_of(const Report& report) {
  for (const agent::EnrolledKey& key : report.outcome->keys) {
    if (key.handle == report.key.handle) return format_time(key.certificate.not_after());
  }
  return {};
}

void print(const Report& report, const Context& context) {
  const std::string name = std::to_string(report.key.handle) + "  " + report.key.key.id.value;
  if (report.word == "renewed") {
    context.out << name << "  renewed until " << new_expiry_of(report) << '\n';
  } else if (report.word == "deferred") {
    context.out << name << "  its new certificate comes later";
    if (!report.outcome->retry_after.empty()) {
      context.out << "; the issuer says to come back after " << describe_delay(report.outcome->retry_after);
    }
    context.out << '\n';
  } else {
    context.out << name << "  expires " << format_time(report.key.path.front().not_after()) << ": "
                << (report.word == "failed" ? "not renewed" : "its issuer did not say where it is renewed") << '\n';
  }
  if (report.error && report.word != "not-renewable") context.print_error(*report.error);
}

// A key that nobody renews is no failure of those that are; a renewal that failed, or that the issuer does not know of, is.
bool is_bad(const Report& report) { return report.word == "failed" || (report.word == "renewed" && report.error); }

Result<> renew_due(const Options& options, EnrollEnvironment& environment, Context& context) {
  sks::Channel& key_store = *environment.store().channel;
  const auto due = agent::due_keys(TRY(agent::list_keys(key_store)), environment.store().clock.now(), std::chrono::days(options.days));
  json::array reports;
  for (const KeyEntry& key : due) {
    if (Interruption::is_requested()) return fail(Fault::kRefused, "the renewal was interrupted");
    // One enrolment may renew several keys.
    const auto now = agent::find_key(key_store, std::to_string(key.handle));
    if (!now || !now->is_usable() || !(now->path.front() == key.path.front())) continue;
    const Report report = renew(key, "", environment);
    context.refused = context.refused || is_bad(report);
    if (context.json) {
      reports.push_back(as_json(report));
    } else {
      print(report, context);
    }
  }
  if (context.json) {
    context.print_json(json::object{{"days", options.days}, {"keys", std::move(reports)}});
  } else if (due.empty()) {
    context.out << "No key expires within " << options.days << " days\n";
  }
  return {};
}

Result<> renew_one(const Options& options, EnrollEnvironment& environment, Context& context) {
  const KeyEntry key = TRY(agent::find_key(*environment.store().channel, options.key, environment.store().administration.get()));
  if (!key.is_usable()) return fail(Fault::kRefused, "key " + std::to_string(key.handle) + " is still being made");
  const Report report = renew(key, options.url, environment);
  if (report.error && !report.outcome) return Failure(*report.error);
  context.refused = is_bad(report);
  if (context.json) {
    context.print_json(as_json(report));
  } else {
    print(report, context);
  }
  return {};
}

Result<> run(const Options& options, Context& context) {
  const auto environment = TRY(EnrollEnvironment::create(options.settings, context));
  TRY(environment->require_person());
  const Interruption interruption;
  return options.due->count() > 0 ? renew_due(options, *environment, context) : renew_one(options, *environment, context);
}

}  // namespace

void add_key_renewal(CLI::App& keys, Context& context) {
  const auto options = std::make_shared<Options>();
  CLI::App& command = add_command(keys, context, "renew", "Get a new certificate for a key, or for all that soon expire",
                                  "airtight keys renew --store ./card Key.1\n"
                                  "airtight keys renew --store ./card --due 30 --yes --pin-file ./pins",
                                  Secrets::kHandled, [options, &context] { return run(*options, context); });
  command.add_option("KEY", options->key, "A handle, a key ID, or the start of the certificate's SHA-256 fingerprint")->type_name("");
  command.add_option("URL", options->url, "Where it is renewed, if its issuer did not say")->type_name("");
  add_enroll_settings(command, options->settings);
  options->due = command.add_option("--due", options->days, "Renew every key that expires within so many days (default 30) or has expired")
                     ->expected(0, 1)
                     ->default_str(std::to_string(kUsualDays))
                     ->check(CLI::Range(0, kMostDays))
                     ->type_name("DAYS");
  command.parse_complete_callback([options] {
    const bool is_due = options->due->count() > 0;
    if (is_due && !options->key.empty()) throw CLI::ValidationError("--due", "it takes the place of KEY");
    if (!is_due && options->key.empty()) throw CLI::RequiredError("KEY or --due");
  });
}

}  // namespace airtight::cli
