// One session of KeyGen2 on the client's side, whatever carries its messages: what is known of it, and one function a phase. Those who
// carry messages (web, files) call answer() with each request and send what it returns.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/enrollment.h"
#include "agent/internal/refusal.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "http/message.h"
#include "keygen2/messages.h"
#include "sks/methods.h"
#include "xml/document.h"

namespace airtight::agent {

struct Run {
  const EnrollmentOptions& options;
  const EnrollmentTools& tools;
  SessionRecord record = {};
  // False for a session that goes on here without a record of its beginning.
  bool is_remembered = true;

  IssuerSummary issuer = {};
  std::optional<http::Url> at_hand = {};  // where errors go
  sks::GetDeviceInfo::Response device = {};
  std::optional<std::uint32_t> session = {};  // handle of the key store's session
  // The keys that this process had the key store make, by ID; absent where an earlier process did.
  std::optional<std::map<std::string, std::uint32_t>> made_keys = {};
  EnrollmentOutcome outcome = {};
  bool closed = false;  // the key store has closed the session: what it made stays
};

// Reads the request `text`, which came from a server with the certificate `origin` (absent over plain HTTP and files), checks all that
// requests have in common, has its phase answer it, and remembers the response, which is returned.
[[nodiscard]] Result<Bytes> answer(Run& run, ByteView text, std::optional<crypto::Certificate> origin);

// Notes where errors go and which session this is, before anything else can be wrong with a message.
[[nodiscard]] Result<> note_addressing(Run& run, const keygen2::Message& message);

// The response of each phase. They check what concerns their phase alone.
using Answer = Result<xml::Document>;
[[nodiscard]] Answer negotiate(Run& run, keygen2::PlatformNegotiationRequest& request);
[[nodiscard]] Answer open_session(Run& run, keygen2::ProvisioningSessionRequest& request);
[[nodiscard]] Answer discover(Run& run, keygen2::CredentialDiscoveryRequest& request, const xml::Document& document);
[[nodiscard]] Answer initialize_keys(Run& run, keygen2::KeyInitializationRequest& request);
[[nodiscard]] Answer deploy(Run& run, keygen2::CredentialDeploymentRequest& request);

// non-matching-requests unless the request names the session of this key store.
[[nodiscard]] Result<> check_client_session(const Run& run, std::string_view client_session_id);
// Finds the key store's session and the device's abilities where an earlier process opened it. Fault::kNotFound if it is gone.
[[nodiscard]] Result<> find_session(Run& run);

// Shows the user who is on the other side; user-abort for a no.
[[nodiscard]] Result<> meet(Run& run);
// Marks the record before the key store makes or changes anything that cannot be made twice.
[[nodiscard]] Result<> begin_work(Run& run);
// Writes the record. Where messages travel as files nothing works without; over the web an enrolment then cannot be continued, no more.
[[nodiscard]] Result<> remember(Run& run);
void forget(Run& run);

// Ends the key store's session with all that it made, if it is open.
void abort_session(Run& run);
// What the issuer is told about `error`; nothing if no session of its is known.
[[nodiscard]] std::optional<Bytes> error_response(const Run& run, const Error& error);

// An error of the user is a no, as far as the issuer is concerned.
template <typename T>
[[nodiscard]] Result<T> of_user(Result<T> answer) {
  if (!answer) answer.error().answer = {Protocol::kKeyGen2, std::to_underlying(keygen2::ClientError::kUserAbort)};
  return answer;
}

}  // namespace airtight::agent
