// How the values of one container are protected: the key that opens them, and the MAC that shows, before that, that nobody has changed them
// (RFC 6030, section 6).
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "base/secret_bytes.h"
#include "crypto/digest.h"
#include "otp/pskc.h"
#include "xml/document.h"

namespace airtight::otp::internal {

class Protection {
 public:
  // From the container's EncryptionKey and MACMethod, which stand together or not at all. Fault::kBadInput if
  // they cannot be understood or `opener` does not fit.
  [[nodiscard]] static Result<Protection> read(const std::optional<xml::Element>& encryption_key,
                                               const std::optional<xml::Element>& mac_method, const PskcOpener& opener,
                                               const PskcLimits& limits);

  // The bytes of an element of the schema's binaryDataType. Fault::kBadInput also for a MAC that is missing or wrong, and for one in the
  // clear in an encrypted container.
  [[nodiscard]] Result<SecretBytes> secret_in(xml::Element value) const;

  // The number of an element of longDataType (8 octets when encrypted) or intDataType (4).
  [[nodiscard]] Result<std::uint64_t> number_in(xml::Element value, std::size_t octets) const;

 private:
  [[nodiscard]] Result<SecretBytes> open(xml::Element encrypted_value, xml::Element value_mac) const;

  struct Keys {
    SecretBytes encryption;
    SecretBytes mac;
    crypto::Digest digest = crypto::Digest::kSha1;  // of the MAC
  };
  std::optional<Keys> keys_;  // none: nothing is encrypted
};

}  // namespace airtight::otp::internal
