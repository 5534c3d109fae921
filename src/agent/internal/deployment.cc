// Credential deployment: certificates, imported keys, extensions, updates and deletions into the key store, in the order of their MACs
// (keygen2.md section 3), and the end of the session.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/internal/capabilities.h"
#include "agent/internal/run.h"
#include "agent/key_list.h"

namespace airtight::agent {
namespace {

using keygen2::ClientError;

Result<sks::Bytes32> mac_of(const Bytes& bytes) {
  sks::Bytes32 mac;
  if (bytes.size() != mac.size()) return refuse(ClientError::kNonMatchingRequests, "the issuer sent a MAC that has not 32 bytes");
  std::ranges::copy(bytes, mac.begin());
  return mac;
}

// Everything that a deployment is about, found before anything is done.
struct Plan {
  std::map<std::string, std::uint32_t> new_keys;  // handles by ID
  std::vector<KeyChange> changes;                 // updates in the order of their keys, then deletions
};

// Keys of the sessions that an issuer names, looked up once.
class Targets {
 public:
  explicit Targets(sks::Channel& key_store) : key_store_(key_store) {}

  // The key of this session with this certificate: no-such-key if it is not there.
  Result<KeyEntry> find(const keygen2::TargetKey& target) {
    TRY(read());
    for (const KeyEntry& key : keys_) {
      if (!key.is_usable() || !equal(key.path.front().sha256(), target.certificate_fingerprint)) continue;
      const auto session = std::ranges::find(sessions_, key.key.provisioning_handle, &SessionEntry::handle);
      if (session != sessions_.end() && session->session.client_session_id.value == target.client_session_id &&
          session->session.server_session_id.value == target.server_session_id) {
        return key;
      }
    }
    return refuse(ClientError::kNoSuchKey, "the issuer wants to update or delete a key that is not here");
  }

 private:
  Result<> read() {
    if (was_read_) return {};
    keys_ = TRY(list_keys(key_store_));
    sessions_ = TRY(list_sessions(key_store_));
    was_read_ = true;
    return {};
  }

  sks::Channel& key_store_;
  bool was_read_ = false;
  std::vector<KeyEntry> keys_;
  std::vector<SessionEntry> sessions_;
};

// The keys that this session has made, by ID.
Result<std::map<std::string, std::uint32_t>> keys_of_session(const Run& run) {
  if (run.made_keys) return *run.made_keys;
  std::map<std::string, std::uint32_t> keys;
  std::uint32_t handle = sks::kNoHandle;
  do {
    const auto entry = TRY(sks::call(run.tools.key_store, sks::EnumerateKeys{handle}));
    handle = entry.key_handle;
    if (entry.key && entry.key->provisioning_handle == *run.session) keys.emplace(entry.key->id.value, handle);
  } while (handle != sks::kNoHandle);
  return keys;
}

Result<> check_every_key_is_certified(const Plan& plan, const keygen2::CredentialDeploymentRequest& request) {
  std::map<std::string, std::uint32_t> missing = plan.new_keys;
  for (const keygen2::CertifiedPublicKey& key : request.keys) {
    if (missing.erase(key.id) == 0)
      return refuse(ClientError::kNonMatchingRequests, "the issuer certified a key that is not one of this session: '" + key.id + "'");
  }
  if (missing.empty()) return {};
  return refuse(ClientError::kMissingProvisioningData, "the issuer sent no certificate for key '" + missing.begin()->first + "'");
}

Result<Plan> plan_of(const Run& run, const keygen2::CredentialDeploymentRequest& request) {
  Plan plan;
  plan.new_keys = TRY(keys_of_session(run));
  TRY(check_every_key_is_certified(plan, request));
  Targets targets(run.tools.key_store);
  for (const keygen2::CertifiedPublicKey& key : request.keys) {
    if (!key.update) continue;
    KeyEntry target = TRY(targets.find(*key.update));
    plan.changes.push_back({.target = std::move(target), .replaced_by = key.id});
  }
  for (const keygen2::TargetKey& deletion : request.delete_keys) {
    KeyEntry target = TRY(targets.find(deletion));
    plan.changes.push_back({.target = std::move(target), .replaced_by = {}});
  }
  return plan;
}

// The calls of one deployment, one function a call.
class Deployment {
 public:
  explicit Deployment(Run& run) : run_(run), session_(*run.session) {}

