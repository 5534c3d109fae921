#include "crypto/internal/write_fields.h"

#include <chrono>
#include <string>

namespace airtight::crypto {
namespace {

using der::Tag;
using der::Writer;

constexpr std::int64_t kYear1950 = -631152000;
constexpr std::int64_t kYear2050 = 2524608000;
constexpr std::int64_t kYear10000 = 253402300800;

void write(Writer& out, Instant instant, bool general) {
  using namespace std::chrono;
  const sys_seconds at{floor<seconds>(milliseconds(instant.milliseconds))};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss time{at - day};
  std::string text;
  const auto two = [&](auto value) {
    const auto number = static_cast<unsigned>(value) % 100;
    text.push_back(static_cast<char>('0' + number / 10));
    text.push_back(static_cast<char>('0' + number % 10));
  };
  if (general) two(static_cast<int>(date.year()) / 100);
  two(static_cast<int>(date.year()));
  two(static_cast<unsigned>(date.month()));
  two(static_cast<unsigned>(date.day()));
  two(time.hours().count());
  two(time.minutes().count());
  two(time.seconds().count());
  text.push_back('Z');
  out.element(general ? Tag::kGeneralizedTime : Tag::kUtcTime, bytes_of(text));
}

std::int64_t seconds_of(Instant instant) {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::milliseconds(instant.milliseconds)).count();
}

}  // namespace

bool can_write_time(Instant instant) { return seconds_of(instant) >= kYear1950 && seconds_of(instant) < kYear10000; }

void write_time(Writer& out, Instant instant) { write(out, instant, seconds_of(instant) >= kYear2050 || seconds_of(instant) < kYear1950); }

void write_generalized_time(Writer& out, Instant instant) { write(out, instant, true); }

void write_extension(Writer& list, const ObjectId& id, Criticality criticality, const std::function<void(Writer&)>& body) {
  Writer value;
  body(value);
  list.sequence([&](Writer& out) {
    out.element(Tag::kObjectId, id.content());
    if (criticality == Criticality::kCritical) out.boolean(true);
    out.octet_string(value.bytes());
  });
}

void write_authority_key_id(Writer& list, ByteView key_id) {
  write_extension(list, oid::kAuthorityKeyIdentifier, Criticality::kPlain,
                  [&](Writer& out) { out.sequence([&](Writer& identifier) { identifier.element(der::context(0), key_id); }); });
}

}  // namespace airtight::crypto
