// What the methods share: finding what a call names, counting uses of the session key, verifying MACs.
#include "sks/engine.h"

namespace airtight::sks {

std::optional<Session> Call::unless_expired(std::optional<Session> session) {
  // sks.md section 3: an expired session does not exist; the first call that would meet it removes it.
  if (session && session->expired_at(now)) {
    expired.push_back(session->handle);
    return std::nullopt;
  }
  return session;
}

Result<Session> Call::open_session(Handle handle) {
  auto found = unless_expired(TRY(state.session(handle)));
  if (!found || !found->open) return fail(Status::kNoSession, "there is no open provisioning session with this handle");
  named_session = handle;
  return std::move(*found);
}

Result<Key> Call::key_of(const Session& session, Handle handle) {
  auto found = TRY(state.key(handle));
  if (!found || found->session != session.handle)
    return fail(Status::kNoKey, "there is no key with this handle in the provisioning session");
  return std::move(*found);
}

Result<Key> Call::provisioned_key(Handle handle) {
  auto found = TRY(state.key(handle));
  if (found) {
    const auto session = unless_expired(TRY(state.session(found->session)));
    if (session && !session->open) return std::move(*found);
  }
  return fail(Status::kNoKey, "there is no provisioned key with this handle");
}

Result<> Call::use_session_key(Session& session, unsigned uses) {
  if (session.key_uses + uses > session.key_limit) {
    return fail(Status::kNotAllowed, "SessionKeyLimit is reached: the session key may not be used again");
  }
  session.key_uses += uses;
  return {};
}

Result<> Call::verify_mac(Session& session, std::string_view method, std::span<const ByteView> data, const Bytes32& mac) {
  const auto expected = method_mac(method, session.session_key, session.mac_counter, data);
  if (!equal_in_constant_time(expected, mac)) return fail(Status::kMac, "the MAC does not match the data");
  ++session.mac_counter;
  return {};
}

void Call::advance(const Session& session) { changes.emplace_back(AdvanceSession{session.handle, session.key_uses, session.mac_counter}); }

}  // namespace airtight::sks
