// What the methods share: finding what a call names, changing copies of it, counting uses of the session key, verifying MACs.
#include <algorithm>

#include "base/constant_time.h"
#include "sks/engine.h"

namespace airtight::sks {
namespace {

Failure wrong_mac() { return fail(Status::kMac, "the MAC does not match the data"); }

}  // namespace

Ref<SessionTree> Call::unless_expired(Ref<SessionTree> tree) {
  // sks.md section 3: an expired session does not exist; the first call that would meet it removes it.
  if (!tree || !tree->session.expired_at(now)) return tree;
  const Handle handle = tree->session.handle;
  if (std::ranges::none_of(expired, [&](const Ref<SessionTree>& other) { return other->session.handle == handle; })) {
    expired.push_back(std::move(tree));
  }
  return nullptr;
}

Result<Call::UserKey> Call::user_key(Handle handle) {
  UserKey found;
  found.tree = unless_expired(TRY(state.session_of_key(handle)));
  if (found.tree && !found.tree->session.open) found.key = found.tree->key(handle);
  if (found.key == nullptr) return fail(Status::kNoKey, "there is no provisioned key with this handle");
  if (based_on.key == nullptr) based_on = found;
  return found;
}

Result<SessionTree*> Call::open_session(Handle handle) {
  if (handle != kDeviceTree) {
    const Ref<SessionTree> found = unless_expired(TRY(state.session(handle)));
    if (found && found->session.open) {
      named_session = handle;
      return &change(found);
    }
  }
  return fail(Status::kNoSession, "there is no open provisioning session with this handle");
}

SessionTree& Call::change(const Ref<SessionTree>& tree) {
  const auto [at, is_new] = changes.try_emplace(tree->session.handle);
  if (is_new) at->second = {tree, std::make_shared<SessionTree>(*tree)};
  return *at->second.after;
}

void Call::add_session(Session session) {
  const Handle handle = session.handle;
  auto tree = std::make_shared<SessionTree>();
  tree->session = std::move(session);
  changes.insert_or_assign(handle, Change{nullptr, std::move(tree)});
}

void Call::remove_session(const Ref<SessionTree>& tree) {
  Change& removed = changes[tree->session.handle];
  if (!removed.before) removed.before = tree;
  removed.after = nullptr;
}

void Call::write(Handle key, Bulk bulk) { bulk_writes.push_back({key, std::move(bulk)}); }

void Call::move_bulk(Handle from, Handle to) { bulk_moves.push_back({from, to}); }

void Call::reset_errors(const Pin& pin) { errors_reset.push_back(pin.id); }

Result<> Call::use_session_key(Session& session, unsigned uses) {
  if (session.key_uses + uses > session.key_limit) {
    return fail(Status::kNotAllowed, "SessionKeyLimit is reached: the session key may not be used again");
  }
  session.key_uses += uses;
  return {};
}

Result<> Call::use_original_session_key(const Ref<SessionTree>& original) {
  const auto uses = static_cast<std::uint32_t>(std::ranges::count_if(
      used_originals, [&](const Ref<SessionTree>& used) { return used->session.handle == original->session.handle; }));
  if (original->session.key_uses + uses >= original->session.key_limit) {
    return fail(Status::kNotAllowed, "SessionKeyLimit of the original session is reached: its key may not be used again");
  }
  used_originals.push_back(original);
  return {};
}

Result<> Call::verify_mac(Session& session, std::string_view method, std::span<const MacInput> data, const Bytes32& mac) {
  const auto expected = method_mac(method, session_key_of(session), session.mac_counter, data);
  if (!declassified(equal_in_constant_time(expected, mac))) return wrong_mac();
  ++session.mac_counter;
  return {};
}

Result<SecretBytes> Call::open_under_mac(Session& session, std::string_view method, const CoveredData& data, const Bytes32& mac) {
  auto value = sks::open_under_mac(session_key_of(session), {method, session.mac_counter}, data, mac);
  if (!value) return wrong_mac();
  ++session.mac_counter;
  return std::move(*value);
}

Result<> Call::check_mac_presence(const Session& session, const std::optional<Bytes32>& mac) {
  const bool wanted = session.algorithm == SessionAlgorithm::kSk2;
  if (wanted == mac.has_value()) return {};
  named_session.reset();
  return fail(Status::kOption, wanted ? "the arguments end before the MAC that this session's algorithm wants"
                                      : "the arguments go on after their last one: this session's algorithm has no MAC here");
}

}  // namespace airtight::sks
