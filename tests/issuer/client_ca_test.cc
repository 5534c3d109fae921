// Clients of a CA that issuer.toml names: who is let in with which name, and every reason for which a certificate opens nothing.
#include "issuer/client_ca.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "ca/audit.h"
#include "crypto/certificate_builder.h"
#include "crypto/crl.h"
#include "crypto/signer.h"
#include "issuer/refusal.h"
#include "storage/files.h"
#include "tests/issuer/support.h"

namespace airtight::issuer::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kClientAuth = "1.3.6.1.5.5.7.3.2";
constexpr std::string_view kServerAuth = "1.3.6.1.5.5.7.3.1";
const Instant kNow = FakeClock().now();
const Instant kYesterday = kNow.plus(-std::chrono::hours(24));
const Instant kTomorrow = kNow.plus(std::chrono::hours(24));

crypto::PrivateKey new_key() { return must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256})); }

struct Leaf {
  std::string subject = "CN=printer-7,O=Example";
  std::vector<std::string> extended_key_usage = {std::string(kClientAuth)};
  std::uint16_t key_usage = static_cast<std::uint16_t>(crypto::KeyUsageBit::kDigitalSignature);
  std::vector<std::string> dns = {};
  std::vector<std::string> emails = {};
  std::vector<std::string> uris = {};
  Instant not_before = kYesterday;
  Instant not_after = kTomorrow;
  std::byte serial{7};
};

// A CA of clients with its key.
struct CertificateAuthority {
  explicit CertificateAuthority(std::string_view subject = "CN=Machines,O=Example", const CertificateAuthority* above = nullptr)
      : key(new_key()) {
    name = must(crypto::name_from_text(subject));
    const auto usage = static_cast<std::uint16_t>(static_cast<std::uint16_t>(crypto::KeyUsageBit::kKeyCertSign) |
                                                  static_cast<std::uint16_t>(crypto::KeyUsageBit::kCrlSign));
    const crypto::CertificateContent content{.serial = {std::byte{1}},
                                             .subject_der = name,
                                             .issuer_der = above != nullptr ? above->name : name,
                                             .not_before = kYesterday,
                                             .not_after = kNow.plus(std::chrono::hours(24L * 365)),
                                             .spki = to_bytes(key.public_key().spki()),
                                             .ca = true,
                                             .key_usage = usage};
    certificates.push_back(must(crypto::sign_certificate(content, above != nullptr ? above->key : key)));
  }
  [[nodiscard]] crypto::Certificate certify(const Leaf& leaf = {}) const {
    const crypto::CertificateContent content{.serial = {leaf.serial},
                                             .subject_der = must(crypto::name_from_text(leaf.subject)),
                                             .issuer_der = name,
                                             .not_before = leaf.not_before,
                                             .not_after = leaf.not_after,
                                             .spki = to_bytes(new_key().public_key().spki()),
                                             .key_usage = leaf.key_usage,
                                             .extended_key_usage = leaf.extended_key_usage,
                                             .dns_names = leaf.dns,
                                             .emails = leaf.emails,
                                             .uris = leaf.uris};
    return must(crypto::sign_certificate(content, key));
  }
  [[nodiscard]] Bytes crl(const std::vector<std::byte>& revoked, Instant next_update = kTomorrow) const {
    crypto::CrlContent content{.issuer_der = name,
                               .this_update = kYesterday,
                               .next_update = next_update,
                               .number = 1,
                               .authority_key_id = to_bytes(*certificates.front().subject_key_id())};
    for (const std::byte serial : revoked) content.revoked.push_back({.serial = {serial}, .revoked_at = kYesterday});
    return must(crypto::sign_crl(content, crypto::KeySigner(key)));
  }
  crypto::PrivateKey key;
  Bytes name;
  std::vector<crypto::Certificate> certificates;
};

ClientCa accepting(const CertificateAuthority& ca, ClientNamePart part = ClientNamePart::kCommonName) {
  return {.name = "machines", .certificates = ca.certificates, .profiles = {"default"}, .known_by = part};
}
std::string complaint(const ClientCa& ca, const crypto::Certificate& certificate, Instant now = kNow) {
  const Result<std::string> name = client_named_by(ca, certificate, now);
  return name ? "" : name.error().message;
}

TEST(ClientCas, KnowTheirClientsByCommonName) {
  const CertificateAuthority ca;
  EXPECT_EQ(must(client_named_by(accepting(ca), ca.certify(), kNow)), "printer-7");
}

