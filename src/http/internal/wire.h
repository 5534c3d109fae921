// Writes HTTP/1.1 messages as bytes. Framing fields (Content-Length, Transfer-Encoding, Connection) are this file's alone, and a field that
// could not be read back as one field is refused, so that no value ever starts a field or a message of its own.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "http/message.h"

namespace airtight::http::internal {

enum class Persistence : unsigned char { kKeepAlive, kClose };
enum class BodyPart : unsigned char { kSent, kOmitted };  // kOmitted: the answer to HEAD, with the length that the body would have

// "Not Found" for 404; "Status" for what has no name here.
[[nodiscard]] std::string_view reason_phrase(int status);

// "Sun, 06 Nov 1994 08:49:37 GMT": IMF-fixdate of RFC 9110 section 5.6.7.
[[nodiscard]] std::string http_date(Instant instant);

// `response` as HTTP/1.1. Fault::kBadInput if a field or the status (200 to 599) is not one of HTTP.
[[nodiscard]] Result<Bytes> write_response(const Response& response, Persistence persistence, BodyPart body, Instant now);

// `request` for `url`, from which come request target and Host. Fault::kBadInput if method or fields are not those of HTTP.
[[nodiscard]] Result<Bytes> write_request(const Request& request, const Url& url);

}  // namespace airtight::http::internal
