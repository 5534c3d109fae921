// A shell on a terminal of its own, as a reader of the guide has it: commands go in one after the other, and what shows on the screen comes
// back. Variables, folders and background jobs stay from one command to the next.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace airtight::guide {

class Shell {
 public:
  // In `folder`, with these variables ("NAME=VALUE") and no others.
  Shell(const std::filesystem::path& folder, const std::vector<std::string>& environment);
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;
  // Presses Ctrl-C, and waits until the shell has ended.
  ~Shell();

  // Gives the command; the screen is that of this command from here on.
  void begin(std::string_view command);
  // Types something; "^C" and "^\" are these keys, everything else is followed by Enter.
  void type(std::string_view text);
  // Reads the screen until the command has ended or `until` holds of it. False if neither is so at the deadline.
  [[nodiscard]] bool wait(const std::function<bool(const std::string&)>& until, std::chrono::steady_clock::time_point deadline);

  [[nodiscard]] const std::string& screen() const { return screen_; }
  // Of the command, once it has ended.
  [[nodiscard]] std::optional<int> status() const { return status_; }

 private:
  void take_status();
  bool read_some(int milliseconds);

  pid_t process_ = -1;
  int terminal_ = -1;
  int commands_ = -1;
  std::string screen_;
  std::optional<int> status_;
};

}  // namespace airtight::guide
