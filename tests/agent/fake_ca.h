// A CA of an issuer in tests: certifies any key with whatever it is told, and signs. All of them have the same name, so that nothing but
// the key tells two of them apart.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/algorithms.h"
#include "crypto/certificate.h"
#include "crypto/certificate_builder.h"
#include "crypto/key.h"
#include "crypto/random.h"
#include "tests/support/must.h"
#include "xml/signature.h"

namespace airtight::agent::testing {

// What stands in a certificate beside the key.
struct Particulars {
  std::string subject = "CN=Jane Doe";
  std::vector<std::string> emails = {};  // subject alternative names
  Bytes serial = {};                     // random if empty
  Instant not_before{1262304000000};     // 2010-01-01
  Instant not_after{4102444800000};      // 2100-01-01
};

class FakeCa {
 public:
  FakeCa() : key_(new_key()), root_(certify(key_.public_key(), {.subject = "CN=Test CA"}, true)) {}

  [[nodiscard]] static crypto::PrivateKey new_key() {
    return tests::must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  }
  [[nodiscard]] const crypto::Certificate& root() const { return root_; }
  [[nodiscard]] crypto::Certificate certify(const crypto::PublicKey& key, Particulars particulars = {}, bool ca = false) const {
    crypto::SystemRandom random;
    crypto::CertificateContent content;
    content.serial = particulars.serial.empty() ? Bytes(8) : std::move(particulars.serial);
    if (content.serial == Bytes(8)) random.fill(content.serial);
    content.serial[0] &= std::byte{0x7F};
    if (content.serial[0] == std::byte{0}) content.serial[0] = std::byte{1};
    content.subject_der = tests::must(crypto::name_from_text(particulars.subject));
    content.issuer_der = tests::must(crypto::name_from_text("CN=Test CA"));
    content.not_before = particulars.not_before;
    content.not_after = particulars.not_after;
    content.spki = key.spki();
    content.ca = ca;
    content.emails = std::move(particulars.emails);
    return tests::must(crypto::sign_certificate(content, key_));
  }
  [[nodiscard]] xml::SignatureFunction signer() const { return signer_of(key_); }

  // Signs with `key`, which outlives the function.
  [[nodiscard]] static xml::SignatureFunction signer_of(const crypto::PrivateKey& key) {
    return [&key](ByteView signed_info) { return key.sign(crypto::SignatureScheme::kEcdsaRaw, crypto::Digest::kSha256, signed_info); };
  }

 private:
  crypto::PrivateKey key_;
  crypto::Certificate root_;
};

}  // namespace airtight::agent::testing
