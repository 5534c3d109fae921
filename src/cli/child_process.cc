#include "cli/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace airtight::cli {
namespace {

struct Pipe {
  int read = -1;
  int write = -1;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(Fault::kUnavailable, std::string("no pipe could be made: ") + std::strerror(errno));
  return Pipe{ends[0], ends[1]};
}

// Starts `command` with these descriptors as standard output and error, and no standard input.
Result<pid_t> spawn(const std::vector<std::string>& command, int out, int err) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));  // posix_spawn does not write to them
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);  // no socket of ours lives on in it
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, command.front().c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return fail(Fault::kNotFound, "'" + command.front() + "' cannot be run: " + std::strerror(failed));
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Reads both pipes to their ends.
void drain(int out, int err, ProgramResult& result) {
  std::array<pollfd, 2> open = {{{out, POLLIN, 0}, {err, POLLIN, 0}}};
  const std::array<std::string*, 2> targets = {&result.out, &result.err};
  while (open[0].fd >= 0 || open[1].fd >= 0) {
    if (::poll(open.data(), open.size(), -1) < 0 && errno != EINTR) return;
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (open[i].fd < 0 || (open[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
      std::array<char, 4096> chunk{};
      const ssize_t size = ::read(open[i].fd, chunk.data(), chunk.size());
      if (size > 0) {
        targets[i]->append(chunk.data(), static_cast<std::size_t>(size));
      } else if (size == 0 || errno != EINTR) {
        open[i].fd = -1;
      }
    }
  }
}

}  // namespace

Result<ProgramResult> run_program(const std::vector<std::string>& command) {
  const Pipe out = TRY(make_pipe());
  const Pipe err = TRY(make_pipe());
  const auto pid = spawn(command, out.write, err.write);
  ::close(out.write);
  ::close(err.write);
  ProgramResult result;
  if (pid) drain(out.read, err.read, result);
  ::close(out.read);
  ::close(err.read);
  if (!pid) return Failure(pid.error());
  result.status = wait_for(*pid);
  return result;
}

Result<BackgroundProgram> BackgroundProgram::start(const std::vector<std::string>& command, const std::string& log) {
  const int err = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (err < 0) return fail(Fault::kUnavailable, "the log " + log + " cannot be opened: " + std::strerror(errno));
  const Pipe out = TRY(make_pipe());
  const auto pid = spawn(command, out.write, err);
  ::close(out.write);
  ::close(err);
  if (!pid) {
    ::close(out.read);
    return Failure(pid.error());
  }
  return BackgroundProgram(*pid, out.read);
}

BackgroundProgram::BackgroundProgram(BackgroundProgram&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), out_(std::exchange(other.out_, -1)) {}

BackgroundProgram::~BackgroundProgram() {
  stop();
  if (out_ >= 0) ::close(out_);
}

std::optional<std::string> BackgroundProgram::read_line() {
  std::string line;
  for (char c = 0;;) {
    const ssize_t size = ::read(out_, &c, 1);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return line.empty() ? std::nullopt : std::optional(line);
    if (c == '\n') return line;
    line.push_back(c);
  }
}

int BackgroundProgram::stop() {
  if (pid_ < 0) return 0;
  ::kill(pid_, SIGTERM);
  return wait_for(std::exchange(pid_, -1));
}

}  // namespace airtight::cli
