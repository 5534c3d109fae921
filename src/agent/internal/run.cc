#include "agent/internal/run.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "agent/internal/capabilities.h"
#include "agent/internal/signer_trust.h"
#include "agent/key_list.h"
#include "agent/printable.h"
#include "crypto/digest.h"
#include "keygen2/state_machines.h"
#include "xml/signature.h"

namespace airtight::agent {
namespace {

using keygen2::ClientError;
using keygen2::ClientState;

// What every request has, whatever it asks.
struct Addressing {
  std::optional<std::string> server_session_id;
  std::optional<std::string> submit_url;
};

Addressing addressing_of(const keygen2::Message& message) {
  return std::visit(
      [](const auto& what) -> Addressing {
        if constexpr (requires {
                        what.submit_url;
                        what.id;
                      }) {
          return {what.id, what.submit_url};
        } else {
          return {};
        }
      },
      message);
}

// "A session that starts signed goes on signed, by the same signer" (keygen2.md section 6).
Result<> check_signature(Run& run, const xml::Document& document) {
  const bool is_first = run.record.state == ClientState::kStart || !run.is_remembered;
  std::optional<crypto::Certificate>& signer = run.record.signer;
  if (!keygen2::has_signature(document)) {
    if (signer) return refuse(ClientError::kNonMatchingRequests, "the issuer signed its first request, but not this one");
    return check_signer(std::nullopt, run.options.signers, run.tools.clock.now());
  }
  Result<crypto::Certificate> verified = xml::verify_with_certificate(document.root());
  if (!verified) return refuse(ClientError::kNonMatchingRequests, "the signature of a request is broken: " + verified.error().message);
  if (signer && !(*signer == *verified)) {
    return refuse(ClientError::kNonMatchingRequests, "the requests of this session are signed by two different signers");
  }
  TRY(check_signer(*verified, run.options.signers, run.tools.clock.now()));
  if (is_first) signer = std::move(*verified);
  return {};
}

Answer answer_phase(Run& run, keygen2::Received& received) {
  return std::visit(
      [&](auto& request) -> Answer {
        using Request = std::remove_cvref_t<decltype(request)>;
        if constexpr (std::is_same_v<Request, keygen2::PlatformNegotiationRequest>) {
          return negotiate(run, request);
        } else if constexpr (std::is_same_v<Request, keygen2::ProvisioningSessionRequest>) {
          return open_session(run, request);
        } else if constexpr (std::is_same_v<Request, keygen2::CredentialDiscoveryRequest>) {
          return discover(run, request, received.document);
        } else if constexpr (std::is_same_v<Request, keygen2::KeyInitializationRequest>) {
          return initialize_keys(run, request);
        } else if constexpr (std::is_same_v<Request, keygen2::CredentialDeploymentRequest>) {
          return deploy(run, request);
        } else {
          return refuse(ClientError::kNonMatchingRequests, "the issuer sent what is no request to a key store");
        }
      },
      received.message);
}

void take_up_issuer(Run& run) {
  run.issuer.host = run.record.place.host;
  run.issuer.transport = run.record.transport;
  run.issuer.tls_certificate = run.record.origin;
  run.issuer.signer = run.record.signer;
  run.issuer.signer_standing = !run.record.signer            ? SignerStanding::kUnsigned
                               : run.options.signers.empty() ? SignerStanding::kUnknown
                                                             : SignerStanding::kTrusted;
  run.issuer.began_elsewhere = !run.is_remembered;
  run.outcome.issuer_host = run.issuer.host;
}

}  // namespace

Result<> note_addressing(Run& run, const keygen2::Message& message) {
  const Addressing addressing = addressing_of(message);
  if (!addressing.submit_url || !addressing.server_session_id) {
    return refuse(ClientError::kNonMatchingRequests,
                  "the issuer sent a " + std::string(keygen2::name_of(message)) + ", which is no request to a key store");
  }
  http::Url url = TRY(run.record.place.permitted(*addressing.submit_url));
  if (run.record.place.host.empty()) run.record.place = {.host = url.host, .was_https = url.scheme == "https", .cookies = {}};
  run.at_hand = std::move(url);
  if (run.record.server_session_id.empty()) run.record.server_session_id = *addressing.server_session_id;
  run.outcome.server_session_id = run.record.server_session_id;
  if (addressing.server_session_id != run.record.server_session_id) {
    return refuse(ClientError::kNonMatchingRequests, "the issuer sent a request of another session");
  }
  return {};
}

Result<Bytes> answer(Run& run, ByteView text, std::optional<crypto::Certificate> origin) {
  keygen2::Received received = TRY(keygen2::read_message(text, run.tools.schema));
  const keygen2::MessageKind kind = keygen2::kind_of(received.message);
  run.tools.log.info("request received", {{"message", std::string(name_of(kind))}, {"state", std::string(name_of(run.record.state))}});
  TRY(note_addressing(run, received.message));
  const auto transition = keygen2::find_transition(run.record.state, kind);
  if (!transition) {
    return refuse(ClientError::kNonMatchingRequests, "the issuer sent a " + std::string(name_of(kind)) + " where that has no place");
  }
  TRY(check_signature(run, received.document));
  run.record.submit_url = run.at_hand->to_text();
  run.record.origin = std::move(origin);
  take_up_issuer(run);
  if (kind == keygen2::MessageKind::kPlatformNegotiationRequest && run.tools.memory != nullptr) TRY(forget_delivered(*run.tools.memory));
  const xml::Document response = TRY(answer_phase(run, received));

  run.record.state = transition->next;
  run.record.at_work = false;
  run.record.answered = crypto::sha256(text);
  run.record.response = response.serialize();
  run.record.resume_url.reset();
  run.is_remembered = true;
  // What is in place stays in place, also where it cannot be noted.
  if (Result<> noted = remember(run); !noted && !run.closed) return Failure(std::move(noted.error()));
  return run.record.response;
}

Result<> check_client_session(const Run& run, std::string_view client_session_id) {
  if (client_session_id == run.record.client_session_id) return {};
  return refuse(ClientError::kNonMatchingRequests, "the issuer sent a request for another session of this key store");
}

Result<> find_session(Run& run) {
  if (run.session) return {};
  const SessionRecord& record = run.record;
  const Result<sks::GetProvisioningSession::Response> found =
      sks::call(run.tools.key_store,
                sks::GetProvisioningSession{{record.server_session_id}, {record.client_session_id}, to_bytes(record.issuer_uri)});
  if (!found) {
    return Failure(refusal(ClientError::kNonMatchingRequests, "the key store has no open session to go on with: " + found.error().message,
                           "it may have expired or been aborted; 'airtight device sessions' lists what there is"));
  }
  run.session = found->provisioning_handle;
  run.outcome.client_session_id = record.client_session_id;
  run.device = TRY(sks::call(run.tools.key_store, sks::GetDeviceInfo{}));
  return {};
}

Result<> meet(Run& run) {
  const bool goes_on = TRY(of_user(run.tools.user.meet(run.issuer)));
  if (!goes_on) return refuse(ClientError::kUserAbort, "the user does not want to deal with this issuer");
  return {};
}

Result<> begin_work(Run& run) {
  run.record.at_work = true;
  return remember(run);
}

Result<> remember(Run& run) {
  if (run.tools.memory == nullptr) return {};
  if (run.record.client_session_id.empty() && run.record.transport == Transport::kWeb) return {};  // nothing to go on with yet
  Result<> kept = run.tools.memory->keep(run.record);
  if (kept || run.record.transport == Transport::kFiles) return kept;
  run.tools.log.warning("the session is not noted: an interruption will end it", {{"reason", kept.error().message}});
  return {};
}

void forget(Run& run) {
  if (run.tools.memory == nullptr || run.record.server_session_id.empty()) return;
  if (const Result<> forgotten = run.tools.memory->forget(run.record.server_session_id); !forgotten) {
    run.tools.log.error("the note of an ended session could not be removed", {{"reason", forgotten.error().message}});
  }
}

void abort_session(Run& run) {
  if (run.closed) return;
  // A request may be refused before it came to the session that another process opened.
  if (!run.session && (run.record.client_session_id.empty() || !find_session(run))) return;
  run.tools.user.progress(Step::kAborting, "");
  const auto aborted = sks::call(run.tools.key_store, sks::AbortProvisioningSession{*run.session});
  // A call that the key store refused has ended the session already.
  if (!aborted && sks::status_of(aborted.error()) != sks::Status::kNoSession) {
    run.tools.log.error("the session could not be aborted",
                        {{"session", std::to_string(*run.session)}, {"reason", aborted.error().message}});
  }
}

std::optional<Bytes> error_response(const Run& run, const Error& error) {
  if (run.record.server_session_id.empty()) return std::nullopt;
  const Result<xml::Document> response = keygen2::write_message(keygen2::ClientErrorResponse{
      .server_session_id = run.record.server_session_id, .error = client_error_of(error), .argument = client_error_argument(error)});
  if (!response) return std::nullopt;
  return response->serialize();
}

}  // namespace airtight::agent
