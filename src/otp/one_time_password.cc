#include "otp/one_time_password.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace airtight::otp {
namespace {

constexpr std::string_view kDigits = "Digits";
constexpr std::string_view kPeriod = "Period";
constexpr std::string_view kStart = "T0";

// The latest T0: the last second of the year 9999, as far as our times go.
constexpr std::int64_t kLatestStart = 253402300799;

Failure refused(std::string why) { return fail(Fault::kBadInput, "the one-time password bag " + std::move(why)); }

// Takes properties out by name; what is left at the end is foreign.
class Bag {
 public:
  explicit Bag(std::span<const Property> properties) : left_(properties.begin(), properties.end()) {}

  [[nodiscard]] std::optional<Property> take(std::string_view name) {
    const auto found = std::ranges::find(left_, name, &Property::name);
    if (found == left_.end()) return std::nullopt;
    Property property = std::move(*found);
    left_.erase(found);
    return property;
  }
  [[nodiscard]] Result<> end() const {
    if (left_.empty()) return {};
    return refused("has a property too many: '" + left_.front().name + "'");
  }

 private:
  std::vector<Property> left_;
};

// Decimal, one way to write each number.
template <typename T>
std::optional<T> number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  if (!std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

enum class Writable : bool { kNo, kYes };

template <typename T>
Result<T> number_in(const Property& property, T smallest, T largest, Writable writable) {
  if (property.writable != (writable == Writable::kYes)) {
    return refused("has a " + property.name + (property.writable ? " that is writable" : " that is not writable"));
  }
  const auto value = number<T>(property.value);
  if (!value || *value < smallest || *value > largest) {
    return refused("has a " + property.name + " that is no number from " + std::to_string(smallest) + " to " + std::to_string(largest));
  }
  return *value;
}

Result<unsigned> take_digits(Bag& bag) {
  const auto digits = bag.take(kDigits);
  if (!digits) return refused("has no Digits");
  return number_in<unsigned>(*digits, kFewestDigits, kMostDigits, Writable::kNo);
}

Result<Parameters> hotp_in(Bag bag) {
  Hotp hotp;
  const auto counter = bag.take(kCounter);
  if (!counter) return refused("has no Counter");
  hotp.counter = TRY(number_in<std::uint64_t>(*counter, 0, kExhausted, Writable::kYes));
  hotp.digits = TRY(take_digits(bag));
  TRY(bag.end());
  return hotp;
}

Result<Parameters> totp_in(Bag bag) {
  Totp totp;
  totp.digits = TRY(take_digits(bag));
  if (const auto period = bag.take(kPeriod)) {
    totp.period = TRY(number_in<std::uint32_t>(*period, 1, std::numeric_limits<std::uint32_t>::max(), Writable::kNo));
  }
  if (const auto start = bag.take(kStart)) totp.start = TRY(number_in<std::int64_t>(*start, 0, kLatestStart, Writable::kNo));
  TRY(bag.end());
  return totp;
}

}  // namespace

std::string_view bag_type(const Parameters& parameters) { return std::holds_alternative<Hotp>(parameters) ? kHotpType : kTotpType; }

Result<Parameters> parameters_in(std::string_view type, std::span<const Property> properties) {
  if (type == kHotpType) return hotp_in(Bag(properties));
  if (type == kTotpType) return totp_in(Bag(properties));
  return fail(Fault::kBadInput, "the property bag is not about one-time passwords");
}

Result<std::vector<Property>> properties_for(const Parameters& parameters) {
  std::vector<Property> properties;
  if (const auto* hotp = std::get_if<Hotp>(&parameters)) {
    properties = {{.name = std::string(kCounter), .value = std::to_string(hotp->counter), .writable = true},
                  {.name = std::string(kDigits), .value = std::to_string(hotp->digits)}};
  } else {
    const Totp& totp = std::get<Totp>(parameters);
    properties = {{.name = std::string(kDigits), .value = std::to_string(totp.digits)}};
    if (totp.period != Totp().period) properties.push_back({.name = std::string(kPeriod), .value = std::to_string(totp.period)});
    if (totp.start != Totp().start) properties.push_back({.name = std::string(kStart), .value = std::to_string(totp.start)});
  }
  TRY(parameters_in(bag_type(parameters), properties));
  return properties;
}

Result<std::uint64_t> time_step(const Totp& totp, Instant now) {
  if (totp.period == 0) return refused("has a Period of 0");
  const std::int64_t seconds = now.milliseconds / 1000;
  if (now.milliseconds < 0 || seconds < totp.start) {
    return fail(Fault::kBadInput, "the time lies before T0, from which the time steps of the key count",
                "set the clock, or give a later time");
  }
  return static_cast<std::uint64_t>(seconds - totp.start) / totp.period;
}

Instant end_of(const Totp& totp, std::uint64_t step) { return {(totp.start + static_cast<std::int64_t>((step + 1) * totp.period)) * 1000}; }

Bytes moving_factor(std::uint64_t value) { return big_endian(value, 8); }

Result<std::string> truncate(ByteView hmac, unsigned digits) {
  if (hmac.size() < 20) return fail(Fault::kBadInput, "the HMAC is too short for a one-time password");
  if (digits < kFewestDigits || digits > kMostDigits) {
    return fail(Fault::kBadInput,
                "a one-time password has " + std::to_string(kFewestDigits) + " to " + std::to_string(kMostDigits) + " digits");
  }
  const std::size_t offset = std::to_integer<std::size_t>(hmac.back()) & 0xF;
  std::uint32_t value = 0;
  for (const std::byte b : hmac.subspan(offset, 4)) value = (value << 8) | std::to_integer<std::uint32_t>(b);
  const std::string all = std::to_string(value & 0x7FFFFFFF);
  if (all.size() >= digits) return all.substr(all.size() - digits);
  return std::string(digits - all.size(), '0') + all;
}

}  // namespace airtight::otp
