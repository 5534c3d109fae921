// ClientErrorResponse: the device cannot or will not go on. The session ends, and the reason is kept.
#include "issuer/internal/step.h"
#include "issuer/pages.h"

namespace airtight::issuer {

Verified<Answer> handle_client_error(Turn& turn, const keygen2::Received& received) {
  constexpr std::size_t kMaxReason = 1000;
  const auto& response = std::get<keygen2::ClientErrorResponse>(received.message);
  Session& session = turn.session;
  if (response.server_session_id != session.server_session_id) {
    return refuse(kForbidden, "server-session-id", "The message names another session of the issuer than its cookie");
  }
  session.refusal_id = "client." + std::string(keygen2::name_of(response.error));
  session.refusal = response.argument.size() <= kMaxReason ? response.argument : "(a reason too long to keep)";
  forget_secrets(session);
  return Answer{keygen2::ServerState::kFailed, [&turn](storage::Database& database) -> Verified<http::Response> {
                  TRY(withdraw_credentials(database, turn.environment.clock, turn.session.id, "the device gave up"));
                  return page(200, "The enrolment has ended",
                              "The device reported that it cannot go on. Ask for a new enrolment to try again.");
                }};
}

}  // namespace airtight::issuer
