// Certificates for TLS on loopback, made for the length of a test.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/time.h"
#include "crypto/certificate.h"
#include "http/server.h"
#include "tests/support/certificates.h"
#include "tests/support/must.h"

namespace airtight::http::testing {

// What a certificate is to be for; the usual is what a client on loopback accepts.
struct CertificateWish {
  std::vector<std::string> dns_names = {"localhost"};
  std::vector<std::string> ip_addresses = {"127.0.0.1", "::1"};
  std::chrono::hours begin{-24};  // from now
  std::chrono::hours end{24};
};

class TestCa {
 public:
  [[nodiscard]] std::string pem() const { return crypto::to_pem(root_.certificate); }

  [[nodiscard]] ServerTls issue(const CertificateWish& wish = {}) const {
    const tests::Entity server = tests::new_leaf("CN=Test Server", root_, [&](crypto::CertificateContent& content) {
      content.not_before = SystemClock().now().whole_seconds().plus(wish.begin);
      content.not_after = SystemClock().now().whole_seconds().plus(wish.end);
      content.extended_key_usage = {"1.3.6.1.5.5.7.3.1"};  // id-kp-serverAuth
      content.dns_names = wish.dns_names;
      content.ip_addresses = wish.ip_addresses;
    });
    return {.certificate_chain_pem = crypto::to_pem(server.certificate), .private_key_pem = tests::must(crypto::to_pem(server.key))};
  }

 private:
  tests::Entity root_ = tests::new_root("CN=Test CA");
};

}  // namespace airtight::http::testing
