// Certificates of every profile before three judges that share no code: OpenSSL, GnuTLS and NSS.
#include <gmock/gmock.h>

#include <map>

#include "tests/interop/ca_world.h"

namespace airtight::ca {
namespace {

using testing::HasSubstr;

struct Case {
  Purpose purpose;
  const char* openssl;  // -purpose
  const char* nss;      // certutil -u
};
const std::vector<Case> kCases = {
    {Purpose::kTlsClient, "sslclient", "C"}, {Purpose::kEmailSigning, "smimesign", "S"},   {Purpose::kEmailEncryption, "smimeencrypt", "R"},
    {Purpose::kEmail, "smimesign", "S"},     {Purpose::kSmartCardLogon, "sslclient", "C"}, {Purpose::kCodeSigning, "any", "J"},
    {Purpose::kTlsServer, "sslserver", "V"}, {Purpose::kDocumentSigning, "any", nullptr},
};

class CaProfiles : public CaWorld, public testing::WithParamInterface<KeyKind> {
 protected:
  CaProfiles() {
    make_authority(GetParam());
    keys_.emplace("ec", tests::new_p256_key());
    keys_.emplace("rsa", tests::must(crypto::PrivateKey::generate(crypto::RsaSpec{2048})));
  }
  // <purpose>-<key>.pem for each.
  [[nodiscard]] std::string leaf(Purpose purpose, const std::string& key) {
    return write(std::string(name_of(purpose)) + "-" + key + ".pem", crypto::to_pem(issue(purpose, keys_.at(key).public_key())));
  }
  std::map<std::string, crypto::PrivateKey> keys_;
};

TEST_P(CaProfiles, PassOpensslsStrictChecks) {
  for (const Case& each : kCases) {
    for (const char* key : {"ec", "rsa"}) {
      // OpenSSL wants keyEncipherment for S/MIME of any key, which an EC key cannot have (RFC 5480, section 3).
      const bool agrees = each.purpose == Purpose::kEmailEncryption && std::string_view(key) == "ec";
      EXPECT_THAT(passes({"openssl", "verify", "-x509_strict", "-purpose", agrees ? "any" : each.openssl, "-policy", "1.2.752.1.1",
                          "-explicit_policy", "-CAfile", file("root.pem"), "-untrusted", file("issuing.pem"), leaf(each.purpose, key)}),
                  HasSubstr("OK"))
          << name_of(each.purpose);
    }
  }
}

TEST_P(CaProfiles, PassGnutls) {
  for (const Case& each : kCases) {
    const std::string pem = crypto::to_pem(issue(each.purpose, keys_.at("ec").public_key())) + crypto::to_pem(authority_->issuing()) +
                            crypto::to_pem(authority_->root());
    EXPECT_THAT(passes({"certtool", "--verify-chain", "--verify-profile", "medium", "--infile", write("chain.pem", pem)}),
                HasSubstr("Verified. The certificate is trusted."))
        << name_of(each.purpose);
  }
}

TEST_P(CaProfiles, PassNss) {
  const std::string nss = "sql:" + file("nss");
  std::filesystem::create_directory(file("nss"));
  passes({"certutil", "-N", "-d", nss, "--empty-password"});
  passes({"certutil", "-A", "-d", nss, "-n", "root", "-t", "CT,C,C", "-i", file("root.pem")});
  // NSS wants a CA for objects to be trusted by itself, or to have the purpose in its own certificate.
  passes({"certutil", "-A", "-d", nss, "-n", "issuing", "-t", ",,C", "-i", file("issuing.pem")});
  for (const Case& each : kCases) {
    if (each.nss == nullptr) continue;  // NSS knows no purpose for documents
    for (const char* key : {"ec", "rsa"}) {
      const std::string name = std::string(name_of(each.purpose)) + key;
      passes({"certutil", "-A", "-d", nss, "-n", name, "-t", ",,", "-i", leaf(each.purpose, key)});
      EXPECT_THAT(passes({"certutil", "-V", "-d", nss, "-n", name, "-u", each.nss, "-e"}), HasSubstr("certificate is valid")) << name;
    }
  }
}

TEST_P(CaProfiles, ReadAsTheyWereMeant) {
  const auto text = [&](Purpose purpose, const char* key) {
    return passes({"openssl", "x509", "-in", leaf(purpose, key), "-noout", "-text"});
  };
  const std::string logon = text(Purpose::kSmartCardLogon, "ec");
  for (const char* part : {"othername: UPN::zoe@ad.example.com", "Microsoft Smartcard Login", "TLS Web Client Authentication",
                           "URI:http://pki.example.com/crl/issuing.crl", "OCSP - URI:http://pki.example.com/ocsp",
                           "CA Issuers - URI:http://pki.example.com/ca/issuing.cer", "Policy: 1.2.752.1.1"}) {
    EXPECT_THAT(logon, HasSubstr(part));
  }
  EXPECT_THAT(text(Purpose::kEmailEncryption, "ec"), HasSubstr("Key Agreement"));
  EXPECT_THAT(text(Purpose::kEmailEncryption, "rsa"), HasSubstr("Key Encipherment"));
  EXPECT_THAT(text(Purpose::kTlsServer, "ec"), HasSubstr("DNS:www.example.com, IP Address:192.0.2.1"));
  EXPECT_THAT(text(Purpose::kCodeSigning, "ec"), HasSubstr("Code Signing"));
}

INSTANTIATE_TEST_SUITE_P(OfEachKind, CaProfiles, testing::Values(KeyKind::kP256, KeyKind::kP384, KeyKind::kRsa3072, KeyKind::kRsa4096),
                         [](const auto& kind) {
                           std::string name(name_of(kind.param));
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace airtight::ca
