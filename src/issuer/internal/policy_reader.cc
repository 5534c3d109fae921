// PUK and PIN policies of a profile.
#include <algorithm>

#include "issuer/internal/profile_reader.h"

namespace airtight::issuer {
namespace {

Result<std::uint8_t> read_patterns(TomlTable& table, PassphraseFormat format) {
  std::uint8_t patterns = 0;
  for (const std::string& word : TRY(table.texts("pattern_restrictions"))) {
    const auto pattern = value_named<PatternRestriction>(word);
    if (!pattern) return Failure(table.not_one_of("pattern_restrictions", word, TomlTable::names_of<PatternRestriction>()));
    patterns = static_cast<std::uint8_t>(patterns | std::to_underlying(*pattern));
    if (*pattern == PatternRestriction::kMissingGroup && format != PassphraseFormat::kAlphanumeric && format != PassphraseFormat::kString) {
      return Failure(table.error_at("pattern_restrictions", "missing-group goes only with the formats alphanumeric and string"));
    }
  }
  return patterns;
}

}  // namespace

Result<PukPolicy> read_puk_policy(TomlTable& table, ProfileReading& reading) {
  PukPolicy puk;
  puk.id = TRY(reading.id(table));
  puk.format = TRY(table.choice<PassphraseFormat>("format")).value_or(PassphraseFormat::kNumeric);
  puk.retry_limit = static_cast<std::uint8_t>(TRY(table.required_integer("retry_limit", 0, 255)));
  puk.length = static_cast<std::uint8_t>(TRY(table.required_integer("length", 4, 100)));
  TRY(table.finish());
  return puk;
}

Result<PinPolicy> read_pin_policy(TomlTable& table, ProfileReading& reading, const Profile& profile) {
  PinPolicy pin;
  pin.id = TRY(reading.id(table));
  pin.puk_policy = TRY(table.text("puk_policy"));
  if (pin.puk_policy && std::ranges::find(profile.puk_policies, *pin.puk_policy, &PukPolicy::id) == profile.puk_policies.end()) {
    return Failure(table.error_at("puk_policy", "there is no PUK policy '" + *pin.puk_policy + "' in this profile"));
  }
  pin.format = TRY(table.choice<PassphraseFormat>("format")).value_or(PassphraseFormat::kNumeric);
  pin.retry_limit = static_cast<std::uint8_t>(TRY(table.required_integer("retry_limit", 1, 255)));
  pin.min_length = static_cast<std::uint8_t>(TRY(table.required_integer("min_length", 1, 100)));
  pin.max_length = static_cast<std::uint8_t>(TRY(table.required_integer("max_length", pin.min_length, 100)));
  const bool preset = TRY(table.boolean("preset")).value_or(false);
  const std::optional<std::int64_t> length = TRY(table.integer("preset_length", pin.min_length, pin.max_length));
  if (length && !preset)
    return Failure(table.error_at("preset_length", "only a PIN that the issuer sets has a preset_length", "add preset = true"));
  if (preset) pin.preset_length = static_cast<std::uint8_t>(length.value_or(pin.min_length));
  pin.user_modifiable = TRY(table.boolean("user_modifiable")).value_or(!preset);
  pin.grouping = TRY(table.choice<Grouping>("grouping")).value_or(Grouping::kNone);
  pin.pattern_restrictions = TRY(read_patterns(table, pin.format));
  pin.input_method = TRY(table.choice<InputMethod>("input_method")).value_or(InputMethod::kAny);
  TRY(table.finish());
  return pin;
}

}  // namespace airtight::issuer
