#include "crypto/certificate.h"

#include <openssl/x509.h>

#include <algorithm>
#include <mutex>

#include "base/encoding.h"
#include "crypto/certificate_builder.h"
#include "crypto/der.h"
#include "crypto/internal/certificate_fields.h"
#include "crypto/internal/name.h"
#include "crypto/internal/openssl.h"
#include "crypto/internal/signature_algorithm.h"

namespace airtight::crypto {

struct Certificate::Parsed {
  Bytes der;
  CertificateFields fields;  // views into der
  mutable std::once_flag key_once;
  mutable std::optional<Result<PublicKey>> key;  // made when first asked for: most certificates are only passed on
};

Result<Certificate> Certificate::parse(ByteView der) {
  auto parsed = std::make_shared<Parsed>();
  parsed->der = to_bytes(der);
  parsed->fields = TRY(read_certificate(parsed->der));
  return Certificate(std::move(parsed));
}

const Bytes& Certificate::der() const { return parsed_->der; }
ByteView Certificate::subject_der() const { return parsed_->fields.subject; }
ByteView Certificate::issuer_der() const { return parsed_->fields.issuer; }
Bytes Certificate::serial() const { return to_bytes(parsed_->fields.serial); }
Instant Certificate::not_before() const { return parsed_->fields.not_before; }
Instant Certificate::not_after() const { return parsed_->fields.not_after; }
bool Certificate::is_ca() const { return parsed_->fields.is_ca; }
std::optional<std::uint64_t> Certificate::path_length() const { return parsed_->fields.path_length; }
std::optional<std::uint16_t> Certificate::key_usage() const { return parsed_->fields.key_usage; }
std::optional<ByteView> Certificate::subject_key_id() const { return parsed_->fields.subject_key_id; }
std::optional<ByteView> Certificate::authority_key_id() const { return parsed_->fields.authority_key_id; }
ByteView Certificate::spki() const { return parsed_->fields.spki; }

// The names were read when the certificate was, so that they cannot fail now.
std::string Certificate::subject() const { return name_to_text(subject_der()).value(); }
std::string Certificate::issuer() const { return name_to_text(issuer_der()).value(); }

std::string Certificate::common_name() const { return last_attribute_text(subject_der(), oid::kCommonName); }
std::string Certificate::organization_name() const { return last_attribute_text(subject_der(), oid::kOrganizationName); }

std::vector<std::string> Certificate::critical_extensions() const {
  std::vector<std::string> out;
  for (const ExtensionView& extension : parsed_->fields.extensions) {
    if (!extension.critical) continue;
    der::Writer id;
    id.element(der::Tag::kObjectId, extension.id);
    out.push_back(der::Reader(id.bytes()).object_id().value());
  }
  return out;
}

std::vector<std::string> Certificate::emails() const {
  std::vector<std::string> out;
  const auto add = [&](std::string email) {
    if (std::ranges::find(out, email) == out.end()) out.push_back(std::move(email));
  };
  const auto attributes = read_name(subject_der()).value();
  for (const AttributeView& attribute : attributes) {
    if (oid::kEmailAddress.is(attribute.type) && is_text(attribute.value.tag)) add(attribute_text(attribute.value));
  }
  for (ByteView email : parsed_->fields.alternative_emails) add(to_text(email));
  return out;
}

Result<PublicKey> Certificate::public_key() const {
  std::call_once(parsed_->key_once, [this] { parsed_->key = PublicKey::from_spki(spki()); });
  return *parsed_->key;
}

Sha256Value Certificate::sha256() const { return crypto::sha256(ByteView(parsed_->der)); }
Sha256Value Certificate::spki_sha256() const { return crypto::sha256(spki()); }
std::string Certificate::sha1_hex() const { return hex_encode(digest(Digest::kSha1, {ByteView(parsed_->der)})); }

Result<> Certificate::verify_issued_by(const Certificate& issuer) const {
  if (!equal(issuer_der(), issuer.subject_der())) {
    return fail(Fault::kRefused, "the certificate of \"" + subject() + "\" names another issuer than \"" + issuer.subject() + "\"");
  }
  const SignatureMethod method = TRY(read_signature_algorithm(parsed_->fields.signature_algorithm));
  const Result<PublicKey> key = issuer.public_key();
  if (!key) return fail(Fault::kRefused, "the key of \"" + issuer.subject() + "\" cannot be used: " + key.error().message);
  if (!key->verify(method.scheme, method.digest, parsed_->fields.tbs, parsed_->fields.signature)) {
    return fail(Fault::kRefused,
                "the signature on the certificate of \"" + subject() + "\" is not by the key of \"" + issuer.subject() + "\"");
  }
  return {};
}

bool Certificate::is_issued_by(const Certificate& issuer) const {
  if (verify_issued_by(issuer)) return true;
  if (!equal(issuer_der(), issuer.subject_der())) return false;
  const auto read = [](const Bytes& der) {
    const unsigned char* at = octets(der);
    return CHandle<X509, X509_free>(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  };
  const auto subject = read(parsed_->der);
  const auto authority = read(issuer.der());
  EVP_PKEY* const key = authority ? X509_get0_pubkey(authority.get()) : nullptr;
  const bool verified = subject && key != nullptr && X509_verify(subject.get(), key) == 1;
  forget_openssl_errors();
  return verified;
}

}  // namespace airtight::crypto
