// postProvisioningDeleteKey and postProvisioningUpdateKey, and how their operations take effect.
#include <algorithm>
#include <set>

#include "sks/engine.h"
#include "sks/internal/key_steps.h"
#include "sks/internal/post_provisioning.h"

namespace airtight::sks {
namespace internal {

Result<std::vector<PostTarget>> find_targets(Call& call, const Session& session) {
  std::vector<PostTarget> targets;
  for (const PostOperation& operation : session.post_operations) {
    PostTarget target{operation, TRY(call.state.session_of_key(operation.target)), nullptr};
    if (!target.owner || target.owner->session.handle != operation.target_session) {
      return fail(Status::kSessionVerify, "a key that this session deletes or updates was deleted or has moved since");
    }
    target.key = target.owner->key(operation.target);
    targets.push_back(std::move(target));
  }
  return targets;
}

void carry_out(Call& call, SessionTree& closing, const std::vector<PostTarget>& targets) {
  std::set<Handle> moved;
  for (const PostTarget& target : targets) {
    if (!moved.insert(target.operation.target_session).second) continue;
    closing.take_objects_of(*target.owner);
    call.remove_session(target.owner);
  }
  for (const PostTarget& target : targets) {
    const PostOperation& operation = target.operation;
    if (operation.new_key == 0) {
      closing.remove_key(operation.target);
      continue;
    }
    Key updated = *closing.key(operation.new_key);
    updated.handle = operation.target;
    updated.pin_policy = target.key->pin_policy;
    updated.pin = target.key->pin;
    closing.remove_key(operation.new_key);
    closing.change_key(operation.target) = std::move(updated);
    call.move_bulk(operation.new_key, operation.target);
  }
}

}  // namespace internal

namespace {

struct Target {
  Ref<SessionTree> owner;
  const Key* key = nullptr;
};

// sks.md section 8: "The target belongs to a closed session with Updatable set and is itself Updatable; within a session one operation for
// a target".
Result<Target> find_target(Call& call, const Session& session, Handle handle) {
  Target target;
  target.owner = call.unless_expired(TRY(call.state.session_of_key(handle)));
  if (target.owner) target.key = target.owner->key(handle);
  if (target.key == nullptr) return fail(Status::kNoKey, "there is no key with this handle to be deleted or updated");
  if (target.owner->session.open || !target.owner->session.updatable || !target.key->updatable) {
    return fail(Status::kNotAllowed, "the key is not updatable");
  }
  if (std::ranges::any_of(session.post_operations, [&](const PostOperation& other) { return other.target == handle; })) {
    return fail(Status::kNotAllowed, "the session deletes or updates this key already");
  }
  return target;
}

// sks.md section 8, "fully provisioned", "The new key has no PIN of its own and the same KeyUsage", "one for a new key".
Result<> check_new_key(const Session& session, const Key& key, const Key& target) {
  if (key.usage == KeyUsage::kSymmetricKey && !key.has_symmetric_key) {
    return fail(Status::kNotAllowed, "the new key has not got its symmetric key yet");
  }
  if (key.import_private_key && !key.restored) return fail(Status::kNotAllowed, "the new key has not got its private key yet");
  if (key.pin_policy != 0) return fail(Status::kNotAllowed, "the new key has a PIN of its own");
  if (key.usage != target.usage) return fail(Status::kNotAllowed, "the new key has another KeyUsage than the one to be updated");
  if (key.biometric_protection == BiometricProtection::kExclusive && target.pin_policy != 0) {
    return fail(Status::kNotAllowed, "the new key is protected by biometrics exclusively, and the one to be updated has a PIN");
  }
  if (std::ranges::any_of(session.post_operations, [&](const PostOperation& other) { return other.new_key == key.handle; })) {
    return fail(Status::kNotAllowed, "the new key updates another key already");
  }
  return {};
}

// The Post Provisioning MAC of `target`: that who asks has issued it.
Result<crypto::Sha256Value> proof_of_issuance(const Call& call, const Target& target) {
  const std::vector<Bytes> path = TRY(internal::certificate_path(call, *target.key));
  return post_provisioning_mac(session_key_of(target.owner->session), path.front());
}

}  // namespace

Result<Nothing> perform(Call& call, const PostProvisioningDeleteKey& request) {
  Session& session = TRY(call.open_session(request.provisioning_handle))->session;
  const Target target = TRY(find_target(call, session, request.key_handle));
  TRY(Call::use_session_key(session, 1));
  TRY(call.use_original_session_key(target.owner));
  const crypto::Sha256Value proof = TRY(proof_of_issuance(call, target));
  const std::array<MacInput, 1> data = {ByteView(proof)};
  TRY(Call::verify_mac(session, method_of<PostProvisioningDeleteKey>().name, data, request.mac));
  session.post_operations.push_back({request.key_handle, target.owner->session.handle, 0});
  return Nothing{};
}

Result<Nothing> perform(Call& call, const PostProvisioningUpdateKey& request) {
  SessionTree& tree = *TRY(call.open_session(request.provisioning_handle));
  Session& session = tree.session;
  const Key* const key = TRY(internal::certified_key(tree, request.key_handle));
  const Target target = TRY(find_target(call, session, request.key_handle_original));
  TRY(check_new_key(session, *key, *target.key));
  TRY(Call::use_session_key(session, 1));
  TRY(call.use_original_session_key(target.owner));
  const crypto::Sha256Value proof = TRY(proof_of_issuance(call, target));
  const std::vector<Bytes> path = TRY(internal::certificate_path(call, *key));
  const std::array<MacInput, 2> data = {ByteView(proof), ByteView(path.front())};
  TRY(Call::verify_mac(session, method_of<PostProvisioningUpdateKey>().name, data, request.mac));
  session.post_operations.push_back({request.key_handle_original, target.owner->session.handle, request.key_handle});
  return Nothing{};
}

}  // namespace airtight::sks
