#include "ca/internal/issuing.h"

#include <algorithm>

namespace airtight::ca {
namespace {

using crypto::CertificateContent;

constexpr std::chrono::minutes kClockTolerance{5};

// Positive in 16 octets, so with the top bit clear (RFC 5280, section 4.1.2.2).
Bytes fresh_serial(RandomSource& random) {
  while (true) {
    Bytes serial = random.bytes(16);
    serial[0] &= std::byte{0x7F};
    if (std::ranges::any_of(serial, [](std::byte b) { return b != std::byte{0}; })) return serial;
  }
}

CertificateContent content_of(const crypto::PublicKey& key, Instant now, std::chrono::days life, RandomSource& random) {
  CertificateContent content;
  content.serial = fresh_serial(random);
  content.not_before = now.plus(-kClockTolerance).whole_seconds();
  content.not_after = content.not_before.plus(life);
  content.spki = key.spki();
  return content;
}

void add_plan(CertificateContent& content, const CaPlan& plan) {
  content.subject_der = plan.subject_der;
  content.ca = true;
  content.path_length = plan.path_length;
  content.key_usage = kAuthorityUsage;
  content.extended_key_usage = plan.extended_key_usage;
}

}  // namespace

Result<CertificateContent> content_under(const Signer& issuer, const crypto::PublicKey& key, Instant now, std::chrono::days life,
                                         RandomSource& random) {
  const Instant end = issuer.certificate.not_after();
  if (now >= end) {
    return fail(Fault::kRefused, "the certificate of the CA \"" + issuer.certificate.common_name() + "\" expired at " + format_time(end),
                "start a new one in a new folder");
  }
  CertificateContent content = content_of(key, now, life, random);
  content.issuer_der = to_bytes(issuer.certificate.subject_der());
  content.not_before = std::max(content.not_before, issuer.certificate.not_before());
  content.not_after = std::min(content.not_after, end);
  content.authority_key_id = TRY(crypto::key_identifier(issuer.certificate.spki()));
  return content;
}

Result<Signer> make_root(const CaPlan& plan, Instant now, RandomSource& random) {
  const crypto::PrivateKey key = TRY(crypto::PrivateKey::generate(crypto::EcSpec{plan.curve}));
  CertificateContent content = content_of(key.public_key(), now, plan.life, random);
  add_plan(content, plan);
  content.issuer_der = plan.subject_der;
  content.authority_key_id = TRY(crypto::key_identifier(content.spki));
  return Signer{TRY(crypto::sign_certificate(content, key)), key};
}

Result<Signer> make_authority(const CaPlan& plan, const Signer& issuer, Instant now, RandomSource& random) {
  const crypto::PrivateKey key = TRY(crypto::PrivateKey::generate(crypto::EcSpec{plan.curve}));
  CertificateContent content = TRY(content_under(issuer, key.public_key(), now, plan.life, random));
  add_plan(content, plan);
  return Signer{TRY(crypto::sign_certificate(content, issuer.key)), key};
}

}  // namespace airtight::ca
