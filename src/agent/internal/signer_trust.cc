#include "agent/internal/signer_trust.h"

#include <algorithm>

#include "agent/internal/refusal.h"
#include "agent/printable.h"

namespace airtight::agent {

Result<> check_signer(const std::optional<crypto::Certificate>& signer, const std::vector<crypto::Certificate>& trusted, Instant now) {
  if (trusted.empty()) return {};
  const auto refuse_signer = [](std::string message) {
    return refuse(keygen2::ClientError::kGeneralError, std::move(message),
                  "if you trust this issuer all the same, name its signer in the file of --signer-file, or leave the option out");
  };
  if (!signer) return refuse_signer("the issuer does not sign its requests, and only certain signers are accepted");
  const std::string name = printable(signer->subject());
  if (signer->not_before() > now || signer->not_after() < now) {
    return refuse_signer("the certificate of the requests' signer, " + name + ", is not valid now");
  }
  const bool is_trusted = std::ranges::any_of(trusted, [&](const crypto::Certificate& known) {
    return known == *signer || (known.is_ca() && signer->verify_issued_by(known).has_value());
  });
  if (!is_trusted) return refuse_signer("the requests are signed by " + name + ", who is not one of the accepted signers");
  return {};
}

}  // namespace airtight::agent
