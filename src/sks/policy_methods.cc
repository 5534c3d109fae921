// createPUKPolicy and createPINPolicy.
#include "sks/engine.h"
#include "sks/internal/arguments.h"

namespace airtight::sks {
namespace {

using internal::check_new_id;
using internal::enumerated;
using internal::kMaxPassphrase;

// sks.md section 1.
Result<> check_policy_name(const Id& id) {
  if (id.value == "Device") return fail(Status::kOption, "a policy may not be called Device");
  return {};
}

// sks.md section 12: all arguments but the handle. Handles are local, so that the issuer knows a policy by its ID.
Result<> verify_mac_of_sk2(Session& session, const CreatePukPolicy& request) {
  if (!request.mac) return {};
  const std::array<MacInput, 4> data = {MacInput::text(request.id.value), ByteView(request.puk_value), MacInput::byte(request.format),
                                        MacInput::byte(request.retry_limit)};
  return Call::verify_mac(session, method_of<CreatePukPolicy>().name, data, *request.mac);
}

Result<> verify_mac_of_sk2(Session& session, const CreatePinPolicy& request, std::string_view puk_policy_id) {
  if (!request.mac) return {};
  const auto flag = [](bool value) { return MacInput::byte(static_cast<std::uint8_t>(value ? 1 : 0)); };
  const std::array<MacInput, 11> data = {MacInput::text(request.id.value),    MacInput::text(puk_policy_id),
                                         flag(request.user_defined),          flag(request.user_modifiable),
                                         MacInput::byte(request.format),      MacInput::byte(request.retry_limit),
                                         MacInput::byte(request.grouping),    MacInput::byte(request.pattern_restrictions),
                                         MacInput::byte(request.min_length),  MacInput::byte(request.max_length),
                                         MacInput::byte(request.input_method)};
  return Call::verify_mac(session, method_of<CreatePinPolicy>().name, data, *request.mac);
}

Result<PinPolicy> read_policy(const CreatePinPolicy& request) {
  PinPolicy policy;
  policy.rules.format = TRY(enumerated<PassphraseFormat>(request.format, "Format"));
  policy.grouping = TRY(enumerated<Grouping>(request.grouping, "Grouping"));
  policy.input_method = TRY(enumerated<InputMethod>(request.input_method, "InputMethod"));
  if (request.retry_limit == 0) return fail(Status::kOption, "RetryLimit of a PIN policy is 0");
  if (request.min_length == 0 || request.min_length > request.max_length || request.max_length > kMaxPassphrase) {
    return fail(Status::kOption, "MinLength and MaxLength are not 1 <= MinLength <= MaxLength <= 100");
  }
  if ((request.pattern_restrictions & ~kAllPatternRestrictions) != 0)
    return fail(Status::kOption, "PatternRestrictions has an unknown bit");
  const bool wants_groups = (request.pattern_restrictions & static_cast<std::uint8_t>(PatternRestriction::kMissingGroup)) != 0;
  if (wants_groups && policy.rules.format != PassphraseFormat::kAlphanumeric && policy.rules.format != PassphraseFormat::kString) {
    return fail(Status::kOption, "missing-group goes only with the formats alphanumeric and string");
  }
  policy.id = request.id.value;
  policy.puk_policy = request.puk_policy_handle;
  policy.user_defined = request.user_defined;
  policy.user_modifiable = request.user_modifiable;
  policy.retry_limit = request.retry_limit;
  policy.rules.pattern_restrictions = request.pattern_restrictions;
  policy.rules.min_length = request.min_length;
  policy.rules.max_length = request.max_length;
  return policy;
}

}  // namespace

Result<CreatePukPolicy::Response> perform(Call& call, const CreatePukPolicy& request) {
  SessionTree& tree = *TRY(call.open_session(request.provisioning_handle));
  TRY(call.check_mac_presence(tree.session, request.mac));
  TRY(Call::use_session_key(tree.session, request.mac ? 2 : 1));
  const MethodUse use{method_of<CreatePukPolicy>().name, tree.session.mac_counter};
  TRY(verify_mac_of_sk2(tree.session, request));
  TRY(check_policy_name(request.id));
  TRY(check_new_id(request.id, tree.puk_policies, "PUK policy"));
  PukPolicy policy;
  policy.format = TRY(enumerated<PassphraseFormat>(request.format, "Format"));
  auto value = decrypt(session_key_of(tree.session), use, request.puk_value);
  if (!value || value->empty() || value->size() > kMaxPassphrase) {
    return fail(Status::kCrypto, "PUKValue does not decrypt to 1 to 100 bytes");
  }
  policy.id = request.id.value;
  policy.retry_limit = request.retry_limit;
  policy.value = share(std::move(*value));
  policy.handle = static_cast<Handle>(TRY(call.state.draw_handle(HandleKind::kPukPolicy)));
  const Handle handle = policy.handle;
  tree.add(std::move(policy));
  return CreatePukPolicy::Response{handle};
}

Result<CreatePinPolicy::Response> perform(Call& call, const CreatePinPolicy& request) {
  SessionTree& tree = *TRY(call.open_session(request.provisioning_handle));
  TRY(call.check_mac_presence(tree.session, request.mac));
  std::string_view puk_policy_id;
  if (request.puk_policy_handle != 0) {
    const PukPolicy* const puk = tree.puk_policy(request.puk_policy_handle);
    if (puk == nullptr) return fail(Status::kOption, "there is no PUK policy with this handle in the provisioning session");
    puk_policy_id = puk->id;
  }
  if (request.mac) TRY(Call::use_session_key(tree.session, 1));
  TRY(verify_mac_of_sk2(tree.session, request, puk_policy_id));
  TRY(check_policy_name(request.id));
  TRY(check_new_id(request.id, tree.pin_policies, "PIN policy"));
  PinPolicy policy = TRY(read_policy(request));
  policy.handle = static_cast<Handle>(TRY(call.state.draw_handle(HandleKind::kPinPolicy)));
  const Handle handle = policy.handle;
  tree.add(std::move(policy));
  return CreatePinPolicy::Response{handle};
}

}  // namespace airtight::sks