  Result<> set_certificate_path(keygen2::CertifiedPublicKey& key, std::uint32_t handle) {
    std::vector<crypto::Certificate> path = TRY(crypto::order_path(std::move(key.certificate_path)));
    sks::SetCertificatePath request{
        .provisioning_handle = session_, .key_handle = handle, .x509_certificates = {}, .mac = TRY(mac_of(key.mac))};
    for (const crypto::Certificate& certificate : path) request.x509_certificates.push_back(certificate.der());
    TRY(call(request));
    run_.outcome.keys.push_back({.handle = handle, .id = key.id, .certificate = path.front()});
    return {};
  }

  Result<> import_key(const keygen2::CertifiedPublicKey& key, std::uint32_t handle) {
    if (const auto* symmetric = std::get_if<keygen2::SymmetricKey>(&key.import)) {
      sks::SetSymmetricKey request{.provisioning_handle = session_,
                                   .key_handle = handle,
                                   .symmetric_key = symmetric->encrypted_value,
                                   .endorsed_algorithms = {},
                                   .mac = TRY(mac_of(symmetric->mac))};
      for (const std::string& algorithm : symmetric->endorsed_algorithms) request.endorsed_algorithms.push_back(to_bytes(algorithm));
      return call(request);
    }
    if (const auto* restored = std::get_if<keygen2::RestoredPrivateKey>(&key.import)) {
      return call(sks::RestorePrivateKey{.provisioning_handle = session_,
                                         .key_handle = handle,
                                         .private_key = restored->encrypted_value,
                                         .mac = TRY(mac_of(restored->mac))});
    }
    return {};
  }

  Result<> add(const keygen2::PropertyBag& bag, std::uint32_t handle) {
    return add_extension(handle, ExtensionBaseType::kPropertyBag, "", bag.canonical, bag.type, bag.mac);
  }
  Result<> add(const keygen2::Logotype& logotype, std::uint32_t handle) {
    return add_extension(handle, ExtensionBaseType::kLogotype, logotype.mime_type, logotype.image, logotype.type, logotype.mac);
  }
  Result<> add(const keygen2::Extension& extension, std::uint32_t handle) {
    const auto base_type = extension.encrypted ? ExtensionBaseType::kEncryptedExtension : ExtensionBaseType::kExtension;
    return add_extension(handle, base_type, "", extension.data, extension.type, extension.mac);
  }

  // From now on the new key answers to the handle of the old one.
  Result<> update(const keygen2::TargetKey& update, std::uint32_t handle, std::uint32_t target) {
    const sks::Bytes32 mac = TRY(mac_of(update.mac));
    TRY(call(
        sks::PostProvisioningUpdateKey{.provisioning_handle = session_, .key_handle = handle, .key_handle_original = target, .mac = mac}));
    run_.outcome.keys.back().handle = target;
    run_.outcome.keys.back().renewed = true;
    return {};
  }

  Result<> remove(const keygen2::TargetKey& deletion, std::uint32_t target) {
    const sks::Bytes32 mac = TRY(mac_of(deletion.mac));
    TRY(call(sks::PostProvisioningDeleteKey{.provisioning_handle = session_, .key_handle = target, .mac = mac}));
    run_.outcome.deleted.push_back(target);
    return {};
  }

  Result<sks::Bytes32> close(const Bytes& mac) {
    const sks::Bytes32 close_mac = TRY(mac_of(mac));
    const auto closed = TRY(sks::call(run_.tools.key_store, sks::CloseProvisioningSession{session_, close_mac}));
    return closed.attested_response;
  }

