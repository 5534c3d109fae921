#include "sks/internal/key_protection.h"

#include "base/constant_time.h"
#include "sks/status.h"

namespace airtight::sks::internal {

Result<Protection> device_pin(const Call& call) {
  Protection found;
  found.tree = TRY(call.state.session(kDeviceTree));
  found.is_device_pin = true;
  if (!found.tree || found.tree->pin_policies.empty()) {
    found.tree = nullptr;
    return found;
  }
  found.policy = found.tree->pin_policies.front().get();
  if (found.tree->pins.empty()) return fail(Status::kInternal, "the device PIN is missing");
  found.pin = found.tree->pins.front().get();
  found.puk = found.tree->puk_policy(found.policy->puk_policy);
  return found;
}

Result<Protection> protection_of(const Call& call, const Ref<SessionTree>& tree, const Key& key) {
  Protection found;
  if (key.pin_policy == 0) return found;
  if (key.pin_policy == kDevicePinHandle) {
    found = TRY(device_pin(call));
    if (!found.tree) return fail(Status::kInternal, "the device PIN is missing");
    return found;
  }
  found.tree = tree;
  found.policy = tree->pin_policy(key.pin_policy);
  found.pin = tree->pin(key.pin);
  if (found.policy == nullptr || found.pin == nullptr) return fail(Status::kInternal, "the PIN of the key is missing");
  if (found.policy->puk_policy == 0) return found;
  found.puk = tree->puk_policy(found.policy->puk_policy);
  if (found.puk == nullptr) return fail(Status::kInternal, "the PUK of the key is missing");
  return found;
}

Result<Authorization> wants_pin(const Protection& protection, const SecretBytes& given) {
  if (given.empty()) return fail(Status::kAuthorization, "the key needs a PIN");
  return Authorization{
      .tree = protection.tree, .pin = protection.pin, .retry_limit = protection.policy->retry_limit, .given = &given, .method = {}};
}

Result<Authorization> wants_puk(const Protection& protection, const SecretBytes& given) {
  if (given.empty()) return fail(Status::kAuthorization, "the key needs a PUK");
  return Authorization{
      .tree = protection.tree, .puk = protection.puk, .retry_limit = protection.puk->retry_limit, .given = &given, .method = {}};
}

Result<Authorization> wants_use(const Call& call, const Call::UserKey& user, std::string_view method, const SecretBytes& given) {
  const Key& key = *user.key;
  const BiometricProtection biometric = key.biometric_protection;
  Authorization wanted;
  const bool replaces_pin = biometric == BiometricProtection::kAlternative && given.empty();
  if (key.pin_policy != 0) {
    const Protection protection = TRY(protection_of(call, user.tree, key));
    // "RetryLimit, where it locks the key": not the PIN alone.
    if (replaces_pin && call.state.errors_of(*protection.pin) >= protection.policy->retry_limit) {
      return fail(Status::kAuthorization, "the key is locked after too many wrong PINs");
    }
    if (!replaces_pin) wanted = TRY(wants_pin(protection, given));
  } else if (!given.empty()) {
    return fail(Status::kOption, "there is a PIN for a key that has none");
  }
  wanted.key = key.handle;
  wanted.method = method;
  if (replaces_pin || biometric == BiometricProtection::kCombined || biometric == BiometricProtection::kExclusive) {
    wanted.approval = user.tree;
    if (!wanted.tree) wanted.tree = user.tree;
  }
  return wanted;
}

Result<const Pin*> place_in_group(const PinPolicy& policy, PinHalf half, const std::vector<Ref<Pin>>& pins, std::uint64_t own,
                                  const SecretBytes& value) {
  // Which of the others it is that the value is like, or unlike, is theirs to know: all of them are compared before there is an answer.
  const Pin* shared = nullptr;
  bool breaks_likeness = false;
  bool breaks_difference = false;
  for (const Ref<Pin>& other : pins) {
    if (other->policy != policy.handle || other->id == own) continue;
    const bool same = equal_in_constant_time(other->value->expose_secret(), value.expose_secret());
    const bool same_half = half != PinHalf::kOwn && other->half == half;
    const bool must_differ = policy.grouping == Grouping::kUnique || (policy.grouping == Grouping::kSignatureStandard && !same_half);
    if (same_half) {
      shared = other.get();
      breaks_likeness |= !same;
    }
    if (must_differ) breaks_difference |= same;
  }
  if (declassified(breaks_likeness)) return fail(Status::kOption, "the PIN policy wants the same PIN as for the other keys of the group");
  if (declassified(breaks_difference))
    return fail(Status::kOption, "the PIN policy wants another PIN than for the other keys of the group");
  return shared;
}

}  // namespace airtight::sks::internal
