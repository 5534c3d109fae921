#include "cli/terminal.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

#include "cli/interruption.h"

namespace airtight::cli {
namespace {

constexpr std::size_t kLongestLine = 1024;
constexpr char kControlC = 0x03;
constexpr char kControlD = 0x04;
constexpr char kBackspace = 0x08;
constexpr char kControlU = 0x15;
constexpr char kDelete = 0x7F;

// Takes characters one by one, unseen and without signals, and puts the terminal back as it was: signals are off so that ^C cannot
// leave the terminal mute.
class Mute {
 public:
  explicit Mute(int descriptor) : descriptor_(descriptor) {
    if (tcgetattr(descriptor, &before_) != 0) return;
    termios mute = before_;
    mute.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON | ISIG);
    mute.c_cc[VMIN] = 1;
    mute.c_cc[VTIME] = 0;
    changed_ = tcsetattr(descriptor, TCSAFLUSH, &mute) == 0;
  }
  Mute(const Mute&) = delete;
  Mute& operator=(const Mute&) = delete;
  ~Mute() {
    if (changed_) tcsetattr(descriptor_, TCSAFLUSH, &before_);
  }
  [[nodiscard]] bool works() const { return changed_; }

 private:
  int descriptor_;
  termios before_ = {};
  bool changed_ = false;
};

// `size` less the last UTF-8 character of `line`.
std::size_t without_last_character(std::span<const std::byte> line, std::size_t size) {
  while (size > 0) {
    --size;
    if ((line[size] & std::byte{0xC0}) != std::byte{0x80}) break;
  }
  return size;
}

}  // namespace

Result<Terminal> Terminal::open() {
  const int descriptor = ::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (descriptor < 0) return fail(Fault::kUnavailable, "there is no terminal to ask on");
  return Terminal(descriptor);
}

Terminal::Terminal(Terminal&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Terminal::~Terminal() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Terminal::say(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor_, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::optional<char> Terminal::read_character() const {
  char c = 0;
  ssize_t count = 0;
  do {
    count = ::read(descriptor_, &c, 1);
  } while (count < 0 && errno == EINTR && !Interruption::is_requested());
  if (count != 1) return std::nullopt;
  return c;
}

Result<SecretBytes> Terminal::ask_secret(std::string_view question) const {
  SecretBytes line(kLongestLine);
  std::size_t size = 0;
  const Mute mute(descriptor_);  // first: what is typed as soon as the question shows is already hidden
  if (!mute.works()) return fail(Fault::kUnavailable, "the terminal cannot hide what is typed");
  say(question);
  say(": ");
  const std::span<std::byte> buffer = line.expose_secret_for_writing();
  while (true) {
    const std::optional<char> c = read_character();
    if (!c || *c == kControlC || *c == kControlD) {
      say("\n");
      return fail(Fault::kRefused, "the question was not answered");
    }
    if (*c == '\n' || *c == '\r') break;
    if (*c == kBackspace || *c == kDelete) {
      size = without_last_character(buffer, size);
    } else if (*c == kControlU) {
      size = 0;
    } else if (size < buffer.size()) {
      buffer[size++] = static_cast<std::byte>(*c);
    }
  }
  say("\n");
  line.truncate(size);
  return line;
}

Result<SecretBytes> Terminal::ask_new_secret(std::string_view question) const {
  while (true) {
    SecretBytes first = TRY(ask_secret(question));
    const SecretBytes second = TRY(ask_secret("Again"));
    if (equal_in_constant_time(first.expose_secret(), second.expose_secret())) return first;
    say("These two differ. Once more.\n");
  }
}

Result<bool> Terminal::ask_yes_or_no(std::string_view question) const {
  while (true) {
    say(question);
    say(" [y/n] ");
    std::string line;
    std::optional<char> c = read_character();
    for (; c && *c != '\n'; c = read_character()) {
      if (line.size() < kLongestLine) line.push_back(*c);
    }
    if (line == "y" || line == "yes" || line == "Y" || line == "Yes") return true;
    if (!c || line == "n" || line == "no" || line == "N" || line == "No") return false;
  }
}

sealing::PassphrasePrompt passphrase_on_terminal(std::string what) {
  return [what = std::move(what)](const sealing::SecretQuestion& question) -> Result<SecretBytes> {
    const bool is_pin = question.about == sealing::SecretQuestion::About::kTokenPin;
    const std::string& sealed = question.about == sealing::SecretQuestion::About::kKeyFile ? question.file : what;
    Result<Terminal> terminal = Terminal::open();
    if (!terminal) {
      const std::string wanted = is_pin ? "the PIN of the token " + question.token : "the passphrase of " + sealed;
      return Failure(std::move(terminal.error()).with_hint("run the command on a terminal: it asks for " + wanted));
    }
    if (is_pin) return terminal->ask_secret("PIN of the token " + question.token + " for " + what);
    return question.is_new ? terminal->ask_new_secret("New passphrase for " + sealed) : terminal->ask_secret("Passphrase for " + sealed);
  };
}

}  // namespace airtight::cli
