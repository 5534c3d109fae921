// The attributes of keys and of what protects them, as the SKS document's tables list them ("Key Policy Attributes"): each value
// has its SKS byte and its KeyGen2 name. Key store, protocol messages, profiles and policies all speak in these types.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace airtight {

enum class ExportPolicy : std::uint8_t { kNonExportable = 0, kPin = 1, kPuk = 2, kNone = 3 };
enum class InputMethod : std::uint8_t { kAny = 0, kProgrammatic = 1, kTrustedGui = 2 };
enum class Grouping : std::uint8_t { kNone = 0, kShared = 1, kSignatureStandard = 2, kUnique = 3 };
enum class PassphraseFormat : std::uint8_t { kNumeric = 0, kAlphanumeric = 1, kString = 2, kBinary = 3 };
enum class DeletePolicy : std::uint8_t { kNone = 0, kPin = 1, kPuk = 2 };
enum class BiometricProtection : std::uint8_t { kNone = 0, kAlternative = 1, kCombined = 2, kExclusive = 3 };
enum class KeyUsage : std::uint8_t {
  kSignature = 0,
  kAuthentication = 1,
  kEncryption = 2,
  kUniversal = 3,
  kTransport = 4,
  kSymmetricKey = 5
};
enum class ExtensionBaseType : std::uint8_t { kExtension = 0, kEncryptedExtension = 1, kPropertyBag = 2, kLogotype = 3 };
enum class KeyAlgorithmType : std::uint8_t { kRsa = 0, kEcc = 1 };

// A set of bits: SKS "PIN Pattern Control".
enum class PatternRestriction : std::uint8_t {
  kTwoInARow = 0x01,
  kThreeInARow = 0x02,
  kSequence = 0x04,
  kRepeated = 0x08,
  kMissingGroup = 0x10
};
inline constexpr std::uint8_t kAllPatternRestrictions = 0x1F;

template <typename E>
struct NamedValue {
  E value;
  std::string_view name;  // the KeyGen2 name
};

// kNames<E> lists every value of E with its KeyGen2 name.
template <typename E>
inline constexpr std::array<NamedValue<E>, 0> kNames = {};

template <>
inline constexpr std::array kNames<ExportPolicy> = {NamedValue{ExportPolicy::kNonExportable, "non-exportable"},
                                                    NamedValue{ExportPolicy::kPin, "pin"}, NamedValue{ExportPolicy::kPuk, "puk"},
                                                    NamedValue{ExportPolicy::kNone, "none"}};
template <>
inline constexpr std::array kNames<InputMethod> = {NamedValue{InputMethod::kAny, "any"},
                                                   NamedValue{InputMethod::kProgrammatic, "programmatic"},
                                                   NamedValue{InputMethod::kTrustedGui, "trusted-gui"}};
template <>
inline constexpr std::array kNames<Grouping> = {NamedValue{Grouping::kNone, "none"}, NamedValue{Grouping::kShared, "shared"},
                                                NamedValue{Grouping::kSignatureStandard, "signature+standard"},
                                                NamedValue{Grouping::kUnique, "unique"}};
template <>
inline constexpr std::array kNames<PassphraseFormat> = {
    NamedValue{PassphraseFormat::kNumeric, "numeric"}, NamedValue{PassphraseFormat::kAlphanumeric, "alphanumeric"},
    NamedValue{PassphraseFormat::kString, "string"}, NamedValue{PassphraseFormat::kBinary, "binary"}};
template <>
inline constexpr std::array kNames<DeletePolicy> = {NamedValue{DeletePolicy::kNone, "none"}, NamedValue{DeletePolicy::kPin, "pin"},
                                                    NamedValue{DeletePolicy::kPuk, "puk"}};
template <>
inline constexpr std::array kNames<BiometricProtection> = {
    NamedValue{BiometricProtection::kNone, "none"}, NamedValue{BiometricProtection::kAlternative, "alternative"},
    NamedValue{BiometricProtection::kCombined, "combined"}, NamedValue{BiometricProtection::kExclusive, "exclusive"}};
template <>
inline constexpr std::array kNames<KeyUsage> = {
    NamedValue{KeyUsage::kSignature, "signature"},   NamedValue{KeyUsage::kAuthentication, "authentication"},
    NamedValue{KeyUsage::kEncryption, "encryption"}, NamedValue{KeyUsage::kUniversal, "universal"},
    NamedValue{KeyUsage::kTransport, "transport"},   NamedValue{KeyUsage::kSymmetricKey, "symmetric-key"}};
template <>
inline constexpr std::array kNames<ExtensionBaseType> = {
    NamedValue{ExtensionBaseType::kExtension, "Extension"}, NamedValue{ExtensionBaseType::kEncryptedExtension, "EncryptedExtension"},
    NamedValue{ExtensionBaseType::kPropertyBag, "PropertyBag"}, NamedValue{ExtensionBaseType::kLogotype, "Logotype"}};
template <>
inline constexpr std::array kNames<PatternRestriction> = {
    NamedValue{PatternRestriction::kTwoInARow, "two-in-a-row"}, NamedValue{PatternRestriction::kThreeInARow, "three-in-a-row"},
    NamedValue{PatternRestriction::kSequence, "sequence"}, NamedValue{PatternRestriction::kRepeated, "repeated"},
    NamedValue{PatternRestriction::kMissingGroup, "missing-group"}};

// The KeyGen2 name of `value`; empty if it has none.
template <typename E>
[[nodiscard]] constexpr std::string_view name_of(E value) {
  for (const auto& entry : kNames<E>) {
    if (entry.value == value) return entry.name;
  }
  return {};
}

// The value of KeyGen2 name `name`.
template <typename E>
[[nodiscard]] constexpr std::optional<E> value_named(std::string_view name) {
  for (const auto& entry : kNames<E>) {
    if (entry.name == name) return entry.value;
  }
  return std::nullopt;
}

// The value whose SKS byte is `byte`.
template <typename E>
[[nodiscard]] constexpr std::optional<E> value_of_byte(std::uint8_t byte) {
  for (const auto& entry : kNames<E>) {
    if (std::to_underlying(entry.value) == byte) return entry.value;
  }
  return std::nullopt;
}

}  // namespace airtight
