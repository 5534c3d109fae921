// Names and kinds of messages, and what can be said of a request without I/O.
#include "keygen2/messages.h"

#include <algorithm>
#include <array>
#include <ranges>

namespace airtight::keygen2 {
namespace {

constexpr auto kClientErrorNames = std::to_array<std::string_view>(
    {"not-implemented", "unexpected-client-exception", "negotiation-failure", "keystore-overflow", "unsupported-feature-requested",
     "non-matching-requests", "no-such-key", "missing-provisioning-data", "user-abort", "general-error"});
static_assert(kClientErrorNames.size() == static_cast<std::size_t>(ClientError::kGeneralError) + 1);

template <typename... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

template <typename T>
std::vector<T> kept(const std::vector<T>& requested, const std::vector<T>& available) {
  std::vector<T> both;
  std::ranges::copy_if(requested, std::back_inserter(both), [&](const T& value) { return std::ranges::count(available, value) != 0; });
  return both;
}

void add_keys(std::vector<RequestedKey>& keys, const PinPolicyRequest& policy, const PukPolicyRequest* puk_policy) {
  const auto add = [&](const KeyPairRequest& key, const PresetPin* preset_pin) {
    keys.push_back({.key = &key, .pin_policy = &policy, .puk_policy = puk_policy, .preset_pin = preset_pin, .device_pin = false});
  };
  std::visit(Overloaded{[&](const std::vector<KeyPairRequest>& user_defined) {
                          for (const KeyPairRequest& key : user_defined) add(key, nullptr);
                        },
                        [&](const std::vector<PresetPin>& preset) {
                          for (const PresetPin& pin : preset) add(pin.key, &pin);
                        }},
             policy.keys);
}

}  // namespace

std::string_view name_of(ClientError error) { return kClientErrorNames[static_cast<std::size_t>(error)]; }

MessageKind kind_of(const Message& message) {
  return std::visit(Overloaded{
                        [](const PlatformNegotiationRequest&) { return MessageKind::kPlatformNegotiationRequest; },
                        [](const PlatformNegotiationResponse&) { return MessageKind::kPlatformNegotiationResponse; },
                        [](const ProvisioningSessionRequest&) { return MessageKind::kProvisioningSessionRequest; },
                        [](const ProvisioningSessionResponse&) { return MessageKind::kProvisioningSessionResponse; },
                        [](const CredentialDiscoveryRequest&) { return MessageKind::kCredentialDiscoveryRequest; },
                        [](const CredentialDiscoveryResponse&) { return MessageKind::kCredentialDiscoveryResponse; },
                        [](const KeyInitializationRequest&) { return MessageKind::kKeyInitializationRequest; },
                        [](const KeyInitializationResponse&) { return MessageKind::kKeyInitializationResponse; },
                        [](const CredentialDeploymentRequest&) { return MessageKind::kCredentialDeploymentRequest; },
                        [](const CredentialDeploymentResponse&) { return MessageKind::kCredentialDeploymentResponse; },
                        [](const ClientErrorResponse&) { return MessageKind::kClientErrorResponse; },
                        [](const KeyOperationRequest&) { return MessageKind::kKeyOperationRequest; },
                        [](const KeyOperationResponse&) { return MessageKind::kKeyOperationResponse; },
                        [](const BasicCredentialDeploymentRequest&) { return MessageKind::kBasicCredentialDeploymentRequest; },
                        [](const BasicCredentialDeploymentResponse&) { return MessageKind::kBasicCredentialDeploymentResponse; },
                    },
                    message);
}

std::string_view name_of(const Message& message) { return name_of(kind_of(message)); }

BasicCapabilities supported_of(const BasicCapabilities& requested, const BasicCapabilities& available) {
  BasicCapabilities supported{.algorithms = kept(requested.algorithms, available.algorithms),
                              .extensions = kept(requested.extensions, available.extensions),
                              .rsa_key_sizes = kept(requested.rsa_key_sizes, available.rsa_key_sizes),
                              .settable_exponent = std::nullopt};
  if (requested.settable_exponent)
    supported.settable_exponent = *requested.settable_exponent && available.settable_exponent.value_or(false);
  return supported;
}

std::string decimal_of(ByteView magnitude) {
  std::vector<unsigned> digits = {0};  // the least first
  for (const std::byte byte : magnitude) {
    unsigned carry = std::to_integer<unsigned>(byte);
    for (unsigned& digit : digits) {
      carry += digit * 256;
      digit = carry % 10;
      carry /= 10;
    }
    for (; carry != 0; carry /= 10) digits.push_back(carry % 10);
  }
  std::string text;
  for (const unsigned digit : std::views::reverse(digits)) text += static_cast<char>('0' + digit);
  return text;
}

std::vector<RequestedKey> requested_keys(const KeyInitializationRequest& request) {
  std::vector<RequestedKey> keys;
  const auto add_unprotected = [&](const KeyPairRequest& key, bool device_pin) {
    keys.push_back({.key = &key, .pin_policy = nullptr, .puk_policy = nullptr, .preset_pin = nullptr, .device_pin = device_pin});
  };
  for (const CreateObject& object : request.objects) {
    std::visit(Overloaded{[&](const PukPolicyRequest& puk) {
                            for (const PinPolicyRequest& pin : puk.pin_policies) add_keys(keys, pin, &puk);
                          },
                          [&](const PinPolicyRequest& pin) { add_keys(keys, pin, nullptr); },
                          [&](const DevicePinRequest& device) { add_unprotected(device.key, true); },
                          [&](const KeyPairRequest& key) { add_unprotected(key, false); }},
               object);
  }
  return keys;
}

}  // namespace airtight::keygen2
