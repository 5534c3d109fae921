// An issuer and a device for enrolments in which processes die: the issuer runs in a process of its own, the agent may.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "agent/enrollment.h"
#include "http/client.h"
#include "sks/client.h"
#include "sks/key_store.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_folder.h"

namespace airtight::faults {

inline constexpr std::string_view kPin = "7391";

// Where an issuer's process dies of SIGKILL by itself.
struct IssuerDeath {
  enum class Point : std::uint8_t {
    kNever,
    kBeforeMessage,  // received and not yet looked at
    kAfterMessage,   // done with it, all but the answer
    kAtClock,        // a look at the clock: at the begin of a message, and in the middle of its transaction
  };
  Point point = Point::kNever;
  int number = 0;  // of its kind since the start, from 0
};

class IssuerProcess {
 public:
  // Returns when it serves.
  IssuerProcess(const std::filesystem::path& folder, const std::string& listen, IssuerDeath death);
  void kill() { process_.kill(); }

 private:
  tests::ChildProcess process_;
};

// Called with the number of the request or call, from 0.
struct AgentHooks {
  std::function<void(int)> before_request = {};
  std::function<void(int)> after_response = {};
  std::function<void(int)> before_call = {};  // of the key store
  std::function<void(int)> after_call = {};
};

class EnrollmentWorld {
 public:
  // A new issuer, not yet running, and a new device.
  EnrollmentWorld();

  void start_issuer(IssuerDeath death = {});
  void kill_issuer() { issuer_.reset(); }
  // Where it listened before.
  void restart_issuer();

  // A new enrolment URL.
  [[nodiscard]] std::string url() const;
  // One enrolment in this process. The key store is closed in order at its end.
  [[nodiscard]] Result<agent::EnrollmentOutcome> enroll(const std::string& url, const AgentHooks& hooks = {}) const;

  // What has to be true of issuer and device whatever has happened.
  void expect_sound() const;
  // Ends the sessions that a dead agent left open in the key store; how many there were.
  std::size_t abort_open_sessions() const;
  // The next enrolment is as if nothing had been.
  void expect_next_enrollment_succeeds() const;

  [[nodiscard]] std::unique_ptr<sks::KeyStore> open_key_store() const;
  [[nodiscard]] std::size_t confirmed_credentials() const;

 private:
  [[nodiscard]] std::filesystem::path issuer_folder() const { return folder_ / "issuer"; }
  [[nodiscard]] std::filesystem::path device_folder() const { return folder_ / "device"; }

  tests::TemporaryFolder folder_;
  std::string listen_ = "127.0.0.1:0";
  std::unique_ptr<IssuerProcess> issuer_;
};

}  // namespace airtight::faults
