// The methods of SKS as pure functions: state and request in, response and wanted changes out. Nothing here touches a disk, a clock or a
// socket.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "sks/methods.h"
#include "sks/session_security.h"
#include "sks/state.h"
#include "sks/status.h"

namespace airtight::sks {

// A PIN that has to be right before a user method goes on. The store verifies it, because every attempt is counted durably first.
struct PinCheck {
  Pin pin;
  std::uint8_t retry_limit;
};

// One call on its way through a method.
class Call {
 public:
  Call(const StateView& view, Instant instant, RandomSource& source) : state(view), now(instant), random(source) {}

  const StateView& state;
  const Instant now;
  RandomSource& random;

  // Applied, with the removals, if the method succeeds.
  std::vector<Change> changes;
  // Sessions found expired: removed whatever the answer is.
  std::vector<Handle> expired;
  // The open session that this call names: an error terminates it (sks.md section 4).
  std::optional<Handle> named_session;

  // The open session of `handle`, which is from now on the one that an error ends. ERROR_NO_SESSION.
  [[nodiscard]] Result<Session> open_session(Handle handle);
  // `session` unless it has expired, which is noted.
  [[nodiscard]] std::optional<Session> unless_expired(std::optional<Session> session);
  // The key of `handle` in `session`. ERROR_NO_KEY.
  [[nodiscard]] Result<Key> key_of(const Session& session, Handle handle);
  // The key of `handle` for the user API: of a closed session. ERROR_NO_KEY.
  [[nodiscard]] Result<Key> provisioned_key(Handle handle);

  // Counts `uses` of the session key against SessionKeyLimit. ERROR_NOT_ALLOWED if there are not that many left.
  [[nodiscard]] Result<> use_session_key(Session& session, unsigned uses);
  // Verifies the MAC of `method` over `data` and steps the counter. ERROR_MAC. The use was counted before.
  [[nodiscard]] Result<> verify_mac(Session& session, std::string_view method, std::span<const ByteView> data, const Bytes32& mac);
  // Wants the session's counters saved.
  void advance(const Session& session);
};

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
[[nodiscard]] Result<GetDeviceInfo::Response> perform(Call& call, const GetDeviceInfo& request);
[[nodiscard]] Result<EnumerateKeys::Response> perform(Call& call, const EnumerateKeys& request);
[[nodiscard]] Result<SignHashedData::Response> perform(Call& call, const SignHashedData& request);
[[nodiscard]] Result<GetKeyProtectionInfo::Response> perform(Call& call, const GetKeyProtectionInfo& request);

// Methods that take a PIN have a first half: everything that comes before the PIN in the order of errors, and which PIN it is.
// Nothing if the key has no PIN.
[[nodiscard]] Result<std::optional<PinCheck>> authorize(Call& call, const SignHashedData& request);

template <typename Request>
concept TakesPin = requires(Call& call, const Request& request) { authorize(call, request); };

}  // namespace airtight::sks
