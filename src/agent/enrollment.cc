#include "agent/enrollment.h"

#include <algorithm>
#include <utility>

#include "agent/internal/run.h"
#include "agent/internal/web_session.h"
#include "agent/key_list.h"
#include "agent/printable.h"
#include "keygen2/state_machines.h"

namespace airtight::agent {
namespace {

using keygen2::ClientError;
using keygen2::ClientState;

constexpr int kFirstServerStatus = 500;

// A run whose messages go over the web.
class WebEnrollment {
 public:
  WebEnrollment(const EnrollmentOptions& options, const EnrollmentTools& tools, http::Client& http, SessionRecord record = {})
      : run_{.options = options, .tools = tools, .record = std::move(record)}, http_(http), web_(http, run_.record.place) {
    run_.outcome.server_session_id = run_.record.server_session_id;
    run_.outcome.client_session_id = run_.record.client_session_id;
    run_.outcome.issuer_host = run_.record.place.host;
  }

  // From the enrolment URL.
  Result<EnrollmentOutcome> start() {
    run_.record.renews = run_.options.renews;
    return finish(converse_from([this] { return fetch(run_.options.url); }));
  }

  // From the resume URL, without a record of what was before.
  Result<EnrollmentOutcome> resume() {
    run_.record.state = ClientState::kKeysInitialized;
    run_.record.deferred_certification = true;
    run_.is_remembered = false;
    return finish(converse_from([this] { return fetch(run_.options.url); }));
  }

  // From a request that something else fetched.
  Result<EnrollmentOutcome> start_with(ByteView message) {
    http_.forget();
    return finish(converse_from([&]() -> Result<Reply> {
      const Bytes response = TRY(answer(run_, message, std::nullopt));
      return web_.post(*run_.at_hand, response);
    }));
  }

  // From what another process left.
  Result<EnrollmentOutcome> go_on() {
    TRY(check_transport());
    run_.at_hand = TRY(run_.record.place.permitted(run_.record.submit_url));
    if (run_.record.state == ClientState::kDeployed) return confirm_again();
    if (run_.record.at_work && was_closed()) return was_not_confirmed();
    return finish(go_on_open());
  }

  Result<> abandon() {
    TRY(check_transport());
    if (run_.record.state == ClientState::kDeployed || was_closed()) {
      return fail(Fault::kRefused, "the keys of this session are in place: there is nothing left to abort",
                  "'airtight enroll --resume' tells the issuer so; 'airtight keys delete' removes a key");
    }
    run_.at_hand = TRY(run_.record.place.permitted(run_.record.submit_url));
    static_cast<void>(find_session(run_));  // it may have gone by itself
    give_up(refusal(ClientError::kUserAbort, "the user ended the enrolment"));
    return {};
  }

 private:
  Result<> check_transport() const {
    if (run_.record.transport == Transport::kWeb) return {};
    return fail(Fault::kBadInput, "this session goes on with files", "use --in and --out with the file that the issuer sent");
  }

  Result<Reply> fetch(const std::string& text) {
    http_.forget();  // no TLS ticket links this enrolment to an earlier one
    const http::Url url = TRY(http::Url::parse(text));
    run_.tools.user.progress(Step::kConnecting, url.authority());  // not the whole URL, which holds a token
    Reply reply = TRY(web_.get(text));
    run_.issuer.host = run_.outcome.issuer_host = reply.url.host;
    return reply;
  }

  Result<> go_on_open() {
    if (run_.record.at_work) {
      static_cast<void>(find_session(run_));
      return refuse(ClientError::kGeneralError, "the enrolment was interrupted while the key store was at work, and cannot go on",
                    "start again at the issuer");
    }
    TRY(find_session(run_));
    if (run_.record.resume_url) {
      const std::string url = *run_.record.resume_url;
      return converse_from([this, url] { return fetch(url); });
    }
    return converse_from([this]() -> Result<Reply> {
      http_.forget();
      run_.tools.user.progress(Step::kConnecting, run_.at_hand->authority());
      Reply reply = TRY(web_.post(*run_.at_hand, run_.record.response));
      TRY(check_attested_server(reply));
      return reply;
    });
  }

  template <typename First>
  Result<> converse_from(const First& first) {
    Reply reply = TRY(first());
    while (!is_final(run_.record.state)) {
      TRY(check_user_is_there());
      if (!reply.is_message()) return accept_page(reply);
      std::optional<Reply> next = TRY(step(reply));
      if (next) reply = std::move(*next);
    }
    return {};
  }

