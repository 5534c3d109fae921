// The methods of SKS as functions of state and request: they return a response and leave in the Call what should change. Nothing here
// writes, waits, or looks at a clock.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "sks/methods.h"
#include "sks/session_security.h"
#include "sks/state.h"
#include "sks/status.h"

namespace airtight::sks {

// What a user method wants proved before it goes on. The store does that, because every attempt is counted durably first, some wait, and
// some ask a person. The pointers live as long as `tree`.
struct Authorization {
  Ref<SessionTree> tree = {};          // that owns what is verified, or the key that is to be approved; null: nothing is
  const Pin* pin = nullptr;            // at most one of pin
  const PukPolicy* puk = nullptr;      // and puk
  std::uint8_t retry_limit = 0;        // of it
  const SecretBytes* given = nullptr;  // what the caller offers for it
  Ref<SessionTree> approval = {};      // of the key whose use somebody has to approve (biometric protection); null: nobody
  Handle key = 0;                      // what for
  std::string_view method;
};

// Large parts of a key, stored beside its record.
struct CertificatePathData {
  std::vector<Bytes> certificates;
};
struct PrivateKeyData {
  crypto::PrivateKey key;
};
struct SymmetricKeyData {
  SharedSecret key;
};
struct ExtensionDataWrite {
  std::size_t index;  // in Key::extensions
  SecretBytes data;
};
using Bulk = std::variant<CertificatePathData, PrivateKeyData, SymmetricKeyData, ExtensionDataWrite>;

// One call on its way through a method.
class Call {
 public:
  Call(const StateView& view, Instant instant, RandomSource& source) : state(view), now(instant), random(source) {}

  const StateView& state;
  const Instant now;
  RandomSource& random;

  // Reading. An expired open session does not exist and is noted, to be removed whatever the answer is (sks.md section 3).
  [[nodiscard]] Ref<SessionTree> unless_expired(Ref<SessionTree> tree);
  // The key of `handle` for the user API, of a closed session, with its tree. ERROR_NO_KEY.
  struct UserKey {
    Ref<SessionTree> tree;
    const Key* key = nullptr;
  };
  [[nodiscard]] Result<UserKey> user_key(Handle handle);
  // The provisioned key that this call goes by. If the store has another version of it when the call is through, then what was allowed,
  // proved and read may not belong together, and the call is made again.
  UserKey based_on;

  // Changing. Each returns a copy that becomes the store's if the call succeeds; it lives as long as the Call, and asked for twice is the
  // same copy.
  // The open session of `handle`, which is from now on the one that an error ends. ERROR_NO_SESSION.
  [[nodiscard]] Result<SessionTree*> open_session(Handle handle);
  // The tree that `tree` is a version of.
  [[nodiscard]] SessionTree& change(const Ref<SessionTree>& tree);
  void add_session(Session session);
  void remove_session(const Ref<SessionTree>& tree);
  // Bulk of a key of a tree that is being changed. Removing a key removes its bulk.
  void write(Handle key, Bulk bulk);
  // All bulk of `from` becomes that of `to`, whose own goes (postProvisioningUpdateKey).
  void move_bulk(Handle from, Handle to);
  // The errors of a PIN or PUK are forgotten (unlockKey, setPIN).
  void reset_errors(const Pin& pin);

  // Counts `uses` of the session key against SessionKeyLimit. ERROR_NOT_ALLOWED if there are not that many left.
  [[nodiscard]] static Result<> use_session_key(Session& session, unsigned uses);
  // Counts a use of a closed session's key that stays counted even if the call fails (sks.md section 8). ERROR_NOT_ALLOWED as above.
  [[nodiscard]] Result<> use_original_session_key(const Ref<SessionTree>& original);
  // Verifies the MAC of `method` over `data` and steps the counter. ERROR_MAC. The use was counted before.
  [[nodiscard]] static Result<> verify_mac(Session& session, std::string_view method, std::span<const MacInput> data, const Bytes32& mac);
  // The same where one value of the data is encrypted: the value. ERROR_MAC also if it does not decrypt.
  [[nodiscard]] static Result<SecretBytes> open_under_mac(Session& session, std::string_view method, const CoveredData& data,
                                                          const Bytes32& mac);
  // Whether a method has a MAC exactly if the session is one of sk2, as createPUKPolicy, createPINPolicy and createKeyPair have it. If not,
  // the request is unreadable: ERROR_OPTION, and the session goes on (sks.md sections 1 and 12).
  [[nodiscard]] Result<> check_mac_presence(const Session& session, const std::optional<Bytes32>& mac);

