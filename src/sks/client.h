// Calls a key store, typed: encodes a request, sends it over a channel, decodes the answer. Made from the method table.
#pragma once

#include "base/result.h"
#include "base/secret_bytes.h"
#include "sks/methods.h"

namespace airtight::sks {

// Carries one request to a key store and its response back: in process, over a socket, or recorded. Both are bytes as sks.md section 1 has them.
class Channel {
 public:
  virtual ~Channel() = default;
  // Secret because requests hold PINs and responses exported keys.
  [[nodiscard]] virtual Result<SecretBytes> call(const SecretBytes& request) = 0;
};

// Calls the method of `Request`. A status other than 0 comes back as an Error that carries it (sks::status_of) with the store's ErrorString.
template <typename Request>
[[nodiscard]] Result<typename Request::Response> call(Channel& channel, const Request& request);

}  // namespace airtight::sks
