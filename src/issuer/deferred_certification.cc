// DeferredCertification: the session pauses after its keys were verified, and goes on at its resume URL, with which any client that has the
// device can go on (keygen2.md sections 2 and 6). What approves the certificates sets certify_at; this does not ask who that is.
#include "issuer/enrolment.h"
#include "issuer/internal/step.h"
#include "issuer/pages.h"

namespace airtight::issuer {
namespace {

constexpr std::int64_t kUsualRetryAfter = 60;  // seconds
constexpr std::int64_t kLongestRetryAfter = 3600;

std::int64_t seconds_to_wait(const Session& session, Instant now) {
  if (!session.certify_at) return kUsualRetryAfter;
  const std::int64_t seconds = (session.certify_at->milliseconds - now.milliseconds + 999) / 1000;
  return std::max<std::int64_t>(1, std::min(seconds, kLongestRetryAfter));
}

}  // namespace

http::Response not_ready_page(const Session& session, const std::string& token, Instant now) {
  const std::string url = session.url + "/" + token;
  http::Response response =
      page_with_link(202, "Your certificates are not ready yet",
                     "The device has made its keys, and the issuer has verified them. Come back to this address:", url);
  response.headers.set("Link", "<" + url + ">; rel=\"resume\"");
  response.headers.set("Retry-After", std::to_string(seconds_to_wait(session, now)));
  return response;
}

Verified<Answer> defer_certification(Turn& turn, Bytes keys_response) {
  Session& session = turn.session;
  const Token token = make_token(turn.environment.random);
  session.keys_response = std::move(keys_response);
  session.resume_hash = to_bytes(ByteView(token.hash));
  if (turn.profile.deferral->seconds) session.certify_at = turn.now.plus(std::chrono::seconds(*turn.profile.deferral->seconds));
  return Answer{keygen2::ServerState::kAwaitCertification, [&turn, text = token.text](storage::Database&) -> Verified<http::Response> {
                  return not_ready_page(turn.session, text, turn.now);
                }};
}

bool is_certified(const Session& session, Instant now) { return session.certify_at && *session.certify_at <= now; }

Verified<Answer> resume_with_certificates(Turn& turn) {
  const keygen2::Received received = TRY(keygen2::read_message(turn.session.keys_response, turn.environment.schema));
  SecretBytes session_key = TRY(open_session_key(turn.environment, turn.session));
  turn.session.keys_response.clear();
  return deploy_credentials(turn, std::move(session_key), std::get<keygen2::KeyInitializationResponse>(received.message).keys);
}

}  // namespace airtight::issuer
