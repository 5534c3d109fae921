// airtight issuer: makes an issuer, runs it, hands out enrolment URLs, and shows what came of them.
#include "issuer/issuer.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/printable.h"
#include "cli/commands.h"
#include "cli/issuer_commands.h"
#include "cli/issuer_folder.h"
#include "cli/operator_name.h"
#include "cli/seal_options.h"
#include "crypto/random.h"
#include "issuer/init.h"
#include "issuer/life_cycle.h"
#include "issuer/serve.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;

// issuer init

struct InitArguments {
  std::string folder;
  std::string tls_certificate;
  std::string tls_key;
  std::vector<std::string> accepted;
  std::string ca_key = "database";
  std::string root_key = "database";
  SealOptions seal;
  issuer::InitOptions options;
};

Result<> init(const InitArguments& arguments, const Context& context) {
  issuer::InitOptions options = arguments.options;
  options.seal = TRY(seal_from(arguments.seal));
  options.prompt = prompt_for_issuer(arguments.folder);
  options.tls_certificate = arguments.tls_certificate;
  options.tls_key = arguments.tls_key;
  options.issuing_storage = TRY(ca::parse_key_storage(arguments.ca_key));
  options.root_storage = TRY(ca::parse_key_storage(arguments.root_key));
  for (const std::string& text : arguments.accepted) options.accepted.push_back(TRY(issuer::parse_accepted_file(text)));
  const SystemClock clock;
  crypto::SystemRandom random;
  TRY(issuer::init_issuer(arguments.folder, options, clock, random));
  const bool any_device = options.accepted.empty();
  if (any_device) {
    context.err << "Warning: every device is accepted, whoever made it. To accept those of a maker alone, give his certificate with\n"
                << "  --accept vendor=FILE, or list it in issuer.toml: [[profiles.default.devices.accepted]]\n";
  }
  if (context.json) {
    context.print_json(json::object{{"issuer", arguments.folder},
                                    {"configuration", arguments.folder + "/issuer.toml"},
                                    {"root", arguments.folder + "/ca/root.pem"},
                                    {"tls_ca", arguments.folder + "/tls/ca.pem"},
                                    {"accepts_any_device", any_device}});
    return {};
  }
  context.out << "Issuer " << arguments.folder << " is ready\n"
              << "  Configuration  " << arguments.folder << "/issuer.toml\n"
              << "  Root           " << arguments.folder << "/ca/root.pem, what its credentials are verified with\n"
              << "  TLS trust      " << arguments.folder << "/tls/ca.pem, what devices are given with --ca-file\n"
              << "  Devices        "
              << (any_device ? "any: good for trying things out; issuer.toml says how to accept makers" : "as listed in issuer.toml")
              << "\nNext: airtight issuer serve " << arguments.folder << '\n';
  return {};
}

void add_ca_options(CLI::App& command, InitArguments& arguments) {
  std::vector<std::pair<std::string, ca::KeyKind>> kinds;
  for (const std::string_view name : ca::key_kind_names()) kinds.emplace_back(name, *ca::key_kind_named(name));
  add_choice<ca::KeyKind>(command, "--key-kind", arguments.options.key, kinds, "Of the authority's keys (default p-256)");
  command
      .add_option("--ca-key", arguments.ca_key,
                  "Where the issuing key is kept: database (the default), file:NAME or a PKCS #11 URI (pkcs11:...)")
      ->type_name("PLACE");
  command.add_option("--root-key", arguments.root_key, "Where the root's key is kept, likewise")->type_name("PLACE");
  command
      .add_option("--publication-url", arguments.options.publication_url,
                  "Where certificates say that CRLs and OCSP are, instead of under the issuer's own URL: http://pki.example.com")
      ->type_name("URL");
}