 private:
  template <typename Request>
  Result<> call(const Request& request) {
    TRY(sks::call(run_.tools.key_store, request));
    return {};
  }

  Result<> add_extension(std::uint32_t handle, ExtensionBaseType base_type, std::string_view qualifier, const Bytes& data,
                         std::string_view type, const Bytes& mac) {
    sks::AddExtensionData request;
    request.provisioning_handle = session_;
    request.key_handle = handle;
    request.base_type = std::to_underlying(base_type);
    request.qualifier = to_bytes(qualifier);
    request.extension_data = {data};
    request.extension_type = to_bytes(type);
    request.mac = TRY(mac_of(mac));
    return call(request);
  }

  Run& run_;
  std::uint32_t session_;
};

// In the order of the MACs. Returns the attestation of the closed session.
Result<sks::Bytes32> carry_out(Run& run, keygen2::CredentialDeploymentRequest& request, const Plan& plan) {
  Deployment deployment(run);
  auto change = plan.changes.begin();
  for (keygen2::CertifiedPublicKey& key : request.keys) {
    const std::uint32_t handle = plan.new_keys.at(key.id);
    TRY(deployment.set_certificate_path(key, handle));
    TRY(deployment.import_key(key, handle));
    for (const keygen2::ExtensionObject& object : key.extensions) {
      TRY(std::visit([&](const auto& what) { return deployment.add(what, handle); }, object));
    }
    if (!key.update) continue;
    TRY(deployment.update(*key.update, handle, change->target.handle));
    ++change;
  }
  for (const keygen2::TargetKey& deletion : request.delete_keys) {
    TRY(deployment.remove(deletion, change->target.handle));
    ++change;
  }
  run.tools.user.progress(Step::kConfirming, "");
  return deployment.close(request.close_session_mac);
}

// What an earlier run, of which nothing is remembered, began (keygen2.md section 2).
Result<> take_up(Run& run, const keygen2::CredentialDeploymentRequest& request) {
  TRY(run.record.place.permitted(request.issuer_uri));
  run.record.client_session_id = request.client_session_id;
  run.record.issuer_uri = request.issuer_uri;
  return {};
}

}  // namespace

Answer deploy(Run& run, keygen2::CredentialDeploymentRequest& request) {
  const bool goes_on_in_another_run = !run.session;
  if (!run.is_remembered) TRY(take_up(run, request));
  TRY(check_client_session(run, request.client_session_id));
  if (request.issuer_uri != run.record.issuer_uri)
    return refuse(ClientError::kNonMatchingRequests, "the issuer sent certificates for a session of another issuer");
  TRY(find_session(run));
  if (goes_on_in_another_run) TRY(meet(run));
  TRY(check_deployment(request, run.device, run.options.limits));
  const Plan plan = TRY(plan_of(run, request));
  if (!plan.changes.empty()) {
    const bool wanted = TRY(of_user(run.tools.user.confirm_changes({.issuer = run.issuer, .changes = plan.changes})));
    if (!wanted) return refuse(ClientError::kUserAbort, "the user does not want these keys to be changed");
  }
  run.tools.user.progress(Step::kInstallingCertificates, "");
  TRY(begin_work(run));
  const Result<sks::Bytes32> attestation = carry_out(run, request, plan);
  if (!attestation) {
    run.outcome.keys.clear();
    run.outcome.deleted.clear();
    return Failure(attestation.error());
  }
  run.closed = true;
  return keygen2::write_message(keygen2::CredentialDeploymentResponse{.id = run.record.client_session_id,
                                                                      .server_session_id = request.id,
                                                                      .close_session_attestation = to_bytes(*attestation),
                                                                      .server_cookie = std::move(request.server_cookie)});
}

}  // namespace airtight::agent
