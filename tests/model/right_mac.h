// The issuer's arithmetic, from what the model knows of a session: the MAC that a request wants ("MAC Operations"), and encrypted data.
#pragma once

#include <string_view>

#include "tests/model/model.h"

namespace airtight::sks::model {

// How to get it wrong.
struct MacMistake {
  std::uint16_t counter = 0;     // added to MACSequenceCounter
  std::string_view method = {};  // instead of the request's own
};

// The data that the MAC of `request` is over, without the lengths. Empty where the model does not know them (there is no such key).
[[nodiscard]] std::vector<Bytes> mac_data(const Model& model, const CloseProvisioningSession& request);
[[nodiscard]] std::vector<Bytes> mac_data(const Model& model, const SetCertificatePath& request);
[[nodiscard]] std::vector<Bytes> mac_data(const Model& model, const SetSymmetricKey& request);
[[nodiscard]] std::vector<Bytes> mac_data(const Model& model, const AddExtensionData& request);
[[nodiscard]] std::vector<Bytes> mac_data(const Model& model, const RestorePrivateKey& request);
[[nodiscard]] std::vector<Bytes> mac_data(const Model& model, const PostProvisioningDeleteKey& request);
[[nodiscard]] std::vector<Bytes> mac_data(const Model& model, const PostProvisioningUpdateKey& request);

template <typename Request>
concept HasMac = requires(const Model& model, const Request& request) { mac_data(model, request); };

[[nodiscard]] Bytes32 mac_of(const Model& model, Handle session, std::string_view method, const std::vector<Bytes>& data,
                             const MacMistake& mistake);

// Zeros where there is no such session.
template <HasMac Request>
[[nodiscard]] Bytes32 right_mac(const Model& model, const Request& request, const MacMistake& mistake = {}) {
  return mac_of(model, request.provisioning_handle, method_of<Request>().name, mac_data(model, request), mistake);
}

// `plain` as "Encrypted Data" of the session, or of none if there is no such session.
[[nodiscard]] Bytes encrypted_for(const Model& model, Handle session, ByteView plain);

}  // namespace airtight::sks::model
