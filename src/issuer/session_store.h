// Settings, profiles, enrolments and sessions in the issuer's database. Each function is one statement within the caller's transaction; the
// steps of sessions are taken by compare-and-set on their `step`, so that of two requests at once exactly one wins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "keygen2/state_machines.h"
#include "storage/database.h"

namespace airtight::issuer {

// Brings the issuer's tables up to date.
[[nodiscard]] Result<> migrate_issuer_tables(storage::Database& database);

// By what a session begins.
enum class Way : std::uint8_t { kUrl, kOpen, kMail, kClient, kRenewal };
[[nodiscard]] std::string_view name_of(Way way);  // "url", "open", ...

// Whether init_issuer() has been here.
[[nodiscard]] Result<bool> has_issuer_tables(storage::Database& database);

struct Enrolment {
  std::int64_t id = 0;
  std::string profile = {};
  Way way = Way::kUrl;
  std::string subject = {};  // RFC 4514 text; empty: it follows from the device
  std::string email = {};    // an address that whoever enrols was reached at
  std::string client = {};   // the client that proved who it is
  bool used = false;
  Instant created_at = {};
  Instant expires_at = {};
};

// A row of issuer_sessions.
struct Session {
  std::int64_t id = 0;
  std::int64_t enrolment_id = 0;
  std::optional<std::int64_t> renews = {};  // the credential
  Bytes cookie_hash = {};
  Bytes resume_hash = {};
  keygen2::ServerState state = keygen2::ServerState::kAwaitPlatformNegotiationResponse;
  std::int64_t step = 0;
  Bytes profile_digest = {};
  Bytes signer = {};  // SHA-256 of the certificate of who signs its requests; empty: nobody
  std::string subject = {};
  std::string email = {};
  std::string url = {};
  std::string server_session_id = {};
  std::string client_session_id = {};
  std::string session_key_algorithm = {};
  bool updatable = false;
  std::uint32_t session_life_time = 0;
  std::uint16_t session_key_limit = 0;
  std::string server_time = {};
  Instant client_time = {};
  Bytes server_ephemeral_key = {};
  Bytes sealed_ephemeral_key = {};
  Bytes sealed_session_key = {};
  std::uint16_t mac_sequence_counter = 0;
  std::uint32_t session_key_uses = 0;
  Bytes device_certificate = {};
  std::string device_id = {};
  std::string verdict = {};
  Bytes request = {};
  Bytes keys_response = {};
  std::optional<Instant> certify_at = {};
  std::string refusal_id = {};
  std::string refusal = {};
  Instant created_at = {};
  Instant updated_at = {};
  Instant expires_at = {};
};

[[nodiscard]] Result<std::optional<std::string>> find_setting(storage::Database& database, std::string_view name);
[[nodiscard]] Result<> set_setting(storage::Database& database, std::string_view name, std::string_view value);

// The --host names of the TLS certificate that init made, for its renewal.
[[nodiscard]] Result<> remember_tls_hosts(storage::Database& database, const std::vector<std::string>& hosts);
// Nothing if init was given a certificate.
[[nodiscard]] Result<std::optional<std::vector<std::string>>> remembered_tls_hosts(storage::Database& database);

[[nodiscard]] Result<> insert_profile(storage::Database& database, ByteView digest, std::string_view name, std::string_view snapshot,
                                      Instant now);
// Fault::kInternal if it is not there.
[[nodiscard]] Result<std::string> find_profile_snapshot(storage::Database& database, ByteView digest);

[[nodiscard]] Result<> insert_enrolment(storage::Database& database, ByteView token_hash, const Enrolment& enrolment);
[[nodiscard]] Result<std::optional<Enrolment>> find_enrolment(storage::Database& database, ByteView token_hash);
// Removes one that was not used.
[[nodiscard]] Result<> remove_enrolment(storage::Database& database, std::int64_t id);
// Marks it used; false if somebody else already has.
[[nodiscard]] Result<bool> use_enrolment(storage::Database& database, std::int64_t id, Instant now);

[[nodiscard]] Result<> insert_session(storage::Database& database, const Session& session);
[[nodiscard]] Result<std::optional<Session>> find_session(storage::Database& database, std::int64_t id);
[[nodiscard]] Result<std::optional<Session>> find_session_by_cookie(storage::Database& database, ByteView cookie_hash);
[[nodiscard]] Result<std::optional<Session>> find_session_by_resume_token(storage::Database& database, ByteView resume_hash);
[[nodiscard]] Result<std::optional<Session>> find_session_by_server_id(storage::Database& database, std::string_view server_session_id);
[[nodiscard]] Result<std::optional<Session>> find_session_of_enrolment(storage::Database& database, std::int64_t enrolment_id);
// The session that is there to renew the credential and has not taken a step yet.
[[nodiscard]] Result<std::optional<Session>> find_unbegun_renewal(storage::Database& database, std::int64_t credential_id);
// Gives the session another cookie if it still is at `step`; false if it is not.
[[nodiscard]] Result<bool> replace_cookie(storage::Database& database, std::int64_t id, std::int64_t step, ByteView cookie_hash);
// Saves what is known only once the certificates are made: the request, which the resume URL gives again, and the session key's counts.
[[nodiscard]] Result<> set_deployment(storage::Database& database, const Session& session);
// Approves the deferred certificates of a session; false if it does not wait for that.
[[nodiscard]] Result<bool> set_certify_at(storage::Database& database, std::int64_t id, Instant now);
// Counts one use of the session key if the session has one left and keeps its key; false otherwise.
[[nodiscard]] Result<bool> count_session_key_use(storage::Database& database, std::int64_t id);
// Wipes the session key of a session that owns nothing any more.
[[nodiscard]] Result<> forget_session_key(storage::Database& database, std::int64_t id);
// Writes what a step changes if the row still is at `expected_step`, and counts the step; false if it is not.
[[nodiscard]] Result<bool> advance_session(storage::Database& database, const Session& session, std::int64_t expected_step);
// The refusal of sessions that an operator denied.
inline constexpr std::string_view kDeniedId = "operator.denied";
// Why a session ended before its time.
struct Ending {
  std::string_view id;        // stable
  std::string_view sentence;  // for people
};
// Aborts the session unless it has ended meanwhile, keeps the evidence that `session` has of its device, and wipes its secrets; but the
// session key stays where the device may have finished all the same, so that a later session can delete what it has. False if it had ended.
[[nodiscard]] Result<bool> abort_session(storage::Database& database, const Session& session, const Ending& ending, Instant now);

}  // namespace airtight::issuer
