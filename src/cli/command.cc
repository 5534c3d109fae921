#include "cli/command.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <exception>
#include <span>

#include "agent/printable.h"
#include "base/text.h"
#include "cli/commands.h"

namespace airtight::cli {
namespace {

constexpr std::size_t kLongestSentence = 2000;
constexpr const char* kDescription =
    "Airtight: a key store whose keys prove where they were made, an issuer that checks the proof, and what lies between.";

std::string indented(const std::string& text) {
  std::string out = "  ";
  for (char c : text) {
    out.push_back(c);
    if (c == '\n') out += "  ";
  }
  return out;
}

// JSON is UTF-8, and arguments and file names need not be: what stands for no character becomes U+FFFD.
std::string as_utf8(const std::string& text) {
  if (is_utf8(bytes_of(text))) return text;
  constexpr std::size_t kLongestCharacter = 4;
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::string_view character;
    for (std::size_t size = 1; size <= kLongestCharacter && character.empty(); ++size) {
      const std::string_view candidate = std::string_view(text).substr(i, size);
      if (is_utf8(bytes_of(candidate))) character = candidate;
    }
    out += character.empty() ? "\xEF\xBF\xBD" : character;
    i += character.empty() ? 1 : character.size();
  }
  return out;
}

void add_global_options(CLI::App& root, Context& context) {
  root.add_flag("--json", context.json, "Print results and errors as JSON");
  add_choice<LogLevel>(root, "--log-level", context.log_level,
                       {{"debug", LogLevel::kDebug},
                        {"info", LogLevel::kInfo},
                        {"warning", LogLevel::kWarning},
                        {"error", LogLevel::kError},
                        {"off", LogLevel::kOff}},
                       "How much to log on standard error");
  add_choice<LogFormat>(root, "--log-format", context.log_format, {{"text", LogFormat::kText}, {"json", LogFormat::kJson}},
                        "How log lines look");
}

// The library's sentence, or ours where that says the same in plainer words.
std::string sentence_of(const CLI::ParseError& parse_error) {
  std::string sentence = parse_error.what();
  if (const std::size_t line_end = sentence.find('\n'); line_end != std::string::npos) sentence.resize(line_end);
  constexpr std::string_view kUnconverted = "Could not convert: ";
  if (const std::size_t equals = sentence.find(" = "); sentence.starts_with(kUnconverted) && equals != std::string::npos) {
    const std::string name = sentence.substr(kUnconverted.size(), equals - kUnconverted.size());
    return "'" + sentence.substr(equals + 3) + "' does not fit " + name + ", which is a number";
  }
  if (const std::size_t count = sentence.find(": At Most 1 required but received "); count != std::string::npos) {
    return sentence.substr(0, count) + " is given more than once";
  }
  return sentence;
}

// What is wrong with the command line, in our own words where CLI11's do not name the culprit.
Error usage_error(const CLI::ParseError& parse_error, const CLI::App& root) {
  std::string path = root.get_name();
  const CLI::App* command = &root;
  for (auto chosen = command->get_subcommands(); !chosen.empty(); chosen = command->get_subcommands()) {
    command = chosen.front();
    path += ' ' + command->get_name();
  }
  std::string sentence = sentence_of(parse_error);
  if (command->get_require_subcommand_min() > 0 && command->get_subcommands().empty()) {
    const std::vector<std::string> unknown = root.remaining(true);
    sentence = unknown.empty() ? "'" + path + "' wants a command after it" : "there is no command '" + path + ' ' + unknown.front() + "'";
  }
  const bool wants_store = sentence == "--store is required";
  std::string hint = wants_store ? "name the folder of the key store, or set AIRTIGHT_STORE; see '" : "see '";
  return {Fault::kBadInput, std::move(sentence), hint + path + " --help'", std::nullopt};
}

int parse_and_run(int argc, const char* const* argv, Context& context) {
  CLI::App root(kDescription, "airtight");
  root.set_version_flag("--version", "airtight " AIRTIGHT_VERSION, "Print the version and exit");
  root.require_subcommand(1);
  root.fallthrough();
  root.footer(
      "Examples:\n  airtight device create --store ./card --maker ./maker\n  airtight enroll https://issuer.example.com/e/… --store "
      "./card\n"
      "  airtight keys list --store ./card");
  add_global_options(root, context);
  add_demo(root, context);
  add_device(root, context);
  add_enroll(root, context);
  add_keys(root, context);
  add_issuer(root, context);
  add_ca(root, context);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& parse_error) {
    if (parse_error.get_exit_code() == 0) return root.exit(parse_error, context.out, context.err);  // --help, --version
    // Parsing ended early, perhaps before it came to --json.
    const std::span arguments(argv, static_cast<std::size_t>(argc));
    context.json = std::ranges::any_of(arguments, [](const char* argument) { return std::string_view(argument) == "--json"; });
    context.print_error(usage_error(parse_error, root));
    return kWrongUsage;
  }
  const Result<> done = context.action();
  if (!done) context.print_error(done.error());
  if (!context.out.flush() && done) {
    context.print_error({Fault::kStorage, "the result could not be written to standard output", "check that its reader or disk is there"});
    return kRefused;
  }
  return done && !context.refused ? kDone : kRefused;
}

}  // namespace

