// What the service is made of. server.cc answers requests and takes steps; session_beginning.cc begins sessions and lets them go on;
// entrance.cc is where they begin without a one-time URL.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "ca/authority.h"
#include "ca/publisher.h"
#include "issuer/enrolment.h"
#include "issuer/internal/step.h"
#include "issuer/postman.h"
#include "issuer/server.h"
#include "xml/schema.h"

namespace airtight::issuer {

// How long a session that began at a profile's address waits for its first step.
inline constexpr std::chrono::seconds kFirstStepTime{600};

// A session that begins without a one-time URL that was made before.
struct Beginning {
  const Profile& profile;
  Enrolment enrolment;                                       // its way, subject, e-mail address and client
  std::function<Verified<>(storage::Database&)> admit = {};  // in the write transaction, before anything is written
  std::chrono::seconds life_time;                            // until its first step
  std::optional<std::int64_t> renews = {};
};

// Of a message that another request has answered meanwhile.
inline constexpr std::string_view kReplayedId = "message.replayed";

// What was posted to the session address with `handle`. Refers to the request and the schema.
class Posted {
 public:
  Posted(const http::Request& request, std::string_view handle, const xml::Schema& schema)
      : request_(request), handle_(handle), schema_(schema) {}

  [[nodiscard]] const http::Request& request() const { return request_; }
  [[nodiscard]] bool is_at(std::string_view url) const { return url.ends_with("/" + std::string(handle_)); }
  // Read when it is asked for: whoever has no session makes us read nothing, unless the message is to name it.
  [[nodiscard]] const Result<keygen2::Received>& message() {
    if (!message_) message_ = keygen2::read_message(request_.body, schema_);
    return *message_;
  }

 private:
  const http::Request& request_;
  std::string_view handle_;
  const xml::Schema& schema_;
  std::optional<Result<keygen2::Received>> message_;
};

struct IssuerService::Impl {
  Impl(ServiceParts service_parts, ca::Authority certificate_authority, xml::Schema compiled_schema,
       std::optional<RequestSigner> request_signer)
      : parts(std::move(service_parts)),
        authority(std::move(certificate_authority)),
        offer(std::make_shared<const Configuration>(parts.configuration)),
        schema(std::move(compiled_schema)),
        signers(request_signer ? RequestSigners(*std::move(request_signer)) : RequestSigners(authority)) {
    if (parts.send_mail) postman.emplace(parts.send_mail);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] Verified<http::Response> dispatch(const http::Request& request);
  // GET of an enrolment, resume or renewal URL.
  [[nodiscard]] Verified<http::Response> begin_or_resume(const http::Request& request, const Path& path);
  [[nodiscard]] Verified<http::Response> begin_session(storage::Database& database, const http::Request& request,
                                                       const crypto::Sha256Value& token_hash, const Enrolment& enrolment);
  [[nodiscard]] Verified<http::Response> begin_renewal(const http::Request& request, std::string_view serial);
  [[nodiscard]] Verified<http::Response> begin_at_once(storage::Database& database, const http::Request& request,
                                                       const Beginning& beginning);
  // What BASE/enroll/PROFILE is asked.
  [[nodiscard]] Verified<http::Response> enter(const http::Request& request, std::string_view profile_name);
  [[nodiscard]] Verified<http::Response> enter_as_client(storage::Database& database, const http::Request& request, const Profile& profile,
                                                         const std::vector<ClientCa>& cas);
  [[nodiscard]] Verified<http::Response> enter_by_mail(storage::Database& database, const http::Request& request, const Profile& profile);
  // After the commit; what cannot be sent leaves nothing behind.
  void send_invitation(mail::Message message, std::int64_t enrolment_id, const std::string& visitor);
  [[nodiscard]] Verified<http::Response> enter_openly(storage::Database& database, const http::Request& request, const Profile& profile);
  [[nodiscard]] Verified<http::Response> begin_again(storage::Database& database, Session session);
  [[nodiscard]] Verified<http::Response> resume_session(storage::Database& database, Session session, const std::string& token);
  [[nodiscard]] Session new_session(const Profile& profile, const crypto::Sha256Value& token_hash, const Token& cookie) const;
  [[nodiscard]] Verified<http::Response> first_request(const Session& session, const Profile& profile, const std::string& cookie) const;
  // POST of a message.
  [[nodiscard]] Verified<http::Response> submit(const http::Request& request, std::string_view handle);
  [[nodiscard]] Verified<std::optional<Session>> session_of(storage::Database& database, Posted& posted);
  [[nodiscard]] Verified<Answer> answer(Posted& posted, Turn& turn) const;
  [[nodiscard]] Verified<http::Response> apply(storage::Database& database, Turn& turn, const Answer& answer) const;
  void end_session(storage::Database& database, const Session& session, const Refusal& refusal) const;

  // The profile of a session: with which it began, and of that the part that a renewal is about.
  [[nodiscard]] Result<std::shared_ptr<const Profile>> profile_of(storage::Database& database, const Session& session);
  [[nodiscard]] Result<std::shared_ptr<const Profile>> compiled_profile(storage::Database& database, ByteView digest);

  // With what sessions begin; hold it as long as anything in it is used.
  [[nodiscard]] std::shared_ptr<const Configuration> offered();

  ServiceParts parts;
  ca::Authority authority;
  ca::Publisher publisher{authority};
  std::shared_ptr<const Configuration> offer;  // parts.configuration, or what was adopted since
  xml::Schema schema;
  RequestSigners signers;
  Environment environment{parts.master_key, authority, parts.clock, parts.random, schema, signers, parts.tls_fingerprint};
  std::mutex profiles_mutex;                                                 // of `offer` and `profiles`
  std::unordered_map<std::string, std::shared_ptr<const Profile>> profiles;  // compiled, by their digest
  std::optional<Postman> postman;                                            // the last, so that it ends first
};

}  // namespace airtight::issuer
