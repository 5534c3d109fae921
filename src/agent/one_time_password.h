// One-time passwords by the keys of a key store: the counter is read, the HMAC made, the counter advanced for good, and only then is there
// a password to be shown. So a crash may lose a password, but none is ever shown twice; a wrong PIN loses none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/key_list.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "base/time.h"
#include "otp/one_time_password.h"
#include "sks/client.h"

namespace airtight::agent {

// The type of the property bag that makes `key` one for one-time passwords: otp::kHotpType or otp::kTotpType. Fault::kRefused for a key
// that has none of them, or both, or is still being made.
[[nodiscard]] Result<std::string_view> otp_bag_of(const KeyEntry& key);

struct OneTimePassword {
  std::string digits = {};
  otp::Parameters parameters = {};  // as they were when it was made
  std::uint64_t factor = 0;         // the counter, or the time step
  std::string_view algorithm = {};  // URI of the HMAC
};

// The next password of `key`, or for TOTP that of the time `now`. The HMAC is the one that the issuer has endorsed for the key. The caller
// has its turn at the store (device/turn.h): two at once would get the same password. Fault::kRefused if the key is none for one-time
// passwords or its counter is used up, kBadInput for a property bag that cannot be understood; the key store's refusals, in words for the
// one who typed the PIN.
[[nodiscard]] Result<OneTimePassword> next_one_time_password(sks::Channel& key_store, const KeyEntry& key, const SecretBytes& pin,
                                                             Instant now);

}  // namespace airtight::agent
