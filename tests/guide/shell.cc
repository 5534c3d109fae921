#include "tests/guide/shell.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

namespace airtight::guide {
namespace {

constexpr int kCommandsDescriptor = 9;
constexpr int kEndMilliseconds = 10'000;
constexpr char kMark = '\036';  // around the exit status, which is printed when a command has ended

// The shell reads commands that end with a NUL from descriptor 9, which they do not inherit. Each finds the status of the one before in $?.
// It outlives the keys that interrupt a command.
constexpr const char* kLoop = R"(trap : INT QUIT
airtight_status=0
while IFS= read -r -d '' -u 9 airtight_command; do
  eval "(exit $airtight_status)
$airtight_command" 9<&-
  airtight_status=$?
  printf '\036%d\036' "$airtight_status"
done)";

[[noreturn]] void become_shell(const std::filesystem::path& folder, const std::vector<std::string>& environment, int commands) {
  for (const int signal : {SIGINT, SIGQUIT, SIGHUP}) ::signal(signal, SIG_DFL);  // whatever the test itself was started with
  std::vector<char*> variables;
  variables.reserve(environment.size() + 1);
  for (const std::string& variable : environment) variables.push_back(const_cast<char*>(variable.c_str()));
  variables.push_back(nullptr);
  std::array<const char*, 6> arguments = {"bash", "--noprofile", "--norc", "-c", kLoop, nullptr};
  if (::chdir(folder.c_str()) == 0 && ::dup2(commands, kCommandsDescriptor) == kCommandsDescriptor) {
    ::execve("/bin/bash", const_cast<char**>(arguments.data()), variables.data());
  }
  ::_exit(127);
}

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw std::runtime_error("the shell takes nothing any more");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Shell::Shell(const std::filesystem::path& folder, const std::vector<std::string>& environment) {
  std::array<int, 2> pipe = {-1, -1};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe can be made");
  process_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
  if (process_ < 0) throw std::runtime_error("no terminal can be made");
  if (process_ == 0) become_shell(folder, environment, pipe[0]);
  ::close(pipe[0]);
  commands_ = pipe[1];
  ::fcntl(terminal_, F_SETFD, FD_CLOEXEC);
}

Shell::~Shell() {
  try {
    ::close(commands_);
    if (!status_) write_all(terminal_, "\003");
  } catch (const std::exception&) {  // it has ended already
  }
  screen_.clear();
  while (read_some(kEndMilliseconds)) screen_.clear();
  ::close(terminal_);
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

void Shell::begin(std::string_view command) {
  screen_.clear();
  status_.reset();
  std::string text(command);
  text.push_back('\0');
  write_all(commands_, text);
}

void Shell::type(std::string_view text) {
  if (text == "^C") return write_all(terminal_, "\003");
  if (text == "^\\") return write_all(terminal_, "\034");
  write_all(terminal_, std::string(text) + "\n");
}

bool Shell::wait(const std::function<bool(const std::string&)>& until, std::chrono::steady_clock::time_point deadline) {
  while (true) {
    take_status();
    if (status_ || until(screen_)) return true;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0 || !read_some(static_cast<int>(left))) return false;
  }
}

void Shell::take_status() {
  const std::size_t end = screen_.rfind(kMark);
  if (status_ || end == std::string::npos || end == 0) return;
  const std::size_t begin = screen_.rfind(kMark, end - 1);
  if (begin == std::string::npos) return;
  status_ = std::stoi(screen_.substr(begin + 1, end - begin - 1));
  screen_.erase(begin, end + 1 - begin);
}

// False if nothing came in that time, or the terminal is closed.
bool Shell::read_some(int milliseconds) {
  pollfd waiting{.fd = terminal_, .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, milliseconds);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return false;
  std::array<char, 4096> some = {};
  const ssize_t count = ::read(terminal_, some.data(), some.size());
  if (count <= 0) return false;
  screen_.append(some.data(), static_cast<std::size_t>(count));
  return true;
}

}  // namespace airtight::guide
