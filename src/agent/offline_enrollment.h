// KeyGen2 by files (keygen2.md section 1, off-line provisioning): one request in, its response out, each step in a process of its own. The
// session lives in the key store; what stands around it is remembered in a SessionMemory.
#pragma once

#include <optional>

#include "agent/enrollment.h"
#include "base/bytes.h"
#include "base/result.h"

namespace airtight::agent {

struct OfflineStep {
  Bytes response;  // to be carried to the issuer
  EnrollmentOutcome outcome;
  bool is_last = false;      // keys and certificates are in place once `response` is delivered
  bool is_repeated = false;  // the request was answered before: this is the same response once more
  // The request was refused and the session has ended: `response` is the ClientErrorResponse that says so.
  std::optional<Error> refusal;
};

// Answers `request`, the text of a message. The tools need a memory. A message that is not the next request of a session under way (another
// phase, an unknown session, a response, no KeyGen2 at all) is an error that changes nothing: Fault::kBadInput or kNotFound, with a hint
// that names the file that is due.
[[nodiscard]] Result<OfflineStep> answer_offline(ByteView request, const EnrollmentOptions& options, const EnrollmentTools& tools);

// To be called once the response of a step is safely in its file. The last response of a session stays at hand for its request until the
// next enrolment begins in this key store.
[[nodiscard]] Result<> delivered(const OfflineStep& step, SessionMemory& memory);

}  // namespace airtight::agent
