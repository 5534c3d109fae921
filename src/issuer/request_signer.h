// Who signs the requests of profiles with sign_requests: the issuing CA, or a key of the configuration. The signer's certificate is what
// the user of a device sees and decides about.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "ca/authority.h"
#include "crypto/certificate.h"
#include "xml/signature.h"

namespace airtight::issuer {

struct RequestSigner {
  crypto::Certificate certificate;
  std::string_view method;  // algorithm URI
  xml::SignatureFunction sign;
};

// `authority` outlives the signer.
[[nodiscard]] RequestSigner signer_of(const ca::Authority& authority);

// The signer's certificate comes first in its PEM file. Fault::kBadInput if the key does not belong to it.
[[nodiscard]] Result<RequestSigner> read_signer(const std::filesystem::path& certificate, const std::filesystem::path& key);

}  // namespace airtight::issuer
