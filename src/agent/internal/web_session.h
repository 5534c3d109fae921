// The web side of an enrolment: one issuer's host, its cookies, and the rules on where messages may go (keygen2.md section 6). GET is
// redirected on the same host alone, POST never, and once it was HTTPS it stays HTTPS.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/session_memory.h"
#include "base/bytes.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "http/client.h"
#include "http/message.h"

namespace airtight::agent {

struct Reply {
  http::Url url;  // where it came from, after redirects
  http::Response response;
  std::optional<crypto::Certificate> server_certificate;  // over HTTPS

  // A KeyGen2 message, by its media type.
  [[nodiscard]] bool is_message() const;
};

class WebSession {
 public:
  // Both outlive the session, which keeps its cookies in `place`.
  WebSession(http::Client& client, WebPlace& place) : client_(client), place_(place) {}

  // Fetches `url`; the first one fixes the host. Fault::kUnavailable for connection faults, kRefused for a status of 4xx or 5xx with the
  // issuer's words, for a redirect that leads elsewhere, and for more than five of them.
  [[nodiscard]] Result<Reply> get(std::string_view url);

  // Sends `message`. The same errors; a redirect is refused.
  [[nodiscard]] Result<Reply> post(const http::Url& url, ByteView message);

  // True once the issuer itself has refused (a status of 4xx or 5xx): there is nothing to tell it.
  [[nodiscard]] bool refused_by_issuer() const { return refused_by_issuer_; }

 private:
  [[nodiscard]] Result<Reply> send(const http::Url& url, http::Request request);
  [[nodiscard]] Result<Reply> checked(Reply reply);
  [[nodiscard]] std::string cookies_for(const http::Url& url) const;
  void keep_cookie(const http::Url& url, std::string_view field);

  http::Client& client_;
  WebPlace& place_;
  bool refused_by_issuer_ = false;
};

// The target of `Link: <URL>; rel="resume"` in `reply`, resolved against where it came from.
[[nodiscard]] std::optional<http::Url> resume_link(const Reply& reply);

}  // namespace airtight::agent
