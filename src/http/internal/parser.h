// Reads HTTP/1.x messages from bytes as they arrive, within limits. What RFC 9112 lets a recipient forgive, and smuggling lives on, is
// refused: each error carries the HTTP status with which a server answers it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "http/message.h"

namespace airtight::http::internal {

struct MessageLimits {
  std::size_t max_header;  // start line and fields; also bounds each chunk header and the trailer
  std::size_t max_body;
};

// Reads one request; then it is used up.
class RequestParser {
 public:
  explicit RequestParser(const MessageLimits& limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Reads on in `input`, the bytes received and not yet consumed, and returns how many of them it consumed: fewer than all if the message
  // ends in them, or if the rest makes no sense before more arrives. Errors: 400 malformed; 413, 431 beyond the limits; 417 an Expect other
  // than 100-continue; 501 a transfer coding other than chunked; 505 another version.
  [[nodiscard]] Result<std::size_t> feed(ByteView input);
  [[nodiscard]] bool header_done() const;
  [[nodiscard]] bool done() const;
  // The three hold once the header is done.
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool expects_continue() const;
  [[nodiscard]] const Request& request() const;  // its body grows until done()
  [[nodiscard]] Request& request();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Reads one response, whose body is left out if it answers a HEAD request. Interim responses (1xx) before it are skipped.
class ResponseParser {
 public:
  ResponseParser(const MessageLimits& limits, bool to_head);
  ~ResponseParser();
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  // As RequestParser::feed; Fault::kBadInput says what is wrong.
  [[nodiscard]] Result<std::size_t> feed(ByteView input);
  // The connection has ended: true, and done(), if the message ends there by its nature.
  [[nodiscard]] bool end();
  [[nodiscard]] bool done() const;
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] Response& response();

 private:
  class Impl;
  MessageLimits limits_;
  bool to_head_;
  int interim_ = 0;
  std::unique_ptr<Impl> impl_;
};

}  // namespace airtight::http::internal