  Result<> check_user_is_there() {
    if (!run_.tools.user.has_left()) return {};
    return refuse(ClientError::kUserAbort, "the enrolment was interrupted");
  }

  // Reads one request, answers it, and returns the reply; nothing after the last.
  Result<std::optional<Reply>> step(const Reply& reply) {
    if (!run_.is_remembered) TRY(recall(reply));
    const Bytes response = TRY(answer(run_, reply.response.body, reply.server_certificate));
    if (!run_.closed) TRY(check_user_is_there());
    Result<Reply> next = web_.post(*run_.at_hand, response);
    if (run_.closed) {  // any 2xx ends well, and the keys stay whatever comes
      note_confirmation(next);
      return std::optional<Reply>();
    }
    if (!next) return Failure(std::move(next.error()));
    TRY(check_attested_server(*next));
    return std::optional<Reply>(std::move(*next));
  }

  // The record of the session that a resume URL turned out to lead to.
  Result<> recall(const Reply& reply) {
    if (run_.tools.memory == nullptr) return {};
    const keygen2::Received received = TRY(keygen2::read_message(reply.response.body, run_.tools.schema));
    const auto* request = std::get_if<keygen2::CredentialDeploymentRequest>(&received.message);
    if (request == nullptr) return {};
    for (SessionRecord& record : TRY(run_.tools.memory->all())) {
      if (record.server_session_id != request->id || record.client_session_id != request->client_session_id) continue;
      const WebPlace here = run_.record.place;
      TRY(record.place.permitted(reply.url.to_text()));
      run_.record = std::move(record);
      run_.record.place.cookies = here.cookies;
      run_.is_remembered = true;
      return {};
    }
    return {};
  }

  // The session attests the certificate of the server that asked for it; that server has to be the one that got the answer.
  Result<> check_attested_server(const Reply& reply) const {
    if (run_.record.state != ClientState::kSessionCreated || !run_.record.origin) return {};
    if (reply.server_certificate && *reply.server_certificate == *run_.record.origin) return {};
    return fail(Fault::kRefused, "the TLS certificate of " + reply.url.host + " changed in the middle of the session",
                "somebody may sit between you and the issuer: try again from another network");
  }

  // An ordinary page where a request is due: right after the keys of a deferred certification, wrong everywhere else.
  Result<> accept_page(const Reply& reply) {
    if (run_.record.state == ClientState::kStart) {
      return fail(Fault::kBadInput, "this URL leads to an ordinary page and not into an enrolment",
                  "open it in a browser, or ask the issuer for an enrolment URL");
    }
    const std::optional<http::Url> link = reply.response.status == 202 ? resume_link(reply) : std::nullopt;
    if (run_.record.state != ClientState::kKeysInitialized || !run_.record.deferred_certification || !link) {
      return refuse(ClientError::kNonMatchingRequests, "the issuer sent a page where its next request is due");
    }
    run_.outcome.resume_url = TRY(run_.record.place.permitted(link->to_text())).to_text();
    run_.outcome.retry_after = printable(reply.response.headers.get("Retry-After").value_or(""));
    run_.record.resume_url = run_.outcome.resume_url;
    run_.record.retry_after = run_.outcome.retry_after;
    return remember(run_);
  }

  Result<EnrollmentOutcome> finish(Result<> done) {
    if (!done) {
      give_up(done.error());
      say_that_it_is_over(done.error());
      return Failure(std::move(done.error()));
    }
    return std::move(run_.outcome);
  }

  // Who was refused, by whom, is in the error itself; a connection that is gone says nothing of the enrolment.
  void say_that_it_is_over(Error& error) const {
    const bool was_refused = error.code_in(Protocol::kKeyGen2) || error.code_in(Protocol::kHttp);
    if (run_.closed || was_refused || run_.record.client_session_id.empty()) return;
    constexpr std::string_view kOver = "the enrolment is over and has left nothing in the key store: ask the issuer for a new one";
    error.hint = error.hint.empty() ? std::string(kOver) : std::string(kOver) + "; " + error.hint;
  }

