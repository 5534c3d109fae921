// getDeviceInfo, enumerateProvisioningSessions and enumerateKeys.
#include "sks/capabilities.h"
#include "sks/engine.h"

namespace airtight::sks {
namespace {

// Where an enumeration goes on after `handle`; kNoHandle starts one, and 0 is nobody's.
Handle next_after(Handle handle) { return handle == kNoHandle ? 1 : handle + 1; }

}  // namespace

Result<GetDeviceInfo::Response> perform(Call& call, const GetDeviceInfo&) {
  const DeviceIdentity& device = call.state.device();
  const Ref<SessionTree> device_tree = TRY(call.state.session(kDeviceTree));
  GetDeviceInfo::Response response;
  response.vendor_name = device.vendor_name;
  response.vendor_description = device.vendor_description;
  response.x509_certificates = device.certificate_path;
  for (std::string_view algorithm : algorithms(device.options)) response.algorithms.values.emplace_back(algorithm);
  response.rsa_key_sizes.assign(kRsaKeySizes.begin(), kRsaKeySizes.end());
  response.extension_data_size = kExtensionDataSize;
  response.device_pin_support = device_tree && !device_tree->pin_policies.empty();
  response.biometric_support = call.state.has_approver();
  return response;
}

Result<EnumerateProvisioningSessions::Response> perform(Call& call, const EnumerateProvisioningSessions& request) {
  Handle from = next_after(request.provisioning_handle);
  while (auto found = TRY(call.state.session_from(from))) {
    from = found->session.handle + 1;
    const auto tree = call.unless_expired(std::move(found));
    if (!tree) continue;
    const Session& session = tree->session;
    EnumerateProvisioningSessions::Session listed;
    listed.is_open = session.open;
    listed.client_time.milliseconds = session.client_time;
    listed.session_life_time = session.life_time;
    listed.server_session_id.value = session.server_session_id;
    listed.client_session_id.value = session.client_session_id;
    listed.issuer_uri = to_bytes(session.issuer_uri);
    return EnumerateProvisioningSessions::Response{session.handle, std::move(listed)};
  }
  return EnumerateProvisioningSessions::Response{};
}

Result<EnumerateKeys::Response> perform(Call& call, const EnumerateKeys& request) {
  Handle from = next_after(request.key_handle);
  for (;;) {
    StateView::FoundKey found = TRY(call.state.key_from(from));
    if (!found.tree) return EnumerateKeys::Response{};
    from = found.key + 1;
    const auto tree = call.unless_expired(std::move(found.tree));
    if (!tree) continue;
    const Key& key = *tree->key(found.key);
    call.based_on = {tree, &key};
    EnumerateKeys::Key listed;
    listed.provisioning_handle = tree->session.handle;
    listed.id.value = key.id;
    listed.key_usage = static_cast<std::uint8_t>(key.usage);
    listed.friendly_name = to_bytes(key.friendly_name);
    if (!tree->session.open) {
      listed.x509_certificates = TRY(call.state.certificate_path(key));
      for (const std::string& algorithm : key.endorsed_algorithms) listed.endorsed_algorithms.push_back(to_bytes(algorithm));
      for (const ExtensionInfo& extension : key.extensions) listed.extension_types.values.push_back(extension.type);
    }
    return EnumerateKeys::Response{key.handle, std::move(listed)};
  }
}

}  // namespace airtight::sks
