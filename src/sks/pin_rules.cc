#include "sks/pin_rules.h"

#include <string>

#include "base/constant_time.h"
#include "sks/status.h"

// Which rule a PIN breaks is the answer. Nothing else about it may show: all rules look at all bytes, without a branch.
namespace airtight::sks {
namespace {

using constant_time::choose;
using constant_time::Mask;

std::uint32_t value_of(std::byte b) { return std::to_integer<std::uint32_t>(b); }
Mask between(std::byte b, std::uint32_t first, std::uint32_t last) {
  return ~constant_time::less(value_of(b), first) & constant_time::less(value_of(b), last + 1);
}
Mask equal(std::byte a, std::byte b) { return constant_time::equal(value_of(a), value_of(b)); }
Mask is_digit(std::byte b) { return between(b, '0', '9'); }
Mask is_upper(std::byte b) { return between(b, 'A', 'Z'); }
Mask is_lower(std::byte b) { return between(b, 'a', 'z'); }

template <typename Test>
Mask any_of(ByteView pin, Test test) {
  Mask any = 0;
  for (const std::byte b : pin) any |= test(b);
  return any;
}

// RFC 3629, as base/text.h has it: no overlong forms, no surrogates, nothing above U+10FFFF.
Mask is_utf8_text(ByteView pin) {
  Mask right = ~Mask{0};
  std::uint32_t missing = 0;   // bytes of the character that has begun
  std::uint32_t least = 0x80;  // what the next of them has to be
  std::uint32_t greatest = 0xBF;
  for (const std::byte b : pin) {
    const Mask begins = constant_time::is_zero(missing);
    const Mask ascii = between(b, 0, 0x7F);
    const Mask of_two = between(b, 0xC2, 0xDF);
    const Mask of_three = between(b, 0xE0, 0xEF);
    const Mask of_four = between(b, 0xF0, 0xF4);
    const Mask goes_on = ~constant_time::less(value_of(b), least) & ~constant_time::less(greatest, value_of(b));
    right &= choose(begins, ascii | of_two | of_three | of_four, goes_on);
    missing = choose(begins, (of_two & 1) | (of_three & 2) | (of_four & 3), missing - 1);
    const auto after = [&](std::uint32_t first) { return begins & constant_time::equal(value_of(b), first); };
    least = choose(after(0xE0), 0xA0, choose(after(0xF0), 0x90, 0x80));
    greatest = choose(after(0xED), 0x9F, choose(after(0xF4), 0x8F, 0xBF));
  }
  return right & constant_time::is_zero(missing);
}

Mask format_fits(PassphraseFormat format, ByteView pin) {
  switch (format) {
    case PassphraseFormat::kNumeric: return ~any_of(pin, [](std::byte b) { return ~is_digit(b); });
    case PassphraseFormat::kAlphanumeric: return ~any_of(pin, [](std::byte b) { return ~(is_digit(b) | is_upper(b)); });
    case PassphraseFormat::kString: return is_utf8_text(pin);
    case PassphraseFormat::kBinary: return ~Mask{0};
  }
  return 0;
}

// `count` equal bytes side by side, anywhere.
Mask has_run(ByteView pin, std::uint32_t count) {
  Mask found = 0;
  std::uint32_t run = 1;
  for (std::size_t i = 1; i < pin.size(); ++i) {
    run = choose(equal(pin[i], pin[i - 1]), run + 1, 1);
    found |= ~constant_time::less(run, count);
  }
  return found;
}

// Every step +1, or every step -1, over two or more bytes.
Mask is_sequence(ByteView pin) {
  if (pin.size() < 2) return 0;
  Mask up = ~Mask{0};
  Mask down = ~Mask{0};
  for (std::size_t i = 1; i < pin.size(); ++i) {
    up &= constant_time::equal(value_of(pin[i]), value_of(pin[i - 1]) + 1);
    down &= constant_time::equal(value_of(pin[i]) + 1, value_of(pin[i - 1]));
  }
  return up | down;
}

Mask has_repetition(ByteView pin) {
  Mask found = 0;
  for (std::size_t i = 1; i < pin.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) found |= equal(pin[i], pin[j]);
  }
  return found;
}

Mask lacks_group(PassphraseFormat format, ByteView pin) {
  const Mask digit = any_of(pin, is_digit);
  const Mask upper = any_of(pin, is_upper);
  if (format == PassphraseFormat::kAlphanumeric) return ~(digit & upper);
  const Mask lower = any_of(pin, is_lower);
  const Mask other = any_of(pin, [](std::byte b) { return ~(is_digit(b) | is_upper(b) | is_lower(b)); });
  return ~(digit & upper & lower & other);
}

// The answer to one rule, which its error text tells.
bool answer(Mask mask) { return declassified((mask & 1) != 0); }

}  // namespace

bool length_fits(const PinRules& rules, ByteView pin) { return pin.size() >= rules.min_length && pin.size() <= rules.max_length; }

Result<> check_user_pin(const PinRules& rules, ByteView pin) {
  if (!length_fits(rules, pin)) {
    return fail(Status::kOption,
                "the PIN must have " + std::to_string(rules.min_length) + " to " + std::to_string(rules.max_length) + " characters");
  }
  if (!answer(format_fits(rules.format, pin))) {
    return fail(Status::kOption, "the PIN has characters that its format (" + std::string(name_of(rules.format)) + ") does not allow");
  }
  const auto restricted = [&](PatternRestriction pattern) {
    return (rules.pattern_restrictions & static_cast<std::uint8_t>(pattern)) != 0;
  };
  if (restricted(PatternRestriction::kTwoInARow) && answer(has_run(pin, 2)))
    return fail(Status::kOption, "the PIN has two equal characters in a row");
  if (restricted(PatternRestriction::kThreeInARow) && answer(has_run(pin, 3)))
    return fail(Status::kOption, "the PIN has three equal characters in a row");
  if (restricted(PatternRestriction::kSequence) && answer(is_sequence(pin))) return fail(Status::kOption, "the PIN is a sequence");
  if (restricted(PatternRestriction::kRepeated) && answer(has_repetition(pin)))
    return fail(Status::kOption, "the PIN has the same character twice");
  if (restricted(PatternRestriction::kMissingGroup) && answer(lacks_group(rules.format, pin))) {
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
