// The client of KeyGen2: fetches a URL and drives a key store through the protocol (keygen2.md sections 1 to 3 and 6) until keys and
// certificates are in place, or until nothing is left of the attempt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/session_memory.h"
#include "agent/user_interface.h"
#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "device/administration.h"
#include "http/client.h"
#include "sks/client.h"
#include "xml/schema.h"

namespace airtight::agent {

// What is sane. Whatever is beyond is refused before anything is made; a user who wants it says so.
struct EnrollmentLimits {
  std::size_t max_keys = 20;                                // made, updated and deleted, each
  std::uint32_t max_session_life_time = 31U * 24U * 3600U;  // seconds
  std::size_t max_extension_bytes = 256U << 10;             // of all extensions of one deployment
};

struct EnrollmentOptions {
  std::string url = {};
  bool resume = false;  // `url` is the resume URL of a deferred enrolment
  // Not empty: requests have to be signed by one of these, or by one that one of these has certified. Empty: the user decides.
  std::vector<crypto::Certificate> signers = {};
  EnrollmentLimits limits = {};
  std::optional<std::uint32_t> renews = {};  // handle of the key that is to be renewed: remembered with the session
};

// What an enrolment works with; all of it outlives the call.
struct EnrollmentTools {
  sks::Channel& key_store;
  UserInterface& user;
  const xml::Schema& schema;  // keygen2::compile_schema(): once a process
  const Clock& clock;
  const Log& log;
  SessionMemory* memory = nullptr;                   // null: nothing is remembered beyond this process
  device::Administration* administration = nullptr;  // null: a device without a PIN does not get one
};

struct EnrolledKey {
  std::uint32_t handle = 0;
  std::string id;
  crypto::Certificate certificate;
  bool renewed = false;  // it took the place, and the handle, of a key that was there before
};

struct EnrollmentOutcome {
  std::string issuer_host;
  std::string server_session_id;
  std::string client_session_id;
  std::vector<EnrolledKey> keys;          // in place and usable; none while certification is deferred
  std::vector<std::uint32_t> deleted;     // handles that are gone
  std::optional<std::string> resume_url;  // certification is deferred: go on here later
  std::string retry_after;                // when, in the issuer's words (Retry-After); empty if it did not say
  std::optional<Error> unconfirmed;       // all is in place, but the issuer could not be told so
};

// Enrols. On any error the issuer is told why (ClientErrorResponse), as far as it can be reached, and the session of the key store is
// aborted with all that it made; the error carries what the issuer was told (Protocol::kKeyGen2) where it was the agent that refused.
[[nodiscard]] Result<EnrollmentOutcome> enroll(const EnrollmentOptions& options, const EnrollmentTools& tools, http::Client& http);

// The same for a PlatformNegotiationRequest that something else fetched, such as a browser: goes on at its SubmitURL. The cookies of
// whoever fetched it are not known here.
[[nodiscard]] Result<EnrollmentOutcome> enroll_from_message(ByteView message, const EnrollmentOptions& options,
                                                            const EnrollmentTools& tools, http::Client& http);

// Goes on with a session that another process left under way: at its resume URL, or by sending the last response again. Where the key store
// was at work when that process ended, or the issuer takes the response for a replay, the session ends as in enroll().
[[nodiscard]] Result<EnrollmentOutcome> continue_enrollment(SessionRecord record, const EnrollmentOptions& options,
                                                            const EnrollmentTools& tools, http::Client& http);

// Ends a session that is under way, here and at the issuer (user-abort), as far as it can be reached.
[[nodiscard]] Result<> abandon_enrollment(SessionRecord record, const EnrollmentTools& tools, http::Client& http);

}  // namespace airtight::agent
