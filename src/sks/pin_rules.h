// What a PIN has to look like: length, format and patterns (SKS "PIN Pattern Control", sks.md section 6). The key store and the agent,
// which wants to tell the user before it asks the store, both ask here.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/key_attributes.h"
#include "base/result.h"

namespace airtight::sks {

struct PinRules {
  PassphraseFormat format = PassphraseFormat::kNumeric;
  std::uint8_t min_length = 1;  // bytes
  std::uint8_t max_length = 100;
  std::uint8_t pattern_restrictions = 0;  // PatternRestriction ORed
};

// Accepts a user-defined PIN or says, without repeating the PIN, which rule it breaks (ERROR_OPTION).
[[nodiscard]] Result<> check_user_pin(const PinRules& rules, ByteView pin);

// Length alone: the rule for issuer-set PINs.
[[nodiscard]] bool length_fits(const PinRules& rules, ByteView pin);

// Which PIN of a policy a key uses under its grouping: keys with equal values share a PIN and its error counter.
enum class PinHalf : std::uint8_t { kOwn = 0, kShared = 1, kSignature = 2, kStandard = 3 };
[[nodiscard]] PinHalf half_of(Grouping grouping, KeyUsage usage);

}  // namespace airtight::sks
