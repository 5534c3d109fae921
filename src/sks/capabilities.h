// What this key store can do: the algorithm list of getDeviceInfo (sks.md section 10) and what stands behind each algorithm.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "crypto/block_cipher.h"
#include "crypto/key.h"
#include "sks/state.h"

namespace airtight::sks {

// Every algorithm URI of getDeviceInfo, in its order, for a store with these options.
[[nodiscard]] std::vector<std::string_view> algorithms(const StoreOptions& options);

inline constexpr std::array<std::uint16_t, 4> kRsaKeySizes = {1024, 2048, 3072, 4096};
inline constexpr std::uint32_t kDefaultRsaExponent = 65537;
inline constexpr std::uint32_t kExtensionDataSize = 65536;

struct SignatureAlgorithm {
  std::string_view uri;
  crypto::SignatureScheme scheme;
  crypto::Digest digest;
};

// Of symmetric keys: "Symmetric Key Encryption" and "HMAC Operations".
struct SymmetricCipher {
  std::string_view uri;
  crypto::BlockMode mode;
  std::size_t key_size;                    // bytes; 0: any of AES
  std::optional<crypto::Padding> padding;  // as it is checked; nothing: whole blocks alone
};
struct HmacAlgorithm {
  std::string_view uri;
  crypto::Digest digest;
};

struct DecryptionAlgorithm {
  std::string_view uri;
  crypto::RsaEncryption scheme;
};

// The algorithm of `uri`; null if it is none of ours.
[[nodiscard]] const SignatureAlgorithm* signature_algorithm(std::string_view uri);
[[nodiscard]] const SymmetricCipher* symmetric_cipher(std::string_view uri);
[[nodiscard]] const HmacAlgorithm* hmac_algorithm(std::string_view uri);
[[nodiscard]] const DecryptionAlgorithm* decryption_algorithm(std::string_view uri);

// True if `uri` is an algorithm of symmetric keys that a key of `key_size` bytes can be used with.
[[nodiscard]] bool fits_symmetric_key(std::string_view uri, std::size_t key_size);

// The curve of `uri` on which a store with these options makes keys.
[[nodiscard]] std::optional<crypto::Curve> key_curve(const StoreOptions& options, std::string_view uri);

}  // namespace airtight::sks
