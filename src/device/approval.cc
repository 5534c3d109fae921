#include "device/approval.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/bytes.h"
#include "device/internal/program_runner.h"

namespace airtight::device {
namespace {

constexpr char kApproved = '1';

// What a person or a script may be shown: no control characters, so no second line and no end of text.
std::string shown(std::string_view text) {
  std::string clean(text);
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return clean;
}

Failure cannot_ask(int reason) {
  return fail(Fault::kUnavailable, std::string("the program that approves cannot be asked: ") + std::strerror(reason),
              "start the daemon again");
}

// One datagram with the question, and the pipe in which the answer is wanted.
bool send_question(int socket, const std::string& question, int answer) {
  iovec part{.iov_base = const_cast<char*>(question.data()), .iov_len = question.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &answer, sizeof answer);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

}  // namespace

Result<std::unique_ptr<ProgramApprover>> ProgramApprover::start(const std::string& command, std::chrono::milliseconds patience) {
  std::array<int, 2> ends{};
  Descriptor refusing(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!refusing.is_open() || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return cannot_ask(errno);
  Descriptor ours(ends[0]);
  Descriptor theirs(ends[1]);
  const pid_t process = ::fork();
  if (process < 0) return cannot_ask(errno);
  if (process == 0) internal::run_programs(theirs.number(), command, patience);
  return std::unique_ptr<ProgramApprover>(new ProgramApprover(std::move(ours), std::move(refusing), process));
}

ProgramApprover::~ProgramApprover() {
  questions_ = Descriptor();
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
}

Result<bool> ProgramApprover::approve(const sks::ApprovalRequest& request) {
  const std::string question = internal::encode_question(
      {shown(request.method), std::to_string(request.key), shown(request.key_id), shown(request.friendly_name), shown(request.issuer_uri)});
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return cannot_ask(errno);
  const Descriptor answer(ends[0]);
  {
    const Descriptor to_answer(ends[1]);  // closed here, so that the pipe ends when the other process does
    if (!send_question(questions_.number(), question, to_answer.number())) return cannot_ask(errno);
  }
  // The other process keeps the time.
  std::array<pollfd, 2> entries = {pollfd{.fd = answer.number(), .events = POLLIN, .revents = 0},
                                   pollfd{.fd = refusing_.number(), .events = POLLIN, .revents = 0}};
  while (::poll(entries.data(), entries.size(), -1) < 0 && errno == EINTR) {
  }
  if (entries[0].revents == 0) return false;
  char verdict = 0;
  if (::read(answer.number(), &verdict, 1) != 1) return fail(Fault::kUnavailable, "the program that approves gave no answer");
  return verdict == kApproved;
}

void ProgramApprover::refuse_all() { ::eventfd_write(refusing_.number(), 1); }

}  // namespace airtight::device
