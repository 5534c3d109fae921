#include "cli/token_client.h"

#include <algorithm>

#include "storage/files.h"

namespace airtight::cli {
namespace {

constexpr std::size_t kLongestToken = 512;

}  // namespace

Result<SecretBytes> read_token(const std::string& path) {
  const SecretBytes content = TRY(storage::read_secret_file(path, kLongestToken));
  const ByteView bytes = content.expose_secret();
  const auto is_visible = [](std::byte b) { return b > std::byte{' '} && b < std::byte{0x7f}; };
  const auto end = std::ranges::find_if_not(bytes, is_visible);
  const bool is_line = end == bytes.end() || *end == std::byte{'\n'} || *end == std::byte{'\r'};
  if (end == bytes.begin() || !is_line) return fail(Fault::kBadInput, "there is no token in " + path, "write it into the first line");
  return SecretBytes::copy_of(bytes.first(static_cast<std::size_t>(end - bytes.begin())));
}

Result<std::unique_ptr<TokenClient>> TokenClient::create(http::Client& client, const std::string& url, SecretBytes token) {
  const http::Url address = TRY(http::Url::parse(url));
  const bool stays_here = address.host == "localhost" || address.host == "::1" || address.host.starts_with("127.");
  if (address.scheme != "https" && !stays_here)
    return fail(Fault::kRefused, "the token would travel to " + address.host + " in clear", "use the https URL of the issuer");
  return std::unique_ptr<TokenClient>(new TokenClient(client, address.to_text(), std::move(token)));
}

Result<http::Exchange> TokenClient::send(const http::Url& url, http::Request request) {
  if (request.method == "GET" && url.to_text() == url_)
    request.headers.set("Authorization", "Bearer " + std::string(text_of(token_.expose_secret())));
  return client_.send(url, std::move(request));
}

}  // namespace airtight::cli
