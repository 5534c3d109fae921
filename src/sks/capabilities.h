// What this key store can do: the algorithm list of getDeviceInfo (sks.md section 10) and the signature algorithms behind it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "crypto/key.h"

namespace airtight::sks {

// Every algorithm URI of getDeviceInfo, in its order.
[[nodiscard]] std::span<const std::string_view> algorithms();

inline constexpr std::array<std::uint16_t, 4> kRsaKeySizes = {1024, 2048, 3072, 4096};
inline constexpr std::uint32_t kDefaultRsaExponent = 65537;
inline constexpr std::uint32_t kExtensionDataSize = 65536;

struct SignatureAlgorithm {
  std::string_view uri;
  crypto::SignatureScheme scheme;
  crypto::Digest digest;
};
// The signature algorithm of `uri`; nothing if it is none of ours.
[[nodiscard]] std::optional<SignatureAlgorithm> signature_algorithm(std::string_view uri);

}  // namespace airtight::sks
