#include "tests/e2e/basic_container.h"

#include <map>
#include <utility>

#include "base/algorithms.h"
#include "keygen2/messages.h"

namespace airtight::e2e {
namespace {

class Conversation {
 public:
  Conversation(http::Client& http, const xml::Schema& schema) : http_(http), schema_(schema) {}

  Result<keygen2::Received> fetch(const std::string& url) {
    const http::Url address = TRY(http::Url::parse(url));
    const http::Response response = TRY(send(address, {.method = "GET", .target = {}, .headers = {}, .body = {}, .peer = {}}));
    return message_in(response);
  }
  Result<http::Response> post(const std::string& url, const xml::Document& message) {
    http::Request request{.method = "POST", .target = {}, .headers = {}, .body = message.serialize(), .peer = {}};
    request.headers.set("Content-Type", keygen2::kMediaType);
    if (!cookie_.empty()) request.headers.set("Cookie", cookie_);
    return send(TRY(http::Url::parse(url)), std::move(request));
  }
  Result<keygen2::Received> message_in(const http::Response& response) const { return keygen2::read_message(response.body, schema_); }

 private:
  Result<http::Response> send(const http::Url& url, http::Request request) {
    request.target = url.target;
    request.headers.set("Accept", "application/xbpp+xml, application/problem+json");
    http::Exchange exchange = TRY(http_.send(url, std::move(request)));
    const auto cookie = exchange.response.headers.get("Set-Cookie");
    if (cookie) cookie_ = std::string(cookie->substr(0, cookie->find(';')));
    if (exchange.response.status >= 400) return fail(Fault::kRefused, "the issuer refuses: " + to_text(exchange.response.body));
    return std::move(exchange.response);
  }

  http::Client& http_;
  const xml::Schema& schema_;
  std::string cookie_;
};

Result<crypto::PrivateKey> key_as_asked(const keygen2::BasicKeyPair& asked) {
  if (const auto* rsa = std::get_if<keygen2::RsaKeyAlgorithm>(&asked.algorithm)) {
    return crypto::PrivateKey::generate(crypto::RsaSpec{rsa->key_size, rsa->exponent.value_or(65537)});
  }
  const auto curve = crypto::curve_of_uri(std::get<keygen2::EcKeyAlgorithm>(asked.algorithm).named_curve);
  if (!curve) return fail(Fault::kRefused, "an unknown curve");
  return crypto::PrivateKey::generate(crypto::EcSpec{*curve});
}

using Keys = std::map<std::string, crypto::PrivateKey>;

Result<xml::Document> signed_response(const std::string& request_id, const Keys& keys) {
  keygen2::KeyOperationResponse response{.request_id = request_id, .keys = {}};
  for (const auto& [id, key] : keys) response.keys.push_back({id, key.public_key()});
  xml::Document document = TRY(keygen2::write_message(std::move(response)));
  for (const auto& [id, key] : keys) {
    const bool rsa = key.public_key().type() == KeyAlgorithmType::kRsa;
    const auto scheme = rsa ? crypto::SignatureScheme::kRsaPkcs1 : crypto::SignatureScheme::kEcdsaRaw;
    TRY(keygen2::sign_generated_key(document, id, rsa ? uri::kRsaSha256 : uri::kEcdsaSha256,
                                    [&](ByteView signed_info) { return keys.at(id).sign(scheme, crypto::Digest::kSha256, signed_info); }));
  }
  return document;
}

Result<> check_certificates(const keygen2::BasicCredentialDeploymentRequest& request, const Keys& keys) {
  if (request.keys.size() != keys.size()) return fail(Fault::kRefused, "a certificate is missing");
  for (const keygen2::BasicCertifiedKey& certified : request.keys) {
    const auto key = keys.find(certified.id);
    const auto path = TRY(crypto::order_path(certified.certificate_path));
    if (key == keys.end() || !equal(path.front().spki(), key->second.public_key().spki())) {
      return fail(Fault::kRefused, "a certificate is for another key");
    }
  }
  return {};
}

}  // namespace

Result<agent::EnrollmentOutcome> enroll_basic(const std::string& url, http::Client& http, const xml::Schema& schema) {
  Conversation conversation(http, schema);
  const keygen2::Received first = TRY(conversation.fetch(url));
  const auto& wanted = std::get<keygen2::KeyOperationRequest>(first.message);
  Keys keys;
  for (const keygen2::BasicKeyPair& asked : wanted.keys) keys.emplace(asked.id, TRY(key_as_asked(asked)));
  const xml::Document made = TRY(signed_response(wanted.request_id, keys));
  const http::Response reply = TRY(conversation.post(wanted.submit_url, made));
  const keygen2::Received deployment = TRY(conversation.message_in(reply));
  const auto& request = std::get<keygen2::BasicCredentialDeploymentRequest>(deployment.message);
  TRY(check_certificates(request, keys));
  const xml::Document done = TRY(keygen2::write_message(keygen2::BasicCredentialDeploymentResponse{.server_session_id = request.id}));
  TRY(conversation.post(request.submit_url, done));
  agent::EnrollmentOutcome outcome;
  outcome.server_session_id = request.id;
  return outcome;
}

}  // namespace airtight::e2e
