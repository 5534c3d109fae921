#include "cli/assuan.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "cli/hex_digit.h"
#include "cli/interruption.h"

namespace airtight::cli {
namespace {

constexpr std::size_t kLongestLine = 1002;  // of the protocol, with its end
constexpr std::size_t kMostData = 4096;
constexpr unsigned kErrorCode = 0xFFFF;  // of a gpg-error value; what is above names the source
constexpr unsigned kCancelled = 99;
constexpr unsigned kNotConfirmed = 114;

Failure unavailable(std::string message) {
  return fail(Fault::kUnavailable, std::move(message), "name another one with --pinentry, or use none with '--pinentry none'");
}

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return unavailable(std::string("no pipe could be made: ") + std::strerror(errno));
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

Result<pid_t> spawn(const std::string& program, int in, int out) {
  std::string name = program;
  std::array<char*, 2> arguments = {name.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);  // no store and no socket of ours lives on in it
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);  // which this program ignores
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t process = 0;
  const int failed = ::posix_spawnp(&process, program.c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return unavailable("'" + program + "' cannot be run: " + std::strerror(failed));
  return process;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '%': out += "%25"; break;
      case '\r': out += "%0D"; break;
      case '\n': out += "%0A"; break;
      default: out.push_back(c);
    }
  }
  // A longer line is not allowed; the end of a description is what can be missed.
  constexpr std::size_t kRoom = kLongestLine - 32;
  if (out.size() > kRoom) {
    out.resize(kRoom);
    if (const std::size_t percent = out.rfind('%'); percent != std::string::npos && percent + 3 > out.size()) out.resize(percent);
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80) out.pop_back();  // half a character
    if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0) out.pop_back();
  }
  return out;
}

bool starts_with(ByteView line, std::string_view word) {
  return text_of(line).starts_with(word) && (line.size() == word.size() || line[word.size()] == std::byte{' '});
}

// Appends what the %-escaped `data` stand for to the first `size` bytes of `secret`; nothing if it does not fit or is malformed.
std::optional<std::size_t> append_data(SecretBytes& secret, std::size_t size, ByteView data) {
  const std::span<std::byte> room = secret.expose_secret_for_writing();
  for (std::size_t i = 0; i < data.size(); ++i, ++size) {
    if (size == room.size()) return std::nullopt;
    if (data[i] != std::byte{'%'}) {
      room[size] = data[i];
      continue;
    }
    if (i + 2 >= data.size()) return std::nullopt;
    const auto high = hex_digit(static_cast<char>(data[i + 1]));
    const auto low = hex_digit(static_cast<char>(data[i + 2]));
    if (!high || !low) return std::nullopt;
    room[size] = (*high << 4) | *low;
    i += 2;
  }
  return size;
}

// "ERR 83886179 Operation cancelled <Pinentry>"
Failure error_in(std::string_view line) {
  line.remove_prefix(std::min(line.size(), std::string_view("ERR ").size()));
  unsigned number = 0;
  std::from_chars(line.data(), line.data() + line.size(), number);
  const unsigned code = number & kErrorCode;
  if (code == kCancelled || code == kNotConfirmed) return fail(Fault::kRefused, "the question was not answered");
  const std::size_t words = std::min(line.find(' '), line.size());
  return unavailable("the pinentry program says:" + std::string(line.substr(words)));
}

}  // namespace

Assuan::Assuan(pid_t process, Descriptor in, Descriptor out)
    : process_(process), in_(std::move(in)), out_(std::move(out)), buffer_(2 * kLongestLine) {}

Assuan::Assuan(Assuan&& other) noexcept
    : process_(std::exchange(other.process_, -1)),
      in_(std::move(other.in_)),
      out_(std::move(other.out_)),
      buffer_(std::move(other.buffer_)),
      filled_(std::exchange(other.filled_, 0)) {}

Assuan::~Assuan() {
  if (process_ < 0) return;
  ::kill(process_, SIGTERM);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) continue;
}

Result<Assuan> Assuan::start(const std::string& program) {
  Pipe to = TRY(make_pipe());
  Pipe from = TRY(make_pipe());
  const pid_t process = TRY(spawn(program, to.read.number(), from.write.number()));
  Assuan assuan(process, std::move(to.write), std::move(from.read));
  from.write = Descriptor();  // or the end of the process would not show
  TRY(assuan.read_answer());  // the greeting
  return assuan;
}

Result<SecretBytes> Assuan::ask(std::string_view command, std::string_view argument) {
  std::string line(command);
  if (!argument.empty()) line += ' ' + escaped(argument);
  TRY(send(line + '\n'));
  return read_answer();
}

Result<> Assuan::send(std::string_view line) const {
  while (!line.empty()) {
    const ssize_t written = ::write(in_.number(), line.data(), line.size());
    if (written < 0 && errno == EINTR && !Interruption::is_requested()) continue;
    if (written <= 0) return unavailable("the pinentry program has ended");
    line.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::size_t> Assuan::read_line() {
  const std::span<std::byte> buffer = buffer_.expose_secret_for_writing();
  while (true) {
    const auto end = std::find(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(filled_), std::byte{'\n'});
    if (end != buffer.begin() + static_cast<std::ptrdiff_t>(filled_)) return static_cast<std::size_t>(end - buffer.begin());
    if (filled_ >= kLongestLine) return unavailable("the pinentry program sent a line that is too long");
    const ssize_t size = ::read(out_.number(), buffer.data() + filled_, buffer.size() - filled_);
    if (size < 0 && errno == EINTR) {
      if (Interruption::is_requested()) return fail(Fault::kRefused, "the question was not answered");
      continue;
    }
    if (size <= 0) return unavailable("the pinentry program has ended");
    filled_ += static_cast<std::size_t>(size);
  }
}

void Assuan::drop_line(std::size_t size) {
  const std::span<std::byte> buffer = buffer_.expose_secret_for_writing().first(filled_);
  std::ranges::move(buffer.subspan(size + 1), buffer.begin());
  const std::size_t left = filled_ - size - 1;
  wipe(buffer.subspan(left));
  filled_ = left;
}

Result<SecretBytes> Assuan::read_answer() {
  SecretBytes data(kMostData);
  std::size_t data_size = 0;
  while (true) {
    const std::size_t size = TRY(read_line());
    const ByteView line = buffer_.expose_secret().first(size);
    if (starts_with(line, "D")) {
      const auto grown = append_data(data, data_size, line.subspan(std::min<std::size_t>(2, line.size())));
      drop_line(size);
      if (!grown) return unavailable("the pinentry program sent data that cannot be read");
      data_size = *grown;
      continue;
    }
    const bool is_ok = starts_with(line, "OK");
    const std::string error = starts_with(line, "ERR") ? to_text(line) : std::string();
    const bool asks_back = starts_with(line, "INQUIRE");
    drop_line(size);
    if (!error.empty()) return error_in(error);
    if (asks_back) return unavailable("the pinentry program asks a question of its own");
    if (!is_ok) continue;  // status, comment
    data.truncate(data_size);
    return data;
  }
}

}  // namespace airtight::cli