void add_init(CLI::App& group, Context& context) {
  const auto arguments = std::make_shared<InitArguments>();
  CLI::App& command = add_command(group, context, "init", "Make an issuer: its authority, TLS identity and configuration",
                                  "airtight issuer init ./issuer --organization 'Example Bank' --accept vendor=maker/root.pem",
                                  Secrets::kHandled, [arguments, &context] { return init(*arguments, context); });
  add_issuer_folder(command, arguments->folder);
  issuer::InitOptions& options = arguments->options;
  command
      .add_option("--organization", options.organization, "The name in the authority's certificates (default " + options.organization + ")")
      ->type_name("NAME");
  command
      .add_option("--accept", arguments->accepted,
                  "A vendor, device class or device to accept: vendor=PEM, class=PEM, device=PEM; without it any device")
      ->type_name("LEVEL=PEM");
  command.add_option("--host", options.hosts, "A name or address of the TLS certificate besides localhost's")->type_name("HOST");
  command.add_option("--tls-cert", arguments->tls_certificate, "Use this TLS certificate, with its issuers, instead of making one")
      ->type_name("PEM");
  command.add_option("--tls-key", arguments->tls_key, "Its key")->type_name("PEM");
  add_ca_options(command, *arguments);
  add_seal_options(command, arguments->seal, "the issuer");
}

// issuer serve

struct ServeArguments {
  std::string folder;
  std::optional<std::string> listen;
};

// SIGTERM, SIGINT and SIGHUP, held back in every thread that starts from here on, until somebody waits for them.
class ServerSignals {
 public:
  ServerSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  }
  ServerSignals(const ServerSignals&) = delete;
  ServerSignals& operator=(const ServerSignals&) = delete;
  ~ServerSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  int wait() const {
    int signal = 0;
    while (sigwait(&signals_, &signal) != 0) {
    }
    return signal;
  }

 private:
  sigset_t signals_ = {};
  sigset_t before_ = {};
};

Result<> serve(const ServeArguments& arguments, const Log& log, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  issuer::ServeOptions options;
  options.listen = arguments.listen;
  const ServerSignals signals;
  const auto running = TRY(issuer::RunningIssuer::start(*open->issuer, options, prompt_for_issuer(arguments.folder), log));
  if (context.json) {
    context.print_json(json::object{{"listening", running->listening_url()}});
  } else {
    context.out << "listening " << running->listening_url() << '\n' << std::flush;
  }
  int signal = signals.wait();
  for (; signal == SIGHUP; signal = signals.wait()) (void)running->reload();  // which logs what came of it
  log.info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  running->stop();
  return {};
}

void add_serve(CLI::App& group, Context& context, const CLI::Option& log_level) {
  const auto arguments = std::make_shared<ServeArguments>();
  CLI::App& command = add_command(
      group, context, "serve",
      "Serve enrolments until SIGTERM or SIGINT, and read profiles again at SIGHUP; logs what happens (--log-level info by default)",
      "airtight issuer serve ./issuer --listen 127.0.0.1:8443", Secrets::kHandled, [arguments, &context, &log_level] {
        const Log log(log_level.count() == 0 ? LogLevel::kInfo : context.log_level, context.log_format);
        return serve(*arguments, log, context);
      });
  add_issuer_folder(command, arguments->folder);
  command.add_option("--listen", arguments->listen, "Where to listen instead of issuer.toml's; port 0 takes any free one")
      ->type_name("ADDR:PORT");
}

// issuer url

struct UrlArguments {
  std::string folder;
  std::string profile = "default";
  std::string subject;
  std::string mail;
  std::string renew;
};

Result<> make_url(const UrlArguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  std::optional<std::string> subject;
  if (!arguments.subject.empty()) subject = arguments.subject;
  if (!arguments.mail.empty()) {
    TRY(open->issuer->invite(arguments.profile, arguments.mail, subject));
    if (context.json) {
      context.print_json(json::object{{"mailed_to", arguments.mail}});
    } else {
      context.out << "An enrolment URL is on its way to " << agent::printable(arguments.mail) << '\n';
    }
    return {};
  }
  const std::string url = arguments.renew.empty() ? TRY(open->issuer->make_url(arguments.profile, subject))
                                                  : TRY(issuer::renewal_url_of(*open->issuer, arguments.renew));
  if (!context.json && arguments.renew.empty()) {
    const std::vector<std::string> unread = TRY(open->issuer->unread_profiles());
    if (std::ranges::find(unread, arguments.profile) != unread.end())
      context.err << "No server has read the profile " << arguments.profile << " as it is now: send SIGHUP to the one that runs\n";
  }
  if (context.json) {
    context.print_json(json::object{{"url", url}});
  } else {
    context.out << url << '\n';
  }
  return {};
}

