#include "issuer/request_signer.h"

#include "base/algorithms.h"
#include "issuer/tls_identity.h"

namespace airtight::issuer {

RequestSigners::RequestSigners(RequestSigner configured) : signers_{std::move(configured)} {}
RequestSigners::RequestSigners(const ca::Authority& authority) : signers_(authority.xml_signers()) {}

const RequestSigner& RequestSigners::for_session(ByteView certificate) const {
  for (const RequestSigner& signer : signers_) {
    if (equal(signer.certificate.sha256(), certificate)) return signer;
  }
  return newest();
}

Result<RequestSigner> read_signer(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  const TlsIdentity identity = TRY(read_tls_identity(certificate, key));
  const crypto::PrivateKey private_key = TRY(crypto::private_key_from_pem(identity.key_pem.expose_secret()));
  const bool rsa = private_key.public_key().type() == KeyAlgorithmType::kRsa;
  const crypto::SignatureScheme scheme = rsa ? crypto::SignatureScheme::kRsaPkcs1 : crypto::SignatureScheme::kEcdsaRaw;
  return RequestSigner{identity.certificate, rsa ? uri::kRsaSha256 : uri::kEcdsaSha256, [private_key, scheme](ByteView signed_info) {
                         return private_key.sign(scheme, crypto::Digest::kSha256, signed_info);
                       }};
}

}  // namespace airtight::issuer
