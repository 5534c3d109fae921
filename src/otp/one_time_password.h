// One-time passwords: HOTP (RFC 4226) and TOTP (RFC 6238), and the property bags by which KeyGen2 brings what they need beside the key.
// The key itself stays where it is: what comes in here is the HMAC that its key store has made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace airtight::otp {

// The types of the property bags. The first is that of the SKS document's sample ("addExtensionData"); the second is our own, after it.
inline constexpr std::string_view kHotpType = "http://xmlns.webpki.org/keygen2/1.0#provider.ietf-hotp";
inline constexpr std::string_view kTotpType = "http://xmlns.webpki.org/keygen2/1.0#provider.ietf-totp";

inline constexpr std::string_view kCounter = "Counter";  // the one property that the owner of the key changes

// RFC 4226 wants six digits at least; ten are all that a truncated HMAC of 31 bits has.
inline constexpr unsigned kFewestDigits = 6;
inline constexpr unsigned kMostDigits = 10;

// The counter that is never used: none would come after it.
inline constexpr std::uint64_t kExhausted = 0xFFFFFFFFFFFFFFFF;

struct Hotp {
  std::uint64_t counter = 0;  // of the next password
  unsigned digits = kFewestDigits;
  friend bool operator==(const Hotp&, const Hotp&) = default;
};
struct Totp {
  unsigned digits = kFewestDigits;
  std::uint32_t period = 30;  // seconds: "X"
  std::int64_t start = 0;     // seconds since the UNIX epoch: "T0"
  friend bool operator==(const Totp&, const Totp&) = default;
};
using Parameters = std::variant<Hotp, Totp>;

// A property as a property bag has it.
struct Property {
  std::string name;
  std::string value;
  bool writable = false;
  friend bool operator==(const Property&, const Property&) = default;
};

// The type of the property bag for such parameters.
[[nodiscard]] std::string_view bag_type(const Parameters& parameters);

// The parameters in a property bag of `type`: for HOTP Counter (writable) and Digits, for TOTP Digits and, if they are not 30 and 0, Period
// and T0. Numbers are decimal without leading zeros. Fault::kBadInput for another type, a property that is missing, foreign, twice there,
// or writable though it is not the counter, and for a value out of range.
[[nodiscard]] Result<Parameters> parameters_in(std::string_view type, std::span<const Property> properties);

// The other way round. Fault::kBadInput for a value out of range.
[[nodiscard]] Result<std::vector<Property>> properties_for(const Parameters& parameters);

// The time step that `now` falls in (RFC 6238, section 4.2). Fault::kBadInput for a time before T0.
[[nodiscard]] Result<std::uint64_t> time_step(const Totp& totp, Instant now);

// When a time step ends: the first moment of the next one.
[[nodiscard]] Instant end_of(const Totp& totp, std::uint64_t step);

// What the HMAC is made of: the counter or the time step in 8 bytes.
[[nodiscard]] Bytes moving_factor(std::uint64_t value);

// The password in an HMAC of 20 bytes or more (RFC 4226, section 5.3), `digits` long, with leading zeros. Fault::kBadInput for a shorter
// HMAC or digits out of range.
[[nodiscard]] Result<std::string> truncate(ByteView hmac, unsigned digits);

}  // namespace airtight::otp