  // What the store takes from here.
  struct Change {
    Ref<SessionTree> before;             // null: a new session
    std::shared_ptr<SessionTree> after;  // null: it is removed
  };
  struct BulkWrite {
    Handle key;
    Bulk bulk;
  };
  struct BulkMove {
    Handle from;
    Handle to;
  };
  std::map<Handle, Change> changes;  // by session
  std::vector<BulkMove> bulk_moves;  // before the writes
  std::vector<BulkWrite> bulk_writes;
  std::vector<std::uint64_t> errors_reset;  // Pin::id
  std::vector<Ref<SessionTree>> expired;
  std::vector<Ref<SessionTree>> used_originals;  // one use each, whether the call succeeds or not
  std::optional<Handle> named_session;           // the open session that this call names: an error terminates it (sks.md section 4)
};

// The session key with its algorithm; it lives as long as `session` does.
[[nodiscard]] inline SessionKey session_key_of(const Session& session) { return {*session.session_key, session.algorithm}; }

// The function of each row of the method table.
[[nodiscard]] Result<CreateProvisioningSession::Response> perform(Call& call, const CreateProvisioningSession& request);
[[nodiscard]] Result<CloseProvisioningSession::Response> perform(Call& call, const CloseProvisioningSession& request);
[[nodiscard]] Result<GetProvisioningSession::Response> perform(Call& call, const GetProvisioningSession& request);
[[nodiscard]] Result<EnumerateProvisioningSessions::Response> perform(Call& call, const EnumerateProvisioningSessions& request);
[[nodiscard]] Result<Nothing> perform(Call& call, const AbortProvisioningSession& request);
[[nodiscard]] Result<SignProvisioningSessionData::Response> perform(Call& call, const SignProvisioningSessionData& request);
[[nodiscard]] Result<CreatePukPolicy::Response> perform(Call& call, const CreatePukPolicy& request);
[[nodiscard]] Result<CreatePinPolicy::Response> perform(Call& call, const CreatePinPolicy& request);
[[nodiscard]] Result<CreateKeyPair::Response> perform(Call& call, const CreateKeyPair& request);
[[nodiscard]] Result<Nothing> perform(Call& call, const SetCertificatePath& request);
[[nodiscard]] Result<Nothing> perform(Call& call, const SetSymmetricKey& request);
[[nodiscard]] Result<Nothing> perform(Call& call, const AddExtensionData& request);
[[nodiscard]] Result<Nothing> perform(Call& call, const RestorePrivateKey& request);
[[nodiscard]] Result<GetDeviceInfo::Response> perform(Call& call, const GetDeviceInfo& request);
[[nodiscard]] Result<EnumerateKeys::Response> perform(Call& call, const EnumerateKeys& request);
[[nodiscard]] Result<Nothing> perform(Call& call, const PostProvisioningDeleteKey& request);
[[nodiscard]] Result<Nothing> perform(Call& call, const PostProvisioningUpdateKey& request);
[[nodiscard]] Result<SignHashedData::Response> perform(Call& call, const SignHashedData& request);
[[nodiscard]] Result<GetKeyProtectionInfo::Response> perform(Call& call, const GetKeyProtectionInfo& request);
[[nodiscard]] Result<GetExtensionObject::Response> perform(Call& call, const GetExtensionObject& request);
[[nodiscard]] Result<Nothing> perform(Call& call, const DeleteKey& request);
[[nodiscard]] Result<Nothing> perform(Call& call, const UnlockKey& request);
[[nodiscard]] Result<ExportKey::Response> perform(Call& call, const ExportKey& request);
[[nodiscard]] Result<AsymmetricKeyDecrypt::Response> perform(Call& call, const AsymmetricKeyDecrypt& request);
[[nodiscard]] Result<PerformHmac::Response> perform(Call& call, const PerformHmac& request);
[[nodiscard]] Result<SymmetricKeyEncrypt::Response> perform(Call& call, const SymmetricKeyEncrypt& request);
[[nodiscard]] Result<KeyAgreement::Response> perform(Call& call, const KeyAgreement& request);
[[nodiscard]] Result<Nothing> perform(Call& call, const ChangePin& request);
[[nodiscard]] Result<Nothing> perform(Call& call, const SetPin& request);
[[nodiscard]] Result<Nothing> perform(Call& call, const SetProperty& request);

// Methods that take a PIN or PUK have a first half: everything that comes before it in the order of errors, and what has to be proved.
[[nodiscard]] Result<Authorization> authorize(Call& call, const SignHashedData& request);
[[nodiscard]] Result<Authorization> authorize(Call& call, const DeleteKey& request);
[[nodiscard]] Result<Authorization> authorize(Call& call, const UnlockKey& request);
[[nodiscard]] Result<Authorization> authorize(Call& call, const ExportKey& request);
[[nodiscard]] Result<Authorization> authorize(Call& call, const AsymmetricKeyDecrypt& request);
[[nodiscard]] Result<Authorization> authorize(Call& call, const PerformHmac& request);
[[nodiscard]] Result<Authorization> authorize(Call& call, const SymmetricKeyEncrypt& request);
[[nodiscard]] Result<Authorization> authorize(Call& call, const KeyAgreement& request);
[[nodiscard]] Result<Authorization> authorize(Call& call, const ChangePin& request);
[[nodiscard]] Result<Authorization> authorize(Call& call, const SetPin& request);

template <typename Request>
concept WantsProof = requires(Call& call, const Request& request) { authorize(call, request); };

}  // namespace airtight::sks
