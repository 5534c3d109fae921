// Other programs, run as a user would run them: to the end with what they print, or in the background until they are told to stop.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace airtight::cli {

struct ProgramResult {
  int status = 0;  // exit status; 128 and the signal's number if a signal ended it
  std::string out;
  std::string err;
};

// Runs `command` (a path or a name on PATH, then its arguments) to its end, without standard input. Fault::kNotFound if there is no such
// program.
[[nodiscard]] Result<ProgramResult> run_program(const std::vector<std::string>& command);

class BackgroundProgram {
 public:
  // Starts `command`; its standard error goes to the file `log`.
  [[nodiscard]] static Result<BackgroundProgram> start(const std::vector<std::string>& command, const std::string& log);
  BackgroundProgram(BackgroundProgram&& other) noexcept;
  BackgroundProgram& operator=(BackgroundProgram&&) = delete;
  ~BackgroundProgram();  // stops it

  // The next line of its standard output; nothing at its end.
  [[nodiscard]] std::optional<std::string> read_line();
  // SIGTERM, and its exit status.
  int stop();

 private:
  BackgroundProgram(pid_t pid, int out) : pid_(pid), out_(out) {}
  pid_t pid_;
  int out_;
};

}  // namespace airtight::cli
