// A key store as its documents have it, without anything else: plain maps in memory, one rule after the other. It is asked about every call
// that a real store was given, says which answers are right, and follows the store in what only the store can choose (handles, keys).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "crypto/key.h"
#include "sks/methods.h"
#include "sks/status.h"

namespace airtight::sks::model {

// What a store answered to a request.
template <typename Request>
struct Answer {
  Status status = Status::kInternal;
  std::optional<typename Request::Response> response;
};

// The store did something that the documents do not have.
class Difference : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct PukPolicy {
  Handle session = 0;  // that owns it
  CreatePukPolicy asked;
  Bytes value;
  unsigned errors = 0;
  bool uncertain = false;  // after a crash the store may show one error more
};

struct PinPolicy {
  Handle session = 0;
  CreatePinPolicy asked;
};

// Of one key, or shared by several.
struct Pin {
  Bytes value;
  unsigned errors = 0;
  bool uncertain = false;
};

struct Extension {
  Bytes type;
  std::uint8_t base_type = 0;
  Bytes qualifier;
  Bytes data;  // decrypted
};

struct Key {
  Handle session = 0;
  std::string id;
  Handle pin_policy = 0;
  std::shared_ptr<Pin> pin;
  std::uint8_t biometric_protection = 0;
  bool private_key_backup = false;
  std::uint8_t export_policy = 0;
  bool updatable = false;
  std::uint8_t delete_policy = 0;
  bool enable_pin_caching = false;
  bool import_private_key = false;
  KeyUsage usage = KeyUsage::kSignature;
  Bytes friendly_name;
  Bytes generated_public_key;
  std::vector<Bytes> path;                        // end-entity first; empty: none yet
  std::optional<crypto::PrivateKey> private_key;  // where the model knows it: backed up or restored
  bool restored = false;
  std::optional<Bytes> symmetric_key;
  std::vector<Bytes> endorsed_algorithms;
  std::vector<Extension> extensions;
  std::map<std::string, Bytes> implicit_rejections;  // what bad rsa-1_5 padding yielded

  [[nodiscard]] Bytes public_key() const;  // the certified one, once there is a certificate
};

struct PostOperation {
  Handle target = 0;
  Handle target_session = 0;
  Handle new_key = 0;  // 0: the target is deleted
};

struct Session {
  bool open = true;
  CreateProvisioningSession asked;
  std::string client_session_id;
  Instant created;
  Bytes key;
  unsigned uses = 0;
  std::uint16_t mac_counter = 0;
  std::vector<PostOperation> operations;
};

// What the device is, and getDeviceInfo has to say.
struct Device {
  std::string vendor_name;
  std::string vendor_description;
  std::vector<Bytes> certificate_path;
};

class Model {
 public:
  // `known_keys` are the private keys of ephemeral and peer keys in requests.
  Model(Device device, const std::vector<crypto::PrivateKey>& known_keys);

  // Compares the store's `answer` to `request`, given at `now`, with what the documents say, and goes on from there. Throws Difference.
  template <typename Request>
  void check(const Request& request, Instant now, const Answer<Request>& answer);

  // The store was killed: from here on counters may show one error more than were made, until they have been seen.
  void killed();

  // The model's state, for whoever makes up the next request.
  [[nodiscard]] const std::map<Handle, Session>& sessions() const { return sessions_; }
  [[nodiscard]] const std::map<Handle, PukPolicy>& puk_policies() const { return puk_policies_; }
  [[nodiscard]] const std::map<Handle, PinPolicy>& pin_policies() const { return pin_policies_; }
  [[nodiscard]] const std::map<Handle, Key>& keys() const { return keys_; }
  [[nodiscard]] bool is_open(Handle session) const;
  // Removes what has expired.
  void expire(Instant now);
  // Length, format and pattern of a user-defined PIN.
  [[nodiscard]] static bool fits_rules(const CreatePinPolicy& policy, ByteView pin);
  // Whether `pin` goes with the keys under `policy`; keys with the PIN `changing` do not count.
  [[nodiscard]] bool fits_group(Handle policy, KeyUsage usage, ByteView pin, const Pin* changing) const;
  // The PIN that a key of this usage under `policy` shares, if there is one.
  [[nodiscard]] std::shared_ptr<Pin> shared_pin(Handle policy, KeyUsage usage) const;
  // How long the last call had to wait (PUKs that never lock).
  [[nodiscard]] std::chrono::milliseconds wait() const { return wait_; }

