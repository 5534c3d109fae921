// What every issuer of the project does alike, authority and maker: serial numbers, validity within the issuer's own, links to the issuer's
// key.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/certificate_builder.h"
#include "crypto/key.h"

namespace airtight::ca {

// A signing key and the certificate that it signs under.
struct Signer {
  crypto::Certificate certificate;
  crypto::PrivateKey key;
};

// KeyUsageBits in one number.
[[nodiscard]] constexpr std::uint16_t bits(std::initializer_list<crypto::KeyUsageBit> usages) {
  unsigned all = 0;
  for (crypto::KeyUsageBit bit : usages) all |= static_cast<unsigned>(bit);
  return static_cast<std::uint16_t>(all);
}

inline constexpr std::uint16_t kAuthorityUsage = bits({crypto::KeyUsageBit::kKeyCertSign, crypto::KeyUsageBit::kCrlSign});

// Content for a certificate of `key` by `issuer`, without a subject yet: a fresh serial number (16 random bytes, positive, not zero), valid
// from five minutes before `now`, for clocks that are late, and for `life`, but never beyond the issuer's own time. Fault::kRefused if that
// is over.
[[nodiscard]] Result<crypto::CertificateContent> content_under(const Signer& issuer, const crypto::PublicKey& key, Instant now,
                                                               std::chrono::days life, RandomSource& random);

// What a new CA is to be.
struct CaPlan {
  Bytes subject_der;
  crypto::Curve curve;
  std::chrono::days life;
  unsigned path_length;
  std::vector<std::string> extended_key_usage = {};
};

// A new key, certified as a CA by itself or by `issuer`.
[[nodiscard]] Result<Signer> make_root(const CaPlan& plan, Instant now, RandomSource& random);
[[nodiscard]] Result<Signer> make_authority(const CaPlan& plan, const Signer& issuer, Instant now, RandomSource& random);

}  // namespace airtight::ca
