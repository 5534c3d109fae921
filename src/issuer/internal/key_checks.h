// What every response with generated keys is checked for, in both profiles: number, order and IDs; type, size, curve and exponent.
// keygen2.md section 4 item 2.
#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "crypto/key.h"
#include "issuer/refusal.h"
#include "keygen2/messages.h"

namespace airtight::issuer {

[[nodiscard]] Verified<> check_key_ids(const std::vector<std::string_view>& asked, const std::vector<std::string_view>& made);
[[nodiscard]] Verified<> check_public_key(const std::variant<keygen2::RsaKeyAlgorithm, keygen2::EcKeyAlgorithm>& asked,
                                          const crypto::PublicKey& made, std::string_view id);

}  // namespace airtight::issuer
