#include <gtest/gtest.h>

#include "crypto/certificate.h"
#include "tests/support/certificates.h"

namespace airtight::crypto {
namespace {

using tests::Entity;
using tests::must;
using tests::new_root;

TEST(CertificatePem, ComesBackAsItWas) {
  const Entity root = new_root("CN=Root");
  EXPECT_EQ(must(certificates_from_pem(to_pem(root.certificate))), std::vector<Certificate>{root.certificate});
}

TEST(CertificatePem, HasLinesOf64Characters) {
  const std::string pem = to_pem(new_root("CN=Root").certificate);
  EXPECT_EQ(pem.find('\n'), std::string_view("-----BEGIN CERTIFICATE-----").size());
  EXPECT_EQ(pem.find('\n', 28), 28U + 64);
}

TEST(CertificatePem, HoldsSeveralWithCommentsAndAnyLineEnds) {
  const Entity a = new_root("CN=A");
  const Entity b = new_root("CN=B");
  std::string text = "A:\r\n" + to_pem(a.certificate) + "\nB, which is\n  another:\n" + to_pem(b.certificate);
  std::string with_crlf;
  for (char c : text) with_crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(must(certificates_from_pem(with_crlf)), (std::vector<Certificate>{a.certificate, b.certificate}));
}

TEST(CertificatePem, RefusesWhatIsNone) {
  const std::string good = to_pem(new_root("CN=A").certificate);
  const std::vector<std::string> bad = {
      "",
      "no certificate",
      good.substr(0, good.size() / 2),
      good.substr(0, 100) + "!" + good.substr(100),
      "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
      good + "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n" + good,
      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + good,
      "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
  };
  for (const std::string& pem : bad) {
    const auto read = certificates_from_pem(pem);
    ASSERT_FALSE(read.has_value()) << pem;
    EXPECT_EQ(read.error().fault, Fault::kBadInput);
  }
}

TEST(PrivateKeyPem, ComesBackAsItWas) {
  for (const PrivateKey& key : {tests::new_p256_key(), must(PrivateKey::generate(RsaSpec{2048}))}) {
    const SecretBytes pem = must(to_pem(key));
    EXPECT_TRUE(text_of(pem.expose_secret()).starts_with("-----BEGIN PRIVATE KEY-----\n"));
    EXPECT_TRUE(text_of(pem.expose_secret()).ends_with("\n-----END PRIVATE KEY-----\n"));
    EXPECT_EQ(must(private_key_from_pem(pem.expose_secret())).public_key(), key.public_key());
  }
}

TEST(PrivateKeyPem, RefusesWhatIsNone) {
  const std::string good = to_text(must(to_pem(tests::new_p256_key())).expose_secret());
  const std::vector<std::string> bad = {
      "",
      good + good,
      good.substr(0, good.size() / 2),
      "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
      "-----BEGIN PRIVATE KEY-----\n=\n-----END PRIVATE KEY-----\n",
      "-----BEGIN PRIVATE KEY-----\n====\n-----END PRIVATE KEY-----\n",
      "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
      "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
      to_pem(new_root("CN=A").certificate),
  };
  for (const std::string& pem : bad) {
    const auto key = private_key_from_pem(bytes_of(pem));
    ASSERT_FALSE(key.has_value()) << pem;
    EXPECT_EQ(key.error().fault, Fault::kBadInput);
  }
}

}  // namespace
}  // namespace airtight::crypto