TEST(ClientCas, KnowTheirClientsByAnAlternativeName) {
  const CertificateAuthority ca;
  const crypto::Certificate certificate =
      ca.certify({.subject = "O=Example", .dns = {"p7.example.com"}, .emails = {"p7@example.com"}, .uris = {"urn:example:p7"}});
  EXPECT_EQ(must(client_named_by(accepting(ca, ClientNamePart::kDns), certificate, kNow)), "p7.example.com");
  EXPECT_EQ(must(client_named_by(accepting(ca, ClientNamePart::kEmail), certificate, kNow)), "p7@example.com");
  EXPECT_EQ(must(client_named_by(accepting(ca, ClientNamePart::kUri), certificate, kNow)), "urn:example:p7");
}

TEST(ClientCas, KnowNobodyWithoutTheNameOrWithTwo) {
  const CertificateAuthority ca;
  EXPECT_THAT(complaint(accepting(ca), ca.certify({.subject = "O=Example"})), HasSubstr("0 names of the kind cn"));
  EXPECT_THAT(complaint(accepting(ca), ca.certify({.subject = "CN=a,CN=b"})), HasSubstr("2 names of the kind cn"));
  EXPECT_THAT(complaint(accepting(ca, ClientNamePart::kDns), ca.certify({.dns = {"a.example", "b.example"}})), HasSubstr("2 names"));
}

TEST(ClientCas, DoNotStandForClientsOfAnother) {
  const CertificateAuthority ca;
  const CertificateAuthority another;  // of the same name
  EXPECT_THAT(complaint(accepting(ca), another.certify()), HasSubstr("not accepted"));
  EXPECT_THAT(complaint(accepting(ca), CertificateAuthority("CN=Others").certify()), HasSubstr("issuer certificate"));
}

TEST(ClientCas, TakeNoCertificateOutsideOfItsTime) {
  const CertificateAuthority ca;
  const crypto::Certificate certificate = ca.certify();
  EXPECT_THAT(complaint(accepting(ca), certificate, kTomorrow.plus(std::chrono::hours(1))), HasSubstr("expired"));
  EXPECT_THAT(complaint(accepting(ca), certificate, kYesterday.plus(-std::chrono::hours(1))), HasSubstr("not yet valid"));
}

TEST(ClientCas, EndWithTheirOwnCertificate) {
  const CertificateAuthority ca;
  const crypto::Certificate certificate = ca.certify({.not_after = kNow.plus(std::chrono::hours(24L * 1000))});
  EXPECT_EQ(complaint(accepting(ca), certificate), "");
  EXPECT_THAT(complaint(accepting(ca), certificate, kNow.plus(std::chrono::hours(24L * 400))), HasSubstr("expired"));
}

TEST(ClientCas, WantCertificatesForTlsClients) {
  const CertificateAuthority ca;
  EXPECT_THAT(complaint(accepting(ca), ca.certify({.extended_key_usage = {std::string(kServerAuth)}})), HasSubstr("purpose"));
  EXPECT_THAT(complaint(accepting(ca), ca.certify({.extended_key_usage = {}})), HasSubstr("clientAuth"));
  EXPECT_EQ(complaint(accepting(ca), ca.certify({.extended_key_usage = {std::string(kServerAuth), std::string(kClientAuth)}})), "");
  EXPECT_THAT(complaint(accepting(ca), ca.certify({.key_usage = static_cast<std::uint16_t>(crypto::KeyUsageBit::kKeyEncipherment)})),
              HasSubstr("purpose"));
}

TEST(ClientCas, AreNoClientsThemselves) {
  const CertificateAuthority root("CN=Root");
  EXPECT_NE(complaint(accepting(root), CertificateAuthority("CN=Below", &root).certificates.front()), "");
  EXPECT_NE(complaint(accepting(root), root.certificates.front()), "");
}

TEST(ClientCas, CertifyByTheOnesThatTheyListAlone) {
  const CertificateAuthority root("CN=Root");
  const CertificateAuthority below("CN=Below", &root);
  ClientCa both = accepting(root);
  EXPECT_NE(complaint(both, below.certify()), "") << "the one between is not listed";
  both.certificates.push_back(below.certificates.front());
  EXPECT_EQ(complaint(both, below.certify()), "");
  EXPECT_EQ(complaint(accepting(below), below.certify()), "") << "each is trusted by itself";
}

class ClientCrls : public ::testing::Test {
 protected:
  ClientCa with_crl(ByteView crl) {
    must(storage::write_file(folder / "clients.crl", crl, storage::FileMode::kPublic));
    ClientCa accepted = accepting(ca);
    accepted.crl = folder / "clients.crl";
    return accepted;
  }
  tests::TemporaryFolder folder;
  CertificateAuthority ca;
};

TEST_F(ClientCrls, LetInWhomTheyDoNotName) { EXPECT_EQ(complaint(with_crl(ca.crl({std::byte{8}})), ca.certify()), ""); }

