// Letters from a process that may die to the test that reads them: a pipe that comes to its end when the sender is gone, so that nobody
// waits for a letter that will not come.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>

namespace airtight::faults {

class Mailbox {
 public:
  Mailbox() {
    if (::pipe(ends_) != 0) throw std::runtime_error("no pipe");
  }
  ~Mailbox() {
    close(ends_[0]);
    close(ends_[1]);
  }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // In the sender's process: one line.
  void send(const std::string& letter) const {
    const std::string line = letter + "\n";  // shorter than what a pipe takes at once
    if (::write(ends_[1], line.data(), line.size()) != static_cast<ssize_t>(line.size())) throw std::runtime_error("no mail");
  }

  // In the reader's process, once the sender's has begun.
  void only_read() { close(ends_[1]); }
  // Waits for it; nothing if the sender is gone and has sent no more.
  [[nodiscard]] std::optional<std::string> next() const {
    std::string letter;
    for (char byte = 0; ::read(ends_[0], &byte, 1) == 1;) {
      if (byte == '\n') return letter;
      letter.push_back(byte);
    }
    return std::nullopt;
  }

 private:
  static void close(int& end) {
    if (end >= 0) ::close(end);
    end = -1;
  }

  int ends_[2] = {-1, -1};
};

}  // namespace airtight::faults
