// Writing: one function a message, and what these share.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "keygen2/messages.h"
#include "xml/document.h"

namespace airtight::keygen2::internal {

// Each writes what its message has but the cookie into the new top element `root`.
// write_discovery.cc
[[nodiscard]] Result<> write(xml::Element root, const CredentialDiscoveryRequest& message);
[[nodiscard]] Result<> write(xml::Element root, const CredentialDiscoveryResponse& message);
// write_keys.cc
[[nodiscard]] Result<> write(xml::Element root, const KeyInitializationRequest& message);
[[nodiscard]] Result<> write(xml::Element root, const KeyInitializationResponse& message);
// write_deployment.cc
[[nodiscard]] Result<> write(xml::Element root, const CredentialDeploymentRequest& message);
[[nodiscard]] Result<> write(xml::Element root, const CredentialDeploymentResponse& message);
// write_basic.cc
[[nodiscard]] Result<> write(xml::Element root, const KeyOperationRequest& message);
[[nodiscard]] Result<> write(xml::Element root, const KeyOperationResponse& message);
[[nodiscard]] Result<> write(xml::Element root, const BasicCredentialDeploymentRequest& message);
[[nodiscard]] Result<> write(xml::Element root, const BasicCredentialDeploymentResponse& message);

// Adds a ds:Signature that is KeyInfo alone, until sign_generated_key() puts a whole one in its place (write_basic.cc).
void add_unsigned_signature(xml::Element generated_key, const crypto::PublicKey& public_key);
// Adds ds:X509Data.
void add_certificates(xml::Element parent, std::span<const crypto::Certificate> certificates);
// Adds RSA or EC (write_keys.cc).
void add_key_algorithm(xml::Element key_pair, const std::variant<RsaKeyAlgorithm, EcKeyAlgorithm>& algorithm);

// An attribute that is left out where it says what its absence says.
void set_flag(xml::Element element, std::string_view name, bool value, bool value_if_absent = false);
void set_if_present(xml::Element element, std::string_view name, const std::optional<bool>& value);
void set_bytes(xml::Element element, std::string_view name, ByteView value);

// A list as XML Schema has it: with a space between the values.
[[nodiscard]] std::string joined(const auto& values) {
  std::string list;
  for (const auto& value : values) {
    if (!list.empty()) list += ' ';
    if constexpr (requires { std::to_string(value); }) {
      list += std::to_string(value);
    } else {
      list += value;
    }
  }
  return list;
}

void set_session_response(xml::Element root, const auto& message) {
  root.set_attribute("ID", message.id);
  root.set_attribute("ServerSessionID", message.server_session_id);
}

void set_session_request(xml::Element root, const auto& message) {
  root.set_attribute("ID", message.id);
  root.set_attribute("ClientSessionID", message.client_session_id);
  root.set_attribute("ServerTime", message.server_time);
  root.set_attribute("SubmitURL", message.submit_url);
}

}  // namespace airtight::keygen2::internal
