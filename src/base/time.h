// Time as values: an Instant is milliseconds since the UNIX epoch, and clocks come in as an interface so that tests can set them.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/result.h"

namespace airtight {

struct Instant {
  std::int64_t milliseconds = 0;  // since 1970-01-01T00:00:00Z
  friend auto operator<=>(const Instant&, const Instant&) = default;
  // Later by `span`; at the edge of what can be said, that edge.
  [[nodiscard]] Instant plus(std::chrono::milliseconds span) const {
    using Limits = std::numeric_limits<std::int64_t>;
    std::int64_t sum = 0;
    if (__builtin_add_overflow(milliseconds, span.count(), &sum)) return {span.count() > 0 ? Limits::max() : Limits::min()};
    return {sum};
  }
  [[nodiscard]] Instant whole_seconds() const { return {milliseconds / 1000 * 1000}; }
};

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override;
};

// "2010-03-18T11:23:29Z": XML Schema dateTime in UTC, whole seconds. What is before the year 0 or after 9999 is written as the first or
// last second in between.
[[nodiscard]] std::string format_time(Instant instant);

// Reads an xs:dateTime in UTC with a trailing Z, fractions of a second allowed (cut to milliseconds). Years 1970 to 9999.
[[nodiscard]] Result<Instant> parse_time(std::string_view text);

}  // namespace airtight
