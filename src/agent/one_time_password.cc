#include "agent/one_time_password.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>
#include <vector>

#include "agent/refusals.h"
#include "base/algorithms.h"
#include "base/key_attributes.h"
#include "sks/property_bag.h"

namespace airtight::agent {
namespace {

constexpr std::array kHmacs = {uri::kHmacSha1, uri::kHmacSha256};

std::string named(const KeyEntry& key) { return "key " + std::to_string(key.handle); }

Result<std::string_view> endorsed_hmac(const KeyEntry& key) {
  std::string_view found;
  for (const std::string_view hmac : kHmacs) {
    if (std::ranges::none_of(key.key.endorsed_algorithms, [&](const Bytes& one) { return text_of(one) == hmac; })) continue;
    if (!found.empty()) {
      return fail(Fault::kRefused, "the issuer has endorsed more than one HMAC algorithm for " + named(key),
                  "which of them its passwords are made by is for the issuer to say");
    }
    found = hmac;
  }
  if (!found.empty()) return found;
  return fail(Fault::kRefused, "the issuer has endorsed no HMAC algorithm for " + named(key));
}

Result<otp::Parameters> read_bag(sks::Channel& key_store, const KeyEntry& key, std::string_view type) {
  const auto extension = TRY(sks::call(key_store, sks::GetExtensionObject{.key_handle = key.handle, .extension_type = to_bytes(type)}));
  if (extension.base_type != std::to_underlying(ExtensionBaseType::kPropertyBag)) {
    return fail(Fault::kBadInput, "the extension " + std::string(type) + " of " + named(key) + " is no property bag");
  }
  const sks::PropertyBag bag = TRY(sks::PropertyBag::parse(extension.extension_data.value.expose_secret(), type));
  std::vector<otp::Property> properties;
  for (const auto& property : bag.properties()) {
    properties.push_back({.name = property.name, .value = property.value, .writable = property.writable});
  }
  return otp::parameters_in(type, properties);
}

Result<std::uint64_t> factor_of(const KeyEntry& key, const otp::Parameters& parameters, Instant now) {
  if (const auto* totp = std::get_if<otp::Totp>(&parameters)) return otp::time_step(*totp, now);
  const std::uint64_t counter = std::get<otp::Hotp>(parameters).counter;
  if (counter != otp::kExhausted) return counter;
  return fail(Fault::kRefused, "the counter of " + named(key) + " is used up", "ask the issuer for a new key");
}

}  // namespace

Result<std::string_view> otp_bag_of(const KeyEntry& key) {
  if (!key.is_usable()) return fail(Fault::kRefused, named(key) + " is still being made");
  const auto has = [&](std::string_view type) {
    return std::ranges::find(key.key.extension_types.values, type) != key.key.extension_types.values.end();
  };
  const bool hotp = has(otp::kHotpType);
  const bool totp = has(otp::kTotpType);
  if (hotp && totp)
    return fail(Fault::kRefused, named(key) + " is for HOTP and TOTP at once", "ask its issuer for a key that is for one of them");
  if (!hotp && !totp) {
    return fail(Fault::kRefused, named(key) + " is not for one-time passwords: its issuer has given it no property bag that says how",
                "'airtight keys show' lists the extensions of a key");
  }
  return hotp ? otp::kHotpType : otp::kTotpType;
}

Result<OneTimePassword> next_one_time_password(sks::Channel& key_store, const KeyEntry& key, const SecretBytes& pin, Instant now) {
  const std::string_view type = TRY(otp_bag_of(key));
  OneTimePassword password;
  password.algorithm = TRY(endorsed_hmac(key));
  password.parameters = TRY(read_bag(key_store, key, type));
  password.factor = TRY(factor_of(key, password.parameters, now));
  const unsigned digits = std::visit([](const auto& one) { return one.digits; }, password.parameters);

  auto made = sks::call(key_store, sks::PerformHmac{.key_handle = key.handle,
                                                    .algorithm = std::string(password.algorithm),
                                                    .pin = pin.clone(),
                                                    .data = {SecretBytes::copy_of(otp::moving_factor(password.factor))}});
  if (!made) return Failure(explain_pin_refusal(key_store, key, std::move(made.error())));
  password.digits = TRY(otp::truncate(made->hmac, digits));
  // From here on the password may not be used unless the key store has noted, durably, that it was.
  if (std::holds_alternative<otp::Hotp>(password.parameters)) {
    TRY(sks::call(key_store, sks::SetProperty{.key_handle = key.handle,
                                              .extension_type = to_bytes(type),
                                              .name = to_bytes(otp::kCounter),
                                              .value = to_bytes(std::to_string(password.factor + 1))}));
  }
  return password;
}

}  // namespace airtight::agent
