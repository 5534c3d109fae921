// What the authority publishes, at the paths of the issuer's server: CA certificates, CRLs, OCSP.
#pragma once

#include <optional>

#include "ca/publisher.h"
#include "http/message.h"
#include "storage/database.h"

namespace airtight::issuer {

// Whether the path of `request` is one of /ca/, /crl/ and /ocsp.
[[nodiscard]] bool is_publication(const http::Request& request);

// The answer to it, whatever the method.
[[nodiscard]] http::Response publish(const ca::Publisher& publisher, storage::Database& database, const http::Request& request);

}  // namespace airtight::issuer
