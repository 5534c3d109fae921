// closeProvisioningSession.
#include <algorithm>
#include <set>

#include "sks/engine.h"
#include "sks/internal/post_provisioning.h"

namespace airtight::sks {
namespace {

using internal::PostTarget;

const PostTarget* target_updated_by(const std::vector<PostTarget>& targets, Handle new_key) {
  const auto found = std::ranges::find(targets, new_key, [](const PostTarget& target) { return target.operation.new_key; });
  return found == targets.end() ? nullptr : &*found;
}

Result<> check_provisioned(const Key& key) {
  const std::string name = "key " + key.id;
  if (!key.end_entity) return fail(Status::kSessionVerify, name + " has no certificate");
  if (key.usage == KeyUsage::kSymmetricKey && !key.has_symmetric_key) return fail(Status::kSessionVerify, name + " has no symmetric key");
  if (key.import_private_key && !key.restored) {
    return fail(Status::kSessionVerify, name + " has not got the private key that ImportPrivateKey announced");
  }
  return {};
}

// "an end-entity certificate equals that of another provisioned key which this session does not delete or update"
Result<> check_certificate(const Call& call, const SessionTree& tree, const Key& key, const std::vector<PostTarget>& targets) {
  for (const StateView::FoundKey& other : TRY(call.state.keys_with_certificate(*key.end_entity))) {
    const bool own = other.tree->session.handle == tree.session.handle;
    if (own ? other.key == key.handle : other.tree->session.open) continue;
    if (std::ranges::any_of(targets, [&](const PostTarget& target) { return target.operation.target == other.key; })) continue;
    return fail(Status::kSessionVerify, "key " + key.id + " has the same end-entity certificate as another key");
  }
  return {};
}

// A DeletePolicy or ExportPolicy of pin or puk wants a PIN or PUK, and biometrics beside or instead of a PIN want one too; an update has
// its target's.
Result<> check_policies(const SessionTree& tree, const Key& key, const std::vector<PostTarget>& targets) {
  const bool wants_puk = key.delete_policy == DeletePolicy::kPuk || key.export_policy == ExportPolicy::kPuk;
  const bool wants_pin = key.delete_policy == DeletePolicy::kPin || key.export_policy == ExportPolicy::kPin;
  const bool has_alternative =
      key.biometric_protection == BiometricProtection::kAlternative || key.biometric_protection == BiometricProtection::kCombined;
  if (!wants_puk && !wants_pin && !has_alternative) return {};
  const PostTarget* const target = target_updated_by(targets, key.handle);
  const SessionTree& owner = target == nullptr ? tree : *target->owner;
  const Handle handle = target == nullptr ? key.pin_policy : target->key->pin_policy;
  if (handle == kDevicePinHandle) return {};  // "Device PIN implies device PUK"
  const PinPolicy* const policy = owner.pin_policy(handle);
  if (wants_pin && policy == nullptr) return fail(Status::kSessionVerify, "key " + key.id + " has a policy of pin but no PIN");
  if (has_alternative && policy == nullptr) {
    return fail(Status::kSessionVerify, "key " + key.id + " has biometrics beside or instead of a PIN, but no PIN");
  }
  if (wants_puk && (policy == nullptr || policy->puk_policy == 0)) {
    return fail(Status::kSessionVerify, "key " + key.id + " has a policy of puk but no PUK");
  }
  return {};
}

Result<> check_references(const SessionTree& tree) {
  std::set<Handle> used_pin_policies;
  for (const auto& key : tree.keys) used_pin_policies.insert(key->pin_policy);
  std::set<Handle> used_puk_policies;
  for (const auto& policy : tree.pin_policies) {
    if (!used_pin_policies.contains(policy->handle)) return fail(Status::kSessionVerify, "PIN policy " + policy->id + " is unreferenced");
    used_puk_policies.insert(policy->puk_policy);
  }
  for (const auto& policy : tree.puk_policies) {
    if (!used_puk_policies.contains(policy->handle)) return fail(Status::kSessionVerify, "PUK policy " + policy->id + " is unreferenced");
  }
  return {};
}

}  // namespace

Result<CloseProvisioningSession::Response> perform(Call& call, const CloseProvisioningSession& request) {
  SessionTree& tree = *TRY(call.open_session(request.provisioning_handle));
  Session& session = tree.session;
  TRY(Call::use_session_key(session, 2));  // the MAC and the attestation
  const std::array<MacInput, 3> data = {MacInput::text(session.client_session_id), MacInput::text(session.server_session_id),
                                        MacInput::text(session.issuer_uri)};
  TRY(Call::verify_mac(session, method_of<CloseProvisioningSession>().name, data, request.mac));

  const std::vector<PostTarget> targets = TRY(internal::find_targets(call, session));
  for (const auto& key : tree.keys) {
    TRY(check_provisioned(*key));
    TRY(check_certificate(call, tree, *key, targets));
    TRY(check_policies(tree, *key, targets));
  }
  TRY(check_references(tree));

  CloseProvisioningSession::Response response;
  response.attested_response = close_attestation(session_key_of(session), session.mac_counter);
  internal::carry_out(call, tree, targets);
  session.open = false;
  session.post_operations.clear();
  // Without keys there is nothing left that it could own.
  if (tree.keys.empty()) call.remove_session(call.changes.at(request.provisioning_handle).before);
  return response;
}

}  // namespace airtight::sks
