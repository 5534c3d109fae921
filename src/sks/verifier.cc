#include "sks/internal/verifier.h"

#include <algorithm>
#include <set>

#include "sks/internal/key_material.h"
#include "sks/internal/places.h"
#include "sks/status.h"

namespace airtight::sks::internal {
namespace {

class Verifier {
 public:
  explicit Verifier(StateStore& state) : state_(state) {}

  Result<VerifyReport> run() {
    TRY(state_.with_records([&](Records& records) { return check_database(records); }));
    const auto sessions = state_.with_records([](Records& records) { return records.all_sessions(); });
    if (!sessions) {
      find("versions", "the store", sessions.error().message);
      return std::move(report_);
    }
    for (const Handle session : *sessions) {
      state_.with_records([&](Records& records) { check_session(records, session); });
    }
    TRY(state_.with_records([&](Records& records) { return check_strays(records); }));
    return std::move(report_);
  }

 private:
  void find(std::string id, std::string subject, std::string text) {
    report_.findings.push_back({std::move(id), std::move(subject), std::move(text)});
  }

  Result<> check_database(Records& records) {
    const auto cursor = TRY(records.database().query("PRAGMA integrity_check(20)"));
    while (const storage::Row* row = TRY(cursor->next())) {
      if (row->text(0) != "ok") find("database", "the database", row->text(0));
    }
    return {};
  }

  // Rows that belong to no session: they do nothing, but somebody put them there.
  Result<> check_strays(Records& records) {
    const auto strays = TRY(storage::query_one(records.database(),
                                               "SELECT COUNT(*) FROM sks_records WHERE session NOT IN (SELECT handle FROM sks_sessions)",
                                               {}, [](const storage::Row& row) { return row.integer(0); }));
    if (strays.value_or(0) != 0) find("stray-records", "the database", std::to_string(*strays) + " records belong to no session");
    return {};
  }

  void check_session(Records& records, Handle session) {
    const std::string name = session == kDeviceTree ? "the device" : "session " + std::to_string(session);
    const auto loaded = records.load(session);
    if (!loaded) {
      find("session", name, loaded.error().message);
      return;
    }
    if (!*loaded) return;  // removed meanwhile
    const SessionTree& tree = *(*loaded)->tree;
    const Inventory& inventory = (*loaded)->inventory;
    report_.records += inventory.size() + 1;
    if (session == kDeviceTree) {
      check_device(records, inventory);
    } else {
      ++report_.sessions;
      check_handle(records, HandleKind::kSession, session, name);
      if (!tree.session.open && tree.keys.empty()) find("empty-session", name, "it is closed and has no keys");
      if (tree.session.key_uses > tree.session.key_limit)
        find("session-key-uses", name, "its session key was used more often than allowed");
    }
    check_protection(records, tree, name);
    for (const auto& key : tree.keys) check_key(records, tree, inventory, *key);
    check_extra(tree, inventory, name);
  }

  void check_device(Records& records, const Inventory& inventory) {
    const auto device = records.load_device(inventory);
    const auto key = records.load_attestation_key(inventory);
    if (!device) find("device", "the device", device.error().message);
    if (!key) find("attestation-key", "the device", key.error().message);
    if (!device || !key) return;
    const auto certificate = crypto::Certificate::parse(device->certificate_path.front());
    if (!certificate || !equal(certificate->spki(), key->public_key().spki())) {
      find("attestation-key", "the device", "the device certificate is not for the attestation key");
    }
  }

  void check_handle(Records& records, HandleKind kind, std::uint64_t handle, const std::string& name) {
    if (handle == 0 || handle >= records.next_handles()[static_cast<std::size_t>(kind)]) {
      find("handle", name, "its handle is one that was never given out");
    }
  }

  void check_protection(Records& records, const SessionTree& tree, const std::string& name) {
    const bool is_device = tree.session.handle == kDeviceTree;
    for (const auto& puk : tree.puk_policies) {
      const std::string puk_name = "PUK policy " + std::to_string(puk->handle) + " of " + name;
      if (!is_device) check_handle(records, HandleKind::kPukPolicy, puk->handle, puk_name);
      if (puk->retry_limit != 0 && puk->error_count > puk->retry_limit)
        find("error-count", puk_name, "it counts more errors than it allows");
    }
    for (const auto& policy : tree.pin_policies) {
      const std::string policy_name = "PIN policy " + std::to_string(policy->handle) + " of " + name;
      if (!is_device) check_handle(records, HandleKind::kPinPolicy, policy->handle, policy_name);
      if (policy->puk_policy != 0 && tree.puk_policy(policy->puk_policy) == nullptr) find("reference", policy_name, "its PUK is missing");
    }
    for (const auto& pin : tree.pins) {
      const std::string pin_name = "PIN " + std::to_string(pin->id) + " of " + name;
      check_handle(records, HandleKind::kPin, pin->id, pin_name);
      const PinPolicy* const policy = tree.pin_policy(pin->policy);
      if (policy == nullptr) {
        find("reference", pin_name, "its PIN policy is missing");
      } else if (pin->error_count > policy->retry_limit) {
        find("error-count", pin_name, "it counts more errors than its policy allows");
      }
    }
  }

