// addExtensionData, getExtensionObject and setProperty.
#include <algorithm>

#include "base/text.h"
#include "sks/capabilities.h"
#include "sks/engine.h"
#include "sks/internal/arguments.h"
#include "sks/internal/key_steps.h"
#include "sks/property_bag.h"

namespace airtight::sks {
namespace {

// type "/" subtype, each a token (RFC 2045, section 5.1).
bool is_mime_type(std::string_view text) {
  constexpr std::string_view kSpecials = "()<>@,;:\\\"/[]?=";
  const auto is_token = [&](std::string_view part) {
    return !part.empty() &&
           std::ranges::all_of(part, [&](char c) { return c > ' ' && c < '\x7F' && kSpecials.find(c) == std::string_view::npos; });
  };
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && is_token(text.substr(0, slash)) && is_token(text.substr(slash + 1));
}

// sks.md section 7.
Result<ExtensionInfo> read_info(const Key& key, const AddExtensionData& request, ByteView data) {
  ExtensionInfo info;
  info.base_type = TRY(internal::enumerated<ExtensionBaseType>(request.base_type, "BaseType"));
  if (request.extension_type.empty() || !is_utf8(request.extension_type)) {
    return fail(Status::kOption, "ExtensionType is empty, or no UTF-8");
  }
  info.type = to_text(request.extension_type);
  if (std::ranges::any_of(key.extensions, [&](const ExtensionInfo& other) { return other.type == info.type; })) {
    return fail(Status::kOption, "the key has an extension of this ExtensionType already");
  }
  info.qualifier = request.qualifier;
  if (info.base_type != ExtensionBaseType::kLogotype && !info.qualifier.empty()) {
    return fail(Status::kOption, "only a logotype has a Qualifier");
  }
  if (info.base_type == ExtensionBaseType::kLogotype && !is_mime_type(text_of(info.qualifier))) {
    return fail(Status::kOption, "the Qualifier of a logotype is no MIME type");
  }
  if (data.size() > kExtensionDataSize) return fail(Status::kOption, "ExtensionData are larger than getDeviceInfo says");
  if (info.base_type == ExtensionBaseType::kPropertyBag) TRY(PropertyBag::parse(data, info.type));
  return info;
}

// The place of an extension in its key. ERROR_OPTION.
Result<std::size_t> find_extension(const Key& key, ByteView type) {
  const auto found = std::ranges::find_if(key.extensions, [&](const ExtensionInfo& one) { return one.type == text_of(type); });
  if (found == key.extensions.end()) return fail(Status::kOption, "the key has no extension of this ExtensionType");
  return static_cast<std::size_t>(found - key.extensions.begin());
}

}  // namespace

Result<Nothing> perform(Call& call, const AddExtensionData& request) {
  SessionTree& tree = *TRY(call.open_session(request.provisioning_handle));
  const Key* const key = TRY(internal::certified_key(tree, request.key_handle));
  const std::vector<Bytes> path = TRY(internal::certificate_path(call, *key));
  const bool is_encrypted = request.base_type == static_cast<std::uint8_t>(ExtensionBaseType::kEncryptedExtension);
  TRY(Call::use_session_key(tree.session, is_encrypted ? 2 : 1));
  const std::string_view method = method_of<AddExtensionData>().name;
  const MacInput value = MacInput::blob(request.extension_data.value);
  const std::array<MacInput, 5> covered = {ByteView(path.front()), MacInput::byte(request.base_type), ByteView(request.qualifier), value,
                                           ByteView(request.extension_type)};
  SecretBytes data;
  if (is_encrypted) {
    const auto inputs = std::span(covered);
    const CoveredData around{inputs.first(3), value.content, value.length_size, inputs.last(1)};
    data = TRY(Call::open_under_mac(tree.session, method, around, request.mac));
  } else {
    TRY(Call::verify_mac(tree.session, method, covered, request.mac));
    data = SecretBytes::copy_of(request.extension_data.value);
  }
  ExtensionInfo info = TRY(read_info(*key, request, data.expose_secret()));
  Key& changed = tree.change_key(request.key_handle);
  changed.extensions.push_back(std::move(info));
  TRY(internal::check_listing(changed, path));
  call.write(request.key_handle, ExtensionDataWrite{changed.extensions.size() - 1, std::move(data)});
  return Nothing{};
}

Result<GetExtensionObject::Response> perform(Call& call, const GetExtensionObject& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  const std::size_t index = TRY(find_extension(*user.key, request.extension_type));
  const ExtensionInfo& info = user.key->extensions[index];
  GetExtensionObject::Response response;
  response.base_type = static_cast<std::uint8_t>(info.base_type);
  response.qualifier = info.qualifier;
  response.extension_data.value = TRY(call.state.extension_data(*user.key, index));
  return response;
}

Result<Nothing> perform(Call& call, const SetProperty& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  const std::size_t index = TRY(find_extension(*user.key, request.extension_type));
  const ExtensionInfo& info = user.key->extensions[index];
  if (info.base_type != ExtensionBaseType::kPropertyBag) return fail(Status::kOption, "the extension is no property bag");
  const SecretBytes present = TRY(call.state.extension_data(*user.key, index));
  const PropertyBag bag = TRY(PropertyBag::parse(present.expose_secret(), info.type));
  const Bytes next = TRY(bag.with(text_of(request.name), text_of(request.value)));
  if (next.size() > kExtensionDataSize) return fail(Status::kOption, "the property bag would be larger than getDeviceInfo says");
  static_cast<void>(call.change(user.tree));  // what is written belongs to its next version
  call.write(request.key_handle, ExtensionDataWrite{index, SecretBytes::copy_of(next)});
  return Nothing{};
}

}  // namespace airtight::sks
