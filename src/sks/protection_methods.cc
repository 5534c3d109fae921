// getKeyProtectionInfo, and what the owner of a PIN or PUK can do: deleteKey, unlockKey, exportKey, changePIN and setPIN.
#include "sks/engine.h"
#include "sks/internal/key_protection.h"

namespace airtight::sks {
namespace {

using internal::Protection;
using internal::protection_of;
using internal::wants_pin;
using internal::wants_puk;

// What a DeletePolicy or ExportPolicy wants.
enum class Wanted : std::uint8_t { kNothing, kPin, kPuk };

Result<Authorization> wants(const Call& call, const Call::UserKey& user, Wanted wanted, const SecretBytes& given) {
  if (wanted == Wanted::kNothing) {
    if (!given.empty()) return fail(Status::kOption, "there is an authorization where the key wants none");
    return Authorization{};
  }
  const Protection protection = TRY(protection_of(call, user.tree, *user.key));
  if (!protection.tree || (wanted == Wanted::kPuk && protection.puk == nullptr)) {
    return fail(Status::kInternal, "the key has no PIN or PUK to go with its policy");
  }
  return wanted == Wanted::kPin ? wants_pin(protection, given) : wants_puk(protection, given);
}

// The PIN policy of a key that is protected by a local one. ERROR_OPTION.
Result<Protection> local_protection(const Call& call, const Call::UserKey& user) {
  Protection protection = TRY(protection_of(call, user.tree, *user.key));
  if (!protection.tree || protection.is_device_pin) return fail(Status::kOption, "the key has no PIN of a local policy");
  return protection;
}

// Of a key whose user may change its PIN to `new_pin`, as far as that depends on no PIN: it is reported before a PIN is looked at (sks.md
// section 4). ERROR_NOT_ALLOWED, ERROR_OPTION.
Result<Protection> modifiable_protection(const Call& call, const Call::UserKey& user, const SecretBytes& new_pin) {
  Protection protection = TRY(local_protection(call, user));
  if (!protection.policy->user_modifiable) return fail(Status::kNotAllowed, "the PIN policy does not allow users to change the PIN");
  TRY(check_user_pin(protection.policy->rules, new_pin.expose_secret()));
  return protection;
}

// The PIN of the key, and of all that share it, becomes `value`. ERROR_OPTION.
Result<const Pin*> replace_pin(Call& call, Handle key_handle, const SecretBytes& value) {
  const Call::UserKey user = TRY(call.user_key(key_handle));
  const Protection protection = TRY(modifiable_protection(call, user, value));
  TRY(internal::place_in_group(*protection.policy, protection.pin->half, user.tree->pins, protection.pin->id, value));
  Pin& changed = call.change(user.tree).change_pin(protection.pin->id);
  changed.value = share(value.clone());
  return &changed;
}

void describe_policy(const Call& call, const Protection& protection, GetKeyProtectionInfo::Response& info) {
  const PinPolicy& policy = *protection.policy;
  info.protection_status = kPinProtected;
  info.user_modifiable = policy.user_modifiable;
  info.format = static_cast<std::uint8_t>(policy.rules.format);
  info.retry_limit = policy.retry_limit;
  info.grouping = static_cast<std::uint8_t>(policy.grouping);
  info.pattern_restrictions = policy.rules.pattern_restrictions;
  info.min_length = policy.rules.min_length;
  info.max_length = policy.rules.max_length;
  info.input_method = static_cast<std::uint8_t>(policy.input_method);
  info.pin_error_count = call.state.errors_of(*protection.pin);
  if (info.pin_error_count >= policy.retry_limit) info.protection_status |= kPinLocked;
  if (protection.puk == nullptr) return;
  info.protection_status |= kPukProtected;
  info.puk_retry_limit = protection.puk->retry_limit;
  info.puk_error_count = call.state.errors_of(*protection.puk);
  if (info.puk_retry_limit != 0 && info.puk_error_count >= info.puk_retry_limit) info.protection_status |= kPukLocked;
}

}  // namespace

Result<GetKeyProtectionInfo::Response> perform(Call& call, const GetKeyProtectionInfo& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  const Key& key = *user.key;
  GetKeyProtectionInfo::Response info;
  info.biometric_protection = static_cast<std::uint8_t>(key.biometric_protection);
  info.private_key_backup = key.private_key_backup;
  info.export_policy = static_cast<std::uint8_t>(key.export_policy);
  info.updatable = key.updatable;
  info.delete_policy = static_cast<std::uint8_t>(key.delete_policy);
  info.enable_pin_caching = key.enable_pin_caching;
  info.import_private_key = key.import_private_key;
  const Protection protection = TRY(protection_of(call, user.tree, key));
  if (protection.is_device_pin) {
    info.protection_status = kDevicePinProtected;
  } else if (protection.tree) {
    describe_policy(call, protection, info);
  }
  return info;
}

Result<Authorization> authorize(Call& call, const DeleteKey& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  switch (user.key->delete_policy) {
    case DeletePolicy::kNone: return wants(call, user, Wanted::kNothing, request.optional_authorization);
    case DeletePolicy::kPin: return wants(call, user, Wanted::kPin, request.optional_authorization);
    case DeletePolicy::kPuk: return wants(call, user, Wanted::kPuk, request.optional_authorization);
  }
  return fail(Status::kInternal, "the key has an unknown DeletePolicy");
}

Result<Nothing> perform(Call& call, const DeleteKey& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  if (user.tree->keys.size() == 1) {
    call.remove_session(user.tree);  // "When the last key of a session goes, its session and policies go."
  } else {
    call.change(user.tree).remove_key(request.key_handle);
  }
  return Nothing{};
}

Result<Authorization> authorize(Call& call, const UnlockKey& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  const Protection protection = TRY(local_protection(call, user));
  if (protection.puk == nullptr) return fail(Status::kOption, "the key has no PUK");
  return wants_puk(protection, request.authorization);
}

Result<Nothing> perform(Call& call, const UnlockKey& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  const Protection protection = TRY(local_protection(call, user));
  static_cast<void>(call.change(user.tree));  // what is written belongs to its next version
  call.reset_errors(*protection.pin);
  return Nothing{};
}

Result<Authorization> authorize(Call& call, const ExportKey& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  switch (user.key->export_policy) {
    case ExportPolicy::kNonExportable: return fail(Status::kNotAllowed, "the key is not exportable");
    case ExportPolicy::kPin: return wants(call, user, Wanted::kPin, request.optional_authorization);
    case ExportPolicy::kPuk: return wants(call, user, Wanted::kPuk, request.optional_authorization);
    case ExportPolicy::kNone: return wants(call, user, Wanted::kNothing, request.optional_authorization);
  }
  return fail(Status::kInternal, "the key has an unknown ExportPolicy");
}

Result<ExportKey::Response> perform(Call& call, const ExportKey& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  ExportKey::Response response;
  if (user.key->usage == KeyUsage::kSymmetricKey) {
    const SharedSecret key = TRY(call.state.symmetric_key(*user.key));
    response.raw_key = key->clone();
  } else {
    const crypto::PrivateKey key = TRY(call.state.private_key(*user.key));
    response.raw_key = TRY(key.pkcs8());
  }
  return response;
}

Result<Authorization> authorize(Call& call, const ChangePin& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  const Protection protection = TRY(modifiable_protection(call, user, request.new_pin));
  return wants_pin(protection, request.pin);
}

Result<Nothing> perform(Call& call, const ChangePin& request) {
  TRY(replace_pin(call, request.key_handle, request.new_pin));
  return Nothing{};
}

Result<Authorization> authorize(Call& call, const SetPin& request) {
  const Call::UserKey user = TRY(call.user_key(request.key_handle));
  const Protection protection = TRY(modifiable_protection(call, user, request.new_pin));
  if (protection.puk == nullptr) return fail(Status::kOption, "the key has no PUK");
  return wants_puk(protection, request.puk);
}

Result<Nothing> perform(Call& call, const SetPin& request) {
  const Pin* const pin = TRY(replace_pin(call, request.key_handle, request.new_pin));
  call.reset_errors(*pin);
  return Nothing{};
}

}  // namespace airtight::sks
