// One-time enrolment URLs: BASE/keygen2/HANDLE/TOKEN. The token is 32 random bytes of which only a hash is stored; the handle is made from
// that hash, names the session in all its paths, and opens nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "crypto/digest.h"

namespace airtight::issuer {

inline constexpr std::string_view kPathPrefix = "/keygen2/";

// A secret that its bearer shows once or in a cookie, and what is stored of it.
struct Token {
  std::string text;  // base64url, 43 characters
  crypto::Sha256Value hash;
};
[[nodiscard]] Token make_token(RandomSource& random);
[[nodiscard]] crypto::Sha256Value hash_of_token(std::string_view text);

// The 16 characters that stand for the enrolment in paths.
[[nodiscard]] std::string handle_of(const crypto::Sha256Value& token_hash);

// "https://issuer.example.com" -> "https://issuer.example.com/keygen2/HANDLE": what a session's URLs begin with.
[[nodiscard]] std::string session_url(std::string_view base_url, const crypto::Sha256Value& token_hash);

// BASE/enroll/PROFILE, where sessions begin without a one-time URL that was made before.
inline constexpr std::string_view kEntrancePrefix = "/enroll/";
[[nodiscard]] std::string entrance_url(std::string_view base_url, std::string_view profile);

// The handle of renewal URLs, which no session has: BASE/keygen2/renew/SERIAL names the credential that is to be renewed.
inline constexpr std::string_view kRenewalHandle = "renew";
[[nodiscard]] std::string renewal_url(std::string_view base_url, std::string_view serial);
// The base URL of what session_url gave.
[[nodiscard]] std::string_view base_of_session_url(std::string_view session_url);

// The parts of a request's path below kPathPrefix.
struct Path {
  std::string_view handle;
  std::string_view last;  // the token, "submit" or "abort"
};
[[nodiscard]] std::optional<Path> parse_path(std::string_view path);

}  // namespace airtight::issuer
