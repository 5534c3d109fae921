#include "agent/refusals.h"

#include <algorithm>
#include <optional>
#include <string>

#include "sks/status.h"

namespace airtight::agent {
namespace {

using Protection = sks::GetKeyProtectionInfo::Response;

// The key's state after a refusal; nothing if it is of another kind or the state cannot be had.
std::optional<Protection> protection_after(sks::Channel& key_store, const KeyEntry& key, const Error& error) {
  if (sks::status_of(error) != sks::Status::kAuthorization) return std::nullopt;
  const auto protection = sks::call(key_store, sks::GetKeyProtectionInfo{key.handle});
  if (!protection) return std::nullopt;
  return *protection;
}

std::string attempts_left(unsigned limit, unsigned errors) {
  const unsigned left = limit - std::min(limit, errors);
  return std::to_string(left) + (left == 1 ? " attempt is" : " attempts are") + " left before ";
}

}  // namespace

Error explain_pin_refusal(sks::Channel& key_store, const KeyEntry& key, Error error) {
  const std::optional<Protection> now = protection_after(key_store, key, error);
  if (!now) return error;
  if ((now->protection_status & sks::kPinLocked) != 0) {
    error.message =
        "the PIN of key " + std::to_string(key.handle) + " is locked after " + std::to_string(now->retry_limit) + " wrong attempts";
    error.hint = (now->protection_status & sks::kPukProtected) != 0 ? "its issuer has the PUK that unlocks it: 'airtight keys unlock'"
                                                                    : "nothing unlocks it: ask the issuer for a new key";
    return error;
  }
  if ((now->protection_status & sks::kPinProtected) == 0) return error;
  error.message = "the PIN is wrong";
  error.hint = attempts_left(now->retry_limit, now->pin_error_count) + "the key locks";
  return error;
}

Error explain_puk_refusal(sks::Channel& key_store, const KeyEntry& key, Error error) {
  const std::optional<Protection> now = protection_after(key_store, key, error);
  if (!now || (now->protection_status & sks::kPukProtected) == 0) return error;
  if ((now->protection_status & sks::kPukLocked) != 0) {
    error.message =
        "the PUK of key " + std::to_string(key.handle) + " is locked after " + std::to_string(now->puk_retry_limit) + " wrong attempts";
    error.hint = "nothing unlocks it: ask the issuer for a new key";
    return error;
  }
  error.message = "the PUK is wrong";
  error.hint = now->puk_retry_limit == 0 ? "each wrong one makes the next attempt take longer"
                                         : attempts_left(now->puk_retry_limit, now->puk_error_count) + "it locks for good";
  return error;
}

}  // namespace airtight::agent
