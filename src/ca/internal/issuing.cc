#include "ca/internal/issuing.h"

#include <algorithm>

namespace airtight::ca {
namespace {

using crypto::Certificate;
using crypto::CertificateContent;

// Positive in 16 octets, so with the top bit clear (RFC 5280, section 4.1.2.2), and of that length throughout: 126 random bits.
Bytes fresh_serial(RandomSource& random) {
  Bytes serial = random.bytes(16);
  serial[0] = (serial[0] & std::byte{0x3F}) | std::byte{0x40};
  return serial;
}

CertificateContent content_of(const Request& request, RandomSource& random) {
  CertificateContent content;
  content.serial = fresh_serial(random);
  content.not_before = request.now.plus(-kClockTolerance).whole_seconds();
  content.not_after = content.not_before.plus(request.life);
  content.spki = request.spki;
  return content;
}

void add_plan(CertificateContent& content, const CaPlan& plan) {
  content.subject_der = plan.subject_der;
  content.ca = true;
  content.path_length = plan.path_length;
  content.key_usage = kAuthorityUsage;
  content.extended_key_usage = plan.extended_key_usage;
  content.policies = plan.policies;
  content.crl_urls = plan.crl_urls;
  content.ocsp_urls = plan.ocsp_urls;
  content.issuer_urls = plan.issuer_urls;
}

}  // namespace

Result<CertificateContent> content_under(const Certificate& issuer, const Request& request, RandomSource& random) {
  const Instant end = issuer.not_after();
  if (request.now >= end) {
    return fail(Fault::kRefused, "the certificate of the CA \"" + issuer.common_name() + "\" expired at " + format_time(end),
                "make a new key for it: airtight ca rollover DIR");
  }
  CertificateContent content = content_of(request, random);
  content.issuer_der = to_bytes(issuer.subject_der());
  content.not_before = std::max(content.not_before, issuer.not_before());
  content.not_after = std::min(content.not_after, end);
  const auto key_id = issuer.subject_key_id();
  content.authority_key_id = key_id ? to_bytes(*key_id) : TRY(crypto::key_identifier(issuer.spki()));
  return content;
}

Result<Certificate> certify_root(const CaPlan& plan, const crypto::Signer& key, Instant now, RandomSource& random) {
  CertificateContent content = content_of({key.public_key().spki(), now, plan.life}, random);
  add_plan(content, plan);
  content.issuer_der = plan.subject_der;
  content.authority_key_id = TRY(crypto::key_identifier(content.spki));
  return crypto::sign_certificate(content, key);
}

Result<Certificate> certify_authority(const CaPlan& plan, const Bytes& spki, const Certificate& issuer, const crypto::Signer& issuer_key,
                                      Instant now, RandomSource& random) {
  CertificateContent content = TRY(content_under(issuer, {spki, now, plan.life}, random));
  add_plan(content, plan);
  return crypto::sign_certificate(content, issuer_key);
}

}  // namespace airtight::ca
