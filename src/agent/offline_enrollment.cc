#include "agent/offline_enrollment.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "agent/internal/run.h"
#include "crypto/digest.h"
#include "keygen2/state_machines.h"

namespace airtight::agent {
namespace {

using keygen2::ClientState;

Failure wrong_file(std::string message, std::string hint) { return fail(Fault::kBadInput, std::move(message), std::move(hint)); }

// The session that a request says it belongs to; nothing for what is no request to a key store.
std::optional<std::string> session_of(const keygen2::Message& message) {
  return std::visit(
      [](const auto& what) -> std::optional<std::string> {
        if constexpr (requires {
                        what.submit_url;
                        what.id;
                        what.server_cookie;
                      }) {
          return what.id;
        } else {
          return std::nullopt;
        }
      },
      message);
}

// The requests that a session waits for.
std::string due_in(ClientState state) {
  std::string names;
  for (const keygen2::ClientTransition& transition : keygen2::client_transitions()) {
    if (transition.state == state) names += (names.empty() ? "" : " or ") + std::string(name_of(transition.message));
  }
  return names;
}

// The record whose last answered request is `request`, also where the session has ended with it.
Result<std::optional<SessionRecord>> record_that_answered(ByteView request, const std::string& server_session_id, SessionMemory& memory) {
  const crypto::Sha256Value digest = crypto::sha256(request);
  for (SessionRecord& record : TRY(memory.all())) {
    if (record.delivered && record.server_session_id == server_session_id && record.answered == digest)
      return std::optional(std::move(record));
  }
  return std::optional<SessionRecord>();
}

OfflineStep repeated(const SessionRecord& record) {
  OfflineStep step;
  step.response = record.response;
  step.is_repeated = true;
  step.is_last = is_final(record.state);
  step.outcome.server_session_id = record.server_session_id;
  step.outcome.client_session_id = record.client_session_id;
  step.outcome.issuer_host = record.place.host;
  return step;
}

Result<SessionRecord> record_of(const std::string& server_session_id, const keygen2::Message& message, const EnrollmentTools& tools) {
  const bool is_first = std::holds_alternative<keygen2::PlatformNegotiationRequest>(message);
  for (SessionRecord& record : TRY(sessions_under_way(*tools.memory, tools.key_store))) {
    if (record.server_session_id == server_session_id) return std::move(record);
  }
  if (is_first) return SessionRecord{.transport = Transport::kFiles};
  return fail(Fault::kNotFound,
              "this " + std::string(keygen2::name_of(message)) + " belongs to a session that is not under way in this key store",
              "use the store in which the session began; if it has expired, ask the issuer for a new first file");
}

// What can be told from the outside, before the session is at stake.
Result<> check_is_due(const SessionRecord& record, const keygen2::Message& message) {
  if (record.transport != Transport::kFiles)
    return wrong_file("the session of this file goes on over the web, and not with files", "go on with 'airtight enroll --resume'");
  if (record.at_work) return {};  // to be refused with its session
  if (keygen2::find_transition(record.state, keygen2::kind_of(message))) return {};
  const std::string name(keygen2::name_of(message));
  if (is_final(record.state)) {
    return wrong_file("this " + name + " comes too late: its session has ended",
                      "take the last response to the issuer, if that is not done yet");
  }
  return wrong_file("this is a " + name + ", and its session waits for another file",
                    "the file that is due holds a " + due_in(record.state));
}

Result<Bytes> next_response(Run& run, ByteView request) {
  if (run.record.at_work) {
    static_cast<void>(find_session(run));
    return refuse(keygen2::ClientError::kGeneralError,
                  "the program was interrupted while the key store was at work for this session, which cannot go on",
                  "take the response to the issuer and ask for a new first file");
  }
  return answer(run, request, std::nullopt);
}

}  // namespace

Result<OfflineStep> answer_offline(ByteView request, const EnrollmentOptions& options, const EnrollmentTools& tools) {
  if (tools.memory == nullptr) return fail(Fault::kInternal, "off-line steps need a memory");
  const Result<keygen2::Received> received = keygen2::read_message(request, tools.schema);
  if (!received) {
    return wrong_file("this file holds no message of KeyGen2 that can be read: " + received.error().message,
                      "nothing was changed; fetch the file from the issuer once more");
  }
  const std::optional<std::string> server_session_id = session_of(received->message);
  if (!server_session_id) {
    return wrong_file("this is a " + std::string(keygen2::name_of(received->message)) + ", which is no request to a key store",
                      "--in wants the file that the issuer made, not a response");
  }
  if (const auto ended = TRY(record_that_answered(request, *server_session_id, *tools.memory))) return repeated(*ended);
  SessionRecord record = TRY(record_of(*server_session_id, received->message, tools));
  if (record.answered && *record.answered == crypto::sha256(request)) return repeated(record);
  TRY(check_is_due(record, received->message));
  OfflineStep step;
  Run run{.options = options, .tools = tools, .record = std::move(record)};
  Result<Bytes> response = next_response(run, request);
  if (!response) {
    abort_session(run);
    forget(run);
    std::optional<Bytes> told = error_response(run, response.error());
    if (!told) return Failure(std::move(response.error()));
    step.response = std::move(*told);
    step.refusal = std::move(response.error());
  } else {
    step.response = std::move(*response);
    step.is_last = is_final(run.record.state);
  }
  step.outcome = std::move(run.outcome);
  return step;
}

Result<> delivered(const OfflineStep& step, SessionMemory& memory) {
  if (!step.is_last) return {};
  for (SessionRecord& record : TRY(memory.all())) {
    if (record.server_session_id != step.outcome.server_session_id || record.delivered) continue;
    record.delivered = true;
    return memory.keep(record);
  }
  return {};
}

}  // namespace airtight::agent
