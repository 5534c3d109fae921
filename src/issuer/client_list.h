// Clients that enrol without a person, and are registered: each with a profile, at whose address it proves who it is, by a bearer token
// (RFC 6750) or by the key of a TLS certificate. Those that are not registered, but certified by a CA that is, are in client_ca.h.
// Functions on the database are one statement within the caller's transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "storage/database.h"

namespace airtight::issuer {

struct RegisteredClient {
  std::string name = {};
  std::string profile = {};
  std::string subject = {};  // empty: the profile's
  std::string email = {};    // empty: none
  Bytes token_hash = {};     // SHA-256 of its token; empty: it has a certificate
  Bytes fingerprint = {};    // SHA-256 of its certificate; empty: it has a token
  Instant added_at = {};
};

// False if there is one of this name, or with this certificate.
[[nodiscard]] Result<bool> insert_client(storage::Database& database, const RegisteredClient& client);
// False if it is not there.
[[nodiscard]] Result<bool> remove_client(storage::Database& database, std::string_view name);
[[nodiscard]] Result<std::vector<RegisteredClient>> list_clients(storage::Database& database);
[[nodiscard]] Result<std::optional<RegisteredClient>> find_client_by_token(storage::Database& database, ByteView token_hash);
[[nodiscard]] Result<std::optional<RegisteredClient>> find_client_by_certificate(storage::Database& database, ByteView fingerprint);
[[nodiscard]] Result<std::optional<RegisteredClient>> find_client_by_name(storage::Database& database, std::string_view name);

// The token of "Bearer TOKEN", whatever the case of the first word; nothing for another scheme, and for what no token can be.
[[nodiscard]] std::optional<std::string_view> bearer_token(std::string_view authorization);

}  // namespace airtight::issuer
