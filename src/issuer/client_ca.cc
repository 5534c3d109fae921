#include "issuer/client_ca.h"

#include "base/text.h"
#include "crypto/certificate_builder.h"
#include "crypto/client_path.h"
#include "storage/files.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kMaxCrl = 16U << 20;
constexpr std::size_t kMaxName = 200;

Result<std::vector<std::string>> names_in(const crypto::Certificate& certificate, ClientNamePart part) {
  switch (part) {
    case ClientNamePart::kDns: return crypto::alternative_names(certificate, crypto::AlternativeName::kDns);
    case ClientNamePart::kEmail: return crypto::alternative_names(certificate, crypto::AlternativeName::kEmail);
    case ClientNamePart::kUri: return crypto::alternative_names(certificate, crypto::AlternativeName::kUri);
    case ClientNamePart::kCommonName: break;
  }
  std::vector<std::string> names;
  for (crypto::NameText& attribute : TRY(crypto::name_attributes(certificate.subject_der()))) {
    if (attribute.type == "CN") names.push_back(std::move(attribute.value));
  }
  return names;
}

}  // namespace

std::string_view name_of(ClientNamePart part) {
  switch (part) {
    case ClientNamePart::kCommonName: return "cn";
    case ClientNamePart::kDns: return "dns";
    case ClientNamePart::kEmail: return "email";
    case ClientNamePart::kUri: return "uri";
  }
  return "";
}

Result<std::optional<Bytes>> read_client_crl(const ClientCa& ca) {
  if (!ca.crl) return std::optional<Bytes>();
  Bytes crl = TRY(storage::read_file(*ca.crl, kMaxCrl));
  if (Result<> read = crypto::check_crls(crl); !read) return Failure(std::move(read).error().in(ca.crl->string()));
  return std::optional(std::move(crl));
}

Result<std::string> client_named_by(const ClientCa& ca, const crypto::Certificate& certificate, Instant now) {
  // First without the CRL: nobody makes us read it who does not have a certificate of this CA.
  TRY(crypto::verify_tls_client(certificate, ca.certificates, {}, now));
  if (const std::optional<Bytes> crl = TRY(read_client_crl(ca)))
    TRY(crypto::verify_tls_client(certificate, ca.certificates, ByteView(*crl), now));
  std::vector<std::string> names = TRY(names_in(certificate, ca.known_by));
  const std::string part(name_of(ca.known_by));
  if (names.size() != 1)
    return fail(Fault::kRefused, "the certificate has " + std::to_string(names.size()) + " names of the kind " + part + ", and not one");
  if (names.front().empty() || names.front().size() > kMaxName || !is_line(names.front()))
    return fail(Fault::kRefused, "the certificate's " + part + " cannot be a client's name");
  return std::move(names.front());
}

}  // namespace airtight::issuer
