// The floor of a KeyGen2 session: what no implementation can do without, called bare, with the CPU time of each side apart. OpenSSL's
// primitives, a TLS 1.3 connection over loopback that carries as many bytes, and durable writes.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "bench/measure.h"
#include "issuer/tls_identity.h"

namespace airtight::bench {

// Microseconds of CPU on each side.
struct Sides {
  double agent = 0;
  double issuer = 0;
  Sides& operator+=(const Sides& other) {
    agent += other.agent;
    issuer += other.issuer;
    return *this;
  }
};

// CPU time of one run, in microseconds: the median of batches.
inline double cost(const std::function<void()>& run) {
  std::vector<double> batches;
  for (int batch = 0; batch < 21; ++batch) {
    const double begun = thread_cpu();
    for (int i = 0; i < 20; ++i) run();
    batches.push_back((thread_cpu() - begun) / 20);
  }
  return median(batches);
}

// ---- OpenSSL's primitives ---------------------------------------------------------------------------------------------------------------

inline EVP_PKEY* new_key() { return EVP_EC_gen("P-256"); }

inline std::vector<unsigned char> sign(EVP_PKEY* key, const std::vector<unsigned char>& hash) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  std::vector<unsigned char> out(80);
  std::size_t size = out.size();
  must(EVP_PKEY_sign_init(context) == 1 && EVP_PKEY_sign(context, out.data(), &size, hash.data(), hash.size()) == 1, "signing");
  EVP_PKEY_CTX_free(context);
  out.resize(size);
  return out;
}

inline void verify(EVP_PKEY* key, const std::vector<unsigned char>& hash, const std::vector<unsigned char>& signature) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  must(EVP_PKEY_verify_init(context) == 1 && EVP_PKEY_verify(context, signature.data(), signature.size(), hash.data(), hash.size()) == 1,
       "verifying");
  EVP_PKEY_CTX_free(context);
}

inline void agree(EVP_PKEY* own, EVP_PKEY* peer) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(own, nullptr);
  std::vector<unsigned char> z(32);
  std::size_t size = z.size();
  must(EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, peer) == 1 && EVP_PKEY_derive(context, z.data(), &size) == 1,
       "agreeing");
  EVP_PKEY_CTX_free(context);
}

inline Sides measure_primitives() {
  struct Primitive {
    const char* name;
    unsigned agent;  // how many in a session
    unsigned issuer;
    std::function<void()> run;
  };
  EVP_PKEY* key = new_key();
  EVP_PKEY* peer = new_key();
  const std::vector<unsigned char> hash(32, 7);
  const std::vector<unsigned char> signature = sign(key, hash);
  const std::vector<Primitive> primitives = {
      {"P-256 key generation: ephemeral keys, the user's", 2, 1, [] { EVP_PKEY_free(new_key()); }},
      {"P-256 key agreement: the session key", 1, 1, [&] { agree(key, peer); }},
      {"P-256 signature: session attestation; certificate", 1, 1, [&] { static_cast<void>(sign(key, hash)); }},
      {"P-256 verification: certificate; attestation, device, class", 1, 3, [&] { verify(key, hash, signature); }},
  };
  Sides sum;
  for (const Primitive& primitive : primitives) {
    const double each = cost(primitive.run);
    std::printf("  %8.1f us  %8.1f us   %u and %u x %6.1f us  %s\n", each * primitive.agent, each * primitive.issuer, primitive.agent,
                primitive.issuer, each, primitive.name);
    sum += {each * primitive.agent, each * primitive.issuer};
  }
  EVP_PKEY_free(key);
  EVP_PKEY_free(peer);
  return sum;
}

// ---- A TLS connection -------------------------------------------------------------------------------------------------------------------

// Bytes of one request and its response.
struct BareExchange {
  std::size_t request = 0;
  std::size_t response = 0;
};

