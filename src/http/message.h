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

// Header fields in order; names compare without regard to case.
class Headers {
 public:
  void set(std::string_view name, std::string_view value);
  void add(std::string_view name, std::string_view value);
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
  std::string peer;    // address of the other side, for logs

  [[nodiscard]] std::string_view path() const;   // target without its query
  [[nodiscard]] std::optional<std::string> cookie(std::string_view name) const;
  // The media type of Content-Type in lower case, without parameters.
  [[nodiscard]] std::string media_type() const;
};

struct Response {
  int status = 200;
  Headers headers;
  Bytes body;
  [[nodiscard]] std::string media_type() const;
};

// An absolute URL, split. http and https alone; no user info, no fragment.
struct Url {
  std::string scheme;
  std::string host;   // without brackets
  unsigned short port = 0;
  std::string target; // path and query, at least "/"
  [[nodiscard]] static Result<Url> parse(std::string_view text);
  [[nodiscard]] std::string authority() const;  // host[:port], as in the Host header
  [[nodiscard]] std::string to_text() const;
  // This URL with `reference` resolved against it (RFC 3986 section 5, no dot segments needed beyond plain removal).
  [[nodiscard]] Result<Url> resolve(std::string_view reference) const;
};

}  // namespace airtight::http
