// Requests as the device gets them: with the ServerCookie and the signature that the profile wants.
#include "base/encoding.h"
#include "crypto/digest.h"
#include "issuer/internal/step.h"
#include "issuer/pages.h"
#include "xml/signature.h"

namespace airtight::issuer {
namespace {

constexpr std::string_view kCookiePurpose = "issuer server cookies";
constexpr std::string_view kCookieNamespace = "urn:airtight:issuer";

// What nobody else can make for this session and this step of it.
xml::Document make_server_cookie(const Environment& environment, const Session& session, std::int64_t step) {
  xml::Document cookie = xml::Document::create({"", keygen2::kNamespace}, "ServerCookie");
  const SecretBytes key = environment.master_key.derive_key(kCookiePurpose);
  // Of those who fetched the first request whoever did so last goes on, as with the HTTP cookie.
  const std::string place =
      session.server_session_id + "/" + std::to_string(step) + (step == 0 ? "/" + hex_encode(session.cookie_hash) : std::string());
  cookie.root()
      .add({"a", kCookieNamespace}, "Step")
      .set_text(base64url_encode(crypto::hmac_sha256(key.expose_secret(), {bytes_of(place)})));
  return cookie;
}

// Each by the issuing CA whose credentials it asks for (keygen2.md section 3).
Result<> sign_lookups(const Environment& environment, const Profile& profile, xml::Document& request) {
  const std::vector<ca::XmlSigner> signers = environment.authority.xml_signers();
  std::size_t next = 0;
  for (const xml::Element lookup : request.root().children(keygen2::kNamespace, "LookupSpecifier")) {
    if (is_of_first_authority(profile, lookup.attribute("ID").value_or(""))) next = 0;
    if (next == signers.size()) return fail(Fault::kUnavailable, "the authority's keys are being rolled over", "try again");
    const ca::XmlSigner& signer = signers[next++];
    TRY(xml::sign_enveloped(lookup, signer.method, {.key_name = {}, .certificate = signer.certificate}, signer.sign));
  }
  return {};
}

template <typename M>
concept HasServerCookie = requires(M& message) { message.server_cookie; };

}  // namespace

Result<Bytes> request_text(const Environment& environment, const Profile& profile, const Session& session, std::int64_t step,
                           keygen2::Message message) {
  if (profile.server_cookie) {
    std::visit(
        [&]<typename M>(M& one) {
          if constexpr (HasServerCookie<M>) one.server_cookie = make_server_cookie(environment, session, step);
        },
        message);
  }
  const bool discovery = std::holds_alternative<keygen2::CredentialDiscoveryRequest>(message);
  xml::Document document = TRY(keygen2::write_message(message));
  if (discovery) TRY(sign_lookups(environment, profile, document));
  if (profile.sign_requests) {
    const RequestSigner& signer = environment.signers.for_session(session.signer);
    TRY(xml::sign_enveloped(document.root(), signer.method, {.key_name = {}, .certificate = signer.certificate}, signer.sign));
  }
  return document.serialize();
}

Result<Bytes> request_text(const Turn& turn, keygen2::Message message) {
  return request_text(turn.environment, turn.profile, turn.session, turn.session.step + 1, std::move(message));
}

Result<bool> is_server_cookie(const Environment& environment, const Session& session, const keygen2::ServerCookie& cookie) {
  const xml::Document sent = make_server_cookie(environment, session, session.step);
  const Bytes expected = TRY(xml::canonicalize(sent.root()));
  const Result<Bytes> returned = xml::canonicalize(cookie->root());
  return returned && equal_in_constant_time(expected, *returned);
}

http::Response message_response(Bytes text) { return document(200, keygen2::kMediaType, std::move(text)); }

Verified<> check_server_session(const Turn& turn, std::string_view server_session_id, const keygen2::ServerCookie& cookie) {
  if (server_session_id != turn.session.server_session_id) {
    return refuse(kForbidden, "server-session-id", "The message names another session of the issuer than its cookie");
  }
  if (!turn.profile.server_cookie) {
    if (cookie) return refuse(kForbidden, "server-cookie", "The message returns a ServerCookie that was never sent");
    return {};
  }
  if (!cookie) return refuse(kForbidden, "server-cookie.missing", "The message does not return the ServerCookie");
  if (TRY(is_server_cookie(turn.environment, turn.session, cookie))) return {};
  return refuse(kForbidden, "server-cookie", "The message returns another ServerCookie than the one that was sent");
}

Verified<> check_both_sessions(const Turn& turn, std::string_view server_session_id, std::string_view client_session_id,
                               const keygen2::ServerCookie& cookie) {
  TRY(check_server_session(turn, server_session_id, cookie));
  if (client_session_id != turn.session.client_session_id) {
    return refuse(kForbidden, "client-session-id", "The message names another session of the device than the one that was created");
  }
  return {};
}

}  // namespace airtight::issuer
