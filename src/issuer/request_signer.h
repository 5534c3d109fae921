// Who signs the requests of profiles with sign_requests: the issuing CA, or a key of the configuration. The signer's certificate is what
// the user of a device sees and decides about.
#pragma once

#include <filesystem>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "ca/authority.h"

namespace airtight::issuer {

using RequestSigner = ca::XmlSigner;

class RequestSigners {
 public:
  // Always this one.
  explicit RequestSigners(RequestSigner configured);
  // The issuing CAs of `authority` as they are now.
  explicit RequestSigners(const ca::Authority& authority);

  // For sessions that begin.
  [[nodiscard]] const RequestSigner& newest() const { return signers_.front(); }
  // For a session that began with the signer of this certificate (its SHA-256). A device refuses a session that goes on with another one
  // (keygen2.md section 6), so a rollover, even with a restart, does not change that of sessions that are open. Where that signer is no
  // more, the newest.
  [[nodiscard]] const RequestSigner& for_session(ByteView certificate) const;

 private:
  std::vector<RequestSigner> signers_;  // the newest first
};

// The signer's certificate comes first in its PEM file. Fault::kBadInput if the key does not belong to it.
[[nodiscard]] Result<RequestSigner> read_signer(const std::filesystem::path& certificate, const std::filesystem::path& key);

}  // namespace airtight::issuer
