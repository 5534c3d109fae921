// What a key store remembers, as values. A SessionTree is one provisioning session with all that it owns, at one moment: immutable once
// published, shared by everyone who reads it; who wants a change copies it, changes the copy and hands that to the store.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/key_attributes.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "sks/methods.h"
#include "sks/pin_rules.h"
#include "sks/session_security.h"

namespace airtight::sks {

template <typename T>
using Ref = std::shared_ptr<const T>;
// A secret that several versions of a record share.
using SharedSecret = Ref<SecretBytes>;
[[nodiscard]] inline SharedSecret share(SecretBytes secret) { return std::make_shared<const SecretBytes>(std::move(secret)); }

// A post-provisioning operation that takes effect when its session closes (sks.md section 8).
struct PostOperation {
  Handle target = 0;
  Handle target_session = 0;  // that owned the target when the operation was called
  Handle new_key = 0;         // 0: the target is deleted
};

struct Session {
  Handle handle = 0;
  SessionAlgorithm algorithm = SessionAlgorithm::kSk1;
  bool open = true;
  std::string server_session_id;
  std::string client_session_id;
  std::string issuer_uri;
  bool updatable = false;
  std::uint64_t client_time = 0;  // milliseconds since the epoch, as the caller gave it
  std::uint32_t life_time = 0;    // seconds
  std::uint16_t key_limit = 0;
  Instant created_at;             // by the store's own clock
  std::uint32_t key_uses = 0;     // of the session key so far
  std::uint16_t mac_counter = 0;  // MACSequenceCounter
  SharedSecret session_key;
  std::vector<PostOperation> post_operations;

  [[nodiscard]] bool expired_at(Instant now) const {
    return open && now.milliseconds >= created_at.milliseconds + static_cast<std::int64_t>(life_time) * 1000;
  }
};

struct PukPolicy {
  Handle handle = 0;
  std::string id;
  PassphraseFormat format = PassphraseFormat::kNumeric;
  std::uint8_t retry_limit = 0;  // 0: never locks
  std::uint8_t error_count = 0;  // on disk; what counts is the attempt ledger
  SharedSecret value;
};

struct PinPolicy {
  Handle handle = 0;
  std::string id;
  Handle puk_policy = 0;  // 0: none
  bool user_defined = false;
  bool user_modifiable = false;
  std::uint8_t retry_limit = 0;
  Grouping grouping = Grouping::kNone;
  InputMethod input_method = InputMethod::kAny;
  PinRules rules;
};

// A PIN with its error counter: of one key, or of the keys of a policy that share it.
struct Pin {
  std::uint64_t id = 0;
  Handle policy = 0;
  PinHalf half = PinHalf::kOwn;
  std::uint8_t error_count = 0;  // on disk; what counts is the attempt ledger
  SharedSecret value;
};

// An extension's description. Its data are bulk, read when they are wanted.
struct ExtensionInfo {
  std::string type;
  ExtensionBaseType base_type = ExtensionBaseType::kExtension;
  Bytes qualifier;
};

// A parsed private key or the bytes of a symmetric one, read at first use. The versions of a key share it until its material changes.
struct KeyMaterialSlot;

struct Key {
  Handle handle = 0;
  std::string id;
  Handle pin_policy = 0;  // 0: none; kDevicePinHandle: the device PIN
  std::uint64_t pin = 0;  // Pin::id; 0: none of its own
  BiometricProtection biometric_protection = BiometricProtection::kNone;
  bool private_key_backup = false;
  ExportPolicy export_policy = ExportPolicy::kNonExportable;
  bool updatable = false;
  DeletePolicy delete_policy = DeletePolicy::kNone;
  bool enable_pin_caching = false;
  bool import_private_key = false;
  KeyUsage usage = KeyUsage::kSignature;
  std::string friendly_name;
  Bytes public_key;                               // as generated, DER SubjectPublicKeyInfo
  std::optional<crypto::Sha256Value> end_entity;  // fingerprint of the end-entity certificate, once there is a path
  bool restored = false;                          // restorePrivateKey was called
  bool has_symmetric_key = false;                 // setSymmetricKey was called
  std::vector<std::string> endorsed_algorithms;   // of a symmetric key, sorted
  std::vector<ExtensionInfo> extensions;          // in the order they came
  std::shared_ptr<KeyMaterialSlot> material;      // the store's
};

struct SessionTree {
  Session session;
  // Each by ascending handle or id.
  std::vector<Ref<PukPolicy>> puk_policies;
  std::vector<Ref<PinPolicy>> pin_policies;
  std::vector<Ref<Pin>> pins;
  std::vector<Ref<Key>> keys;

