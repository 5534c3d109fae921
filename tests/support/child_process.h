// A forked process of a test: it runs one function, and tells the test when it has come to a point by a byte in a pipe.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>

namespace airtight::tests {

class ChildProcess {
 public:
  // Runs `work(ready)` in a new process, which exits with what it returns. `ready()` lets wait_until_ready() return.
  explicit ChildProcess(const std::function<int(const std::function<void()>& ready)>& work) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    process_ = ::fork();
    if (process_ < 0) throw std::runtime_error("no process");
    if (process_ == 0) {
      ::close(ends[0]);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is aborted leaves nobody behind
      ::_exit(work([&] {
        if (::write(ends[1], "r", 1) != 1) ::_exit(99);
      }));
    }
    ::close(ends[1]);
    ready_ = ends[0];
  }
  ~ChildProcess() {
    if (process_ > 0) kill();
    ::close(ready_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // False if the process ended before it was ready.
  [[nodiscard]] bool wait_until_ready() const {
    char byte = 0;
    return ::read(ready_, &byte, 1) == 1;
  }

  // kill -9, and waits for the end, as wait() does.
  int kill() {
    ::kill(process_, SIGKILL);
    return wait();
  }

  // The exit status, or the negative number of the signal that killed it.
  int wait() {
    int status = 0;
    ::waitpid(process_, &status, 0);
    process_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t process_ = 0;
  int ready_ = -1;
};

// Sleeps until it is killed.
[[noreturn]] inline void wait_to_be_killed() {
  while (true) ::pause();
}

}  // namespace airtight::tests
