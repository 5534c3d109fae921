#include "issuer/passphrase_choice.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "sks/pin_rules.h"

namespace airtight::issuer {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kDigitsAndCapitals = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kKeyboard = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-+*/=.";
constexpr int kMostAttempts = 10000;

// `length` characters of `alphabet`, each equally likely.
SecretBytes choose(std::string_view alphabet, std::size_t length, RandomSource& random) {
  const std::size_t fair = 256 / alphabet.size() * alphabet.size();
  SecretBytes value(length);
  for (std::byte& place : value.expose_secret_for_writing()) {
    for (;;) {
      const SecretBytes draw = random.secret(1);
      const auto number = std::to_integer<std::size_t>(draw.expose_secret()[0]);
      if (number >= fair) continue;
      place = static_cast<std::byte>(alphabet[number % alphabet.size()]);
      break;
    }
  }
  return value;
}

SecretBytes choose_pin(const PinPolicy& policy, RandomSource& random) {
  const std::size_t length = policy.preset_length.value_or(policy.min_length);
  switch (policy.format) {
    case PassphraseFormat::kNumeric: return choose(kDigits, length, random);
    case PassphraseFormat::kAlphanumeric: return choose(kDigitsAndCapitals, length, random);
    case PassphraseFormat::kString: return choose(kKeyboard, length, random);
    case PassphraseFormat::kBinary: break;
  }
  return random.secret(length);
}

bool is_among(const std::vector<SecretBytes>& values, const SecretBytes& value) {
  return std::ranges::any_of(
      values, [&](const SecretBytes& other) { return equal_in_constant_time(other.expose_secret(), value.expose_secret()); });
}

// One that the patterns allow and that differs from `others`.
Result<SecretBytes> choose_other_pin(const PinPolicy& policy, const std::vector<SecretBytes>& others, RandomSource& random) {
  const sks::PinRules rules{policy.format, policy.min_length, policy.max_length, policy.pattern_restrictions};
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    SecretBytes pin = choose_pin(policy, random);
    if (sks::check_user_pin(rules, pin.expose_secret()) && !is_among(others, pin)) return pin;
  }
  return fail(Fault::kBadInput, "the PIN policy '" + policy.id + "' leaves too few PINs to choose from", "make its PINs longer");
}

}  // namespace

SecretBytes choose_puk(const PukPolicy& policy, RandomSource& random) {
  if (policy.format == PassphraseFormat::kBinary) return random.secret(policy.length);
  return choose(policy.format == PassphraseFormat::kNumeric ? kDigits : kDigitsAndCapitals, policy.length, random);
}

Result<std::vector<SecretBytes>> choose_pins(const PinPolicy& policy, const std::vector<KeyUsage>& usages, RandomSource& random) {
  std::vector<SecretBytes> different;
  std::map<sks::PinHalf, std::size_t> of_half;  // where in `different` the PIN of the half is
  std::vector<SecretBytes> out;
  for (const KeyUsage usage : usages) {
    const sks::PinHalf half = sks::half_of(policy.grouping, usage);
    const auto known = of_half.find(half);
    if (half != sks::PinHalf::kOwn && known != of_half.end()) {
      out.push_back(different[known->second].clone());
      continue;
    }
    of_half.insert_or_assign(half, different.size());
    different.push_back(TRY(choose_other_pin(policy, different, random)));
    out.push_back(different.back().clone());
  }
  return out;
}

}  // namespace airtight::issuer