  // Null if there is none. The pointers live as long as this version of the tree does.
  [[nodiscard]] const PukPolicy* puk_policy(Handle handle) const;
  [[nodiscard]] const PinPolicy* pin_policy(Handle handle) const;
  [[nodiscard]] const Pin* pin(std::uint64_t id) const;
  [[nodiscard]] const Key* key(Handle handle) const;

  // For copies that are being changed. A changed element is a new object, so that the store sees by the pointer what to write.
  [[nodiscard]] Key& change_key(Handle handle);               // it has to be there
  [[nodiscard]] Pin& change_pin(std::uint64_t id);            // it has to be there
  [[nodiscard]] PukPolicy& change_puk_policy(Handle handle);  // it has to be there
  void add(PukPolicy policy);                                 // each to its place
  void add(PinPolicy policy);
  void add(Pin pin);
  void add(Key key);
  void remove_key(Handle handle);  // and its PIN, if no other key has it
  // All policies, PINs and keys of `other`, which keep their handles, are this session's too (closeProvisioningSession).
  void take_objects_of(const SessionTree& other);
};

// The device PIN and its PUK are the policies and the PIN of a tree of their own: "session" 0, which no method ever names.
inline constexpr Handle kDeviceTree = 0;

// Options of a store, set when it is made.
struct StoreOptions {
  bool p384 = false;
  bool p521 = false;
  bool sk2 = false;
};

struct DeviceIdentity {
  std::string vendor_name;
  std::string vendor_description;
  std::vector<Bytes> certificate_path;  // device certificate first
  StoreOptions options = {};
};

enum class HandleKind : std::uint8_t { kSession, kPukPolicy, kPinPolicy, kKey, kPin };

// The store as it is, read only; every function may be called from any thread. Errors are ERROR_STORAGE or ERROR_INTERNAL.
class StateView {
 public:
  virtual ~StateView() = default;
  [[nodiscard]] virtual const DeviceIdentity& device() const = 0;
  // True if somebody can be asked to approve the use of a key (BiometricSupport).
  [[nodiscard]] virtual bool has_approver() const = 0;

  // Trees, or null. Expired sessions are still among them: Call sorts those out.
  [[nodiscard]] virtual Result<Ref<SessionTree>> session(Handle handle) const = 0;
  [[nodiscard]] virtual Result<Ref<SessionTree>> session_of_key(Handle key) const = 0;
  // The session with the least handle that is at least `from`, which is not 0.
  [[nodiscard]] virtual Result<Ref<SessionTree>> session_from(Handle from) const = 0;
  // The session of the key with the least handle that is at least `from`, and that handle; null: no more.
  struct FoundKey {
    Ref<SessionTree> tree;
    Handle key = 0;
  };
  [[nodiscard]] virtual Result<FoundKey> key_from(Handle from) const = 0;
  // The open session with these names.
  [[nodiscard]] virtual Result<Ref<SessionTree>> open_session(std::string_view server_session_id, std::string_view client_session_id,
                                                              std::string_view issuer_uri) const = 0;
  // The keys, of open and closed sessions alike, whose end-entity certificate has this fingerprint, by ascending handle.
  [[nodiscard]] virtual Result<std::vector<FoundKey>> keys_with_certificate(const crypto::Sha256Value& fingerprint) const = 0;

  // The PIN or PUK errors made so far, whether or not they are all on disk.
  [[nodiscard]] virtual std::uint8_t errors_of(const Pin& pin) const = 0;
  [[nodiscard]] virtual std::uint8_t errors_of(const PukPolicy& policy) const = 0;

  // Bulk, for a key as it was stored (not for one that this call has just made).
  [[nodiscard]] virtual Result<std::vector<Bytes>> certificate_path(const Key& key) const = 0;  // end-entity first; empty: none yet
  [[nodiscard]] virtual Result<crypto::PrivateKey> private_key(const Key& key) const = 0;
  [[nodiscard]] virtual Result<SharedSecret> symmetric_key(const Key& key) const = 0;
  [[nodiscard]] virtual Result<SecretBytes> extension_data(const Key& key, std::size_t index) const = 0;

  // A handle, or Pin::id, that nothing else ever gets. Drawn last, so that a call that fails draws none. ERROR_STORAGE when they are used
  // up.
  [[nodiscard]] virtual Result<std::uint64_t> draw_handle(HandleKind kind) const = 0;

  // Signs with the attestation key, as SessionAttestation wants it (sks.md section 2).
  [[nodiscard]] virtual Result<Bytes> sign_attestation(ByteView message) const = 0;
};

}  // namespace airtight::sks
