// PlatformNegotiationRequest asks for what the profile needs of the device; its response says whether the device can.
#include <algorithm>
#include <ranges>

#include "base/algorithms.h"
#include "issuer/internal/step.h"

namespace airtight::issuer {
namespace {

// What the profile cannot do without.
keygen2::BasicCapabilities needed_capabilities(const Profile& profile) {
  keygen2::BasicCapabilities needed;
  const auto need = [](auto& list, const auto& value) {
    if (std::ranges::find(list, value) == list.end()) list.emplace_back(value);
  };
  need(needed.algorithms, uri::kSessionKey1);
  need(needed.algorithms, uri::kKeyAttestation1);
  for (const KeyProfile& key : profile.keys) {
    if (const auto* curve = std::get_if<EcKey>(&key.algorithm)) {
      need(needed.algorithms, crypto::curve_uri(curve->curve));
    } else {
      const RsaKey& rsa = std::get<RsaKey>(key.algorithm);
      need(needed.rsa_key_sizes, rsa.size);
      if (rsa.exponent) needed.settable_exponent = true;
    }
    if (!key.symmetric_key) continue;
    for (const std::string& algorithm : key.symmetric_key->endorsed_algorithms) need(needed.algorithms, algorithm);
  }
  return needed;
}

// What is asked for: what is needed, then what the profile only would like.
keygen2::BasicCapabilities requested_capabilities(const Profile& profile) {
  keygen2::BasicCapabilities requested = needed_capabilities(profile);
  for (const std::string& algorithm : profile.wanted_algorithms) {
    if (std::ranges::find(requested.algorithms, algorithm) == requested.algorithms.end()) requested.algorithms.push_back(algorithm);
  }
  requested.extensions = profile.wanted_extensions;
  return requested;
}

// keygen2.md section 6: "A response keeps the request's order", and lists nothing that was not asked for.
template <typename T>
bool is_ordered_part_of(const std::vector<T>& part, const std::vector<T>& whole) {
  auto at = whole.begin();
  for (const T& value : part) {
    at = std::find(at, whole.end(), value);
    if (at == whole.end()) return false;
    ++at;
  }
  return true;
}

Verified<> check_answers_request(const keygen2::BasicCapabilities& answer, const keygen2::BasicCapabilities& request) {
  if (is_ordered_part_of(answer.algorithms, request.algorithms) && is_ordered_part_of(answer.extensions, request.extensions) &&
      is_ordered_part_of(answer.rsa_key_sizes, request.rsa_key_sizes) && (request.settable_exponent || !answer.settable_exponent)) {
    return {};
  }
  return refuse(kBadMessage, "capabilities.not-asked", "The device lists capabilities that it was not asked for, or in another order");
}

Verified<> check_is_capable(const keygen2::BasicCapabilities& answer, const keygen2::BasicCapabilities& needed) {
  for (const std::string& algorithm : needed.algorithms) {
    if (std::ranges::find(answer.algorithms, algorithm) == answer.algorithms.end()) {
      return refuse(kForbidden, "capabilities.algorithm",
                    "The device does not support the algorithm " + algorithm + ", which this enrolment needs");
    }
  }
  for (const std::uint16_t size : needed.rsa_key_sizes) {
    if (std::ranges::find(answer.rsa_key_sizes, size) == answer.rsa_key_sizes.end()) {
      return refuse(kForbidden, "capabilities.rsa-key-size",
                    "The device does not support RSA keys of " + std::to_string(size) + " bits, which this enrolment needs");
    }
  }
  if (needed.settable_exponent == true && answer.settable_exponent != true) {
    return refuse(kForbidden, "capabilities.rsa-exponent",
                  "The device does not let the issuer choose RSA exponents, which this enrolment needs");
  }
  return {};
}

Result<keygen2::ProvisioningSessionRequest> make_provisioning_session_request(Turn& turn) {
  Session& session = turn.session;
  const crypto::PrivateKey ephemeral = TRY(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  session.server_ephemeral_key = ephemeral.public_key().spki();
  session.sealed_ephemeral_key = seal_in_session(turn.environment, session, kEphemeralKeyPlace, TRY(ephemeral.pkcs8()));
  session.session_key_algorithm = uri::kSessionKey1;
  session.server_time = format_time(turn.now);
  return keygen2::ProvisioningSessionRequest{.id = session.server_session_id,
                                             .server_time = session.server_time,
                                             .session_life_time = session.session_life_time,
                                             .session_key_limit = session.session_key_limit,
                                             .session_key_algorithm = session.session_key_algorithm,
                                             .updatable = session.updatable,
                                             .submit_url = submit_url(session),
                                             .server_ephemeral_key = ephemeral.public_key(),
                                             .server_cookie = {}};
}

}  // namespace

keygen2::PlatformNegotiationRequest make_platform_negotiation_request(const Session& session, const Profile& profile) {
  keygen2::PlatformNegotiationRequest request;
  request.id = session.server_session_id;
  request.submit_url = submit_url(session);
  request.abort_url = profile.abort_url.value_or(abort_url(session));
  for (const IssuerLogotypeProfile& logotype : profile.logotypes) request.logotypes.push_back({logotype.mime_type, logotype.image});
  request.capabilities = requested_capabilities(profile);
  return request;
}

Verified<Answer> handle_platform_negotiation(Turn& turn, const keygen2::Received& received) {
  const auto& response = std::get<keygen2::PlatformNegotiationResponse>(received.message);
  TRY(check_server_session(turn, response.server_session_id, response.server_cookie));
  TRY(check_answers_request(response.capabilities, requested_capabilities(turn.profile)));
  TRY(check_is_capable(response.capabilities, needed_capabilities(turn.profile)));
  keygen2::ProvisioningSessionRequest next = TRY(make_provisioning_session_request(turn));
  Bytes request = TRY(request_text(turn, std::move(next)));
  return Answer{keygen2::ServerState::kAwaitProvisioningSessionResponse,
                [request = std::move(request)](storage::Database&) -> Verified<http::Response> { return message_response(request); }};
}

}  // namespace airtight::issuer
