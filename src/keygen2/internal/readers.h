// One reader a message: from its validated top element to its struct.
#pragma once

#include "base/result.h"
#include "keygen2/messages.h"
#include "xml/document.h"

namespace airtight::keygen2::internal {

// read_session.cc
[[nodiscard]] Result<Message> read_platform_negotiation_request(xml::Element root);
[[nodiscard]] Result<Message> read_platform_negotiation_response(xml::Element root);
[[nodiscard]] Result<Message> read_provisioning_session_request(xml::Element root);
[[nodiscard]] Result<Message> read_provisioning_session_response(xml::Element root);
[[nodiscard]] Result<Message> read_client_error_response(xml::Element root);

// read_keys.cc
[[nodiscard]] Result<Message> read_key_initialization_request(xml::Element root);
[[nodiscard]] Result<Message> read_key_initialization_response(xml::Element root);
// What the RSA or EC in a KeyPair asks for.
[[nodiscard]] Result<std::variant<RsaKeyAlgorithm, EcKeyAlgorithm>> key_algorithm_in(xml::Element key_pair);

// read_discovery.cc
[[nodiscard]] Result<Message> read_credential_discovery_request(xml::Element root);
[[nodiscard]] Result<Message> read_credential_discovery_response(xml::Element root);

// read_deployment.cc: of a key store's session, or of the basic profile if the attributes are that profile's.
[[nodiscard]] Result<Message> read_credential_deployment_request(xml::Element root);
[[nodiscard]] Result<Message> read_credential_deployment_response(xml::Element root);

// read_basic.cc
[[nodiscard]] Result<Message> read_key_operation_request(xml::Element root);
[[nodiscard]] Result<Message> read_key_operation_response(xml::Element root);
[[nodiscard]] Result<Message> read_basic_credential_deployment_request(xml::Element root);
[[nodiscard]] Result<Message> read_basic_credential_deployment_response(xml::Element root);

}  // namespace airtight::keygen2::internal
