// Certificates: what is read keeps its bytes, goes through PEM and back, and is made again from its values; a certificate with the same
// content reads the same.
#include "crypto/certificate.h"

#include <cstdint>
#include <cstdlib>

#include "crypto/certificate_builder.h"

namespace {

using namespace airtight;
using namespace airtight::crypto;

void require(bool ok) {
  if (!ok) std::abort();
}

// What the builder writes of the values that were read has the same values.
void make_again(const Certificate& certificate) {
  static const PrivateKey kIssuer = PrivateKey::generate(EcSpec{Curve::kP256}).value();
  CertificateContent content;
  content.serial = certificate.serial();
  content.subject_der = to_bytes(certificate.subject_der());
  content.issuer_der = to_bytes(certificate.issuer_der());
  content.not_before = certificate.not_before();
  content.not_after = certificate.not_after();
  content.spki = to_bytes(certificate.spki());
  content.ca = certificate.is_ca();
  if (const auto length = certificate.path_length(); content.ca && length && *length < 1000) {
    content.path_length = static_cast<unsigned>(*length);
  }
  content.key_usage = certificate.key_usage().value_or(0);
  const auto again = sign_certificate(content, kIssuer);
  if (!again) return;  // the reader takes more than the builder writes: serials of more than 20 bytes, for one
  require(again->serial() == certificate.serial() && again->subject() == certificate.subject() && again->issuer() == certificate.issuer());
  require(equal(again->subject_der(), certificate.subject_der()) && equal(again->issuer_der(), certificate.issuer_der()));
  require(again->not_before() == certificate.not_before() && again->not_after() == certificate.not_after());
  require(equal(again->spki(), certificate.spki()) && again->spki_sha256() == certificate.spki_sha256());
  require(again->is_ca() == certificate.is_ca());
  require(again->key_usage().value_or(0) == content.key_usage);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  const auto certificate = Certificate::parse(input);
  if (!certificate) return 0;
  require(equal(certificate->der(), input));
  const auto from_pem = certificates_from_pem(to_pem(*certificate));
  require(from_pem.has_value() && from_pem->size() == 1 && from_pem->front() == *certificate);
  if (certificate->verify_issued_by(*certificate)) require(equal(certificate->subject_der(), certificate->issuer_der()));
  if (const auto key = certificate->public_key()) require(equal(key->spki(), certificate->spki()));
  static_cast<void>(certificate->common_name());
  static_cast<void>(certificate->organization_name());
  static_cast<void>(certificate->emails());
  static_cast<void>(certificate->critical_extensions());
  static_cast<void>(certificate->authority_key_id());
  make_again(*certificate);
  return 0;
}
