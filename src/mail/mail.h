// Mail to one person through an SMTP server (RFC 5321), by libcurl: what an issuer sends to reach somebody outside of the web.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "base/time.h"

namespace airtight::mail {

enum class Encryption : unsigned char {
  kNone,      // for a server on this machine
  kStartTls,  // RFC 3207, and no mail without it
  kTls,       // RFC 8314: TLS from the first byte
};

struct Server {
  std::string host;
  unsigned short port = 25;
  Encryption encryption = Encryption::kStartTls;
  std::string ca_file = {};   // PEM; empty: the system's
  std::string user = {};      // empty: no authentication
  SecretBytes password = {};  // UTF-8, for `user`
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
};

struct Message {
  std::string from;     // an address: "enrolment@example.com"
  std::string to;       // another
  std::string subject;  // UTF-8, one line, up to 200 bytes
  std::string text;     // UTF-8, lines end with \n, up to 64 KiB
};

// True for what RFC 5321 calls a mailbox, as far as mail of today goes: ASCII, one '@', a dot-atom of at most 64 bytes before it and a
// host name of at most 255 bytes after it. No quoted strings, no address literals, nothing that could end a line.
[[nodiscard]] bool is_address(std::string_view text);

// Fault::kBadInput for addresses that are none, and for a subject or text with control characters or beyond its length.
[[nodiscard]] Result<> check(const Message& message);

// The message as it travels (RFC 5322, with MIME): date, a Message-ID of random bytes, text in base64. Fault::kBadInput as
// check.
[[nodiscard]] Result<std::string> compose(const Message& message, Instant now, RandomSource& random);

// Sends it; returns once the server has taken it. Fault::kBadInput as compose; kUnavailable if the server cannot be reached, does not speak
// TLS as it should, or refuses the user or the mail, with its own words, and about a second after `stop` asks for it.
[[nodiscard]] Result<> send(const Server& server, const Message& message, Instant now, RandomSource& random,
                            const std::stop_token& stop = {});

}  // namespace airtight::mail
