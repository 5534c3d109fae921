// The conventions that all commands share: global options, where output goes, how errors look, which exit status a run ends with.
// A command is declared with CLI11 and hands over an action; parsing is finished before any action runs.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace airtight::cli {

// Exit statuses of the program.
inline constexpr int kDone = 0;
inline constexpr int kRefused = 1;     // refused or failed
inline constexpr int kWrongUsage = 2;  // the command line itself is wrong

// What a command does once the command line is understood. An error is printed by the caller; a command prints its own results.
using Action = std::function<Result<>()>;

// What every command gets: the global options as given, the streams, and the action that the command line chose.
struct Context {
  std::ostream& out;  // results
  std::ostream& err;  // errors, progress
  bool json = false;  // --json: results and errors are one JSON object each, on `out`
  LogLevel log_level = LogLevel::kWarning;
  LogFormat log_format = LogFormat::kText;
  bool out_has_colours = false;  // `out` is a terminal that shows colours
  bool err_has_colours = false;
  Action action = {};
  bool refused = false;  // set by a command that told of a failure together with its result: exit status 1 without another error

  // The log that the global options ask for, on standard error.
  [[nodiscard]] Log log() const { return {log_level, log_format}; }

  // Prints one JSON value and a line end to `out`, and flushes it. Bytes that are no UTF-8, in an argument or a file's name, become U+FFFD.
  void print_json(const boost::json::value& value) const;

  // Prints `error`: a sentence and its hint on `err`, or {"error": {...}} on `out` with --json. Where `out` cannot be written to, the
  // sentence is on `err` in any case.
  void print_error(const Error& error) const;
};

// Does a command see keys, PINs or passphrases? Then the process leaves no core dump.
enum class Secrets : std::uint8_t { kNone, kHandled };

// Adds the noun `name` to `parent`: a group whose verbs follow. Naming no verb is wrong usage.
CLI::App& add_group(CLI::App& parent, const std::string& name, const std::string& description);

// Adds a command whose help ends with `examples`, one a line. `action` runs after parsing and lives as long as the command;
// bind option values to storage that it owns (a std::shared_ptr to a struct of options).
CLI::App& add_command(CLI::App& parent, Context& context, const std::string& name, const std::string& description,
                      const std::string& examples, Secrets secrets, Action action);

// An option that takes one of `choices`, each the name of a value; any other word is wrong usage.
template <typename T>
CLI::Option* add_choice(CLI::App& command, const std::string& name, T& value, const std::vector<std::pair<std::string, T>>& choices,
                        const std::string& description) {
  std::string names;
  for (const auto& [word, meaning] : choices) names += (names.empty() ? "" : ", ") + word;
  const auto choose = [&value, choices, names, name](const std::string& word) {
    const auto chosen = std::ranges::find(choices, word, &std::pair<std::string, T>::first);
    if (chosen == choices.end()) throw CLI::ValidationError(name, "'" + word + "' is none of " + names);
    value = chosen->second;
  };
  return command.add_option_function<std::string>(name, choose, description + ": " + names)->type_name("WORD");
}

// A whole number from `least` to `most`, in decimal digits alone; anything else (a sign, an overflow) is wrong usage.
template <std::unsigned_integral T>
CLI::Option* add_number(CLI::App& command, const std::string& name, T& value, std::type_identity_t<T> least, std::type_identity_t<T> most,
                        const std::string& description) {
  const auto take = [&value, least, most, name](const std::string& digits) {
    T number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size() || number < least || number > most) {
      throw CLI::ValidationError(name, "'" + digits + "' is no whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
    value = number;
  };
  return command.add_option_function<std::string>(name, take, description)->type_name("NUMBER");
}

// --store DIR, as every command on a key store has it.
CLI::Option* add_store_option(CLI::App& command, std::string& store);

// Parses the command line and runs what it asks for; the exit status of the process. Exceptions, which are bugs, end here.
[[nodiscard]] int run(int argc, const char* const* argv, Context& context);

// Keeps this process and its children from writing core dumps and from being traced by others of the same user.
void forbid_core_dumps();

// The object that --json prints as "error".
[[nodiscard]] boost::json::object error_as_json(const Error& error);

// A fault as the JSON of errors names it: "refused", "bad-input", "not-found", "unavailable", "storage", "internal".
[[nodiscard]] std::string_view name_of(Fault fault);

// `text` as a JSON string.
[[nodiscard]] inline boost::json::string json_text(std::string_view text) { return boost::json::string(text.data(), text.size()); }

}  // namespace airtight::cli