void add_url(CLI::App& group, Context& context) {
  const auto arguments = std::make_shared<UrlArguments>();
  CLI::App& command =
      add_command(group, context, "url", "Print a new enrolment URL, which works once, or the one at which a credential is renewed",
                  "airtight issuer url ./issuer --subject 'CN=Jane Doe,O=Example Bank,C=SE'\n"
                  "airtight issuer url ./issuer --renew 4be0c1",
                  Secrets::kHandled, [arguments, &context] { return make_url(*arguments, context); });
  add_issuer_folder(command, arguments->folder);
  CLI::Option* const profile =
      command.add_option("--profile", arguments->profile, "The profile of issuer.toml (default default)")->type_name("NAME");
  CLI::Option* const subject =
      command.add_option("--subject", arguments->subject, "Whom the certificates name, instead of the profile's subject")->type_name("DN");
  CLI::Option* const mail =
      command.add_option("--mail", arguments->mail, "Mail it to this address instead of printing it: {email} in templates")
          ->type_name("ADDRESS");
  command.add_option("--renew", arguments->renew, "The credential that a device renews at this URL, by its serial number")
      ->type_name("SERIAL")
      ->excludes(profile)
      ->excludes(subject)
      ->excludes(mail);
}

// issuer sessions

json::object session_as_json(const issuer::SessionSummary& session) {
  return {{"server_session_id", session.server_session_id},
          {"client_session_id", text_or_null(session.client_session_id)},
          {"state", session.state},
          {"profile", session.profile},
          {"subject", session.subject},
          {"device_id", text_or_null(session.device_id)},
          {"refusal", text_or_null(session.refusal_id)},
          {"reason", text_or_null(session.refusal)},
          {"created", format_time(session.created_at)},
          {"updated", format_time(session.updated_at)},
          {"expires", format_time(session.expires_at)}};
}

Result<> list_sessions(const std::string& folder, const Context& context) {
  const auto open = TRY(open_issuer(folder));
  const std::vector<issuer::SessionSummary> sessions = TRY(open->issuer->sessions());
  if (context.json) {
    json::array array;
    for (const issuer::SessionSummary& session : sessions) array.push_back(session_as_json(session));
    context.print_json(json::object{{"sessions", std::move(array)}});
    return {};
  }
  if (sessions.empty()) context.out << "There are no sessions yet\n";
  for (const issuer::SessionSummary& session : sessions) {
    context.out << session.server_session_id << "  " << session.state << "  " << format_time(session.created_at) << '\n'
                << "   profile  " << session.profile << ", for " << agent::printable(session.subject) << '\n';
    if (!session.device_id.empty()) context.out << "   device   " << session.device_id << '\n';
    if (!session.refusal_id.empty()) {
      context.out << "   ended    " << session.refusal_id << ": " << agent::printable(session.refusal) << '\n';
    }
  }
  return {};
}

void add_sessions(CLI::App& group, Context& context) {
  const auto folder = std::make_shared<std::string>();
  CLI::App& command =
      add_command(group, context, "sessions", "List the enrolment sessions and how they ended", "airtight issuer sessions ./issuer",
                  Secrets::kNone, [folder, &context] { return list_sessions(*folder, context); });
  add_issuer_folder(command, *folder);
}

// issuer credentials

struct CredentialsArguments {
  std::string folder;
  bool show_puk = false;
  bool unconfirmed = false;
};

std::string state_of(const issuer::CredentialSummary& credential) {
  if (!credential.ended.empty()) return credential.ended;
  if (credential.in_doubt) return "in doubt";
  return credential.confirmed_at ? "confirmed" : "not confirmed";
}

