#include "http/internal/tls.h"

#include <arpa/inet.h>

#include <array>
#include <boost/asio/ssl/error.hpp>
#include <span>

namespace airtight::http::internal {
namespace {

using SslContext = asio::ssl::context;

// Forward secrecy and authenticated encryption alone (RFC 9325 section 4.2); AES-128 first, as it costs least.
constexpr const char* kTls12Ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* kTls13Ciphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384:P-521";

// An encrypted key must fail to load, not ask on the terminal.
int no_password(char*, int, int, void*) { return -1; }

Failure bad_setup(std::string what, const ErrorCode& error, std::string hint) {
  return fail(Fault::kBadInput, std::move(what) + " (" + error.message() + ")", std::move(hint));
}

Result<SslContext> base_context(SslContext::method method) {
  SslContext context(method);
  SSL_CTX* const handle = context.native_handle();
  const bool set = SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(handle, kTls12Ciphers) == 1 &&
                   SSL_CTX_set_ciphersuites(handle, kTls13Ciphers) == 1 && SSL_CTX_set1_groups_list(handle, kGroups) == 1;
  if (!set) return fail(Fault::kInternal, "OpenSSL does not know the TLS parameters that it is built for");
  SSL_CTX_set_options(handle, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  return context;
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 || inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

struct Explanation {
  std::string what;
  std::string hint;
};

Explanation explain_verification(long result, const std::string& authority) {
  const std::string certificate = "the TLS certificate of " + authority;
  switch (result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return {certificate + " is for another host: host name mismatch", "use the host name that the certificate was issued for"};
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return {certificate + " has expired", "ask the server's operator to renew it, or set this machine's clock if that is wrong"};
    case X509_V_ERR_CERT_NOT_YET_VALID: return {certificate + " is not yet valid", "set this machine's clock if that is wrong"};
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:  // a trusted CA of the same name, with another key
      return {certificate + " is not trusted: untrusted root", "pass the issuer's CA with --ca-file if you trust it"};
    default: return {certificate + " is not accepted: " + ::X509_verify_cert_error_string(result), "ask the server's operator"};
  }
}

// Below OpenSSL's security level: its key, or the hash under a signature.
bool is_too_weak(const ErrorCode& error) {
  const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
  return reason == SSL_R_EE_KEY_TOO_SMALL || reason == SSL_R_CA_KEY_TOO_SMALL || reason == SSL_R_CA_MD_TOO_WEAK;
}

Result<> use_identity(SslContext& context, const std::string& chain_pem, const SecretBytes& key_pem) {
  SSL_CTX* const handle = context.native_handle();
  SSL_CTX_set_default_passwd_cb(handle, no_password);
  ErrorCode error;
  context.use_certificate_chain(asio::buffer(chain_pem), error);
  if (error && is_too_weak(error))
    return bad_setup("a TLS certificate is too weak", error, "use RSA of 2048 bits or more, or an elliptic curve, and SHA-256");
  if (error) return bad_setup("the TLS certificate chain cannot be read", error, "give it as PEM, the own certificate first");
  const ByteView key = key_pem.expose_secret();
  context.use_private_key(asio::const_buffer(key.data(), key.size()), SslContext::pem, error);
  if (error) return bad_setup("the TLS private key cannot be used", error, "give the unencrypted PEM key of the first certificate");
  if (SSL_CTX_check_private_key(handle) != 1) {
    return fail(Fault::kBadInput, "the TLS private key is not that of the first certificate", "give the key of the first certificate");
  }
  return {};
}

}  // namespace

Result<SslContext> server_context(const ServerTls& tls) {
  SslContext context = TRY(base_context(SslContext::tls_server));
  SSL_CTX* const handle = context.native_handle();
  TRY(use_identity(context, tls.certificate_chain_pem, tls.private_key_pem));
  if (tls.ask_for_client_certificate) SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  constexpr std::array<unsigned char, 8> kSessionContext = {'a', 'i', 'r', 't', 'i', 'g', 'h', 't'};
  SSL_CTX_set_session_id_context(handle, kSessionContext.data(), kSessionContext.size());
  SSL_CTX_set_session_cache_mode(handle, SSL_SESS_CACHE_OFF);  // tickets alone: nothing is kept here
  SSL_CTX_set_num_tickets(handle, 1);
  return context;
}

Result<SslContext> client_context(const ClientOptions& options) {
  SslContext context = TRY(base_context(SslContext::tls_client));
  SSL_CTX* const handle = context.native_handle();
  SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nullptr);
  if (!options.certificate_chain_pem.empty()) TRY(use_identity(context, options.certificate_chain_pem, options.private_key_pem));
  const std::string& ca_pem = options.ca_pem;
  ErrorCode error;
  if (ca_pem.empty()) {
    context.set_default_verify_paths(error);
    if (error) return bad_setup("the system's root certificates cannot be read", error, "pass the issuer's CA with --ca-file");
    return context;
  }
  context.add_certificate_authority(asio::buffer(ca_pem), error);
  if (error) return bad_setup("no CA certificate can be read from the text given", error, "give one or more certificates as PEM");
  // What was given is trusted as it is, be it an intermediate CA.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(handle), X509_V_FLAG_PARTIAL_CHAIN);
  return context;
}

Result<> expect_server(SSL* ssl, const std::string& host, const TlsSession& session) {
  X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl);
  // RFC 9525: subject alternative names alone, and a wildcard is a whole label.
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  bool set = false;
  if (is_address(host)) {
    set = X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1;
  } else {
    // RFC 6066 section 3: only names are indicated. (SSL_set_tlsext_host_name casts to void*.)
    set = X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size()) == 1 &&
          SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str())) == 1;
  }
  if (set && session) set = SSL_set_session(ssl, session.get()) == 1;
  if (!set) return fail(Fault::kInternal, "OpenSSL cannot be told which server to expect");
  return {};
}

TlsSession session_of(SSL* ssl) {
  TlsSession session(SSL_get1_session(ssl));
  if (session && SSL_SESSION_is_resumable(session.get()) != 1) session.reset();
  return session;
}

std::optional<Bytes> peer_certificate(SSL* ssl) {
  X509* const certificate = SSL_get0_peer_certificate(ssl);
  const int size = certificate == nullptr ? 0 : i2d_X509(certificate, nullptr);
  if (size <= 0) return std::nullopt;
  std::vector<unsigned char> der(static_cast<std::size_t>(size));
  unsigned char* out = der.data();
  i2d_X509(certificate, &out);
  return to_bytes(std::as_bytes(std::span(der)));
}

Error handshake_error(SSL* ssl, const ErrorCode& error, const std::string& authority) {
  Explanation explanation;
  const long verification = SSL_get_verify_result(ssl);
  const bool by_tls = error.category() == asio::error::get_ssl_category();
  const int reason = by_tls ? ERR_GET_REASON(static_cast<unsigned long>(error.value())) : 0;
  if (verification != X509_V_OK) {
    explanation = explain_verification(verification, authority);
  } else if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST) {
    explanation = {authority + " does not speak TLS", "check the port, or use http:// if the server has no TLS"};
  } else if (by_tls) {
    explanation = {"no TLS connection to " + authority + ": " + error.message(), "the server must offer TLS 1.2 or 1.3"};
  } else {
    explanation = {authority + " ended the connection during the TLS handshake", "check that the server speaks TLS on this port"};
  }
  return Error{Fault::kUnavailable, std::move(explanation.what), std::move(explanation.hint), std::nullopt};
}

}  // namespace airtight::http::internal
