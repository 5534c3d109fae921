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

// read_deployment.cc: the kind is that of a key store's session, or an OtherMessage of the basic profile.
[[nodiscard]] Result<Message> read_credential_deployment_request(xml::Element root);
[[nodiscard]] Result<Message> read_credential_deployment_response(xml::Element root);

// read_other.cc
[[nodiscard]] Result<Message> read_other(MessageKind kind, xml::Element root);
// Checks what no struct takes up: the IDs, times, binary values and certificates of `element` and of the KeyGen2 elements in it.
[[nodiscard]] Result<> check_values(xml::Element element);

}  // namespace airtight::keygen2::internal
