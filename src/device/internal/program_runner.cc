#include "device/internal/program_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <list>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/descriptor.h"
#include "sks/wire.h"

namespace airtight::device::internal {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestQuestion = 16 * 1024;
constexpr int kSocket = 3;  // where the socket is in this process: nothing else of the daemon stays open

// The fields of a question and the variables that the program finds them in.
struct Variable {
  const char* name;
  std::string Question::* field;
};
constexpr std::array kVariables = {Variable{"AIRTIGHT_METHOD", &Question::method}, Variable{"AIRTIGHT_KEY", &Question::key},
                                   Variable{"AIRTIGHT_KEY_ID", &Question::key_id},
                                   Variable{"AIRTIGHT_FRIENDLY_NAME", &Question::friendly_name},
                                   Variable{"AIRTIGHT_ISSUER", &Question::issuer}};

std::optional<Question> decode_question(ByteView bytes) {
  Question question;
  sks::wire::Reader reader(bytes);
  for (const Variable& variable : kVariables) {
    const auto text = reader.array(2);
    if (!text) return std::nullopt;
    question.*(variable.field) = to_text(*text);
  }
  return question;
}

// A program that runs, and the pipe that waits for its verdict.
struct Run {
  pid_t process;
  Descriptor ended;   // a pidfd: readable when the program has ended
  Descriptor answer;  // in error when nobody waits any more
  Clock::time_point deadline;
};

struct Received {
  std::string question;
  Descriptor answer;
};

// The next question; nothing when the other side has closed.
std::optional<Received> receive_question(int socket) {
  Received received;
  received.question.resize(kLongestQuestion);
  iovec part{.iov_base = received.question.data(), .iov_len = received.question.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (size <= 0) return std::nullopt;
  received.question.resize(static_cast<std::size_t>(size));
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    received.answer = Descriptor(descriptor);
  }
  return received;
}

[[noreturn]] void become_program(const std::string& command, const Question& question) {
  ::setpgid(0, 0);  // so that it can be ended with all that it starts
  for (const int signal : {SIGPIPE, SIGTERM, SIGINT}) std::signal(signal, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);  // the daemon's output is not the program's
  for (const Variable& variable : kVariables) ::setenv(variable.name, (question.*(variable.field)).c_str(), 1);
  ::execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
  ::_exit(127);
}

void answer_with(const Descriptor& answer, char verdict) {
  if (::write(answer.number(), &verdict, 1) < 0) return;  // nobody waits any more
}

std::optional<Run> start(const std::string& command, std::chrono::milliseconds patience, Received received) {
  const std::optional<Question> question = decode_question(bytes_of(received.question));
  const pid_t process = question ? ::fork() : -1;
  if (process == 0) become_program(command, *question);
  if (process < 0) {
    answer_with(received.answer, '0');
    return std::nullopt;
  }
  ::setpgid(process, process);
  return Run{.process = process,
             .ended = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process, 0))),
             .answer = std::move(received.answer),
             .deadline = Clock::now() + patience};
}

void finish(const Run& run, bool kill) {
  if (kill) ::kill(-run.process, SIGKILL);
  int status = 0;
  while (::waitpid(run.process, &status, 0) < 0 && errno == EINTR) {
  }
  answer_with(run.answer, WIFEXITED(status) && WEXITSTATUS(status) == 0 ? '1' : '0');
}

// How long until the first run is out of time; -1 without runs.
int until_next_deadline(const std::list<Run>& runs) {
  if (runs.empty()) return -1;
  const auto next = std::ranges::min_element(runs, {}, &Run::deadline)->deadline;
  return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count()));
}

// Waits for whatever comes next; true if it is a question.
bool wait_and_finish(std::list<Run>& runs) {
  std::vector<pollfd> entries = {{.fd = kSocket, .events = POLLIN, .revents = 0}};
  for (const Run& run : runs) {
    entries.push_back({.fd = run.ended.number(), .events = POLLIN, .revents = 0});
    entries.push_back({.fd = run.answer.number(), .events = 0, .revents = 0});
  }
  if (::poll(entries.data(), entries.size(), until_next_deadline(runs)) < 0) return false;
  auto entry = entries.cbegin() + 1;
  for (auto run = runs.begin(); run != runs.end(); entry += 2) {
    const bool has_ended = entry->revents != 0;
    const bool is_over = (entry + 1)->revents != 0 || Clock::now() >= run->deadline;
    if (has_ended || is_over) {
      finish(*run, !has_ended);
      run = runs.erase(run);
    } else {
      ++run;
    }
  }
  return entries.front().revents != 0;
}

}  // namespace

std::string encode_question(const Question& question) {
  Bytes bytes;
  for (const Variable& variable : kVariables) {
    const std::string& text = question.*(variable.field);
    append(bytes, big_endian(text.size(), 2));
    append(bytes, bytes_of(text));
  }
  return to_text(bytes);
}

void run_programs(int socket, const std::string& command, std::chrono::milliseconds patience) {
  // The daemon's listening sockets would otherwise stay open as long as this process.
  if (socket != kSocket) ::dup2(socket, kSocket);
  ::fcntl(kSocket, F_SETFD, FD_CLOEXEC);
  ::close_range(kSocket + 1, ~0U, 0);
  ::prctl(PR_SET_NAME, "airtight-ask", 0, 0, 0);
  std::signal(SIGPIPE, SIG_IGN);
  // It is the daemon that ends this process: a call that waits for a verdict is finished first.
  std::signal(SIGTERM, SIG_IGN);
  std::signal(SIGINT, SIG_IGN);
  std::list<Run> runs;
  while (true) {
    if (!wait_and_finish(runs)) continue;
    std::optional<Received> received = receive_question(kSocket);
    if (!received) break;
    if (std::optional<Run> run = start(command, patience, std::move(*received))) runs.push_back(std::move(*run));
  }
  for (const Run& run : runs) finish(run, true);
  ::_exit(0);
}

}  // namespace airtight::device::internal
