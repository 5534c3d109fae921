// How StateStore has a PIN, a PUK or a person's approval proved (sks.md section 6).
#include <algorithm>
#include <thread>

#include "base/constant_time.h"
#include "sks/state_store.h"
#include "sks/status.h"

namespace airtight::sks {
namespace {

// "each verification waits at least 1 second, 1 more for each error in a row, 10 at most"
std::chrono::seconds delay_after(std::uint8_t errors) { return std::chrono::seconds(std::min(10, 1 + errors)); }

}  // namespace

void SleepingPause::wait(std::chrono::milliseconds span) { std::this_thread::sleep_for(span); }

Result<bool> StateStore::prove(const Authorization& wanted) {
  if (wanted.pin != nullptr || wanted.puk != nullptr) {
    if (!TRY(prove_value(wanted))) return false;
  }
  if (!wanted.approval) return true;
  if (platform_.approver == nullptr) return fail(Status::kAuthorization, "the key is to be approved, and nobody can be asked");
  ApprovalRequest request{wanted.method, wanted.key, {}, {}, wanted.approval->session.issuer_uri};
  if (const Key* const key = wanted.approval->key(wanted.key)) {
    request.key_id = key->id;
    request.friendly_name = key->friendly_name;
  }
  const auto approved = platform_.approver->approve(request);
  if (!approved || !*approved) return fail(Status::kAuthorization, "the use of the key was not approved");
  return true;
}

Result<> StateStore::require_anchor() {
  if (!records_->anchor_is_behind()) return {};
  const std::lock_guard lock(database_mutex_);
  if (!records_->anchor_is_behind() || records_->catch_up_anchor()) return {};
  return fail(Status::kStorage, "the anchor against roll-back cannot be advanced, so no PIN or PUK is compared");
}

Result<> StateStore::require_to_stay_open() const {
  if (!platform_.pause.is_over()) return {};
  return fail(Status::kInternal, "the key store is about to close, so no PIN or PUK is compared");
}

Result<bool> StateStore::has_value(Handle session, const AttemptKey& key, const SharedSecret& value) const {
  const auto found = TRY(entry(session));
  if (!found) return false;
  if (key.first == Counted::kPin) {
    const Pin* const pin = found->tree->pin(key.second);
    return pin != nullptr && pin->value == value;
  }
  const PukPolicy* const puk = found->tree->puk_policy(static_cast<Handle>(key.second));
  return puk != nullptr && puk->value == value;
}

Result<bool> StateStore::prove_value(const Authorization& wanted) {
  const bool is_pin = wanted.pin != nullptr;
  const AttemptKey key = is_pin ? AttemptKey{Counted::kPin, wanted.pin->id} : AttemptKey{Counted::kPuk, wanted.puk->handle};
  const SharedSecret& value = is_pin ? wanted.pin->value : wanted.puk->value;
  const std::uint8_t noted = is_pin ? wanted.pin->error_count : wanted.puk->error_count;
  const auto attempts = ledger_.find_or_add(key, noted, wanted.tree->session.handle);
  const std::lock_guard lock(attempts->mutex);

  // Somebody who was here first may have changed it.
  if (const auto present = cached(attempts->session); !present || present->tree != wanted.tree) {
    if (!TRY(has_value(attempts->session, key, value))) {
      // Or it has moved to another session while its counter was being made by one who had seen it in the old one.
      const Handle seen = wanted.tree->session.handle;
      if (seen == attempts->session || !TRY(has_value(seen, key, value))) return false;
      attempts->session = seen;
    }
  }
  const std::string_view name = is_pin ? "PIN" : "PUK";
  const std::uint8_t errors = attempts->errors;
  if (wanted.retry_limit != 0 && errors >= wanted.retry_limit) {
    return fail(Status::kAuthorization, "the " + std::string(name) + " is locked after too many wrong values");
  }
  TRY(require_to_stay_open());
  const std::uint8_t charged = charge(errors);
  if (attempts->on_disk != charged && !TRY(write_errors(key, *attempts, charged))) return false;
  TRY(require_anchor());
  if (wanted.retry_limit == 0) {
    platform_.pause.wait(delay_after(errors));
    // A wait that was cut short shows nothing, and stays charged.
    if (const Result<> open = require_to_stay_open(); !open) {
      attempts->errors = charged;
      return Failure(open.error());
    }
  }
  if (!declassified(equal_in_constant_time(value->expose_secret(), wanted.given->expose_secret()))) {
    attempts->errors = charged;
    return fail(Status::kAuthorization, "the " + std::string(name) + " is wrong");
  }
  attempts->errors = 0;
  const std::uint8_t rest = resting(charged, wanted.retry_limit);
  // Where this cannot be written, disk shows errors that were not made until the next attempt makes up for it.
  if (rest != charged) static_cast<void>(write_errors(key, *attempts, rest));
  return true;
}

}  // namespace airtight::sks