  // A refusal by the issuer is final; a server or a network in trouble can be asked again.
  void note_confirmation(Result<Reply>& reply) {
    if (reply) return forget(run_);
    const auto status = reply.error().code_in(Protocol::kHttp);
    const bool is_final_word = status && *status < kFirstServerStatus;
    if (is_final_word || run_.tools.memory == nullptr) {
      forget(run_);
      reply.error().hint = "tell the issuer; the keys work as long as it does not revoke them";
    } else {
      reply.error().hint = "'airtight enroll --resume' tells it again; the keys work as long as the issuer does not revoke them";
    }
    run_.outcome.unconfirmed = std::move(reply.error());
  }

  Result<EnrollmentOutcome> confirm_again() {
    run_.closed = true;
    TRY(list_made_keys());
    http_.forget();
    run_.tools.user.progress(Step::kConfirming, "");
    Result<Reply> reply = web_.post(*run_.at_hand, run_.record.response);
    note_confirmation(reply);
    return std::move(run_.outcome);
  }

  // Between the end of the key store's session and the note of it the process was killed: its attestation is lost.
  Result<EnrollmentOutcome> was_not_confirmed() {
    TRY(list_made_keys());
    run_.outcome.unconfirmed = Error{Fault::kRefused, "the program was interrupted just after the key store had finished",
                                     "tell the issuer; the keys work as long as it does not revoke them", std::nullopt};
    forget(run_);
    return std::move(run_.outcome);
  }

  [[nodiscard]] bool was_closed() const {
    const auto sessions = list_sessions(run_.tools.key_store);
    return sessions && std::ranges::any_of(*sessions, [&](const SessionEntry& entry) {
             return !entry.session.is_open && entry.session.client_session_id.value == run_.record.client_session_id;
           });
  }

  Result<> list_made_keys() {
    const std::vector<SessionEntry> sessions = TRY(list_sessions(run_.tools.key_store));
    const auto session = std::ranges::find_if(
        sessions, [&](const SessionEntry& entry) { return entry.session.client_session_id.value == run_.record.client_session_id; });
    if (session == sessions.end()) return {};  // it only deleted keys
    for (const KeyEntry& key : TRY(list_keys(run_.tools.key_store))) {
      if (key.key.provisioning_handle != session->handle || !key.is_usable()) continue;
      run_.outcome.keys.push_back({.handle = key.handle, .id = key.key.id.value, .certificate = key.path.front()});
    }
    return {};
  }

  // Leaves nothing behind, first here and then at the issuer.
  void give_up(const Error& error) {
    if (run_.closed) return;
    const ClientError told = client_error_of(error);
    run_.tools.log.info("enrolment given up", {{"answer", std::string(name_of(told))}, {"reason", error.message}});
    abort_session(run_);
    forget(run_);
    if (!run_.at_hand || web_.refused_by_issuer()) return;
    const std::optional<Bytes> response = error_response(run_, error);
    if (!response) return;
    if (const Result<Reply> reply = web_.post(*run_.at_hand, *response); !reply) {
      run_.tools.log.info("the issuer was not told", {{"reason", reply.error().message}});
    }
    if (told == ClientError::kUserAbort && run_.record.abort_url) visit_abort_url();
  }

  void visit_abort_url() {
    const Result<Reply> reply = web_.get(*run_.record.abort_url);
    if (!reply) run_.tools.log.info("the issuer's abort page was not reached", {{"reason", reply.error().message}});
  }

  Run run_;
  http::Client& http_;
  WebSession web_;
};

}  // namespace

Result<EnrollmentOutcome> enroll(const EnrollmentOptions& options, const EnrollmentTools& tools, http::Client& http) {
  WebEnrollment enrollment(options, tools, http);
  return options.resume ? enrollment.resume() : enrollment.start();
}

Result<EnrollmentOutcome> enroll_from_message(ByteView message, const EnrollmentOptions& options, const EnrollmentTools& tools,
                                              http::Client& http) {
  return WebEnrollment(options, tools, http).start_with(message);
}

Result<EnrollmentOutcome> continue_enrollment(SessionRecord record, const EnrollmentOptions& options, const EnrollmentTools& tools,
                                              http::Client& http) {
  return WebEnrollment(options, tools, http, std::move(record)).go_on();
}

Result<> abandon_enrollment(SessionRecord record, const EnrollmentTools& tools, http::Client& http) {
  const EnrollmentOptions options;
  return WebEnrollment(options, tools, http, std::move(record)).abandon();
}

}  // namespace airtight::agent
