#include "agent/enrollment.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <variant>

#include "agent/internal/capabilities.h"
#include "agent/internal/key_creation.h"
#include "agent/internal/pin_dialogue.h"
#include "agent/internal/refusal.h"
#include "agent/internal/web_session.h"
#include "agent/printable.h"
#include "base/algorithms.h"
#include "keygen2/messages.h"
#include "keygen2/state_machines.h"
#include "sks/methods.h"
#include "xml/signature.h"

namespace airtight::agent {
namespace {

using keygen2::ClientError;
using keygen2::ClientState;
using Answer = Result<xml::Document>;  // the response to a request

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
        } else if constexpr (requires { what.submit_url; }) {
          return {what.server_session_id, what.submit_url};
        } else {
          return {};
        }
      },
      message);
}

Result<std::vector<crypto::Certificate>> certificates_of(const std::vector<Bytes>& encoded) {
  std::vector<crypto::Certificate> certificates;
  for (const Bytes& der : encoded) certificates.push_back(TRY(crypto::Certificate::parse(der)));
  return certificates;
}

Result<sks::Bytes32> mac_of(const Bytes& bytes) {
  sks::Bytes32 mac;
  if (bytes.size() != mac.size()) return refuse(ClientError::kNonMatchingRequests, "the issuer sent a MAC that has not 32 bytes");
  std::ranges::copy(bytes, mac.begin());
  return mac;
}

// An error of the user is a no, as far as the issuer is concerned.
template <typename T>
Result<T> of_user(Result<T> answer) {
  if (!answer) answer.error().answer = {Protocol::kKeyGen2, std::to_underlying(ClientError::kUserAbort)};
  return answer;
}

// One run of the protocol. Each handler makes the response to one request; step() does what all requests have in common.
class Enrollment {
 public:
  Enrollment(const EnrollmentOptions& options, const EnrollmentTools& tools)
      : options_(options), tools_(tools), web_(tools.http), state_(options.resume ? ClientState::kKeysInitialized : ClientState::kStart) {}

  Result<EnrollmentOutcome> run() {
    Result<> done = converse();
    if (!done) {
      give_up(done.error());
      return Failure(std::move(done.error()));
    }
    return std::move(outcome_);
  }

 private:
  Result<> converse() {
    tools_.http.forget();  // no TLS ticket links this enrolment to an earlier one
    const http::Url url = TRY(http::Url::parse(options_.url));
    tools_.user.progress(Step::kConnecting, url.authority());  // not the whole URL, which holds a token
    Reply reply = TRY(web_.get(options_.url));
    issuer_.host = outcome_.issuer_host = reply.url.host;
    while (!is_final(state_)) {
      TRY(check_user_is_there());
      if (!reply.is_message()) return accept_page(reply);
      const Result<std::optional<Reply>> next = step(reply);
      if (!next) return Failure(next.error());
      if (*next) reply = std::move(**next);
    }
    return {};
  }

  Result<> check_user_is_there() {
    if (!tools_.user.has_left()) return {};
    return refuse(ClientError::kUserAbort, "the enrolment was interrupted");
  }

  // An ordinary page where a request is due: right after the keys of a deferred certification, wrong everywhere else.
  Result<> accept_page(const Reply& reply) {
    if (state_ == ClientState::kStart) {
      return fail(Fault::kBadInput, "this URL leads to an ordinary page and not into an enrolment",
                  "open it in a browser, or ask the issuer for an enrolment URL");
    }
    const std::optional<http::Url> resume = reply.response.status == 202 ? resume_link(reply) : std::nullopt;
    if (state_ != ClientState::kKeysInitialized || !deferral_announced() || !resume) {
      return refuse(ClientError::kNonMatchingRequests, "the issuer sent a page where its next request is due");
    }
    outcome_.resume_url = TRY(web_.permitted(resume->to_text())).to_text();
    outcome_.retry_after = printable(reply.response.headers.get("Retry-After").value_or(""));
    return {};
  }

  bool deferral_announced() const { return deferred_certification_ || options_.resume; }

