#include "tests/cli/program.h"

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "tests/support/temporary_folder.h"

namespace airtight::cli::testing {
namespace {

constexpr const char* kProgram = AIRTIGHT_BINARY_DIR "/bin/airtight";

[[noreturn]] void become_program(const std::vector<std::string>& arguments) {
  std::vector<char*> argv = {const_cast<char*>("airtight")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(kProgram, argv.data());
  ::_exit(127);
}

int status_of(pid_t process) {
  int status = 0;
  ::waitpid(process, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void redirect(int descriptor, const std::filesystem::path& path, const char* mode) {
  FILE* file = std::fopen(path.c_str(), mode);
  if (file == nullptr || ::dup2(::fileno(file), descriptor) < 0) ::_exit(126);
}

}  // namespace

Outcome run(const std::vector<std::string>& arguments, const std::string& input) {
  const tests::TemporaryFolder folder;
  std::ofstream(folder / "in", std::ios::binary) << input;
  const pid_t process = ::fork();
  if (process < 0) throw std::runtime_error("no process");
  if (process == 0) {
    ::setsid();  // no controlling terminal, whoever runs the tests
    redirect(STDIN_FILENO, folder / "in", "r");
    redirect(STDOUT_FILENO, folder / "out", "w");
    redirect(STDERR_FILENO, folder / "err", "w");
    become_program(arguments);
  }
  const int status = status_of(process);
  return {.status = status, .out = content_of(folder / "out"), .err = content_of(folder / "err")};
}

TerminalOutcome run_on_terminal(const std::vector<std::string>& arguments, const std::vector<Line>& dialogue) {
  int terminal = -1;
  const pid_t process = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (process < 0) throw std::runtime_error("no terminal");
  if (process == 0) {
    ::alarm(60);
    become_program(arguments);
  }
  TerminalOutcome outcome;
  std::size_t seen = 0;
  auto next = dialogue.begin();
  std::array<char, 4096> piece{};
  for (ssize_t size = 0; (size = ::read(terminal, piece.data(), piece.size())) > 0;) {
    outcome.screen.append(piece.data(), static_cast<std::size_t>(size));
    for (; next != dialogue.end(); ++next) {
      const std::size_t at = outcome.screen.find(next->wait_for, seen);
      if (at == std::string::npos) break;
      seen = at + next->wait_for.size();
      if (::write(terminal, next->type.data(), next->type.size()) < 0) break;
    }
  }
  outcome.status = status_of(process);
  ::close(terminal);
  return outcome;
}

BackgroundProgram::BackgroundProgram(const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
  process_ = ::fork();
  if (process_ < 0) throw std::runtime_error("no process");
  if (process_ == 0) {
    ::setsid();
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    redirect(STDERR_FILENO, "/dev/null", "w");
    become_program(arguments);
  }
  ::close(ends[1]);
  output_ = ends[0];
  for (char c = 0; ::read(output_, &c, 1) == 1 && c != '\n';) first_line_.push_back(c);
}

BackgroundProgram::~BackgroundProgram() {
  if (process_ > 0) stop();
  ::close(output_);
}

void BackgroundProgram::send(int signal) const { ::kill(process_, signal); }

void BackgroundProgram::kill() {
  send(SIGKILL);
  static_cast<void>(status_of(std::exchange(process_, 0)));
}

int BackgroundProgram::stop() {
  send(SIGTERM);
  return status_of(std::exchange(process_, 0));
}

}  // namespace airtight::cli::testing
