// The floor of a KeyGen2 session: what no implementation can do without, called bare and in the same order, with the CPU time of each
// side apart. A TLS 1.3 connection over loopback that carries as many bytes, between them OpenSSL's primitives and durable writes.
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

#include <array>
#include <filesystem>
#include <semaphore>
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
};

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

// ---- Durable writes ---------------------------------------------------------------------------------------------------------------------

// What a commit costs bare: a few pages written over and made durable, in the folder of the session's databases.
class BareCommits {
 public:
  explicit BareCommits(const std::filesystem::path& file) : file_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    must(file_ >= 0, "opening a file");
  }
  BareCommits(const BareCommits&) = delete;
  BareCommits& operator=(const BareCommits&) = delete;
  ~BareCommits() { ::close(file_); }

  void commit(unsigned times) {
    for (unsigned done = 0; done < times; ++done) {
      for (int i = 0; i < kPages; ++i)
        must(::pwrite(file_, page_.data(), kPage, i * static_cast<off_t>(kPage)) == static_cast<ssize_t>(kPage), "writing");
      must(::fdatasync(file_) == 0, "syncing");
    }
  }

 private:
  static constexpr std::size_t kPage = 4096;
  static constexpr int kPages = 5;
  int file_;
  std::vector<char> page_ = std::vector<char>(kPage, 'x');
};

// ---- The session ------------------------------------------------------------------------------------------------------------------------

// Bytes of one request and its response.
struct BareExchange {
  std::size_t request = 0;
  std::size_t response = 0;
};

// How many of each primitive.
struct BareWork {
  unsigned generate = 0;
  unsigned agree = 0;
  unsigned sign = 0;
  unsigned verify = 0;
  unsigned commit = 0;
};

// What the agent has done before a request, and the issuer before its response.
struct BareStep {
  BareWork agent;
  BareWork issuer;
};

// The requests of a session that gives one P-256 key: keygen2.md's exchanges.
constexpr std::array<BareStep, 5> kBareSteps = {{
    {},                                                                           // the enrolment URL
    {.agent = {}, .issuer = {.generate = 1}},                                     // the issuer's ephemeral key
    {.agent = {.generate = 1, .agree = 1, .sign = 1, .commit = 2},                // the session, and its key's first use
     .issuer = {.agree = 1, .verify = 3}},                                        // attestation, device, class
    {.agent = {.generate = 1, .commit = 3}, .issuer = {.sign = 1, .commit = 1}},  // PUK, PIN, key; its certificate
    {.agent = {.verify = 1, .commit = 2}, .issuer = {.commit = 1}},               // the path is checked; it is closed
}};

// One side's keys and file.
class BareWorker {
 public:
  explicit BareWorker(const std::filesystem::path& file) : signature_(sign(key_, hash_)), commits_(file) {}
  BareWorker(const BareWorker&) = delete;
  BareWorker& operator=(const BareWorker&) = delete;
  ~BareWorker() {
    EVP_PKEY_free(key_);
    EVP_PKEY_free(peer_);
  }

  void work(const BareWork& amount) {
    for (unsigned i = 0; i < amount.generate; ++i) EVP_PKEY_free(new_key());
    for (unsigned i = 0; i < amount.agree; ++i) agree(key_, peer_);
    for (unsigned i = 0; i < amount.sign; ++i) static_cast<void>(sign(key_, hash_));
    for (unsigned i = 0; i < amount.verify; ++i) verify(key_, hash_, signature_);
    commits_.commit(amount.commit);
  }

 private:
  EVP_PKEY* key_ = new_key();
  EVP_PKEY* peer_ = new_key();
  std::vector<unsigned char> hash_ = std::vector<unsigned char>(32, 7);
  std::vector<unsigned char> signature_;
  BareCommits commits_;
};

