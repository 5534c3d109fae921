#include "issuer/client_list.h"

#include <algorithm>

namespace airtight::issuer {
namespace {

using storage::Database;
using storage::Row;
using storage::Value;

#define AIRTIGHT_SELECT_CLIENTS "SELECT name, profile, subject, email, token_hash, fingerprint, added_at FROM issuer_clients "

RegisteredClient client_from(const Row& row) {
  return {.name = row.text(0),
          .profile = row.text(1),
          .subject = row.text(2),
          .email = row.is_null(3) ? std::string() : row.text(3),
          .token_hash = row.is_null(4) ? Bytes() : row.blob(4),
          .fingerprint = row.is_null(5) ? Bytes() : row.blob(5),
          .added_at = {row.integer(6)}};
}

Value blob_or_null(ByteView bytes) { return bytes.empty() ? Value(std::monostate()) : Value(bytes); }

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

Result<bool> insert_client(Database& database, const RegisteredClient& client) {
  return TRY(database.execute(
             "INSERT INTO issuer_clients (name, profile, subject, email, token_hash, fingerprint, added_at) VALUES (?, ?, ?, ?, ?, ?, ?) "
             "ON CONFLICT DO NOTHING",
             {std::string_view(client.name), std::string_view(client.profile), std::string_view(client.subject),
              client.email.empty() ? Value(std::monostate()) : Value(std::string_view(client.email)), blob_or_null(client.token_hash),
              blob_or_null(client.fingerprint), client.added_at.milliseconds})) == 1;
}

Result<bool> remove_client(Database& database, std::string_view name) {
  return TRY(database.execute("DELETE FROM issuer_clients WHERE name = ?", {name})) == 1;
}

Result<std::vector<RegisteredClient>> list_clients(Database& database) {
  return storage::query_all(database, AIRTIGHT_SELECT_CLIENTS "ORDER BY name", {}, client_from);
}

Result<std::optional<RegisteredClient>> find_client_by_token(Database& database, ByteView token_hash) {
  return storage::query_one(database, AIRTIGHT_SELECT_CLIENTS "WHERE token_hash = ?", {token_hash}, client_from);
}

Result<std::optional<RegisteredClient>> find_client_by_certificate(Database& database, ByteView fingerprint) {
  return storage::query_one(database, AIRTIGHT_SELECT_CLIENTS "WHERE fingerprint = ?", {fingerprint}, client_from);
}

Result<std::optional<RegisteredClient>> find_client_by_name(Database& database, std::string_view name) {
  return storage::query_one(database, AIRTIGHT_SELECT_CLIENTS "WHERE name = ?", {name}, client_from);
}

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  constexpr std::size_t kLongest = 512;
  if (authorization.size() <= kScheme.size() || authorization.size() > kLongest) return std::nullopt;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != kScheme[i]) return std::nullopt;
  }
  const std::string_view token = authorization.substr(std::min(authorization.find_first_not_of(' ', kScheme.size()), authorization.size()));
  // RFC 6750 section 2.1: b64token.
  const bool is_token =
      !token.empty() && std::ranges::all_of(token, [](char c) { return is_alphanumeric(c) || std::string_view("-._~+/=").contains(c); });
  return is_token ? std::optional(token) : std::nullopt;
}

}  // namespace airtight::issuer
