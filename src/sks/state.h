// What a key store remembers, as values: sessions, policies, PINs, keys. Methods read it through StateView and answer with Changes; the
// store applies those in one transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/key_attributes.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "sks/methods.h"
#include "sks/pin_rules.h"

namespace airtight::sks {

struct Session {
  Handle handle = 0;
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
  SecretBytes session_key;

  [[nodiscard]] bool expired_at(Instant now) const {
    return open && now.milliseconds >= created_at.milliseconds + static_cast<std::int64_t>(life_time) * 1000;
  }
};

struct PukPolicy {
  Handle handle = 0;
  Handle session = 0;
  std::string id;
  PassphraseFormat format = PassphraseFormat::kNumeric;
  std::uint8_t retry_limit = 0;  // 0: never locks
  std::uint8_t error_count = 0;
  SecretBytes value;
};

struct PinPolicy {
  Handle handle = 0;
  Handle session = 0;
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
  std::int64_t id = 0;
  Handle policy = 0;
  PinHalf half = PinHalf::kOwn;
  std::uint8_t error_count = 0;
  SecretBytes value;
};

struct Key {
  Handle handle = 0;
  Handle session = 0;
  std::string id;
  Handle pin_policy = 0;  // 0: none
  std::int64_t pin = 0;   // Pin::id; 0: none
  BiometricProtection biometric_protection = BiometricProtection::kNone;
  bool private_key_backup = false;
  ExportPolicy export_policy = ExportPolicy::kNonExportable;
  bool updatable = false;
  DeletePolicy delete_policy = DeletePolicy::kNone;
  bool enable_pin_caching = false;
  bool import_private_key = false;
  KeyUsage usage = KeyUsage::kSignature;
  std::string friendly_name;
  Bytes public_key;  // as generated, DER SubjectPublicKeyInfo
  std::vector<Bytes> certificate_path;
};

struct DeviceIdentity {
  std::string vendor_name;
  std::string vendor_description;
  std::vector<Bytes> certificate_path;  // device certificate first
};

enum class HandleKind : std::uint8_t { kSession, kPukPolicy, kPinPolicy, kKey };

// The store as it is, read only. Errors are ERROR_STORAGE or ERROR_INTERNAL.
class StateView {
 public:
  virtual ~StateView() = default;
  [[nodiscard]] virtual const DeviceIdentity& device() const = 0;

  [[nodiscard]] virtual Result<std::optional<Session>> session(Handle handle) const = 0;
  // The open session with these names.
  [[nodiscard]] virtual Result<std::optional<Session>> open_session(std::string_view server_session_id, std::string_view client_session_id,
                                                                    std::string_view issuer_uri) const = 0;
  // The session with the least handle that is at least `from`.
  [[nodiscard]] virtual Result<std::optional<Session>> session_from(Handle from) const = 0;

  [[nodiscard]] virtual Result<std::vector<PukPolicy>> puk_policies(Handle session) const = 0;
  [[nodiscard]] virtual Result<std::vector<PinPolicy>> pin_policies(Handle session) const = 0;
  [[nodiscard]] virtual Result<std::optional<PukPolicy>> puk_policy(Handle handle) const = 0;
  [[nodiscard]] virtual Result<std::optional<PinPolicy>> pin_policy(Handle handle) const = 0;
  [[nodiscard]] virtual Result<std::vector<Pin>> pins(Handle pin_policy) const = 0;
  // A PIN with the errors made so far, whether or not they are all on disk.
  [[nodiscard]] virtual Result<std::optional<Pin>> pin(std::int64_t id) const = 0;

  [[nodiscard]] virtual Result<std::optional<Key>> key(Handle handle) const = 0;
  [[nodiscard]] virtual Result<std::optional<Key>> key_from(Handle from) const = 0;
  [[nodiscard]] virtual Result<std::vector<Key>> keys(Handle session) const = 0;
  [[nodiscard]] virtual Result<crypto::PrivateKey> private_key(const Key& key) const = 0;
  // True if a key of a closed session has `end_entity` as its end-entity certificate.
  [[nodiscard]] virtual Result<bool> is_provisioned(ByteView end_entity) const = 0;

  // The handle, or Pin::id, that the next object of its kind gets. ERROR_STORAGE when the handles are used up.
  [[nodiscard]] virtual Result<Handle> next_handle(HandleKind kind) const = 0;
  [[nodiscard]] virtual Result<std::int64_t> next_pin_id() const = 0;

  // Signs with the attestation key, as SessionAttestation wants it (sks.md section 2).
  [[nodiscard]] virtual Result<Bytes> sign_attestation(ByteView message) const = 0;
};

// What a method wants changed.
struct InsertSession {
  Session session;
};
struct AdvanceSession {
  Handle session;
  std::uint32_t key_uses;
  std::uint16_t mac_counter;
};
struct CloseSession {
  Handle session;
};
struct RemoveSession {
  Handle session;
};  // with all that it created
struct InsertPukPolicy {
  PukPolicy policy;
};
struct InsertPinPolicy {
  PinPolicy policy;
};
struct InsertPin {
  Pin pin;
};
struct InsertKey {
  Key key;
  crypto::PrivateKey private_key;
};
struct SetPath {
  Handle key;
  std::vector<Bytes> certificate_path;
};

using Change = std::variant<InsertSession, AdvanceSession, CloseSession, RemoveSession, InsertPukPolicy, InsertPinPolicy, InsertPin,
                            InsertKey, SetPath>;

}  // namespace airtight::sks
