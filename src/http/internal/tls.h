// TLS as this project wants it (1.2 with forward secrecy and AEAD, or 1.3), and what went wrong when there is none, in words for people.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "http/client.h"
#include "http/internal/transport.h"
#include "http/server.h"

namespace airtight::http::internal {

// Fault::kBadInput if chain or key cannot be read or do not belong together.
[[nodiscard]] Result<asio::ssl::context> server_context(const ServerTls& tls);

// Trusts `options.ca_pem`, or the system's roots if it is empty, and shows the certificate in `options` if there is one. Fault::kBadInput
// if no certificate can be read from either, or the key is another's.
[[nodiscard]] Result<asio::ssl::context> client_context(const ClientOptions& options);

struct SessionDeleter {
  void operator()(SSL_SESSION* session) const { ::SSL_SESSION_free(session); }
};
using TlsSession = std::unique_ptr<SSL_SESSION, SessionDeleter>;

// Makes the handshake of `ssl` verify that the server is `host` (name or address), tell it so, and resume `session` if there is one.
[[nodiscard]] Result<> expect_server(SSL* ssl, const std::string& host, const TlsSession& session);

// The session of `ssl`, if it can be resumed by a later connection.
[[nodiscard]] TlsSession session_of(SSL* ssl);

// The peer's certificate in DER.
[[nodiscard]] std::optional<Bytes> peer_certificate(SSL* ssl);

// Why the handshake of `ssl` with `authority` failed with `error`: Fault::kUnavailable.
[[nodiscard]] Error handshake_error(SSL* ssl, const ErrorCode& error, const std::string& authority);

}  // namespace airtight::http::internal
