// An issuer and a device for enrolments in which processes die: the issuer runs in a process of its own, the agent may. What is enrolled is
// a flow: a plain session, one that updates and deletes, one whose certificates come later, and so on.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/enrollment.h"
#include "agent/session_memory.h"
#include "base/time.h"
#include "http/client.h"
#include "issuer/issuer.h"
#include "sks/client.h"
#include "sks/key_store.h"
#include "tests/faults/issuer_process.h"
#include "tests/support/temporary_folder.h"

namespace airtight::faults {

inline constexpr std::string_view kPin = "7391";

// How an enrolment begins.
enum class Beginning : std::uint8_t {
  kUrl,          // that an operator made
  kMail,         // a link that is asked for at the profile's address, and mailed
  kToken,        // at the profile's address, with a client's token
  kCertificate,  // at the profile's address, with a client's TLS certificate
};

// What is enrolled.
struct EnrollmentFlow {
  std::string name = "plain";
  std::string profile = "default";
  std::string profiles = {};              // what issuer.toml has besides its own
  std::vector<std::string> earlier = {};  // the profiles of enrolments that the device has behind it
  std::size_t keys = 1;                   // that it makes
  bool defers = false;                    // the certificates wait for an operator, who approves them
  bool basic = false;                     // a container without a key store
  Beginning beginning = Beginning::kUrl;
  bool listed = false;  // the device was registered before

  // Whether anything happened before it.
  [[nodiscard]] bool has_past() const {
    return !earlier.empty() || listed || beginning == Beginning::kToken || beginning == Beginning::kCertificate;
  }
};

// Called with the number of the request or call, from 0.
struct AgentHooks {
  std::function<void(int)> before_request = {};
  std::function<void(int)> after_response = {};
  std::function<void(int)> before_call = {};  // of the key store
  std::function<void(int)> after_call = {};
};

// What came of the sessions that a dead agent left under way.
struct Resumption {
  int finished = 0;
  int unconfirmed = 0;  // the user was told that the issuer does not know of the keys
  int refused = 0;
};

class EnrollmentWorld {
 public:
  // A new issuer, not yet running, and a device, new but for what the flow has behind it.
  explicit EnrollmentWorld(EnrollmentFlow flow = {});

  void start_issuer(IssuerDeath death = {});
  void kill_issuer() { issuer_.reset(); }
  // Where it listened before.
  void restart_issuer();

  // Where the flow begins: a new one-time URL, or the profile's address.
  [[nodiscard]] std::string url() const;
  // The flow in this process, up to its end. The key store is closed in order then.
  [[nodiscard]] Result<agent::EnrollmentOutcome> enroll(const std::string& url, const AgentHooks& hooks = {}) const;
  // From a URL to the end, or to where an operator has to approve.
  [[nodiscard]] Result<agent::EnrollmentOutcome> begin(const std::string& url) const;
  // Asks for a link at the flow's address, as a browser does, and gives the one that is mailed; Fault::kUnavailable if none comes.
  [[nodiscard]] Result<std::string> ask_for_link() const;
  // The link in the issuer's next mail; nothing if it dies first.
  [[nodiscard]] std::optional<std::string> next_link() const { return issuer_->next_link(); }
  // A GET, as a browser or a mail filter makes it.
  [[nodiscard]] Result<http::Response> fetch(const std::string& url) const;
  // What `airtight enroll --resume` does with each session that is under way.
  [[nodiscard]] Resumption resume() const;

  // What has to be true of issuer and device whatever has happened, and while sessions are under way.
  void expect_sound() const;
  // Ends the sessions that a dead agent left open in the key store; how many there were.
  std::size_t abort_open_sessions() const;
  // A plain enrolment is as if nothing had been.
  void expect_next_enrollment_succeeds() const;
  // All sessions expire, and the issuer sweeps; after that no credential is one that only one side believes in. What the user was told the
  // issuer does not know may be in the device all the same.
  void expect_agreement_after_the_sweep(bool user_was_told);

  [[nodiscard]] std::unique_ptr<sks::KeyStore> open_key_store() const;
  [[nodiscard]] std::unique_ptr<issuer::Issuer> open_issuer() const;
  [[nodiscard]] std::string device_id() const;
  [[nodiscard]] std::size_t confirmed_credentials() const;
  // Those that the device has and those that the issuer believes in, by serial number.
  [[nodiscard]] std::vector<std::string> credentials_in_device() const;
  [[nodiscard]] std::vector<issuer::CredentialSummary> credentials_of_issuer() const;

 private:
  class LaterClock final : public Clock {
   public:
    [[nodiscard]] Instant now() const override { return SystemClock().now().plus(later_); }
    void pass(std::chrono::hours hours) { later_ += hours; }

   private:
    std::chrono::milliseconds later_{0};
  };
  struct Template;
  class Agent;

  [[nodiscard]] std::filesystem::path issuer_folder() const { return folder_ / "issuer"; }
  [[nodiscard]] std::filesystem::path device_folder() const { return folder_ / "device"; }
  [[nodiscard]] std::filesystem::path client_folder() const { return device_folder() / "client"; }
  [[nodiscard]] std::string url_of(const std::string& profile) const;
  [[nodiscard]] std::string entrance() const;
  [[nodiscard]] Result<std::string> ask_for_link(http::Client& client) const;
  void register_beforehand() const;
  void approve(const std::string& server_session_id) const;

  EnrollmentFlow flow_;
  std::string device_id_;  // of those that an operator approves
  LaterClock clock_;
  tests::TemporaryFolder folder_;
  std::string listen_ = "127.0.0.1:0";
  std::unique_ptr<IssuerProcess> issuer_;
};

}  // namespace airtight::faults
