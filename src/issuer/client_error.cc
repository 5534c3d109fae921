// ClientErrorResponse: the device cannot or will not go on. The session ends, and the reason is kept.
#include "issuer/internal/step.h"
#include "issuer/pages.h"

namespace airtight::issuer {

Verified<Answer> handle_client_error(Turn& turn, const keygen2::Received& received) {
  constexpr std::size_t kMaxReason = 1000;
  const auto& response = std::get<keygen2::ClientErrorResponse>(received.message);
  Session& session = turn.session;
  TRY(check_server_session(session, response.server_session_id, {}));
  session.refusal_id = "client." + std::string(keygen2::name_of(response.error));
  session.refusal = response.argument.size() <= kMaxReason ? response.argument : "(a reason too long to keep)";
  forget_secrets(session);
  return Answer{keygen2::ServerState::kFailed, [](storage::Database&) -> Verified<http::Response> {
                  return page(200, "The enrolment has ended",
                              "The device reported that it cannot go on. Ask for a new enrolment to try again.");
                }};
}

}  // namespace airtight::issuer
