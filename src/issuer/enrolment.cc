#include "issuer/enrolment.h"

#include "base/encoding.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kTokenSize = 32;
constexpr std::size_t kHandleSize = 12;

}  // namespace

Token make_token(RandomSource& random) {
  Token token{base64url_encode(random.bytes(kTokenSize)), {}};
  token.hash = hash_of_token(token.text);
  return token;
}

crypto::Sha256Value hash_of_token(std::string_view text) { return crypto::sha256(bytes_of(text)); }

std::string handle_of(const crypto::Sha256Value& token_hash) { return base64url_encode(ByteView(token_hash).first(kHandleSize)); }

std::string session_url(std::string_view base_url, const crypto::Sha256Value& token_hash) {
  return std::string(base_url).append(kPathPrefix).append(handle_of(token_hash));
}

std::string renewal_url(std::string_view base_url, std::string_view serial) {
  return std::string(base_url).append(kPathPrefix).append(kRenewalHandle).append("/").append(serial);
}

std::string entrance_url(std::string_view base_url, std::string_view profile) {
  return std::string(base_url).append(kEntrancePrefix).append(profile);
}

std::string_view base_of_session_url(std::string_view session_url) { return session_url.substr(0, session_url.find(kPathPrefix)); }

std::optional<Path> parse_path(std::string_view path) {
  if (!path.starts_with(kPathPrefix)) return std::nullopt;
  path.remove_prefix(kPathPrefix.size());
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const Path parts{path.substr(0, slash), path.substr(slash + 1)};
  if (parts.handle.empty() || parts.last.empty() || parts.last.find('/') != std::string_view::npos) return std::nullopt;
  return parts;
}

}  // namespace airtight::issuer