  void check_key(Records& records, const SessionTree& tree, const Inventory& inventory, const Key& key) {
    ++report_.keys;
    const std::string name = "key " + std::to_string(key.handle);
    check_handle(records, HandleKind::kKey, key.handle, name);
    if (key.pin != 0) {
      const Pin* const pin = tree.pin(key.pin);
      if (pin == nullptr || pin->policy != key.pin_policy) find("reference", name, "its PIN is missing");
    } else if (key.pin_policy != 0 && key.pin_policy != kDevicePinHandle) {
      find("reference", name, "it has a PIN policy and no PIN");
    }
    const auto certified = check_path(records, tree, inventory, key, name);
    check_private_key(records, tree, inventory, key, name, certified);
    if (key.has_symmetric_key) {
      const auto symmetric = records.read(tree.session.handle, inventory, {RecordKind::kSymmetricKey, key.handle});
      if (!symmetric || !*symmetric) find("symmetric-key", name, symmetric ? "its symmetric key is missing" : symmetric.error().message);
    }
    for (std::uint32_t i = 0; i < key.extensions.size(); ++i) {
      const auto data = records.read(tree.session.handle, inventory, {RecordKind::kExtension, key.handle, i});
      if (!data || !*data) find("extension", name, data ? "an extension's data are missing" : data.error().message);
    }
  }

  // The public key of its end-entity certificate.
  std::optional<Bytes> check_path(Records& records, const SessionTree& tree, const Inventory& inventory, const Key& key,
                                  const std::string& name) {
    if (!key.end_entity) {
      if (!tree.session.open) find("certificate", name, "it has no certificate, though its session is closed");
      return std::nullopt;
    }
    const auto bytes = records.read(tree.session.handle, inventory, {RecordKind::kCertificatePath, key.handle});
    if (!bytes || !*bytes) {
      find("certificate", name, bytes ? "its certificates are missing" : bytes.error().message);
      return std::nullopt;
    }
    const auto path = record_of<PathRecord>((*bytes)->expose_secret());
    if (!path || path->certificates.empty() || crypto::sha256(path->certificates.front()) != *key.end_entity) {
      find("certificate", name, "its certificate is not the one that its record names");
      return std::nullopt;
    }
    const auto certificate = crypto::Certificate::parse(path->certificates.front());
    if (!certificate) {
      find("certificate", name, "its certificate cannot be read");
      return std::nullopt;
    }
    return to_bytes(certificate->spki());
  }

  void check_private_key(Records& records, const SessionTree& tree, const Inventory& inventory, const Key& key, const std::string& name,
                         const std::optional<Bytes>& certified) {
    const auto bytes = records.read(tree.session.handle, inventory, {RecordKind::kPrivateKey, key.handle});
    if (!bytes || !*bytes) {
      find("private-key", name, bytes ? "its private key is missing" : bytes.error().message);
      return;
    }
    const auto private_key = crypto::PrivateKey::from_pkcs8((*bytes)->expose_secret());
    if (!private_key) {
      find("private-key", name, "its private key cannot be read");
      return;
    }
    const bool must_fit = certified && (!key.import_private_key || key.restored);
    if (must_fit && !equal(private_key->public_key().spki(), *certified)) {
      find("private-key", name, "its private key does not fit its certificate");
    }
  }

  // Records of the session that nothing in it names.
  void check_extra(const SessionTree& tree, const Inventory& inventory, const std::string& name) {
    for (const auto& item : inventory) {
      if (!is_bulk(item.record.kind) || item.record.kind == RecordKind::kAttestationKey) continue;
      if (tree.key(static_cast<Handle>(item.record.id)) == nullptr) find("stray-records", name, "a part of a key that is not there");
    }
  }

  StateStore& state_;
  VerifyReport report_;
};

}  // namespace

Result<VerifyReport> verify(StateStore& state) { return Verifier(state).run(); }

}  // namespace airtight::sks::internal
