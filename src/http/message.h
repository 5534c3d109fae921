// HTTP requests and responses as values, the same for server and client.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace airtight::http {

// Header fields in order; names compare without regard to case. Any text can be put in: what cannot be a field (RFC 9110 section 5, such as
// a value with a line end) is refused when the message is written.
class Headers {
 public:
  // Replaces all fields of this name by one.
  void set(std::string_view name, std::string_view value);
  // One more field, after those that are there.
  void add(std::string_view name, std::string_view value);
  // The value of the first field of this name.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  std::string method;  // "GET", "POST", "HEAD"
  std::string target;  // path and query as received
  Headers headers;
  Bytes body;
  std::string peer;                              // address of the other side, for logs
  std::optional<Bytes> client_certificate = {};  // DER, where a server asked for one: whose key the client has, and no more is verified

  [[nodiscard]] std::string_view path() const;  // target without its query
  // The value of the first parameter `name` of the query, decoded as forms are (percent escapes, "+" is a space); nothing if it is not
  // there or its escapes are malformed.
  [[nodiscard]] std::optional<std::string> query_parameter(std::string_view name) const;
  // The value of the first cookie `name` (RFC 6265 section 4.2), as it was sent.
  [[nodiscard]] std::optional<std::string> cookie(std::string_view name) const;
  // The value of the first field `name` of a form in the body, decoded likewise.
  [[nodiscard]] std::optional<std::string> form_field(std::string_view name) const;
  // The media type of Content-Type in lower case, without parameters.
  [[nodiscard]] std::string media_type() const;
};

struct Response {
  int status = 200;
  Headers headers;
  Bytes body;
  [[nodiscard]] std::string media_type() const;
};

// A response with a text for people (or machines, by its content type).
[[nodiscard]] Response text_response(int status, std::string_view text, std::string_view content_type = "text/plain; charset=utf-8");

// `text` with each %XX replaced by the byte XX (RFC 3986 section 2.1); nothing if a % is not followed by two hex digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

// An absolute URL, split. http and https alone; no user info, no fragment.
struct Url {
  std::string scheme;
  std::string host;  // without brackets
  unsigned short port = 0;
  std::string target;  // path and query, at least "/"
  // Reads at most 2048 bytes of RFC 3986, strictly: scheme and host come back in lower case, a fragment is dropped, and user info, other
  // schemes, ports outside 1-65535, hosts that are neither a DNS name nor an address, white space and control characters are
  // Fault::kBadInput.
  [[nodiscard]] static Result<Url> parse(std::string_view text);
  [[nodiscard]] std::string authority() const;  // host[:port], as in the Host header
  [[nodiscard]] std::string to_text() const;
  // This URL with `reference` resolved against it (RFC 3986 section 5, no dot segments needed beyond plain removal).
  [[nodiscard]] Result<Url> resolve(std::string_view reference) const;
};

}  // namespace airtight::http
