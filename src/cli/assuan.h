// The client's side of the Assuan protocol (libassuan's "Client requests" and "Server responses"): lines of text to a child process, lines
// and secret data back.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/result.h"
#include "base/secret_bytes.h"

namespace airtight::cli {

class Assuan {
 public:
  // Starts `program` (a path or a name on PATH) and waits for its greeting. Fault::kUnavailable if that does not come.
  [[nodiscard]] static Result<Assuan> start(const std::string& program);
  Assuan(Assuan&& other) noexcept;
  Assuan& operator=(Assuan&&) = delete;
  ~Assuan();  // ends the process

  // The answer to `command` with `argument`, which is escaped: its data, empty if there are none.
  // Fault::kRefused if the person cancelled or did not confirm; kUnavailable for any other error and for a process that ends or does not
  // keep to the protocol.
  [[nodiscard]] Result<SecretBytes> ask(std::string_view command, std::string_view argument = {});

 private:
  Assuan(pid_t process, Descriptor in, Descriptor out);
  [[nodiscard]] Result<> send(std::string_view line) const;
  [[nodiscard]] Result<std::size_t> read_line();  // the size of the line at the front of buffer_, without its end
  void drop_line(std::size_t size);
  [[nodiscard]] Result<SecretBytes> read_answer();

  pid_t process_;
  Descriptor in_;   // what it reads
  Descriptor out_;  // what it writes
  SecretBytes buffer_;
  std::size_t filled_ = 0;
};

}  // namespace airtight::cli
