#include "cli/pinentry.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "cli/assuan.h"

namespace airtight::cli {
namespace {

constexpr const char* kUsualProgram = "pinentry";

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_on_path(const std::string& program) {
  std::string_view path = environment("PATH");
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    const std::string file = std::string(path.substr(0, end)) + '/' + program;
    if (end > 0 && ::access(file.c_str(), X_OK) == 0) return true;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

// Where a pinentry without a window asks.
std::string terminal_name() {
  if (const std::string_view named = environment("GPG_TTY"); !named.empty()) return std::string(named);
  for (const int descriptor : {STDIN_FILENO, STDERR_FILENO, STDOUT_FILENO}) {
    if (const char* name = ::ttyname(descriptor); name != nullptr) return name;
  }
  return {};
}

// What a program does not know or want is no reason to stop.
void offer(Assuan& program, std::string_view command, std::string_view argument) {
  if (!argument.empty()) static_cast<void>(program.ask(command, argument));
}

Result<Assuan> start(const std::string& name) {
  Assuan program = TRY(Assuan::start(name));
  const std::string terminal = terminal_name();
  if (!terminal.empty()) offer(program, "OPTION", "ttyname=" + terminal);
  if (const std::string_view type = environment("TERM"); !type.empty()) offer(program, "OPTION", "ttytype=" + std::string(type));
  for (const char* name_of_locale : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (const std::string_view locale = environment(name_of_locale); !locale.empty()) {
      offer(program, "OPTION", "lc-ctype=" + std::string(locale));
      break;
    }
  }
  offer(program, "SETTITLE", "Airtight");
  return program;
}

Result<SecretBytes> ask_twice(Assuan& program, const PinentryQuestion& question) {
  while (true) {
    SecretBytes first = TRY(program.ask("GETPIN"));
    TRY(program.ask("SETDESC", "Again: " + question.description));
    const SecretBytes second = TRY(program.ask("GETPIN"));
    if (equal_in_constant_time(first.expose_secret(), second.expose_secret())) return first;
    TRY(program.ask("SETDESC", question.description));
    TRY(program.ask("SETERROR", "These two differ. Once more."));
  }
}

}  // namespace

std::optional<Pinentry> Pinentry::find(const std::string& choice) {
  if (choice == "none") return std::nullopt;
  if (!choice.empty()) return Pinentry(choice, true);
  const bool has_display = !environment("DISPLAY").empty() || !environment("WAYLAND_DISPLAY").empty();
  if (!has_display || !is_on_path(kUsualProgram)) return std::nullopt;
  return Pinentry(kUsualProgram, false);
}

Result<SecretBytes> Pinentry::ask(const PinentryQuestion& question) const {
  Assuan program = TRY(start(program_));
  TRY(program.ask("SETDESC", question.description));
  TRY(program.ask("SETPROMPT", question.prompt + ":"));
  offer(program, "SETERROR", question.again_because);
  if (!question.is_new) return program.ask("GETPIN");
  if (!program.ask("SETREPEAT", "Again:")) return ask_twice(program, question);
  offer(program, "SETREPEATERROR", "These two differ.");
  return program.ask("GETPIN");
}

Result<bool> Pinentry::confirm(std::string_view text) const {
  Assuan program = TRY(start(program_));
  TRY(program.ask("SETDESC", text));
  offer(program, "SETOK", "Yes");
  offer(program, "SETCANCEL", "No");
  const Result<SecretBytes> answer = program.ask("CONFIRM");
  if (answer) return true;
  if (answer.error().fault == Fault::kRefused) return false;
  return Failure(answer.error());
}

}  // namespace airtight::cli
