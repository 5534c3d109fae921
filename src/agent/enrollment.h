// The client of KeyGen2: fetches a URL and drives a key store through the protocol (keygen2.md sections 1 to 3 and 6) until keys and
// certificates are in place, or until nothing is left of the attempt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/user_interface.h"
#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "http/client.h"
#include "sks/client.h"
#include "xml/schema.h"

namespace airtight::agent {

struct EnrollmentOptions {
  std::string url;
  bool resume = false;        // `url` is the resume URL of a deferred enrolment
  std::size_t max_keys = 20;  // more than these are refused before anything is made
};

// What an enrolment works with; all of it outlives the call.
struct EnrollmentTools {
  http::Client& http;
  sks::Channel& key_store;
  UserInterface& user;
  const xml::Schema& schema;  // keygen2::compile_schema(): once a process
  const Clock& clock;
  const Log& log;
};

struct EnrolledKey {
  std::uint32_t handle = 0;
  std::string id;
  crypto::Certificate certificate;
};

struct EnrollmentOutcome {
  std::string issuer_host;
  std::string server_session_id;
  std::string client_session_id;
  std::vector<EnrolledKey> keys;          // in place and usable; none while certification is deferred
  std::optional<std::string> resume_url;  // certification is deferred: go on here later
  std::string retry_after;                // when, in the issuer's words (Retry-After); empty if it did not say
  std::optional<Error> unconfirmed;       // the keys are in place, but the issuer could not be told so
};

// Enrols. On any error the issuer is told why (ClientErrorResponse), as far as it can be reached, and the session of the key store is
// aborted with all that it made; the error carries what the issuer was told (Protocol::kKeyGen2) where it was the agent that refused.
[[nodiscard]] Result<EnrollmentOutcome> enroll(const EnrollmentOptions& options, const EnrollmentTools& tools);

}  // namespace airtight::agent
