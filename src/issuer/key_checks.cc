#include "issuer/internal/key_checks.h"

#include <algorithm>
#include <string>

namespace airtight::issuer {
namespace {

Verified<> check_rsa_key(const keygen2::RsaKeyAlgorithm& asked, const crypto::PublicKey& made, const std::string& name) {
  constexpr std::uint32_t kDefaultExponent = 65537;  // sks.md section 7
  const std::optional<crypto::RsaParameters> rsa = made.rsa();
  if (!rsa) return refuse(kForbidden, "public-key.type", name + " is not an RSA key");
  if (made.bits() != asked.key_size) {
    return refuse(kForbidden, "public-key.size",
                  name + " has " + std::to_string(made.bits()) + " bits where " + std::to_string(asked.key_size) + " were asked for");
  }
  std::uint64_t exponent = 0;
  for (const std::byte byte : rsa->exponent) {
    if (exponent >> 56U != 0) break;
    exponent = exponent << 8U | std::to_integer<std::uint64_t>(byte);
  }
  if (exponent != asked.exponent.value_or(kDefaultExponent)) {
    return refuse(kForbidden, "public-key.exponent", name + " has another exponent than was asked for");
  }
  return {};
}

}  // namespace

Verified<> check_public_key(const std::variant<keygen2::RsaKeyAlgorithm, keygen2::EcKeyAlgorithm>& asked, const crypto::PublicKey& made,
                            std::string_view id) {
  const std::string name = "The public key " + std::string(id);
  if (const auto* rsa = std::get_if<keygen2::RsaKeyAlgorithm>(&asked)) return check_rsa_key(*rsa, made, name);
  const std::optional<crypto::Curve> curve = made.curve();
  if (!curve) return refuse(kForbidden, "public-key.type", name + " is not an elliptic curve key");
  if (crypto::curve_uri(*curve) != std::get<keygen2::EcKeyAlgorithm>(asked).named_curve) {
    return refuse(kForbidden, "public-key.curve", name + " is on another curve than was asked for");
  }
  return {};
}

Verified<> check_key_ids(const std::vector<std::string_view>& asked, const std::vector<std::string_view>& made) {
  if (made.size() != asked.size()) {
    return refuse(kForbidden, "key-count",
                  "The device returns " + std::to_string(made.size()) + " keys where " + std::to_string(asked.size()) + " were asked for");
  }
  if (made == asked) return {};
  if (std::ranges::is_permutation(made, asked))
    return refuse(kForbidden, "key-order", "The device returns the keys in another order than they were asked for");
  return refuse(kForbidden, "key-id", "The device returns a key under an ID that was not asked for");
}

}  // namespace airtight::issuer