 private:
  // A request that the documents refuse, with one of these.
  struct Refusal {
    std::set<Status> statuses;
  };
  [[noreturn]] static void refuse(Status status) { throw Refusal{{status}}; }
  static void unless(bool ok, Status status) {
    if (!ok) refuse(status);
  }
  // Errors that the documents put in no order: any of them may be the answer.
  class Unordered {
   public:
    void unless(bool ok, Status status) {
      if (!ok) statuses_.insert(status);
    }
    void refuse_if_any() const {
      if (!statuses_.empty()) throw Refusal{statuses_};
    }

   private:
    std::set<Status> statuses_;
  };
  // What a rule takes from the store once it has found nothing wrong with the request.
  template <typename Request>
  static const typename Request::Response& accepted(const Answer<Request>& answer) {
    if (answer.status != Status::kOk) throw Difference("refused with " + std::string(name_of(answer.status)) + " what is right");
    return *answer.response;
  }
  static void same(bool equal, const char* what) {
    if (!equal) throw Difference(std::string("differs in ") + what);
  }
  [[nodiscard]] static std::string names_of(const std::set<Status>& statuses);

  // Sessions, and what belongs to one.
  Session& open_session(Handle handle);               // ERROR_NO_SESSION
  Key& session_key_pair(Handle session, Handle key);  // ERROR_NO_KEY
  Key& user_key(Handle key);                          // ERROR_NO_KEY
  void terminate(Handle session);
  void remove_key(Handle key);
  static void limit(const Session& session, unsigned uses);  // ERROR_NOT_ALLOWED
  // Counts and verifies. ERROR_MAC.
  static void mac(Session& session, std::string_view method, const std::vector<Bytes>& data, const Bytes32& mac);
  [[nodiscard]] static std::optional<Bytes> decrypt(const Session& session, ByteView data);
  void fresh(Handle handle, Handle& last, const char* what);  // handles grow

  // PINs and PUKs.
  void verify_pin(Key& key, ByteView given);
  void verify_puk(Key& key, ByteView given);
  [[nodiscard]] PukPolicy* puk_of(const Key& key);
  void authorize(Key& key, std::uint8_t policy, ByteView given);  // 1: PIN, 2: PUK
  void check_new_pin(const Key& key, ByteView pin, bool has_what_is_given) const;

  // Details of larger methods.
  [[nodiscard]] Bytes new_session_key(const CreateProvisioningSession& request, const CreateProvisioningSession::Response& response) const;
  [[nodiscard]] Bytes key_attestation(const Session& session, const CreateKeyPair& request, const CreateKeyPair::Response& response,
                                      const std::optional<Bytes>& pin) const;
  Session& check_target(const Session& session, Handle target);  // ERROR_NO_KEY, ERROR_NOT_ALLOWED
  void check_close(Handle handle, const Session& session) const;
  void check_attributes(const CreateKeyPair& request, Unordered& errors) const;
  [[nodiscard]] Bytes post_provisioning_mac(const Session& original, const Key& target) const;
  void check_signature_algorithm(const Key& key, std::string_view algorithm) const;
  void take_certificate_path_errors(const Key& key, const SetCertificatePath& request) const;

