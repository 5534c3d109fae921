// Certificates for tests: a named key pair with its certificate, by whatever issuer and with whatever content the test wants.
#pragma once

#include <functional>
#include <string_view>

#include "crypto/certificate_builder.h"
#include "tests/support/must.h"

namespace airtight::tests {

inline constexpr Instant kStart{1767225600000};  // 2026-01-01T00:00:00Z
inline constexpr Instant kEnd{2082758400000};    // 2036-01-01T00:00:00Z

[[nodiscard]] inline crypto::PrivateKey new_p256_key() { return must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256})); }

struct Entity {
  crypto::PrivateKey key;
  crypto::Certificate certificate;
};

using Change = std::function<void(crypto::CertificateContent&)>;

// A certificate for `key`; by itself where `issuer` is null. `change` sees the content before it is signed.
[[nodiscard]] inline Entity certify(const crypto::PrivateKey& key, std::string_view subject, const Entity* issuer,
                                    const Change& change = {}) {
  crypto::CertificateContent content;
  content.serial = Bytes{std::byte{0x2A}};
  content.subject_der = must(crypto::name_from_text(subject));
  content.issuer_der = issuer != nullptr ? to_bytes(issuer->certificate.subject_der()) : content.subject_der;
  content.not_before = kStart;
  content.not_after = kEnd;
  content.spki = key.public_key().spki();
  const crypto::PrivateKey& signer = issuer != nullptr ? issuer->key : key;
  content.authority_key_id = must(crypto::key_identifier(signer.public_key().spki()));
  if (change) change(content);
  return {key, must(crypto::sign_certificate(content, signer))};
}

inline void as_ca(crypto::CertificateContent& content) {
  content.ca = true;
  content.key_usage = 0x0600;  // keyCertSign, cRLSign
}

[[nodiscard]] inline Entity new_root(std::string_view subject) { return certify(new_p256_key(), subject, nullptr, as_ca); }
[[nodiscard]] inline Entity new_ca(std::string_view subject, const Entity& issuer) {
  return certify(new_p256_key(), subject, &issuer, as_ca);
}
[[nodiscard]] inline Entity new_leaf(std::string_view subject, const Entity& issuer, const Change& change = {}) {
  return certify(new_p256_key(), subject, &issuer, change);
}

}  // namespace airtight::tests
