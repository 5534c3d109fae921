#include "base/time.h"

#include <fmt/format.h>

#include <algorithm>

namespace airtight {

Instant SystemClock::now() const {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

std::string format_time(Instant instant) {
  using namespace std::chrono;
  constexpr sys_seconds kFirst{sys_days{year{0} / January / 1}};
  constexpr sys_seconds kLast{sys_days{year{10000} / January / 1} - seconds(1)};
  const sys_seconds at = std::clamp(sys_seconds{floor<seconds>(milliseconds(instant.milliseconds))}, kFirst, kLast);
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss time{at - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), time.hours().count(), time.minutes().count(), time.seconds().count());
}

Result<Instant> parse_time(std::string_view text) {
  using namespace std::chrono;
  const auto bad = [&] { return fail(Fault::kBadInput, fmt::format("\"{}\" is no time in UTC like 2026-01-31T12:00:00Z", text)); };
  const auto number = [&](std::size_t at, std::size_t length) -> int {
    int value = 0;
    for (std::size_t i = at; i < at + length; ++i) {
      if (text[i] < '0' || text[i] > '9') return -1;
      value = value * 10 + (text[i] - '0');
    }
    return value;
  };
  if (text.size() < 20 || text.size() > 40 || text.back() != 'Z') return bad();
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') return bad();
  const int y = number(0, 4), mo = number(5, 2), d = number(8, 2), h = number(11, 2), mi = number(14, 2), s = number(17, 2);
  if (y < 1970 || mo < 1 || d < 1 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59) return bad();
  const year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
  if (!date.ok()) return bad();
  std::int64_t thousandths = 0;
  if (text.size() > 20) {
    const std::size_t digits = text.size() - 21;
    if (text[19] != '.' || digits == 0 || number(20, digits < 9 ? digits : 9) < 0) return bad();
    for (std::size_t i = 0; i < digits; ++i) {
      if (text[20 + i] < '0' || text[20 + i] > '9') return bad();
      if (i < 3) thousandths = thousandths * 10 + (text[20 + i] - '0');
    }
    for (std::size_t i = digits; i < 3; ++i) thousandths *= 10;
  }
  const auto seconds_of_day = h * 3600 + mi * 60 + s;
  const auto days_since = sys_days(date).time_since_epoch().count();
  return Instant{(static_cast<std::int64_t>(days_since) * 86400 + seconds_of_day) * 1000 + thousandths};
}

}  // namespace airtight