  // Reads one request, answers it, and returns the reply; nothing after the last.
  Result<std::optional<Reply>> step(const Reply& reply) {
    keygen2::Received received = TRY(keygen2::read_message(reply.response.body, tools_.schema));
    const keygen2::MessageKind kind = keygen2::kind_of(received.message);
    tools_.log.info("request received", {{"message", std::string(name_of(kind))}, {"state", std::string(name_of(state_))}});
    const http::Url submit_url = TRY(note_addressing(addressing_of(received.message), kind));
    const auto transition = keygen2::find_transition(state_, kind);
    if (!transition) {
      return refuse(ClientError::kNonMatchingRequests, "the issuer sent a " + std::string(name_of(kind)) + " where that has no place");
    }
    TRY(check_signature(received.document));
    origin_ = reply.server_certificate;
    const xml::Document response = TRY(std::visit([this](auto& request) { return handle(request); }, received.message));

    if (!closed_) TRY(check_user_is_there());
    Result<Reply> next = web_.post(submit_url, response.serialize());
    if (closed_) {  // any 2xx ends well, and the keys stay whatever comes
      if (!next) outcome_.unconfirmed = std::move(next.error());
      state_ = transition->next;
      return std::optional<Reply>();
    }
    if (!next) return Failure(std::move(next.error()));
    TRY(check_attested_server(*next));
    state_ = transition->next;
    return std::optional<Reply>(std::move(*next));
  }

  // Remembers where errors go, before anything can be wrong with the message.
  Result<http::Url> note_addressing(const Addressing& addressing, keygen2::MessageKind kind) {
    if (!addressing.submit_url) {
      return refuse(ClientError::kNonMatchingRequests, "the issuer sent a " + std::string(name_of(kind)) + ", which is no request");
    }
    http::Url url = TRY(web_.permitted(*addressing.submit_url));
    at_hand_ = url;
    if (outcome_.server_session_id.empty()) outcome_.server_session_id = addressing.server_session_id.value_or("");
    if (addressing.server_session_id != outcome_.server_session_id) {
      return refuse(ClientError::kNonMatchingRequests, "the issuer sent a request of another session");
    }
    return url;
  }

  // "A session that starts signed goes on signed, by the same signer" (keygen2.md section 6).
  Result<> check_signature(const xml::Document& document) {
    if (!keygen2::has_signature(document)) {
      if (!issuer_.signer) return {};
      return refuse(ClientError::kNonMatchingRequests, "the issuer signed its first request, but not this one");
    }
    Result<crypto::Certificate> signer = xml::verify_with_certificate(document.root());
    if (!signer) return refuse(ClientError::kNonMatchingRequests, "the signature of a request is broken: " + signer.error().message);
    if (state_ == ClientState::kStart) {
      issuer_.signer = std::move(*signer);
    } else if (issuer_.signer && !(*issuer_.signer == *signer)) {
      return refuse(ClientError::kNonMatchingRequests, "the requests of this session are signed by two different signers");
    }
    return {};
  }

  // The session attests the certificate of the server that asked for it; that server has to be the one that got the answer.
  Result<> check_attested_server(const Reply& reply) {
    if (state_ != ClientState::kNegotiated || !origin_) return {};
    if (reply.server_certificate && *reply.server_certificate == *origin_) return {};
    return fail(Fault::kRefused, "the TLS certificate of " + reply.url.host + " changed in the middle of the session",
                "somebody may sit between you and the issuer: try again from another network");
  }

  Answer handle(keygen2::PlatformNegotiationRequest& request) {
    tools_.user.progress(Step::kNegotiating, issuer_.host);
    abort_url_ = request.abort_url;
    issuer_.tls_certificate = origin_;
    issuer_.logotypes = request.logotypes.size();
    tools_.user.meet(issuer_);
    device_ = TRY(sks::call(tools_.key_store, sks::GetDeviceInfo{}));
    return keygen2::write_message(
        keygen2::PlatformNegotiationResponse{.server_session_id = request.id,
                                             .capabilities = keygen2::supported_of(request.capabilities, capabilities_of(device_)),
                                             .server_cookie = std::move(request.server_cookie)});
  }

  Answer handle(keygen2::ProvisioningSessionRequest& request) {
    tools_.user.progress(Step::kCreatingSession, request.id);
    TRY(check_session_key_algorithm(request, device_));
    const Instant now = tools_.clock.now().whole_seconds();
    sks::CreateProvisioningSession call;
    call.session_key_algorithm = request.session_key_algorithm;
    call.server_session_id = {request.id};
    call.server_ephemeral_key = request.server_ephemeral_key.spki();
    call.issuer_uri = to_bytes(request.submit_url);
    call.updatable = request.updatable;
    call.client_time = {static_cast<std::uint64_t>(now.milliseconds)};
    call.session_life_time = request.session_life_time;
    call.session_key_limit = request.session_key_limit;
    auto answer = TRY(sks::call(tools_.key_store, call));
    session_ = OpenSession{.handle = answer.provisioning_handle, .updatable = request.updatable};
    session_life_time_ = request.session_life_time;
    issuer_uri_ = request.submit_url;
    outcome_.client_session_id = answer.client_session_id.value;

    crypto::PublicKey client_ephemeral_key = TRY(crypto::PublicKey::from_spki(answer.client_ephemeral_key));
    std::vector<crypto::Certificate> device_path = TRY(certificates_of(device_.x509_certificates));
    std::optional<Bytes> fingerprint;
    if (origin_) fingerprint = to_bytes(origin_->sha256());
    xml::Document response =
        TRY(keygen2::write_message(keygen2::ProvisioningSessionResponse{.id = answer.client_session_id.value,
                                                                        .server_session_id = request.id,
                                                                        .server_time = request.server_time,
                                                                        .client_time = now,
                                                                        .session_attestation = std::move(answer.session_attestation),
                                                                        .server_certificate_fingerprint = std::move(fingerprint),
                                                                        .client_ephemeral_key = std::move(client_ephemeral_key),
                                                                        .device_certificate_path = std::move(device_path),
                                                                        .server_cookie = std::move(request.server_cookie)}));
    TRY(sign_with_session_key(response));
    return response;
  }

