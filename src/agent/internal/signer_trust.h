// Whether the signer of requests is one whom the user named beforehand.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"

namespace airtight::agent {

// Accepts everything if nobody was named in `trusted`: then the user decides. Otherwise `signer` has to be there, to be valid at `now`, and
// to be one of `trusted` or certified by one of them that is a CA; general-error if not.
[[nodiscard]] Result<> check_signer(const std::optional<crypto::Certificate>& signer, const std::vector<crypto::Certificate>& trusted,
                                    Instant now);

}  // namespace airtight::agent
