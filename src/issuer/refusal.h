// A refusal: why the issuer says no, as a stable identifier for machines and a sentence for people, with its HTTP status (keygen2.md
// section 1). Faults of the issuer itself travel the same way with a status of 500 or more: they end no session.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace airtight::issuer {

struct Refusal {
  Refusal(int http_status, std::string stable_id, std::string text)
      : status(http_status), id(std::move(stable_id)), sentence(std::move(text)) {}
  // A fault of the issuer: what people see does not say more than that. Implicit, so that TRY works in handlers.
  Refusal(const Error& error);  // NOLINT(google-explicit-constructor)

  int status;
  std::string id;
  std::string sentence;
  std::string detail = {};  // for the log alone

  [[nodiscard]] bool ends_session() const { return status < 500; }
};

template <typename T = void>
using Verified = std::expected<T, Refusal>;

using Refused = std::unexpected<Refusal>;

// Statuses of refusals.
inline constexpr int kBadMessage = 400;    // it cannot be read
inline constexpr int kUnauthorized = 401;  // somebody has to say who he is
inline constexpr int kForbidden = 403;     // it does not verify, or belongs to another session
inline constexpr int kNotFound = 404;
inline constexpr int kMethodNotAllowed = 405;
inline constexpr int kConflict = 409;  // not now, or not again
inline constexpr int kGone = 410;
inline constexpr int kUnsupportedMediaType = 415;
inline constexpr int kTooMany = 429;
inline constexpr int kUnavailable = 503;  // the issuer lacks something: the session goes on

// `return refuse(kForbidden, "server-time", "...");`
[[nodiscard]] inline Refused refuse(int status, std::string id, std::string sentence) {
  return Refused(Refusal(status, std::move(id), std::move(sentence)));
}

// The refusal as a page, or as application/problem+json where `request` accepts that.
[[nodiscard]] http::Response refusal_response(const Refusal& refusal, const http::Request& request);

}  // namespace airtight::issuer
