// The person in front of an enrolment, as an interface: sees who asks for what, says yes or no, chooses PINs. The terminal is one
// implementation, a PIN file another, a script of a test a third.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/key_list.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "crypto/certificate.h"
#include "keygen2/messages.h"

namespace airtight::agent {

// What is known about the signer of the requests.
enum class SignerStanding : std::uint8_t {
  kUnsigned,
  kUnknown,  // the signatures verify, and nothing here says whose they are
  kTrusted,  // is, or is certified by, one that the user named beforehand
};

// How messages come and go.
enum class Transport : std::uint8_t { kWeb, kFiles };

// Who asks.
struct IssuerSummary {
  std::string host;  // over files: of the URL that the issuer goes by
  Transport transport = Transport::kWeb;
  std::optional<crypto::Certificate> tls_certificate = {};  // absent over plain HTTP and files
  std::optional<crypto::Certificate> signer = {};           // of the requests; absent if they are unsigned
  SignerStanding signer_standing = SignerStanding::kUnsigned;
  bool began_elsewhere = false;  // a session that this agent does not remember: who signed its first request is not known
  std::vector<keygen2::IssuerLogotype> logotypes = {};
};

// What is asked for, all of it verified as far as an agent can. Borrowed for the time of the question.
struct EnrollmentSummary {
  const IssuerSummary& issuer;
  const keygen2::KeyInitializationRequest& keys;
  std::uint32_t session_life_time = 0;       // seconds
  bool updatable = false;                    // the issuer may update or delete the keys later
  std::optional<std::uint32_t> renews = {};  // handle of the key that the user wants renewed by this
};

// A key that is there already and that its issuer wants to change.
struct KeyChange {
  KeyEntry target;
  std::string replaced_by;  // ID of the new key that takes its place; empty: it is deleted
};
struct ChangeSummary {
  const IssuerSummary& issuer;
  const std::vector<KeyChange>& changes;
};

// One PIN to choose: for all of `key_ids` at once.
struct PinQuestion {
  const keygen2::PinPolicyRequest& policy;
  std::vector<std::string> key_ids;
  std::string again_because;  // why the last answer cannot be used; empty at first
};

// The PIN of the device and the PUK that unlocks it, both new.
struct DevicePinChoice {
  SecretBytes pin;
  SecretBytes puk;
};

enum class Step : std::uint8_t {
  kConnecting,
  kNegotiating,
  kCreatingSession,
  kLookingForKeys,
  kCreatingKeys,
  kSendingKeys,
  kInstallingCertificates,
  kConfirming,
  kAborting,
};

class UserInterface {
 public:
  virtual ~UserInterface() = default;

  // Says who is on the other side, before anything is written, and once more where a session goes on in another run. False ends it.
  [[nodiscard]] virtual Result<bool> meet(const IssuerSummary& issuer) = 0;
  // The question that matters: make these keys? False means no.
  [[nodiscard]] virtual Result<bool> confirm(const EnrollmentSummary& summary) = 0;
  // The same for keys that are there already: update and delete these?
  [[nodiscard]] virtual Result<bool> confirm_changes(const ChangeSummary& summary) = 0;
  // A PIN as the bytes that the policy's format defines. An error ends the enrolment as if the user had said no.
  [[nodiscard]] virtual Result<SecretBytes> choose_pin(const PinQuestion& question) = 0;
  // A PIN for the device, which has none yet: keys are wanted that ask for it. `again_because` as in PinQuestion.
  [[nodiscard]] virtual Result<DevicePinChoice> choose_device_pin(std::string_view again_because) = 0;
  virtual void progress(Step step, std::string_view detail) = 0;
  // True once the person wants it all to end. Asked between messages, until the keys are in place.
  [[nodiscard]] virtual bool has_left() const { return false; }
};

}  // namespace airtight::agent