TEST_F(ClientCrls, KeepOutWhoIsRevoked) { EXPECT_THAT(complaint(with_crl(ca.crl({std::byte{7}})), ca.certify()), HasSubstr("revoked")); }

TEST_F(ClientCrls, AreReadAnewForEachClient) {
  const ClientCa accepted = with_crl(ca.crl({}));
  const crypto::Certificate certificate = ca.certify();
  EXPECT_EQ(complaint(accepted, certificate), "");
  (void)with_crl(ca.crl({std::byte{7}}));
  EXPECT_THAT(complaint(accepted, certificate), HasSubstr("revoked"));
}

TEST_F(ClientCrls, MayBePem) {
  const auto pem = [&](const std::vector<std::byte>& revoked) {
    return "-----BEGIN X509 CRL-----\n" + base64_encode(ca.crl(revoked)) + "\n-----END X509 CRL-----\n";
  };
  EXPECT_EQ(complaint(with_crl(bytes_of(pem({}))), ca.certify()), "");
  EXPECT_THAT(complaint(with_crl(bytes_of(pem({std::byte{7}}))), ca.certify()), HasSubstr("revoked"));
}

TEST_F(ClientCrls, ThatAreNotValidLetNobodyIn) {
  EXPECT_THAT(complaint(with_crl(ca.crl({}, kNow.plus(-std::chrono::hours(1)))), ca.certify()), HasSubstr("CRL has expired"));
  EXPECT_THAT(complaint(with_crl(CertificateAuthority("CN=Others").crl({})), ca.certify()), HasSubstr("CRL"));
  EXPECT_NE(complaint(with_crl(CertificateAuthority().crl({})), ca.certify()), "") << "of a namesake with another key";
  EXPECT_THAT(complaint(with_crl(bytes_of("nothing of the kind")), ca.certify()), HasSubstr("no CRL in it"));
  ClientCa missing = accepting(ca);
  missing.crl = folder / "missing.crl";
  EXPECT_THAT(complaint(missing, ca.certify()), HasSubstr("missing.crl"));
}

// Through an issuer.

class CaClients : public ::testing::Test {
 protected:
  void configure(const std::string& more = {}) {
    must(storage::write_file(folder_ / "machines.pem", bytes_of(crypto::to_pem(ca.certificates.front())), storage::FileMode::kPublic));
    issuer_ = std::make_unique<TestIssuer>(IssuerSetup{.configuration = [&](const crypto::Certificate& root) {
      std::string text = "[[client_cas]]\nname = \"machines\"\nprofiles = [\"default\"]\ncertificates = \"" +
                         (folder_ / "machines.pem").string() + "\"\n" + more + "\n";
      for (const std::string name : {"default", "other"}) {
        text += "[profiles." + name + "]\nsubject = \"CN={user_id}\"\nsession_life_time = 600\nenrolment = { by = [\"client\"] }\n" +
                "devices.accepted = [{ level = \"vendor\", certificate_pem = \"\"\"" + crypto::to_pem(root) + "\"\"\" }]\n[[profiles." +
                name + ".keys]]\nid = \"Key.1\"\nusage = \"authentication\"\nalgorithm = \"p-256\"\n";
      }
      return text;
    }});
    device_ = std::make_unique<Device>(issuer_->maker());
    client_ = std::make_unique<Client>(*issuer_, *device_);
  }
  TestIssuer& issuer() { return *issuer_; }
  Client& client() { return *client_; }
  static std::string entrance(std::string_view profile = "default") { return std::string(kBaseUrl) + "/enroll/" + std::string(profile); }
  std::vector<ca::AuditEntry> log() {
    const auto database = must(issuer().issuer().database());
    return must(ca::list_audit_log(*database, 1000));
  }
  CertificateAuthority ca;

 private:
  tests::TemporaryFolder folder_;
  std::unique_ptr<TestIssuer> issuer_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Client> client_;
};

TEST_F(CaClients, EnrolUnderTheNameInTheirCertificate) {
  configure();
  client().set_certificate(ca.certify());
  ASSERT_EQ(client().run(entrance()).status, 200);
  EXPECT_EQ(client().certificate("Key.1").subject(), "CN=printer-7");
}

TEST_F(CaClients, AreOnRecord) {
  configure();
  const crypto::Certificate certificate = ca.certify();
  client().set_certificate(certificate);
  ASSERT_EQ(client().get(entrance()).status, 200);
  const std::vector<ca::AuditEntry> entries = log();
  const auto admitted = std::ranges::find(entries, "client.admitted", &ca::AuditEntry::event);
  ASSERT_NE(admitted, entries.end());
  EXPECT_EQ(admitted->detail,
            "client: printer-7\nca: machines\ncertificate: SHA-256 " + hex_encode(certificate.sha256()) + "\nprofile: default\n");
}

