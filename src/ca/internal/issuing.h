// What every issuer of the project does alike, authority and maker: serial numbers, validity within the issuer's own, links to the issuer's
// key.
#pragma once

#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/certificate_builder.h"
#include "crypto/signer.h"

namespace airtight::ca {

// How long before they are made certificates begin to be valid, for clocks that are late.
inline constexpr std::chrono::minutes kClockTolerance{5};

// KeyUsageBits in one number.
[[nodiscard]] constexpr std::uint16_t bits(std::initializer_list<crypto::KeyUsageBit> usages) {
  unsigned all = 0;
  for (crypto::KeyUsageBit bit : usages) all |= static_cast<unsigned>(bit);
  return static_cast<std::uint16_t>(all);
}

inline constexpr std::uint16_t kAuthorityUsage = bits({crypto::KeyUsageBit::kKeyCertSign, crypto::KeyUsageBit::kCrlSign});

// A certificate of the key `spki` to be issued.
struct Request {
  const Bytes& spki;
  Instant now;
  std::chrono::days life;
};

// Content for it under `issuer`, without a subject yet: a fresh serial number (16 random bytes, positive), valid from five minutes
// before now, for clocks that are late, and for its life, but never beyond the issuer's own time. Fault::kRefused if that is over.
[[nodiscard]] Result<crypto::CertificateContent> content_under(const crypto::Certificate& issuer, const Request& request,
                                                               RandomSource& random);

// What a new CA is to be.
struct CaPlan {
  Bytes subject_der;
  std::chrono::days life;
  std::optional<unsigned> path_length;
  std::vector<std::string> extended_key_usage = {};
  std::vector<std::string> policies = {};
  std::vector<std::string> crl_urls = {};
  std::vector<std::string> ocsp_urls = {};
  std::vector<std::string> issuer_urls = {};
};

// The certificate of a CA for the key `spki`, by itself or by `issuer`.
[[nodiscard]] Result<crypto::Certificate> certify_root(const CaPlan& plan, const crypto::Signer& key, Instant now, RandomSource& random);
[[nodiscard]] Result<crypto::Certificate> certify_authority(const CaPlan& plan, const Bytes& spki, const crypto::Certificate& issuer,
                                                            const crypto::Signer& issuer_key, Instant now, RandomSource& random);

}  // namespace airtight::ca
