// The writing half of StateStore: from the changes of a call to the next version of what it changed.
#include <algorithm>

#include "sks/internal/key_material.h"
#include "sks/internal/places.h"
#include "sks/state_store.h"
#include "sks/status.h"

namespace airtight::sks {

using internal::Inventory;
using internal::RecordId;
using internal::RecordKind;

namespace {

constexpr std::array kKeyBulk = {RecordKind::kCertificatePath, RecordKind::kPrivateKey, RecordKind::kSymmetricKey, RecordKind::kExtension};

std::vector<RecordId> bulk_of(const Inventory& inventory, Handle key) {
  std::vector<RecordId> out;
  for (const RecordKind kind : kKeyBulk) {
    const auto [first, last] = internal::parts_of(inventory, kind, key);
    for (auto item = first; item != last; ++item) out.push_back(item->record);
  }
  return out;
}

// False if it is not there any more.
bool note_errors(SessionTree& tree, const AttemptKey& key, std::uint8_t errors) {
  if (key.first == Counted::kPin) {
    if (tree.pin(key.second) == nullptr) return false;
    tree.change_pin(key.second).error_count = errors;
    return true;
  }
  const auto handle = static_cast<Handle>(key.second);
  if (tree.puk_policy(handle) == nullptr) return false;
  tree.change_puk_policy(handle).error_count = errors;
  return true;
}

// Whether `tree` still has what the record is (part) of.
bool has(const SessionTree& tree, const RecordId& record) {
  const auto handle = static_cast<Handle>(record.id);
  switch (record.kind) {
    case RecordKind::kPukPolicy: return tree.puk_policy(handle) != nullptr;
    case RecordKind::kPinPolicy: return tree.pin_policy(handle) != nullptr;
    case RecordKind::kPin: return tree.pin(record.id) != nullptr;
    case RecordKind::kDevice:
    case RecordKind::kAttestationKey: return true;
    default: return tree.key(handle) != nullptr;
  }
}

}  // namespace

bool StateStore::is_present(const Ref<SessionTree>& tree) const {
  const auto present = cached(tree->session.handle);
  return present && present->tree == tree;
}

bool StateStore::begin_step(Steps& steps, const Ref<SessionTree>& tree, std::shared_ptr<SessionTree> after) const {
  const Handle handle = tree->session.handle;
  const auto present = cached(handle);
  if (!present || present->tree != tree) return false;
  steps[handle] = Step{present, std::move(after), present->inventory};
  return true;
}

bool StateStore::count_original_uses(Steps& steps, const Call& call) const {
  for (const auto& original : call.used_originals) {
    const auto step = steps.find(original->session.handle);
    if (step != steps.end()) {
      if (step->second.after) ++step->second.after->session.key_uses;
      continue;
    }
    auto counted = std::make_shared<SessionTree>(*original);
    ++counted->session.key_uses;
    if (!begin_step(steps, original, std::move(counted))) return false;
  }
  return true;
}

// Where nobody has tried the PIN yet, its counter is made here: made by somebody who tries it at this moment, it would begin with the
// errors that are being forgotten.
std::shared_ptr<Attempts> StateStore::attempts_at(const Call& call, std::uint64_t pin) {
  for (const auto& [session, change] : call.changes) {
    const Pin* const noted = change.before ? change.before->pin(pin) : nullptr;
    if (noted != nullptr) return ledger_.find_or_add({Counted::kPin, pin}, noted->error_count, session);
  }
  return ledger_.find({Counted::kPin, pin});
}

Result<bool> StateStore::commit(Call& call, const Authorization* proved) {
  if (call.changes.empty() && call.used_originals.empty() && call.expired.empty()) return true;
  // Errors that will be forgotten: nobody verifies these PINs until it is done.
  std::vector<std::pair<std::uint64_t, std::shared_ptr<Attempts>>> resets;
  for (const std::uint64_t pin : call.errors_reset) {
    if (auto attempts = attempts_at(call, pin)) resets.emplace_back(pin, std::move(attempts));
  }
  std::ranges::sort(resets);
  std::vector<std::unique_lock<std::mutex>> locks;
  for (const auto& [pin, attempts] : resets) locks.emplace_back(attempts->mutex);

  const std::lock_guard lock(database_mutex_);
  Steps steps;
  for (const auto& [handle, change] : call.changes) {
    if (!change.before) {
      steps[handle] = Step{nullptr, change.after, {}};
    } else if (!begin_step(steps, change.before, change.after)) {
      return false;
    }
  }
  if (!count_original_uses(steps, call)) return false;
  for (const auto& expired : call.expired) {
    if (!steps.contains(expired->session.handle)) static_cast<void>(begin_step(steps, expired, nullptr));
  }
  if (proved != nullptr && proved->pin != nullptr) {
    const auto present = cached(proved->tree->session.handle);
    const Pin* const pin = present ? present->tree->pin(proved->pin->id) : nullptr;
    if (pin == nullptr || pin->value != proved->pin->value) return false;
  }
  TRY(write(steps, &call));
  for (const auto& [pin, attempts] : resets) attempts->errors = 0;
  return true;
}

Result<bool> StateStore::abandon(const Call& call) {
  if (!call.named_session && call.used_originals.empty() && call.expired.empty()) return true;
  const std::lock_guard lock(database_mutex_);
  Steps steps;
  if (!count_original_uses(steps, call)) return false;
  if (call.named_session) {
    if (auto present = TRY(entry_locked(*call.named_session)); present && present->tree->session.open) {
      steps[*call.named_session] = Step{present, nullptr, present->inventory};
    }
  }
  for (const auto& expired : call.expired) {
    if (!steps.contains(expired->session.handle)) static_cast<void>(begin_step(steps, expired, nullptr));
  }
  TRY(write(steps, nullptr));
  return true;
}

Result<> StateStore::write(Steps& steps, Call* call) {
  if (steps.empty()) return {};
  Records::Writing writing = TRY(Records::Writing::begin(*records_));
  TRY(move_bulk_between_sessions(writing, steps));
  if (call != nullptr) {
    TRY(move_bulk_between_keys(writing, steps, call->bulk_moves));
    for (auto& [handle, step] : steps) {
      if (!step.after) continue;
      for (const std::uint64_t pin : call->errors_reset) {
        if (step.after->pin(pin) != nullptr) step.after->change_pin(pin).error_count = 0;
      }
    }
  }
  for (auto& [handle, step] : steps) {
    if (step.after) {
      TRY(erase_what_is_gone(writing, handle, step));
    } else {
      TRY(writing.erase_session(handle));
    }
  }
  if (call != nullptr) TRY(put_bulk(writing, steps, call->bulk_writes));
  for (auto& [handle, step] : steps) {
    if (!step.after) continue;
    TRY(put_what_is_new(writing, handle, step));
    TRY(writing.put_session(step.after->session, step.inventory));
  }
  TRY(writing.commit(next_handles()));
  publish_steps(steps);
  return {};
}

Result<> StateStore::replace(const std::vector<std::pair<Ref<SessionTree>, std::shared_ptr<SessionTree>>>& sessions) {
  const std::lock_guard lock(database_mutex_);
  Steps steps;
  for (const auto& [present, next] : sessions) {
    if (!begin_step(steps, present, next)) return fail(Status::kInternal, "a session has changed meanwhile");
  }
  return write(steps, nullptr);
}

NextHandles StateStore::next_handles() const {
  NextHandles next{};
  std::ranges::copy(next_handles_, next.begin());
  return next;
}

void StateStore::raise_handles(const NextHandles& least) {
  for (std::size_t i = 0; i < kHandleKinds; ++i) next_handles_[i] = std::max(next_handles_[i].load(), least[i]);
}

Result<> StateStore::change_anchor(RollbackAnchor* anchor) {
  const std::lock_guard lock(database_mutex_);
  std::uint64_t count = 0;
  if (anchor != nullptr) {
    count = TRY(anchor->read());
    if (count == 0) count = TRY(anchor->advance());  // 0 stands for no anchor
  }
  Records::Writing writing = TRY(Records::Writing::begin(*records_));
  writing.change_anchor(anchor, count);
  return writing.commit(next_handles());
}

// Keys that were another session's, whose large parts stay as they are.
Result<> StateStore::move_bulk_between_sessions(Records::Writing& writing, Steps& steps) {
  for (auto& [to, step] : steps) {
    if (!step.after) continue;
    for (const auto& key : step.after->keys) {
      if (step.before && step.before->tree->key(key->handle) != nullptr) continue;
      const auto source = std::ranges::find_if(
          steps, [&](const auto& other) { return other.second.before && other.second.before->tree->key(key->handle) != nullptr; });
      if (source == steps.end()) continue;
      for (const RecordId& record : bulk_of(source->second.inventory, key->handle)) {
        TRY(writing.relocate(source->first, source->second.inventory, to, step.inventory, record));
      }
    }
  }
  return {};
}

Result<> StateStore::move_bulk_between_keys(Records::Writing& writing, Steps& steps, const std::vector<Call::BulkMove>& moves) {
  for (const auto& [from, to] : moves) {
    const auto found = std::ranges::find_if(
        steps, [&, target = to](const auto& one) { return one.second.after && one.second.after->key(target) != nullptr; });
    if (found == steps.end()) return fail(Status::kInternal, "the target of an update is in no session");
    auto& [session, step] = *found;
    for (const RecordId& record : bulk_of(step.inventory, to)) TRY(writing.erase(session, step.inventory, record));
    for (const RecordId& record : bulk_of(step.inventory, from)) {
      const auto plain = TRY(records_->read(session, step.inventory, record));
      if (!plain) return fail(Status::kInternal, "a part of the new key is missing");
      TRY(writing.put(session, step.inventory, {record.kind, to, record.part}, *plain));
      TRY(writing.erase(session, step.inventory, record));
    }
    step.after->change_key(to).material = std::make_shared<KeyMaterialSlot>();
  }
  return {};
}

Result<> StateStore::erase_what_is_gone(Records::Writing& writing, Handle session, Step& step) {
  const Inventory known = step.inventory;
  for (const auto& item : known) {
    if (!has(*step.after, item.record)) TRY(writing.erase(session, step.inventory, item.record));
  }
  return {};
}

// A version that was there before is the very same object.
Result<> StateStore::put_what_is_new(Records::Writing& writing, Handle session, Step& step) {
  static const SessionTree kNothing;
  const SessionTree& before = step.before ? *step.before->tree : kNothing;
  const SessionTree& after = *step.after;
  for (const auto& policy : after.puk_policies) {
    if (before.puk_policy(policy->handle) == policy.get()) continue;
    TRY(writing.put(session, step.inventory, {RecordKind::kPukPolicy, policy->handle}, internal::record_bytes(*policy)));
  }
  for (const auto& policy : after.pin_policies) {
    if (before.pin_policy(policy->handle) == policy.get()) continue;
    TRY(writing.put(session, step.inventory, {RecordKind::kPinPolicy, policy->handle}, internal::record_bytes(*policy)));
  }
  for (const auto& pin : after.pins) {
    if (before.pin(pin->id) == pin.get()) continue;
    TRY(writing.put(session, step.inventory, {RecordKind::kPin, pin->id}, internal::record_bytes(*pin)));
  }
  for (const auto& key : after.keys) {
    if (before.key(key->handle) == key.get()) continue;
    const std::optional<ByteView> fingerprint = key->end_entity ? std::optional(internal::indexed(*key->end_entity)) : std::nullopt;
    TRY(writing.put(session, step.inventory, {RecordKind::kKey, key->handle}, internal::record_bytes(*key), fingerprint));
  }
  return {};
}

Result<> StateStore::put_bulk(Records::Writing& writing, Steps& steps, std::vector<Call::BulkWrite>& writes) {
  for (auto& [handle, bulk] : writes) {
    const auto found =
        std::ranges::find_if(steps, [key = handle](const auto& one) { return one.second.after && one.second.after->key(key) != nullptr; });
    if (found == steps.end()) return fail(Status::kInternal, "a part was written for a key of no session");
    auto& [session, step] = *found;
    if (const auto* path = std::get_if<CertificatePathData>(&bulk)) {
      const internal::PathRecord record{path->certificates};
      TRY(writing.put(session, step.inventory, {RecordKind::kCertificatePath, handle}, internal::record_bytes(record)));
    } else if (auto* made = std::get_if<PrivateKeyData>(&bulk)) {
      const SecretBytes pkcs8 = TRY(made->key.pkcs8());
      TRY(writing.put(session, step.inventory, {RecordKind::kPrivateKey, handle}, pkcs8));
      auto slot = std::make_shared<KeyMaterialSlot>();
      slot->private_key = made->key;
      step.after->change_key(handle).material = std::move(slot);
    } else if (const auto* symmetric = std::get_if<SymmetricKeyData>(&bulk)) {
      TRY(writing.put(session, step.inventory, {RecordKind::kSymmetricKey, handle}, *symmetric->key));
    } else if (const auto* extension = std::get_if<ExtensionDataWrite>(&bulk)) {
      const auto part = static_cast<std::uint32_t>(extension->index);
      TRY(writing.put(session, step.inventory, {RecordKind::kExtension, handle, part}, extension->data));
    }
  }
  return {};
}

void StateStore::publish_steps(Steps& steps) {
  const auto survives = [&](auto&& has_it) {
    return std::ranges::any_of(steps, [&](const auto& one) { return one.second.after && has_it(*one.second.after); });
  };
  for (auto& [session, step] : steps) {
    if (step.before) {
      for (const auto& pin : step.before->tree->pins) {
        if (!survives([&](const SessionTree& tree) { return tree.pin(pin->id) != nullptr; })) ledger_.forget({Counted::kPin, pin->id});
      }
      for (const auto& puk : step.before->tree->puk_policies) {
        if (!survives([&](const SessionTree& tree) { return tree.puk_policy(puk->handle) != nullptr; })) {
          ledger_.forget({Counted::kPuk, puk->handle});
        }
      }
    }
    if (!step.after) continue;
    const auto place = [&, handle = session](const AttemptKey& key, std::uint8_t on_disk) {
      if (const auto attempts = ledger_.find(key)) {
        attempts->session = handle;
        attempts->on_disk = on_disk;
      }
    };
    for (const auto& pin : step.after->pins) place({Counted::kPin, pin->id}, pin->error_count);
    for (const auto& puk : step.after->puk_policies) place({Counted::kPuk, puk->handle}, puk->error_count);
  }
  // Removals first: a key that changes hands has to end up with the session that has it.
  for (auto& [session, step] : steps) {
    if (!step.after) publish(session, nullptr);
  }
  for (auto& [session, step] : steps) {
    if (!step.after) continue;
    auto next = std::make_shared<Entry>();
    next->tree = std::move(step.after);
    next->inventory = std::move(step.inventory);
    publish(session, std::move(next));
  }
}

Result<bool> StateStore::begin_count(Steps& steps, const AttemptKey& key, Handle session, std::uint8_t errors) {
  auto step = steps.find(session);
  if (step == steps.end()) {
    const auto present = TRY(entry_locked(session));
    if (!present) return false;
    step = steps.emplace(session, Step{present, std::make_shared<SessionTree>(*present->tree), present->inventory}).first;
  }
  return note_errors(*step->second.after, key, errors);
}

Result<bool> StateStore::write_errors(const AttemptKey& key, Attempts& attempts, std::uint8_t errors) {
  const std::lock_guard lock(database_mutex_);
  Steps steps;
  if (!TRY(begin_count(steps, key, attempts.session, errors))) return false;
  TRY(write(steps, nullptr));
  return true;
}

// In one transaction: a store that stops may have used thousands of PINs, and little time.
Result<> StateStore::settle() {
  const auto unsettled = ledger_.unsettled();
  std::vector<std::unique_lock<std::mutex>> locks;
  for (const auto& [key, attempts] : unsettled) locks.emplace_back(attempts->mutex);
  const std::lock_guard lock(database_mutex_);
  Steps steps;
  for (const auto& [key, attempts] : unsettled) {
    const bool begun = TRY(begin_count(steps, key, attempts->session, attempts->errors));
    static_cast<void>(begun);  // gone meanwhile: nothing is left to settle
  }
  if (steps.empty()) return {};
  return write(steps, nullptr);
}

}  // namespace airtight::sks
