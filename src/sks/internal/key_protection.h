// What stands between a key and its user: the PIN and PUK that protect it, local or of the device, and how PINs of one policy go together.
#pragma once

#include "base/result.h"
#include "base/secret_bytes.h"
#include "sks/engine.h"

namespace airtight::sks::internal {

// The policies of a key and its PIN, with the tree that they are in.
struct Protection {
  Ref<SessionTree> tree;  // null: the key has no PIN
  const PinPolicy* policy = nullptr;
  const Pin* pin = nullptr;        // null for a key that is being made
  const PukPolicy* puk = nullptr;  // null: none
  bool is_device_pin = false;
};

// Of a key of `tree`. ERROR_INTERNAL if something is missing, ERROR_STORAGE.
[[nodiscard]] Result<Protection> protection_of(const Call& call, const Ref<SessionTree>& tree, const Key& key);

// The device PIN; `tree` is null if there is none.
[[nodiscard]] Result<Protection> device_pin(const Call& call);

// That `given` is to be proved to be the PIN or PUK; `protection` has one. ERROR_AUTHORIZATION if `given` is empty, which is not counted.
[[nodiscard]] Result<Authorization> wants_pin(const Protection& protection, const SecretBytes& given);
[[nodiscard]] Result<Authorization> wants_puk(const Protection& protection, const SecretBytes& given);

// What a method has to prove that uses the key: its PIN, an approval, both or nothing ("Biometric Protection", sks.md section 7).
[[nodiscard]] Result<Authorization> wants_use(const Call& call, const Call::UserKey& user, std::string_view method,
                                              const SecretBytes& given);

// Whether `value` may stand beside the other PINs of the policy: `pins` without `own` ("PIN Grouping Control"). The PIN among them that the
// value is to be shared with, or null for one of its own. ERROR_OPTION.
[[nodiscard]] Result<const Pin*> place_in_group(const PinPolicy& policy, PinHalf half, const std::vector<Ref<Pin>>& pins, std::uint64_t own,
                                                const SecretBytes& value);

}  // namespace airtight::sks::internal