std::string_view name_of(Fault fault) {
  switch (fault) {
    case Fault::kRefused: return "refused";
    case Fault::kBadInput: return "bad-input";
    case Fault::kNotFound: return "not-found";
    case Fault::kUnavailable: return "unavailable";
    case Fault::kStorage: return "storage";
    case Fault::kInternal: return "internal";
  }
  return "internal";
}

boost::json::object error_as_json(const Error& error) {
  boost::json::object fields{{"fault", json_text(name_of(error.fault))}, {"message", error.message}};
  if (!error.hint.empty()) fields["hint"] = error.hint;
  return fields;
}

void Context::print_json(const boost::json::value& value) const {
  out << as_utf8(boost::json::serialize(value)) << '\n';
  out.flush();
}

void Context::print_error(const Error& error) const {
  if (json) {
    print_json(boost::json::object{{"error", error_as_json(error)}});
    if (out) return;  // otherwise nobody reads it there
  }
  const std::string_view on = err_has_colours ? "\033[31m" : "";
  const std::string_view off = err_has_colours ? "\033[0m" : "";
  // Errors may quote what a peer said.
  err << on << "airtight: " << off << agent::printable(error.message, kLongestSentence) << '\n';
  if (!error.hint.empty()) err << "hint: " << agent::printable(error.hint, kLongestSentence) << '\n';
  err.flush();
}

CLI::App& add_group(CLI::App& parent, const std::string& name, const std::string& description) {
  CLI::App& group = *parent.add_subcommand(name, description);
  group.require_subcommand(1);
  group.footer("");
  return group;
}

CLI::App& add_command(CLI::App& parent, Context& context, const std::string& name, const std::string& description,
                      const std::string& examples, Secrets secrets, Action action) {
  CLI::App& command = *parent.add_subcommand(name, description);
  command.footer("Global options: --json, --log-level LEVEL, --log-format FORMAT\n\nExamples:\n" + indented(examples));
  command.callback([&context, secrets, action = std::move(action)] {
    context.action = [secrets, action] {
      if (secrets == Secrets::kHandled) forbid_core_dumps();
      return action();
    };
  });
  return command;
}

CLI::Option* add_store_option(CLI::App& command, std::string& store) {
  return command.add_option("--store", store, "The folder of the key store")->required()->envname("AIRTIGHT_STORE")->type_name("DIR");
}

int run(int argc, const char* const* argv, Context& context) {
  try {
    return parse_and_run(argc, argv, context);
  } catch (const std::exception& exception) {
    context.print_error({Fault::kInternal, std::string("internal error: ") + exception.what(),
                         "this is a bug: please report it with the command that led here"});
  } catch (...) {
    context.print_error({Fault::kInternal, "internal error", "this is a bug: please report it with the command that led here"});
  }
  return kRefused;
}

void forbid_core_dumps() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace airtight::cli
