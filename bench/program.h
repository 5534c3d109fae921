// The program `airtight` of this build, run as a user would: in a process of its own.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bench/measure.h"

namespace airtight::bench {

// A folder under TMPDIR (or /tmp) that goes with its object.
class ScratchFolder {
 public:
  ScratchFolder() {
    const char* const parent = std::getenv("TMPDIR");
    std::string name = std::string(parent != nullptr ? parent : "/tmp") + "/airtight-bench-XXXXXX";
    must(::mkdtemp(name.data()) != nullptr, "mkdtemp");
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// `airtight ARGUMENTS`, running.
class Program {
 public:
  explicit Program(const std::vector<std::filesystem::path>& arguments) {
    const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin" / "airtight";
    std::vector<char*> argv = {const_cast<char*>(program.c_str())};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    int ends[2] = {-1, -1};
    must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    must(::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv.data(), environ) == 0,
         "starting bin/airtight, which script/bench builds,");
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    out_ = ends[0];
  }
  // One that still runs is asked to end, and waited for.
  ~Program() {
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(out_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  // The next line of its output, without the end of the line.
  std::string line() {
    std::string text;
    char next = 0;
    while (::read(out_, &next, 1) == 1 && next != '\n') text += next;
    must(!text.empty(), "reading the output of airtight");
    return text;
  }

  // Waits for its end, which has to be a good one.
  void finish() {
    for (char buffer[256]; ::read(out_, buffer, sizeof buffer) > 0;) {
    }
    int status = 0;
    must(::waitpid(pid_, &status, 0) == pid_ && status == 0, "airtight");
    pid_ = 0;
  }

  [[nodiscard]] long resident_kib() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string text; std::getline(status, text);) {
      if (text.starts_with("VmRSS:")) return std::stol(text.substr(6));
    }
    return 0;
  }

 private:
  pid_t pid_ = 0;
  int out_ = -1;
};

}  // namespace airtight::bench
