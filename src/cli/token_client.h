// A web client that shows a bearer token (RFC 6750) at one address and nowhere else.
#pragma once

#include <string>

#include "base/secret_bytes.h"
#include "http/client.h"

namespace airtight::cli {

// Reads the token in `path`: its first line. Fault::kRefused for a file that others can read, kBadInput for what is no token.
[[nodiscard]] Result<SecretBytes> read_token(const std::string& path);

class TokenClient final : public http::Client {
 public:
  // Fault::kRefused for an address to which it would go in clear over a network. `client` outlives this.
  [[nodiscard]] static Result<std::unique_ptr<TokenClient>> create(http::Client& client, const std::string& url, SecretBytes token);

  [[nodiscard]] Result<http::Exchange> send(const http::Url& url, http::Request request) override;
  void forget() override { client_.forget(); }

 private:
  TokenClient(http::Client& client, std::string url, SecretBytes token) : client_(client), url_(std::move(url)), token_(std::move(token)) {}

  http::Client& client_;
  std::string url_;
  SecretBytes token_;
};

}  // namespace airtight::cli