TEST_F(CaClients, EnrolWithTheProfilesOfTheirCaAlone) {
  configure();
  client().set_certificate(ca.certify());
  EXPECT_EQ(refusal_id(client().get(entrance("other"))), "client.unknown");
}

TEST_F(CaClients, OfAnotherCaAreRefusedWithoutATrace) {
  configure();
  client().set_certificate(CertificateAuthority().certify());
  EXPECT_EQ(refusal_id(client().get(entrance())), "client.unknown");
  EXPECT_THAT(must(issuer().issuer().sessions()), IsEmpty());
}

TEST_F(CaClients, DoNotTakeTheNameOfARegisteredClient) {
  configure();
  (void)must(issuer().issuer().add_client({.name = "printer-7", .profile = "default"}, "operator"));
  client().set_certificate(ca.certify());
  EXPECT_EQ(refusal_id(client().get(entrance())), "client.unknown");
  client().set_certificate(ca.certify({.subject = "CN=printer-8"}));
  EXPECT_EQ(client().get(entrance()).status, 200);
}

TEST_F(CaClients, WhoAreRegisteredAreWhoTheyWereRegisteredAs) {
  configure();
  const crypto::Certificate certificate = ca.certify();
  (void)must(
      issuer().issuer().add_client({.name = "p8", .profile = "default", .certificate_pem = crypto::to_pem(certificate)}, "operator"));
  client().set_certificate(certificate);
  ASSERT_EQ(client().run(entrance()).status, 200);
  EXPECT_EQ(client().certificate("Key.1").subject(), "CN=p8");
}

TEST_F(CaClients, WithAStrangeNameMakeItAValueAndNothingElse) {
  configure();
  client().set_certificate(ca.certify({.subject = "CN=a\\,O=Bank"}));
  ASSERT_EQ(client().run(entrance()).status, 200);
  EXPECT_EQ(client().certificate("Key.1").subject(), "CN=a\\,O=Bank");
}

// The configuration.

class ClientCaTables : public ::testing::Test {
 protected:
  std::string complaint_about(const std::string& table, const std::string& ways = "client") {
    must(storage::write_file(folder / "ca.pem", bytes_of(crypto::to_pem(ca.certificates.front())), storage::FileMode::kPublic));
    must(storage::write_file(folder / "leaf.pem", bytes_of(crypto::to_pem(ca.certify())), storage::FileMode::kPublic));
    const auto read =
        parse_configuration("[[client_cas]]\n" + table + "\n[profiles.default]\nsubject = \"CN=x\"\nsession_life_time = 600\n" +
                                "devices.accept_any = true\nenrolment = { by = [\"" + ways +
                                "\"] }\n[[profiles.default.keys]]\nid = \"K\"\nusage = \"signature\"\nalgorithm = \"p-256\"\n",
                            folder.path());
    return read ? "" : read.error().message;
  }
  tests::TemporaryFolder folder;
  CertificateAuthority ca;
};

TEST_F(ClientCaTables, AreReadWithTheirFiles) {
  EXPECT_EQ(complaint_about("name = \"m\"\nprofiles = [\"default\"]\ncertificates = \"ca.pem\"\nknown_by = \"dns\"\ncrl = \"later.crl\""),
            "");
}

TEST_F(ClientCaTables, SayInWhichLineTheyAreWrong) {
  const std::string start = "name = \"m\"\nprofiles = [\"default\"]\n";
  EXPECT_THAT(complaint_about(start + "certificates = \"missing.pem\""), HasSubstr("issuer.toml:4:"));
  EXPECT_THAT(complaint_about(start + "certificates = \"leaf.pem\""), HasSubstr("no CA's"));
  EXPECT_THAT(complaint_about(start + "certificates = \"ca.pem\"\nknown_by = \"face\""), HasSubstr("issuer.toml:5:"));
  EXPECT_THAT(complaint_about("name = \"m\"\ncertificates = \"ca.pem\""), HasSubstr("no profile is for"));
  EXPECT_THAT(complaint_about("name = \"m\"\nprofiles = [\"none\"]\ncertificates = \"ca.pem\""), HasSubstr("no profile 'none'"));
  EXPECT_THAT(complaint_about(start + "certificates = \"ca.pem\"", "url"), HasSubstr("no client enrols"));
  EXPECT_THAT(complaint_about(start + "certificates = \"ca.pem\"\nclr = \"typo\""), HasSubstr("clr"));
  EXPECT_THAT(complaint_about(start + "certificates = \"ca.pem\"\n[[client_cas]]\n" + start + "certificates = \"ca.pem\""),
              HasSubstr("no other has"));
}

}  // namespace
}  // namespace airtight::issuer::testing
