// closeProvisioningSession and what takes effect with it (sks.md section 8).
#include <algorithm>

#include "crypto/digest.h"
#include "tests/model/model.h"

namespace airtight::sks::model {

// "Post Provisioning MAC Operations"
Bytes Model::post_provisioning_mac(const Session& original, const Key& target) const {
  return to_bytes(crypto::hmac_sha256(concat({bytes_of("Proof Of Issuance"), original.key}), {target.path[0]}));
}

Session& Model::check_target(const Session& session, Handle target) {
  const auto found = keys_.find(target);
  unless(found != keys_.end(), Status::kNoKey);
  Session& original = sessions_.at(found->second.session);
  unless(!original.open && original.asked.updatable && found->second.updatable, Status::kNotAllowed);
  for (const PostOperation& operation : session.operations) unless(operation.target != target, Status::kNotAllowed);
  return original;
}

// postProvisioningDeleteKey (50)
void Model::perform(const PostProvisioningDeleteKey& request, const Answer<PostProvisioningDeleteKey>& answer) {
  Session& session = open_session(request.provisioning_handle);
  Session& original = check_target(session, request.key_handle);
  limit(session, 1);
  limit(original, 1);
  ++original.uses;
  const Key& target = keys_.at(request.key_handle);
  mac(session, "postProvisioningDeleteKey", {post_provisioning_mac(original, target)}, request.mac);
  (void)accepted(answer);
  session.operations.push_back({request.key_handle, target.session, 0});
}

// postProvisioningUpdateKey (51)
void Model::perform(const PostProvisioningUpdateKey& request, const Answer<PostProvisioningUpdateKey>& answer) {
  Session& session = open_session(request.provisioning_handle);
  const Key& key = session_key_pair(request.provisioning_handle, request.key_handle);
  Unordered errors;  // "handles and state" are one rank
  errors.unless(
      !key.path.empty() && (key.usage != KeyUsage::kSymmetricKey || key.symmetric_key) && (!key.import_private_key || key.restored),
      Status::kNotAllowed);
  errors.unless(key.pin_policy == 0, Status::kNotAllowed);
  for (const PostOperation& operation : session.operations) errors.unless(operation.new_key != request.key_handle, Status::kNotAllowed);
  const auto found = keys_.find(request.key_handle_original);
  errors.unless(found != keys_.end(), Status::kNoKey);
  errors.unless(found == keys_.end() || key.usage == found->second.usage, Status::kNotAllowed);
  errors.refuse_if_any();
  const Key& target = found->second;
  Session& original = check_target(session, request.key_handle_original);
  limit(session, 1);
  limit(original, 1);
  ++original.uses;
  mac(session, "postProvisioningUpdateKey", {post_provisioning_mac(original, target), key.path[0]}, request.mac);
  (void)accepted(answer);
  session.operations.push_back({request.key_handle_original, target.session, request.key_handle});
}

// Section 7: what closeProvisioningSession refuses.
void Model::check_close(Handle handle, const Session& session) const {
  std::set<Handle> targets;
  std::map<Handle, Handle> updated_by;  // target by new key
  for (const PostOperation& operation : session.operations) {
    const auto target = keys_.find(operation.target);
    unless(target != keys_.end() && target->second.session == operation.target_session, Status::kSessionVerify);
    targets.insert(operation.target);
    if (operation.new_key != 0) updated_by[operation.new_key] = operation.target;
  }
  std::set<Handle> pin_policies_used;
  std::set<Handle> puk_policies_used;
  for (const auto& [key_handle, key] : keys_) {
    if (key.session != handle) continue;
    unless(!key.path.empty(), Status::kSessionVerify);
    unless(key.usage != KeyUsage::kSymmetricKey || key.symmetric_key, Status::kSessionVerify);
    unless(!key.import_private_key || key.restored, Status::kSessionVerify);
    pin_policies_used.insert(key.pin_policy);
    const auto update = updated_by.find(key_handle);
    const Handle pin_policy = update == updated_by.end() ? key.pin_policy : keys_.at(update->second).pin_policy;
    const bool has_puk = pin_policy != 0 && pin_policies_.at(pin_policy).asked.puk_policy_handle != 0;
    for (const std::uint8_t policy : {key.delete_policy, key.export_policy}) {
      unless(policy != 1 || pin_policy != 0, Status::kSessionVerify);
      unless(policy != 2 || has_puk, Status::kSessionVerify);
    }
    for (const auto& [other_handle, other] : keys_) {
      if (other_handle == key_handle || other.path.empty() || other.path[0] != key.path[0]) continue;
      const bool provisioned = other.session == handle || !is_open(other.session);
      unless(!provisioned || targets.contains(other_handle), Status::kSessionVerify);
    }
  }
  for (const auto& [policy_handle, policy] : pin_policies_) {
    if (policy.session != handle) continue;
    unless(pin_policies_used.contains(policy_handle), Status::kSessionVerify);
    puk_policies_used.insert(policy.asked.puk_policy_handle);
  }
  for (const auto& [policy_handle, policy] : puk_policies_) {
    unless(policy.session != handle || puk_policies_used.contains(policy_handle), Status::kSessionVerify);
  }
}

// closeProvisioningSession (2)
void Model::perform(const CloseProvisioningSession& request, const Answer<CloseProvisioningSession>& answer) {
  const Handle handle = request.provisioning_handle;
  Session& session = open_session(handle);
  limit(session, 2);
  mac(session, "closeProvisioningSession",
      {to_bytes(session.client_session_id), to_bytes(session.asked.server_session_id.value), session.asked.issuer_uri}, request.mac);
  check_close(handle, session);
  ++session.uses;
  const auto expected =
      crypto::hmac_sha256(concat({bytes_of("Device Attestation"), session.key}), {bytes_of("Success"), big_endian(session.mac_counter, 2)});
  same(equal(accepted(answer).attested_response, expected), "AttestedResponse");

  session.open = false;
  std::set<Handle> originals;
  for (const PostOperation& operation : session.operations) {
    originals.insert(operation.target_session);
    Key target = keys_.at(operation.target);
    keys_.erase(operation.target);
    if (operation.new_key == 0) continue;
    Key updated = keys_.at(operation.new_key);
    keys_.erase(operation.new_key);
    updated.pin_policy = target.pin_policy;
    updated.pin = target.pin;
    keys_[operation.target] = updated;
  }
  const auto move = [&](auto& objects) {
    for (auto& [object_handle, object] : objects) {
      if (originals.contains(object.session)) object.session = handle;
    }
  };
  move(keys_);
  move(pin_policies_);
  move(puk_policies_);
  for (const Handle original : originals) sessions_.erase(original);
  session.operations.clear();
  if (std::ranges::none_of(keys_, [&](const auto& entry) { return entry.second.session == handle; })) terminate(handle);
}

}  // namespace airtight::sks::model
