#include "tests/agent/fake_issuer.h"

#include <algorithm>

#include "base/algorithms.h"
#include "tests/support/must.h"
#include "xml/signature.h"

namespace airtight::agent::testing {
namespace {

using tests::must;

constexpr const char* kServerTime = "2010-03-18T11:23:29Z";

xml::Document cookie() {
  return must(
      xml::Document::parse(bytes_of("<ServerCookie xmlns=\"http://xmlns.webpki.org/keygen2/beta/20100402#\">"
                                    "<x:State xmlns:x=\"urn:example\" a=\"1\">kept <x:b/> whole</x:State></ServerCookie>")));
}

}  // namespace

FakeIssuer::FakeIssuer()
    : schema_(must(keygen2::compile_schema())),
      ephemeral_(FakeCa::new_key()),
      signer_(FakeCa::new_key()),
      signer_certificate_(ca_.certify(signer_.public_key(), {.subject = "CN=Request signer"})) {
  tls_certificate = ca_.certify(FakeCa::new_key().public_key(), {.subject = "CN=issuer.example.com"});
  asked_capabilities.algorithms = {std::string(uri::kEcdsaSha256), "urn:example:unheard-of", std::string(uri::kRsaSha256)};
  objects.emplace_back(keygen2::PukPolicyRequest{.id = "PUK.1",
                                                 .encrypted_value = to_bytes("0123456789"),
                                                 .format = PassphraseFormat::kNumeric,
                                                 .retry_limit = 5,
                                                 .pin_policies = {pin_policy()}});
}

keygen2::PinPolicyRequest FakeIssuer::pin_policy(std::string id) {
  keygen2::PinPolicyRequest policy;
  policy.id = std::move(id);
  policy.format = PassphraseFormat::kNumeric;
  policy.retry_limit = 3;
  policy.min_length = 4;
  policy.max_length = 8;
  policy.keys = std::vector{key()};
  return policy;
}

keygen2::KeyPairRequest FakeIssuer::key(std::string id, KeyUsage usage) {
  keygen2::KeyPairRequest key;
  key.id = std::move(id);
  key.key_usage = usage;
  key.friendly_name = "My signature";
  key.algorithm = keygen2::KeyPairRequest::Ec{std::string(uri::kP256)};
  return key;
}

bool FakeIssuer::was_fetched(const std::string& url) const {
  return std::ranges::any_of(sent, [&](const Sent& request) { return request.method == "GET" && request.url.to_text() == url; });
}

Result<http::Exchange> FakeIssuer::send(const http::Url& url, http::Request request) {
  sent.push_back({.method = request.method,
                  .url = url,
                  .cookies = std::string(request.headers.get("Cookie").value_or("")),
                  .content_type = request.media_type()});
  http::Exchange exchange = TRY(answer(request));
  if (tls_certificate) exchange.server_certificate = tls_certificate->der();
  exchange.response.headers.add("Set-Cookie", "session=s3cret; Path=/; Secure; HttpOnly");
  if (change_exchange) change_exchange(request, exchange);
  return exchange;
}

Result<http::Exchange> FakeIssuer::answer(const http::Request& request) {
  if (request.method == "GET") {
    if (request.target.starts_with("/enrol")) return reply(negotiation_request());
    if (request.target.starts_with("/resume")) return certificates_ready ? reply(deployment_request()) : page(202);
    return page(200);
  }
  keygen2::Received received_message = TRY(keygen2::read_message(request.body, schema_));
  received.push_back(keygen2::kind_of(received_message.message));
  return answer_message(received_message.document, received_message.message);
}

Result<http::Exchange> FakeIssuer::answer_message(const xml::Document& document, keygen2::Message& message) {
  if (auto* negotiated = std::get_if<keygen2::PlatformNegotiationResponse>(&message)) {
    supported = negotiated->capabilities;
    return reply(session_request());
  }
  if (auto* session = std::get_if<keygen2::ProvisioningSessionResponse>(&message)) {
    accept_session(document, *session);
    return lookups.empty() ? reply_with_keys() : reply(discovery_request());
  }
  if (auto* found = std::get_if<keygen2::CredentialDiscoveryResponse>(&message)) {
    discovered = std::move(*found);
    return reply_with_keys();
  }
  if (auto* generated = std::get_if<keygen2::KeyInitializationResponse>(&message)) {
    keys = std::move(generated->keys);
    return defers_certification ? page(202) : reply(deployment_request());
  }
  if (auto* deployed = std::get_if<keygen2::CredentialDeploymentResponse>(&message)) {
    close_attestation_verified = equal(deployed->close_session_attestation, sks::close_attestation(session_key_, mac_counter_));
    if (close_attestation_verified) std::ranges::move(unconfirmed_, std::back_inserter(issued));
    unconfirmed_.clear();
    return page(200);
  }
  if (auto* failed = std::get_if<keygen2::ClientErrorResponse>(&message)) error = std::move(*failed);
  return page(200);
}

void FakeIssuer::accept_session(const xml::Document& document, keygen2::ProvisioningSessionResponse& response) {
  client_session_id_ = response.id;
  const sks::SessionParameters parameters{.client_session_id = response.id,
                                          .server_session_id = server_session_id,
                                          .issuer_uri = kSubmitUrl,
                                          .server_ephemeral_key = ephemeral_.public_key().spki(),
                                          .client_ephemeral_key = response.client_ephemeral_key.spki(),
                                          .updatable = updatable,
                                          .client_time = response.client_time,
                                          .session_life_time = session_life_time,
                                          .session_key_limit = 50};
  const SecretBytes z = must(ephemeral_.agree(response.client_ephemeral_key));
  session_key_ = sks::derive_session_key(z, parameters, response.device_certificate_path.front().der());
  const SecretBytes key = sks::external_signature_key(session_key_);
  session_signature_verified = xml::verify_hmac(document.root(), key.expose_secret(), keygen2::kSessionKeyName).has_value();
  session_response = std::move(response);
  keys.clear();
  mac_counter_ = 0;
}

// A session that makes no keys goes on with what it deletes.
Result<http::Exchange> FakeIssuer::reply_with_keys() { return objects.empty() ? reply(deployment_request()) : reply(key_request()); }

Bytes FakeIssuer::first_file() { return must(reply(negotiation_request())).response.body; }

Bytes FakeIssuer::next_file(ByteView response) {
  keygen2::Received message = must(keygen2::read_message(response, schema_));
  received.push_back(keygen2::kind_of(message.message));
  const http::Exchange exchange = must(answer_message(message.document, message.message));
  return exchange.response.media_type() == keygen2::kMediaType ? exchange.response.body : Bytes();
}

Result<http::Exchange> FakeIssuer::reply(keygen2::Message message) {
  if (change_message) change_message(message);
  xml::Document document = TRY(keygen2::write_message(message));
  if (std::holds_alternative<keygen2::CredentialDiscoveryRequest>(message)) {
    TRY(keygen2::sign_lookups(document, uri::kEcdsaSha256, ca_.root(), ca_.signer()));
  }
  if (signs_requests) {
    TRY(xml::sign_enveloped(document.root(), uri::kEcdsaSha256, {.key_name = {}, .certificate = signer_certificate_},
                            FakeCa::signer_of(signer_)));
  }
  if (change_document) change_document(keygen2::kind_of(message), document);
  http::Exchange exchange;
  exchange.response.headers.set("Content-Type", keygen2::kMediaType);
  exchange.response.body = document.serialize();
  return exchange;
}

http::Exchange FakeIssuer::page(int status) const {
  http::Exchange exchange;
  exchange.response = http::text_response(status, "a page", "text/html; charset=utf-8");
  if (status == 202) {
    exchange.response.headers.set("Retry-After", "3600");
    exchange.response.headers.set("Link", "</resume/9xTw>; rel=\"resume\"");
  }
  return exchange;
}

keygen2::PlatformNegotiationRequest FakeIssuer::negotiation_request() const {
  return {.id = server_session_id,
          .submit_url = kSubmitUrl,
          .abort_url = kAbortUrl,
          .logotypes = {{.mime_type = "image/png", .image = to_bytes("pixels")}},
          .capabilities = asked_capabilities,
          .server_cookie = cookie()};
}

keygen2::ProvisioningSessionRequest FakeIssuer::session_request() const {
  return {.id = server_session_id,
          .server_time = kServerTime,
          .session_life_time = session_life_time,
          .session_key_limit = 50,
          .session_key_algorithm = std::string(uri::kSessionKey1),
          .updatable = updatable,
          .submit_url = kSubmitUrl,
          .server_ephemeral_key = ephemeral_.public_key(),
          .server_cookie = cookie()};
}

keygen2::CredentialDiscoveryRequest FakeIssuer::discovery_request() const {
  keygen2::CredentialDiscoveryRequest request{.id = server_session_id,
                                              .client_session_id = client_session_id_,
                                              .server_time = kServerTime,
                                              .submit_url = kSubmitUrl,
                                              .lookups = lookups,
                                              .server_cookie = cookie()};
  for (keygen2::LookupSpecifier& lookup : request.lookups) {
    lookup.nonce = to_bytes(keygen2::discovery_nonce(client_session_id_, server_session_id, kSubmitUrl));
  }
  return request;
}

keygen2::KeyInitializationRequest FakeIssuer::key_request() {
  std::vector<keygen2::CreateObject> encrypted = objects;
  for (keygen2::CreateObject& object : encrypted) {
    if (auto* puk = std::get_if<keygen2::PukPolicyRequest>(&object)) {
      puk->encrypted_value = sks::encrypt(session_key_, puk->encrypted_value, random_);
    }
    if (auto* pin = std::get_if<keygen2::PinPolicyRequest>(&object)) {
      auto* preset = std::get_if<std::vector<keygen2::PresetPin>>(&pin->keys);
      if (preset == nullptr) continue;
      for (keygen2::PresetPin& one : *preset) one.encrypted_value = sks::encrypt(session_key_, one.encrypted_value, random_);
    }
  }
  return {.id = server_session_id,
          .client_session_id = client_session_id_,
          .server_time = kServerTime,
          .submit_url = kSubmitUrl,
          .deferred_certification = defers_certification,
          .objects = std::move(encrypted),
          .server_cookie = cookie()};
}

}  // namespace airtight::agent::testing