// Sessions as OpenSSL, blocking sockets and files alone do them: one thread a side, a TLS 1.3 connection each. What comes between the
// primitives leaves caches as cold as it does in a real session, so that the two compare.
class BareSessions {
 public:
  // Writes to files in `folder`.
  BareSessions(const issuer::TlsIdentity& identity, const std::string& ca_pem, const std::filesystem::path& folder)
      : agent_(folder / "bare-agent"),
        issuer_(folder / "bare-issuer"),
        server_(SSL_CTX_new(TLS_server_method())),
        client_(SSL_CTX_new(TLS_client_method())) {
    const std::vector<X509*> chain = read(identity.chain_pem);
    SSL_CTX_use_certificate(server_, chain.front());
    for (std::size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(server_, chain[i]);
    BIO* key = BIO_new_mem_buf(identity.key_pem.expose_secret().data(), static_cast<int>(identity.key_pem.size()));
    SSL_CTX_use_PrivateKey(server_, PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr));
    BIO_free(key);
    SSL_CTX_set_num_tickets(server_, 1);
    for (X509* root : read(ca_pem)) X509_STORE_add_cert(SSL_CTX_get_cert_store(client_), root);
    SSL_CTX_set_verify(client_, SSL_VERIFY_PEER, nullptr);
    listen();
    thread_ = std::jthread([this] { serve_all(); });
  }
  BareSessions(const BareSessions&) = delete;
  BareSessions& operator=(const BareSessions&) = delete;
  ~BareSessions() {
    ::shutdown(listener_, SHUT_RDWR);  // ends the accept
    thread_.join();
    ::close(listener_);
    SSL_CTX_free(server_);
    SSL_CTX_free(client_);
  }

  // The CPU time of one session with `exchanges`, one for each of kBareSteps.
  Sides run(std::vector<BareExchange> exchanges) {
    must(exchanges.size() == kBareSteps.size(), "a session of as many exchanges as the floor has");
    exchanges_ = std::move(exchanges);
    const double begun = thread_cpu();
    use();
    const double used = thread_cpu() - begun;
    served_.acquire();
    return {used, spent_};
  }

 private:
  void listen() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    must(::bind(listener_, reinterpret_cast<sockaddr*>(&address_), size) == 0 && ::listen(listener_, 8) == 0 &&
             ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address_), &size) == 0,
         "listening");
  }
  void serve_all() {
    double begun = thread_cpu();
    for (;;) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      serve(socket);
      const double now = thread_cpu();
      spent_ = now - begun;
      begun = now;
      served_.release();
    }
  }
  void serve(int socket) {
    SSL* ssl = begin(server_, socket);
    must(SSL_accept(ssl) == 1, "the bare TLS handshake");
    std::vector<char> buffer(kBuffer);
    for (std::size_t i = 0; i < kBareSteps.size(); ++i) {
      receive(ssl, buffer, exchanges_[i].request);
      issuer_.work(kBareSteps[i].issuer);
      send(ssl, buffer, exchanges_[i].response);
    }
    end(ssl, socket);
  }
  void use() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(::connect(socket, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) == 0, "connecting");
    SSL* ssl = begin(client_, socket);
    must(SSL_connect(ssl) == 1, "the bare TLS handshake");
    std::vector<char> buffer(kBuffer);
    for (std::size_t i = 0; i < kBareSteps.size(); ++i) {
      agent_.work(kBareSteps[i].agent);
      send(ssl, buffer, exchanges_[i].request);
      receive(ssl, buffer, exchanges_[i].response);
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
  static void send(SSL* ssl, const std::vector<char>& buffer, std::size_t size) {
    must(size <= buffer.size() && SSL_write(ssl, buffer.data(), static_cast<int>(size)) > 0, "a bare write");
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

  static constexpr std::size_t kBuffer = 1U << 16;

  BareWorker agent_;
  BareWorker issuer_;
  SSL_CTX* server_;
  SSL_CTX* client_;
  int listener_ = -1;
  sockaddr_in address_{};
  std::vector<BareExchange> exchanges_;  // of the session that runs
  double spent_ = 0;                     // by the issuer's side, in the last one
  std::binary_semaphore served_{0};
  std::jthread thread_;
};

}  // namespace airtight::bench