  Result<> sign_with_session_key(xml::Document& response) {
    const auto sign = [this](ByteView signed_info) -> Result<Bytes> {
      const auto answer = TRY(sks::call(tools_.key_store, sks::SignProvisioningSessionData{session_->handle, to_bytes(signed_info)}));
      return to_bytes(answer.result);
    };
    return xml::sign_enveloped(response.root(), uri::kHmacSha256, {.key_name = std::string(keygen2::kSessionKeyName)}, sign);
  }

  Answer handle(keygen2::KeyInitializationRequest& request) {
    TRY(check_client_session(request.client_session_id));
    TRY(check_requested_keys(request, device_, options_.max_keys));
    const bool wanted = TRY(of_user(tools_.user.confirm(
        {.issuer = issuer_, .keys = request, .session_life_time = session_life_time_, .updatable = session_->updatable})));
    if (!wanted) return refuse(ClientError::kUserAbort, "the user does not want these keys");
    const ChosenPins pins = TRY(of_user(choose_pins(request, tools_.user)));
    tools_.user.progress(Step::kCreatingKeys, "");
    std::vector<CreatedKey> created = TRY(create_keys(tools_.key_store, *session_, request, pins));

    deferred_certification_ = request.deferred_certification;
    keygen2::KeyInitializationResponse response{
        .id = outcome_.client_session_id, .server_session_id = request.id, .keys = {}, .server_cookie = std::move(request.server_cookie)};
    for (CreatedKey& key : created) {
      keys_.emplace(key.generated.id, key.handle);
      response.keys.push_back(std::move(key.generated));
    }
    tools_.user.progress(Step::kSendingKeys, "");
    return keygen2::write_message(std::move(response));
  }

  Answer handle(keygen2::CredentialDeploymentRequest& request) {
    if (!session_) TRY(resume_session(request));
    TRY(check_client_session(request.client_session_id));
    if (request.issuer_uri != issuer_uri_)
      return refuse(ClientError::kNonMatchingRequests, "the issuer sent certificates for a session of another issuer");
    TRY(check_deployment(request));
    tools_.user.progress(Step::kInstallingCertificates, "");
    std::map<std::string, std::uint32_t> missing = keys_;
    for (keygen2::CertifiedPublicKey& key : request.keys) {
      const auto target = missing.extract(key.id);
      if (!target)
        return refuse(ClientError::kNonMatchingRequests, "the issuer certified a key that is not one of this session: '" + key.id + "'");
      TRY(install(key, target.mapped()));
    }
    if (!missing.empty()) {
      return refuse(ClientError::kMissingProvisioningData, "the issuer sent no certificate for key '" + missing.begin()->first + "'");
    }
    tools_.user.progress(Step::kConfirming, "");
    const sks::Bytes32 close_mac = TRY(mac_of(request.close_session_mac));
    const auto closed = TRY(sks::call(tools_.key_store, sks::CloseProvisioningSession{session_->handle, close_mac}));
    closed_ = true;
    return keygen2::write_message(keygen2::CredentialDeploymentResponse{.id = outcome_.client_session_id,
                                                                        .server_session_id = request.id,
                                                                        .close_session_attestation = to_bytes(closed.attested_response),
                                                                        .server_cookie = std::move(request.server_cookie)});
  }

  Result<> install(keygen2::CertifiedPublicKey& key, std::uint32_t handle) {
    std::vector<crypto::Certificate> path = TRY(crypto::order_path(std::move(key.certificate_path)));
    sks::SetCertificatePath call{
        .provisioning_handle = session_->handle, .key_handle = handle, .x509_certificates = {}, .mac = TRY(mac_of(key.mac))};
    for (const crypto::Certificate& certificate : path) call.x509_certificates.push_back(certificate.der());
    TRY(sks::call(tools_.key_store, call));
    outcome_.keys.push_back({.handle = handle, .id = key.id, .certificate = path.front()});
    return {};
  }

