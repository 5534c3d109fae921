// The person in front of an enrolment, as an interface: sees who asks for what, says yes or no, chooses PINs. The terminal is one
// implementation, a PIN file another, a script of a test a third.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret_bytes.h"
#include "crypto/certificate.h"
#include "keygen2/messages.h"

namespace airtight::agent {

// Who asks.
struct IssuerSummary {
  std::string host;
  std::optional<crypto::Certificate> tls_certificate;  // absent over plain HTTP
  std::optional<crypto::Certificate> signer;           // of the requests, verified but not known to anyone; absent if they are unsigned
  std::size_t logotypes = 0;
};

// What is asked for, all of it verified as far as an agent can. Borrowed for the time of the question.
struct EnrollmentSummary {
  const IssuerSummary& issuer;
  const keygen2::KeyInitializationRequest& keys;
  std::uint32_t session_life_time = 0;  // seconds
  bool updatable = false;               // the issuer may update or delete the keys later
};

// One PIN to choose: for all of `key_ids` at once.
struct PinQuestion {
  const keygen2::PinPolicyRequest& policy;
  std::vector<std::string> key_ids;
  std::string again_because;  // why the last answer cannot be used; empty at first
};

enum class Step : std::uint8_t {
  kConnecting,
  kNegotiating,
  kCreatingSession,
  kCreatingKeys,
  kSendingKeys,
  kInstallingCertificates,
  kConfirming,
  kAborting,
};

class UserInterface {
 public:
  virtual ~UserInterface() = default;

  // Says who is on the other side, before anything is written.
  virtual void meet(const IssuerSummary& issuer) = 0;
  // The question that matters: make these keys? False means no.
  [[nodiscard]] virtual Result<bool> confirm(const EnrollmentSummary& summary) = 0;
  // A PIN as the bytes that the policy's format defines. An error ends the enrolment as if the user had said no.
  [[nodiscard]] virtual Result<SecretBytes> choose_pin(const PinQuestion& question) = 0;
  virtual void progress(Step step, std::string_view detail) = 0;
  // True once the person wants it all to end. Asked between messages, until the keys are in place.
  [[nodiscard]] virtual bool has_left() const { return false; }
};

}  // namespace airtight::agent