// TLS 1.3 connections over loopback, each with its exchanges, as OpenSSL and blocking sockets alone do it: one thread a side.
class BareConnections {
 public:
  BareConnections(const issuer::TlsIdentity& identity, const std::string& ca_pem, std::vector<BareExchange> exchanges)
      : exchanges_(std::move(exchanges)), server_(SSL_CTX_new(TLS_server_method())), client_(SSL_CTX_new(TLS_client_method())) {
    const std::vector<X509*> chain = read(identity.chain_pem);
    SSL_CTX_use_certificate(server_, chain.front());
    for (std::size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(server_, chain[i]);
    BIO* key = BIO_new_mem_buf(identity.key_pem.expose_secret().data(), static_cast<int>(identity.key_pem.size()));
    SSL_CTX_use_PrivateKey(server_, PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr));
    BIO_free(key);
    SSL_CTX_set_num_tickets(server_, 1);
    for (X509* root : read(ca_pem)) X509_STORE_add_cert(SSL_CTX_get_cert_store(client_), root);
    SSL_CTX_set_verify(client_, SSL_VERIFY_PEER, nullptr);
  }
  BareConnections(const BareConnections&) = delete;
  BareConnections& operator=(const BareConnections&) = delete;
  ~BareConnections() {
    SSL_CTX_free(server_);
    SSL_CTX_free(client_);
  }

  // Medians of one connection's CPU time.
  Sides measure(int rounds) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    must(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener, 8) == 0 &&
             ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0,
         "listening");
    std::vector<double> served;
    std::thread server([&] {
      for (int i = 0; i < rounds; ++i) {
        const double begun = thread_cpu();
        serve(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
        served.push_back(thread_cpu() - begun);
      }
    });
    std::vector<double> used;
    for (int i = 0; i < rounds; ++i) {
      const double begun = thread_cpu();
      use(address);
      used.push_back(thread_cpu() - begun);
    }
    server.join();
    ::close(listener);
    return {median(used), median(served)};
  }

 private:
  void serve(int socket) {
    SSL* ssl = begin(server_, socket);
    must(SSL_accept(ssl) == 1, "the bare TLS handshake");
    std::vector<char> buffer(1U << 16);
    for (const BareExchange& exchange : exchanges_) {
      receive(ssl, buffer, exchange.request);
      must(SSL_write(ssl, buffer.data(), static_cast<int>(exchange.response)) > 0, "a bare response");
    }
    end(ssl, socket);
  }
  void use(const sockaddr_in& address) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connecting");
    SSL* ssl = begin(client_, socket);
    must(SSL_connect(ssl) == 1, "the bare TLS handshake");
    std::vector<char> buffer(1U << 16);
    for (const BareExchange& exchange : exchanges_) {
      must(SSL_write(ssl, buffer.data(), static_cast<int>(exchange.request)) > 0, "a bare request");
      receive(ssl, buffer, exchange.response);
    }
    end(ssl, socket);
  }
  static SSL* begin(SSL_CTX* context, int socket) {
    const int one = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, socket);
    return ssl;
  }
  static void receive(SSL* ssl, std::vector<char>& buffer, std::size_t size) {
    while (size > 0) {
      const int got = SSL_read(ssl, buffer.data(), static_cast<int>(std::min(size, buffer.size())));
      must(got > 0, "a bare read");
      size -= static_cast<std::size_t>(got);
    }
  }
  static void end(SSL* ssl, int socket) {
    SSL_shutdown(ssl);
    SSL_free(ssl);
    ::close(socket);
    ERR_clear_error();
  }
  static std::vector<X509*> read(const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    std::vector<X509*> out;
    while (X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) out.push_back(certificate);
    BIO_free(bio);
    ERR_clear_error();
    return out;
  }

  std::vector<BareExchange> exchanges_;
  SSL_CTX* server_;
  SSL_CTX* client_;
};

// ---- Durable writes ---------------------------------------------------------------------------------------------------------------------

// What a commit costs bare: a few pages written over and made durable, in the folder of the session's databases.
inline double measure_commit(const std::filesystem::path& folder) {
  constexpr std::size_t kPage = 4096;
  constexpr int kPages = 5;
  const int file = ::open((folder / "commits").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  must(file >= 0, "opening a file");
  const std::vector<char> page(kPage, 'x');
  const auto write_pages = [&] {
    for (int i = 0; i < kPages; ++i)
      must(::pwrite(file, page.data(), kPage, i * static_cast<off_t>(kPage)) == static_cast<ssize_t>(kPage), "writing");
    must(::fdatasync(file) == 0, "syncing");
  };
  write_pages();
  const double each = cost(write_pages);
  ::close(file);
  return each;
}

}  // namespace airtight::bench
