// PUKs and PINs that the issuer chooses: every value that the format and the policy allow is equally likely.
#pragma once

#include <cstdint>
#include <vector>

#include "base/key_attributes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "issuer/profile.h"

namespace airtight::issuer {

// A PUK of the policy. Strings are made of digits and capital letters, which every keyboard has.
[[nodiscard]] SecretBytes choose_puk(const PukPolicy& policy, RandomSource& random);

// A PIN for each key under `policy`, whose usages are `usages`: as its grouping wants them equal or different (sks.md section 6), and
// within its pattern restrictions. Fault::kBadInput where the policy leaves too few PINs to choose from.
[[nodiscard]] Result<std::vector<SecretBytes>> choose_pins(const PinPolicy& policy, const std::vector<KeyUsage>& usages,
                                                           RandomSource& random);

}  // namespace airtight::issuer
