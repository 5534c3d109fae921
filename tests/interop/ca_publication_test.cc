// CRLs and OCSP answers before OpenSSL and GnuTLS, and roots that were rolled over.
#include <gmock/gmock.h>

#include "ca/rollover.h"
#include "storage/files.h"
#include "tests/interop/ca_world.h"

namespace airtight::ca {
namespace {

using testing::HasSubstr;

class CaPublication : public CaWorld {
 protected:
  CaPublication() {
    make_authority();
    publisher_.emplace(*authority_);
  }
  [[nodiscard]] std::string leaf(const std::string& name, const crypto::Certificate& certificate) const {
    return write(name, crypto::to_pem(certificate));
  }
  // The CRLs of root and issuing CA in one PEM file.
  [[nodiscard]] std::string crls() {
    std::string pem;
    for (const char* key : {"root", "issuing"}) {
      const std::string der = write(std::string(key) + ".crl", tests::must(publisher_->crl(*database_, key)).der);
      const std::string one = passes({"openssl", "crl", "-inform", "DER", "-in", der});
      write(std::string(key) + ".crl.pem", one);
      pem += one;
    }
    return write("crls.pem", pem);
  }
  [[nodiscard]] tests::Finished verify(const std::string& certificate) {
    return tests::run({"openssl", "verify", "-x509_strict", "-crl_check_all", "-CRLfile", crls(), "-CAfile", file("root.pem"), "-untrusted",
                       file("issuing.pem"), certificate});
  }
  // openssl ocsp asks about <certificate>, we answer, and it verifies the answer. -no_nonce there: it would put a new nonce into the
  // request.
  [[nodiscard]] std::string ocsp(const std::string& certificate, const std::vector<std::string>& how = {}) {
    const auto command = [&](const std::vector<std::string>& options, const std::vector<std::string>& more) {
      std::vector<std::string> all = {"openssl", "ocsp"};
      all.insert(all.end(), options.begin(), options.end());
      all.insert(all.end(), {"-issuer", file("issuing.pem"), "-cert", certificate});
      all.insert(all.end(), more.begin(), more.end());
      return passes(all);
    };
    command(how, {"-reqout", file("request.der")});
    const Bytes request = tests::must(storage::read_file(file("request.der"), 1 << 16));
    write("answer.der", publisher_->answer_ocsp(*database_, request).body);
    std::vector<std::string> again = how;
    again.emplace_back("-no_nonce");
    return command(again, {"-respin", file("answer.der"), "-reqin", file("request.der"), "-CAfile", file("root.pem"), "-verify_other",
                           file("issuing.pem")});
  }
  std::optional<Publisher> publisher_;
};

TEST_F(CaPublication, CrlsLetACertificatePassUntilItIsRevoked) {
  const crypto::Certificate certificate = issue(Purpose::kTlsClient, tests::new_p256_key().public_key());
  const std::string pem = leaf("leaf.pem", certificate);
  EXPECT_THAT(verify(pem).output, HasSubstr("OK"));
  revoke_now(certificate, RevocationReason::kKeyCompromise);
  const tests::Finished refused = verify(pem);
  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.output, HasSubstr("certificate revoked"));
}

TEST_F(CaPublication, CrlsReadAsTheyWereMeant) {
  revoke_now(issue(Purpose::kTlsClient, tests::new_p256_key().public_key()), RevocationReason::kSuperseded);
  static_cast<void>(crls());
  const std::string text =
      passes({"openssl", "crl", "-inform", "DER", "-in", file("issuing.crl"), "-noout", "-text", "-CAfile", file("issuing.pem")});
  for (const char* part :
       {"Version 2 (0x1)", "X509v3 CRL Number", "X509v3 Authority Key Identifier", "CRL Reason Code", "Superseded", "verify OK"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(passes({"certtool", "--verify-crl", "--load-ca-certificate", file("issuing.pem"), "--infile", file("issuing.crl.pem")}),
              HasSubstr("Verified"));
}

TEST_F(CaPublication, OcspSaysGoodAndThenRevoked) {
  const crypto::Certificate certificate = issue(Purpose::kTlsClient, tests::new_p256_key().public_key());
  const std::string pem = leaf("leaf.pem", certificate);
  for (const std::vector<std::string>& how : std::vector<std::vector<std::string>>{{}, {"-no_nonce"}, {"-sha256"}}) {
    const std::string answer = ocsp(pem, how);
    EXPECT_THAT(answer, HasSubstr("Response verify OK"));
    EXPECT_THAT(answer, HasSubstr(": good"));
  }
  revoke_now(certificate, RevocationReason::kKeyCompromise);
  const std::string answer = ocsp(pem, {"-no_nonce"});
  EXPECT_THAT(answer, HasSubstr("Response verify OK"));
  EXPECT_THAT(answer, HasSubstr(": revoked"));
  EXPECT_THAT(answer, HasSubstr("Reason: keyCompromise"));
}

TEST_F(CaPublication, OcspPassesGnutls) {
  const crypto::Certificate certificate = issue(Purpose::kTlsClient, tests::new_p256_key().public_key());
  static_cast<void>(ocsp(leaf("leaf.pem", certificate)));
  EXPECT_THAT(passes({"ocsptool", "--verify-response", "--load-response", file("answer.der"), "--load-trust", file("issuing.pem")}),
              HasSubstr("Verifying OCSP Response: Success"));
}

TEST_F(CaPublication, CrossCertificatesCarryTrustBothWays) {
  const std::string before = leaf("before.pem", issue(Purpose::kTlsClient, tests::new_p256_key().public_key()));
  const std::string old_issuing = write("old-issuing.pem", crypto::to_pem(authority_->issuing()));
  tests::must(Rollover(*authority_).new_root(*database_, {.key = KeyKind::kP384}, {}));
  const std::string after = leaf("after.pem", issue(Purpose::kTlsClient, tests::new_p256_key().public_key()));
  const std::string new_root = write("new-root.pem", crypto::to_pem(authority_->root()));
  const std::string new_issuing = write("new-issuing.pem", crypto::to_pem(authority_->issuing()));
  const auto crosses = tests::must(list_cross_certificates(*database_));
  const std::string new_with_old = write("new-with-old.pem", crypto::to_pem(crosses[0].certificate));
  const std::string old_with_new = write("old-with-new.pem", crypto::to_pem(crosses[1].certificate));
  const auto verifies = [&](const std::string& root, const std::vector<std::string>& between, const std::string& certificate) {
    std::vector<std::string> arguments = {"openssl", "verify", "-x509_strict", "-CAfile", root};
    for (const std::string& one : between) arguments.insert(arguments.end(), {"-untrusted", one});
    arguments.push_back(certificate);
    return tests::run(arguments).status == 0;
  };
  EXPECT_TRUE(verifies(file("root.pem"), {old_issuing}, before));
  EXPECT_TRUE(verifies(new_root, {new_issuing}, after));
  EXPECT_TRUE(verifies(file("root.pem"), {new_issuing, new_with_old}, after));
  EXPECT_TRUE(verifies(new_root, {old_issuing, old_with_new}, before));
  EXPECT_FALSE(verifies(file("root.pem"), {new_issuing}, after)) << "not without the cross certificate";
}

}  // namespace
}  // namespace airtight::ca