json::object credential_as_json(const issuer::CredentialSummary& credential, bool show_puk) {
  json::object object{{"serial", credential.serial},
                      {"subject", credential.subject},
                      {"key_id", credential.key_id},
                      {"state", state_of(credential)},
                      {"status", text_or_null(credential.status)},
                      {"kept_key", text_or_null(credential.kept_key)},
                      {"profile", credential.profile},
                      {"device_id", text_or_null(credential.device_id)},
                      {"server_session_id", credential.server_session_id},
                      {"issued", format_time(credential.issued_at)},
                      {"expires", format_time(credential.not_after)},
                      {"confirmed", credential.confirmed_at ? json::value(format_time(*credential.confirmed_at)) : json::value(nullptr)}};
  if (show_puk) {
    json::object& puks = object["puks"].emplace_object();
    json::object& pins = object["pins"].emplace_object();
    for (const issuer::Passphrase& passphrase : credential.passphrases)
      (passphrase.kind == issuer::PassphraseKind::kPuk ? puks : pins)[passphrase.name] = passphrase_text(passphrase);
  }
  return object;
}

Result<> list_credentials(const CredentialsArguments& arguments, const Context& context) {
  const auto open = TRY(open_issuer(arguments.folder));
  std::vector<issuer::CredentialSummary> credentials =
      TRY(open->issuer->credentials(arguments.unconfirmed ? issuer::Issuer::Which::kUnconfirmed : issuer::Issuer::Which::kAll));
  if (arguments.show_puk) TRY(open->issuer->add_passphrases(credentials, operator_name(), prompt_for_issuer(arguments.folder)));
  if (context.json) {
    json::array array;
    for (const issuer::CredentialSummary& credential : credentials) array.push_back(credential_as_json(credential, arguments.show_puk));
    context.print_json(json::object{{"credentials", std::move(array)}});
    return {};
  }
  if (credentials.empty())
    context.out << (arguments.unconfirmed ? "There are no unconfirmed credentials\n" : "There are no credentials yet\n");
  for (const issuer::CredentialSummary& credential : credentials) {
    context.out << credential.serial << "  " << state_of(credential)
                << (credential.status.empty() || credential.status == "valid" ? "" : ", " + credential.status) << '\n'
                << "   subject  " << agent::printable(credential.subject) << '\n'
                << "   key      " << credential.key_id << " of " << credential.server_session_id << ", profile " << credential.profile
                << '\n'
                << "   device   " << (credential.device_id.empty() ? "unknown: without provenance" : credential.device_id) << '\n'
                << "   issued   " << format_time(credential.issued_at) << ", expires " << format_time(credential.not_after) << '\n';
    if (!credential.kept_key.empty())
      context.out << "   kept     the issuer has the private key (" << credential.kept_key << "): a later session can restore it\n";
    for (const issuer::Passphrase& passphrase : credential.passphrases) {
      context.out << (passphrase.kind == issuer::PassphraseKind::kPuk ? "   PUK      " : "   PIN      ") << passphrase.name << ' '
                  << passphrase_text(passphrase) << '\n';
    }
  }
  return {};
}

void add_credentials(CLI::App& group, Context& context) {
  const auto arguments = std::make_shared<CredentialsArguments>();
  CLI::App& command = add_command(group, context, "credentials", "List the issued credentials, confirmed by their devices or not",
                                  "airtight issuer credentials ./issuer\nairtight issuer credentials ./issuer --show-puk",
                                  Secrets::kHandled, [arguments, &context] { return list_credentials(*arguments, context); });
  add_issuer_folder(command, arguments->folder);
  command.add_flag("--show-puk", arguments->show_puk, "Show the PUKs too, and the PINs that the issuer set, for those who help users");
  command.add_flag("--unconfirmed", arguments->unconfirmed,
                   "Only those that their devices have not confirmed, or may have given up unconfirmed");
}

}  // namespace

void add_issuer(CLI::App& root, Context& context) {
  CLI::App& group = add_group(root, "issuer", "Run an issuer: enrolment URLs, sessions, credentials");
  add_init(group, context);
  add_serve(group, context, *root.get_option("--log-level"));
  add_url(group, context);
  add_sessions(group, context);
  add_credentials(group, context);
  add_issuer_profile(group, context);
  add_issuer_approve(group, context);
  add_issuer_devices(group, context);
  add_issuer_clients(group, context);
  add_issuer_life(group, context);
  add_issuer_seeds(group, context);
}

}  // namespace airtight::cli
