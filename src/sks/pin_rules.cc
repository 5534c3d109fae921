#include "sks/pin_rules.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/text.h"
#include "sks/status.h"

namespace airtight::sks {
namespace {

bool is_digit(std::byte b) { return b >= std::byte{'0'} && b <= std::byte{'9'}; }
bool is_upper(std::byte b) { return b >= std::byte{'A'} && b <= std::byte{'Z'}; }
bool is_lower(std::byte b) { return b >= std::byte{'a'} && b <= std::byte{'z'}; }

bool format_fits(PassphraseFormat format, ByteView pin) {
  switch (format) {
    case PassphraseFormat::kNumeric: return std::ranges::all_of(pin, is_digit);
    case PassphraseFormat::kAlphanumeric: return std::ranges::all_of(pin, [](std::byte b) { return is_digit(b) || is_upper(b); });
    case PassphraseFormat::kString: return is_utf8(pin);
    case PassphraseFormat::kBinary: return true;
  }
  return false;
}

// `count` equal bytes side by side, anywhere.
bool has_run(ByteView pin, std::size_t count) {
  std::size_t run = 1;
  for (std::size_t i = 1; i < pin.size(); ++i) {
    run = pin[i] == pin[i - 1] ? run + 1 : 1;
    if (run >= count) return true;
  }
  return false;
}

// Every step +1, or every step -1, over two or more bytes.
bool is_sequence(ByteView pin) {
  if (pin.size() < 2) return false;
  const auto steps = [&](int step) {
    for (std::size_t i = 1; i < pin.size(); ++i) {
      if (std::to_integer<int>(pin[i]) - std::to_integer<int>(pin[i - 1]) != step) return false;
    }
    return true;
  };
  return steps(1) || steps(-1);
}

bool has_repetition(ByteView pin) {
  std::array<bool, 256> seen{};
  for (std::byte b : pin) {
    if (std::exchange(seen[std::to_integer<std::size_t>(b)], true)) return true;
  }
  return false;
}

bool lacks_group(PassphraseFormat format, ByteView pin) {
  const bool digit = std::ranges::any_of(pin, is_digit);
  const bool upper = std::ranges::any_of(pin, is_upper);
  if (format == PassphraseFormat::kAlphanumeric) return !digit || !upper;
  const bool lower = std::ranges::any_of(pin, is_lower);
  const bool other = std::ranges::any_of(pin, [](std::byte b) { return !is_digit(b) && !is_upper(b) && !is_lower(b); });
  return !digit || !upper || !lower || !other;
}

}  // namespace

bool length_fits(const PinRules& rules, ByteView pin) { return pin.size() >= rules.min_length && pin.size() <= rules.max_length; }

Result<> check_user_pin(const PinRules& rules, ByteView pin) {
  if (!length_fits(rules, pin)) {
    return fail(Status::kOption,
                "the PIN must have " + std::to_string(rules.min_length) + " to " + std::to_string(rules.max_length) + " characters");
  }
  if (!format_fits(rules.format, pin)) {
    return fail(Status::kOption, "the PIN has characters that its format (" + std::string(name_of(rules.format)) + ") does not allow");
  }
  const auto restricted = [&](PatternRestriction pattern) {
    return (rules.pattern_restrictions & static_cast<std::uint8_t>(pattern)) != 0;
  };
  if (restricted(PatternRestriction::kTwoInARow) && has_run(pin, 2))
    return fail(Status::kOption, "the PIN has two equal characters in a row");
  if (restricted(PatternRestriction::kThreeInARow) && has_run(pin, 3))
    return fail(Status::kOption, "the PIN has three equal characters in a row");
  if (restricted(PatternRestriction::kSequence) && is_sequence(pin)) return fail(Status::kOption, "the PIN is a sequence");
  if (restricted(PatternRestriction::kRepeated) && has_repetition(pin))
    return fail(Status::kOption, "the PIN has the same character twice");
  if (restricted(PatternRestriction::kMissingGroup) && lacks_group(rules.format, pin)) {
    return fail(Status::kOption, rules.format == PassphraseFormat::kAlphanumeric
                                     ? "the PIN needs a digit and a letter"
                                     : "the PIN needs an upper-case letter, a lower-case letter, a digit and another character");
  }
  return {};
}

PinHalf half_of(Grouping grouping, KeyUsage usage) {
  switch (grouping) {
    case Grouping::kShared: return PinHalf::kShared;
    case Grouping::kSignatureStandard: return usage == KeyUsage::kSignature ? PinHalf::kSignature : PinHalf::kStandard;
    default: return PinHalf::kOwn;
  }
}

}  // namespace airtight::sks