  void perform(const CreateProvisioningSession& request, const Answer<CreateProvisioningSession>& answer);
  void perform(const CloseProvisioningSession& request, const Answer<CloseProvisioningSession>& answer);
  void perform(const GetProvisioningSession& request, const Answer<GetProvisioningSession>& answer);
  void perform(const EnumerateProvisioningSessions& request, const Answer<EnumerateProvisioningSessions>& answer);
  void perform(const AbortProvisioningSession& request, const Answer<AbortProvisioningSession>& answer);
  void perform(const SignProvisioningSessionData& request, const Answer<SignProvisioningSessionData>& answer);
  void perform(const CreatePukPolicy& request, const Answer<CreatePukPolicy>& answer);
  void perform(const CreatePinPolicy& request, const Answer<CreatePinPolicy>& answer);
  void perform(const CreateKeyPair& request, const Answer<CreateKeyPair>& answer);
  void perform(const SetCertificatePath& request, const Answer<SetCertificatePath>& answer);
  void perform(const SetSymmetricKey& request, const Answer<SetSymmetricKey>& answer);
  void perform(const AddExtensionData& request, const Answer<AddExtensionData>& answer);
  void perform(const RestorePrivateKey& request, const Answer<RestorePrivateKey>& answer);
  void perform(const GetDeviceInfo& request, const Answer<GetDeviceInfo>& answer);
  void perform(const EnumerateKeys& request, const Answer<EnumerateKeys>& answer);
  void perform(const PostProvisioningDeleteKey& request, const Answer<PostProvisioningDeleteKey>& answer);
  void perform(const PostProvisioningUpdateKey& request, const Answer<PostProvisioningUpdateKey>& answer);
  void perform(const SignHashedData& request, const Answer<SignHashedData>& answer);
  void perform(const GetKeyProtectionInfo& request, const Answer<GetKeyProtectionInfo>& answer);
  void perform(const GetExtensionObject& request, const Answer<GetExtensionObject>& answer);
  void perform(const DeleteKey& request, const Answer<DeleteKey>& answer);
  void perform(const UnlockKey& request, const Answer<UnlockKey>& answer);
  void perform(const ExportKey& request, const Answer<ExportKey>& answer);
  void perform(const AsymmetricKeyDecrypt& request, const Answer<AsymmetricKeyDecrypt>& answer);
  void perform(const PerformHmac& request, const Answer<PerformHmac>& answer);
  void perform(const SymmetricKeyEncrypt& request, const Answer<SymmetricKeyEncrypt>& answer);
  void perform(const KeyAgreement& request, const Answer<KeyAgreement>& answer);
  void perform(const ChangePin& request, const Answer<ChangePin>& answer);
  void perform(const SetPin& request, const Answer<SetPin>& answer);
  void perform(const SetProperty& request, const Answer<SetProperty>& answer);

  Device device_;
  std::map<std::string, crypto::PrivateKey> known_keys_;  // by SubjectPublicKeyInfo
  Instant now_;
  std::chrono::milliseconds wait_{0};
  std::map<Handle, Session> sessions_;
  std::map<Handle, PukPolicy> puk_policies_;
  std::map<Handle, PinPolicy> pin_policies_;
  std::map<Handle, Key> keys_;
  std::set<std::string> client_session_ids_;  // ever seen
  Handle last_session_ = 0;
  Handle last_puk_policy_ = 0;
  Handle last_pin_policy_ = 0;
  Handle last_key_ = 0;
};

template <typename Request>
void Model::check(const Request& request, Instant now, const Answer<Request>& answer) {
  expire(now);
  wait_ = {};
  if constexpr (requires {
                  request.mac->size();
                }) {  // sessions here are of sk1: those methods have no MAC there, so that is a byte too many
    if (request.mac) {
      if (answer.status != Status::kOption) throw Difference("over-long, but " + std::string(name_of(answer.status)));
      return;
    }
  }
  try {
    perform(request, answer);
  } catch (const Refusal& refusal) {
    if (!refusal.statuses.contains(answer.status)) {
      throw Difference("answered " + std::string(name_of(answer.status)) + " instead of " + names_of(refusal.statuses));
    }
    if constexpr (requires { request.provisioning_handle; } && !std::is_same_v<Request, EnumerateProvisioningSessions>) {
      if (is_open(request.provisioning_handle)) terminate(request.provisioning_handle);
    }
  }
}

}  // namespace airtight::sks::model
