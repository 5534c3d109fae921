// The CRL of one key: when it is due, what it holds, and its number (RFC 5280, section 5).
#pragma once

#include <chrono>

#include "base/result.h"
#include "ca/internal/state.h"
#include "ca/publisher.h"
#include "storage/database.h"

namespace airtight::ca {

// How long the lists of a key serve, and how often they are replaced.
struct CrlTerms {
  std::chrono::hours validity;
  std::chrono::hours interval;
};

enum class CrlWish : std::uint8_t { kCurrent, kNew };

// The list that was published last if it is still current, else a new one, in a transaction of its own. Where a new one cannot be made
// because the key is closed, the last one serves until it ends.
[[nodiscard]] Result<PublishedCrl> crl_of(storage::Database& database, const AuthorityState& authority, const AuthorityKeyRow& key,
                                          const CrlTerms& terms, CrlWish wish);

}  // namespace airtight::ca