  // Finds the session that an earlier run left open, and its keys (keygen2.md section 2).
  Result<> resume_session(const keygen2::CredentialDeploymentRequest& request) {
    TRY(web_.permitted(request.issuer_uri));
    const Result<sks::GetProvisioningSession::Response> found =
        sks::call(tools_.key_store, sks::GetProvisioningSession{{request.id}, {request.client_session_id}, to_bytes(request.issuer_uri)});
    if (!found) {
      return Failure(refusal(ClientError::kNonMatchingRequests, "the key store has no open session to go on with: " + found.error().message,
                             "it may have expired or been aborted; 'airtight device sessions' lists what there is"));
    }
    session_ = OpenSession{.handle = found->provisioning_handle};
    issuer_uri_ = request.issuer_uri;
    outcome_.client_session_id = request.client_session_id;
    std::uint32_t handle = sks::kNoHandle;
    do {
      const auto entry = TRY(sks::call(tools_.key_store, sks::EnumerateKeys{handle}));
      handle = entry.key_handle;
      if (entry.key && entry.key->provisioning_handle == session_->handle) keys_.emplace(entry.key->id.value, handle);
    } while (handle != sks::kNoHandle);
    return {};
  }

  // Every other message is unknown to the table of the client, or asks for what this agent cannot do.
  template <typename Other>
  Answer handle(Other& message) {
    return refuse(
        ClientError::kUnsupportedFeatureRequested,
        "the issuer sent a " + std::string(keygen2::name_of(keygen2::Message(std::move(message)))) + ", which this agent cannot answer");
  }

  Result<> check_client_session(const std::string& client_session_id) {
    if (client_session_id == outcome_.client_session_id) return {};
    return refuse(ClientError::kNonMatchingRequests, "the issuer sent a request for another session of this key store");
  }

  // Leaves nothing behind, first here and then at the issuer.
  void give_up(const Error& error) {
    if (closed_) return;
    const ClientError answer = client_error_of(error);
    tools_.log.info("enrolment given up", {{"answer", std::string(name_of(answer))}, {"reason", error.message}});
    if (session_) {
      tools_.user.progress(Step::kAborting, "");
      abort_session();
    }
    if (!at_hand_ || web_.refused_by_issuer() || outcome_.server_session_id.empty()) return;
    const Result<xml::Document> response = keygen2::write_message(keygen2::ClientErrorResponse{
        .server_session_id = outcome_.server_session_id, .error = answer, .argument = client_error_argument(error)});
    if (!response) return;
    if (const Result<Reply> reply = web_.post(*at_hand_, response->serialize()); !reply) {
      tools_.log.info("the issuer was not told", {{"reason", reply.error().message}});
    }
    if (answer == ClientError::kUserAbort && abort_url_) visit_abort_url();
  }

  void abort_session() {
    const auto aborted = sks::call(tools_.key_store, sks::AbortProvisioningSession{session_->handle});
    // A call that the key store refused has ended the session already.
    if (!aborted && sks::status_of(aborted.error()) != sks::Status::kNoSession) {
      tools_.log.error("the session could not be aborted",
                       {{"session", std::to_string(session_->handle)}, {"reason", aborted.error().message}});
    }
  }

  void visit_abort_url() {
    const Result<Reply> reply = web_.get(*abort_url_);
    if (!reply) tools_.log.info("the issuer's abort page was not reached", {{"reason", reply.error().message}});
  }

  const EnrollmentOptions& options_;
  const EnrollmentTools& tools_;
  WebSession web_;
  ClientState state_;
  IssuerSummary issuer_;
  EnrollmentOutcome outcome_;
  std::optional<http::Url> at_hand_;           // where the response to the last request goes
  std::optional<crypto::Certificate> origin_;  // of the connection over which it came
  std::optional<std::string> abort_url_;
  sks::GetDeviceInfo::Response device_;
  std::optional<OpenSession> session_;
  std::uint32_t session_life_time_ = 0;
  std::string issuer_uri_;
  std::map<std::string, std::uint32_t> keys_;  // handles by ID
  bool deferred_certification_ = false;
  bool closed_ = false;
};

}  // namespace

Result<EnrollmentOutcome> enroll(const EnrollmentOptions& options, const EnrollmentTools& tools) {
  return Enrollment(options, tools).run();
}

}  // namespace airtight::agent
