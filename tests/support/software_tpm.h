// A TPM 2.0 of a test's own: swtpm in a process and a folder that end with this object, on two free ports of the loopback interface.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace airtight::tests {

class SoftwareTpm {
 public:
  SoftwareTpm() { start(); }
  ~SoftwareTpm() { stop(); }
  SoftwareTpm(const SoftwareTpm&) = delete;
  SoftwareTpm& operator=(const SoftwareTpm&) = delete;

  // How it is reached, for tpm2-tss.
  [[nodiscard]] std::string tcti() const { return "swtpm:host=127.0.0.1,port=" + std::to_string(port_); }

  // Power off, without any goodbye; its state stays.
  void stop() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
    }
    process_ = 0;
  }
  // Power on. It is there once both channels take connections: which of them swtpm opens first is its own affair.
  void start() {
    if (port_ != 0) {
      if (!start_on(port_)) throw std::runtime_error("the TPM does not start again");
      return;
    }
    for (int attempt = 0; attempt < 20; ++attempt) {
      const int port = next_pair();
      if (!is_free(port) || !is_free(port + 1) || !start_on(port)) continue;
      port_ = port;
      return;
    }
    throw std::runtime_error("swtpm does not start: script/packages.txt names its package");
  }

 private:
  static sockaddr_in loopback(int port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static bool bind_to(int descriptor, int port) {
    const sockaddr_in address = loopback(port);
    return ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  static bool is_free(int port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    const bool bound = bind_to(descriptor, port);
    ::close(descriptor);
    return bound;
  }
  // A port, to be taken with the next one, where tpm2-tss looks for the control channel. Below those that the system gives to clients, so
  // that no connection of somebody else sits there.
  static int next_pair() {
    static int count = 0;
    return 20000 + (::getpid() * 16 + 2 * count++) % 12000;
  }
  static bool answers(int port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(port);
    const bool connected = ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(descriptor);
    return connected;
  }
  [[nodiscard]] bool start_on(int port) {
    process_ = ::fork();
    if (process_ < 0) throw std::runtime_error("no process");
    if (process_ == 0) {
      const std::vector<std::string> arguments = {"swtpm",
                                                  "socket",
                                                  "--tpm2",
                                                  "--tpmstate",
                                                  "dir=" + folder_.path().native(),
                                                  "--server",
                                                  "type=tcp,port=" + std::to_string(port),
                                                  "--ctrl",
                                                  "type=tcp,port=" + std::to_string(port + 1),
                                                  "--flags",
                                                  "not-need-init,startup-clear"};
      std::vector<char*> pointers;
      for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
      pointers.push_back(nullptr);
      ::execvp(pointers[0], pointers.data());
      ::_exit(127);
    }
    while (true) {
      const bool ready = answers(port) && answers(port + 1);
      if (::waitpid(process_, nullptr, WNOHANG) == process_) {
        process_ = 0;
        return false;
      }
      if (ready) return true;
      ::sched_yield();
    }
  }

  TemporaryFolder folder_;
  int port_ = 0;
  pid_t process_ = 0;
};

}  // namespace airtight::tests
