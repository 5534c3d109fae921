// A key store's daemon, made and started as a user would: the program `airtight` of this build, in a process of its own.
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
#include "device/socket_channel.h"
#include "sks/methods.h"

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
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class DaemonProcess {
 public:
  explicit DaemonProcess(const std::filesystem::path& folder) : store_(folder / "card") {
    run({"device", "create", "--store", store_, "--maker", folder / "maker"}, nullptr);
    int out = -1;
    pid_ = run({"device", "serve", "--store", store_}, &out);
    char first = 0;
    must(::read(out, &first, 1) == 1, "starting the daemon");  // "listening ..."
    ::close(out);
  }
  ~DaemonProcess() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  [[nodiscard]] std::unique_ptr<device::SocketChannel> connect() const { return must(device::SocketChannel::connect(store_ / "sks.sock")); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] long resident_kib() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
    }
    return 0;
  }
  [[nodiscard]] Bytes device_certificate() const {
    const auto channel = connect();
    return must(sks::call(*channel, sks::GetDeviceInfo{})).x509_certificates.front();
  }

 private:
  // Waits for its end unless `out` wants its output.
  static pid_t run(const std::vector<std::filesystem::path>& arguments, int* out) {
    const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin" / "airtight";
    std::vector<char*> argv = {const_cast<char*>(program.c_str())};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    int ends[2] = {-1, -1};
    must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    pid_t pid = 0;
    must(::posix_spawn(&pid, program.c_str(), &actions, nullptr, argv.data(), environ) == 0,
         "starting bin/airtight, which script/bench builds,");
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (out != nullptr) {
      *out = ends[0];
      return pid;
    }
    for (char buffer[256]; ::read(ends[0], buffer, sizeof buffer) > 0;) {
    }
    ::close(ends[0]);
    int status = 0;
    must(::waitpid(pid, &status, 0) == pid && status == 0, "airtight device create");
    return pid;
  }

  std::filesystem::path store_;
  pid_t pid_ = 0;
};

}  // namespace airtight::bench
