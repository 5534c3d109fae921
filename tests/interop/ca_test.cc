// Certificates against the openssl command, both ways: it verifies and prints ours, and we read its.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/encoding.h"
#include "ca/authority.h"
#include "ca/maker.h"
#include "crypto/random.h"
#include "storage/files.h"
#include "tests/interop/command.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_folder.h"

namespace airtight {
namespace {

using crypto::Certificate;
using testing::HasSubstr;
using tests::must;

// A folder for files, and the command run on them.
class Openssl : public testing::Test {
 protected:
  std::string file(std::string_view name) const { return (folder_ / std::string(name)).native(); }
  std::string write(std::string_view name, std::string_view content) const {
    std::ofstream(file(name), std::ios::binary) << content;
    return file(name);
  }
  std::string write(std::string_view name, const Certificate& certificate) const { return write(name, crypto::to_pem(certificate)); }
  Certificate read(std::string_view name) const {
    return must(crypto::certificates_from_pem(text_of(must(storage::read_file(file(name), 1 << 20))))).front();
  }
  // Output of `openssl arguments...`, which has to succeed; without the line end.
  static std::string openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    tests::Finished finished = tests::run(arguments);
    EXPECT_EQ(finished.status, 0) << finished.output;
    if (finished.output.ends_with('\n')) finished.output.pop_back();
    return std::move(finished.output);
  }
  // A self-signed certificate <name>.pem with <name>.key, by openssl.
  Certificate made_by_openssl(const std::string& name, std::vector<std::string> arguments) const {
    std::vector<std::string> all = {"req", "-x509", "-nodes", "-utf8", "-keyout", file(name + ".key"), "-out", file(name + ".pem")};
    all.insert(all.end(), arguments.begin(), arguments.end());
    openssl(all);
    return read(name + ".pem");
  }
  std::string subject_by_openssl(const std::string& name) const {
    const std::string text = openssl({"x509", "-in", file(name + ".pem"), "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb"});
    return text.substr(std::string_view("subject=").size());
  }

 private:
  tests::TemporaryFolder folder_;
};

const std::vector<std::string> kP256 = {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"};

std::vector<std::string> with_p256(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), kP256.begin(), kP256.end());
  return arguments;
}

class OpensslVerifies : public Openssl {
 protected:
  OpensslVerifies() {
    must(ca::Authority::create(*database_, master_key_, {.organization = "Example Bank"}, clock_, random_));
    authority_.emplace(must(ca::Authority::open(*database_, master_key_, clock_, random_)));
    write("root.pem", authority_->root());
    write("issuing.pem", authority_->issuing());
    write("tls.pem", authority_->tls_root());
  }
  Certificate credential(const crypto::PrivateKey& key) {
    provenance::Verdict verdict;
    verdict.decision = provenance::Decision::kAllow;
    const ca::CertificateProfile profile{
        .name = "signing", .key_usage = 0xC000, .extended_key_usage = {"1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.2"}, .policies = {"1.2.3.4"}};
    const ca::Subject subject{.name_der = must(crypto::name_from_text("CN=Zoë Löwe,O=Example Bank,C=SE")), .emails = {"zoe@example.com"}};
    return in_transaction([&] { return authority_->issue(*database_, profile, subject, key.public_key(), verdict); });
  }
  Certificate tls_server(const crypto::PrivateKey& key) {
    return in_transaction([&] { return authority_->issue_tls_server(*database_, key.public_key(), {"localhost"}, {"127.0.0.1", "::1"}); });
  }
  template <typename Issue>
  Certificate in_transaction(Issue issue) {
    auto transaction = must(storage::Transaction::begin(*database_, storage::Access::kWrite));
    Certificate certificate = must(issue());
    must(transaction.commit());
    return certificate;
  }
  static std::string verify(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"verify", "-x509_strict"});
    return openssl(std::move(arguments));
  }

  SystemClock clock_;
  crypto::SystemRandom random_;
  sealing::MasterKey master_key_{random_.secret(32)};
  std::unique_ptr<storage::Database> database_ = must(storage::open_sqlite_in_memory());
  std::optional<ca::Authority> authority_;
};

TEST_F(OpensslVerifies, ACredentialUpToItsRoot) {
  const std::string leaf = write("leaf.pem", credential(tests::new_p256_key()));
  EXPECT_THAT(verify({"-purpose", "smimesign", "-CAfile", file("root.pem"), "-untrusted", file("issuing.pem"), leaf}), HasSubstr("OK"));
}

TEST_F(OpensslVerifies, ACredentialOfAnRsaKey) {
  const std::string leaf = write("leaf.pem", credential(must(crypto::PrivateKey::generate(crypto::RsaSpec{2048}))));
  EXPECT_THAT(verify({"-purpose", "sslclient", "-CAfile", file("root.pem"), "-untrusted", file("issuing.pem"), leaf}), HasSubstr("OK"));
}

TEST_F(OpensslVerifies, ATlsServerUpToTheTlsRoot) {
  const std::string leaf = write("leaf.pem", tls_server(tests::new_p256_key()));
  EXPECT_THAT(verify({"-purpose", "sslserver", "-verify_hostname", "localhost", "-CAfile", file("tls.pem"), leaf}), HasSubstr("OK"));
  EXPECT_THAT(verify({"-purpose", "sslserver", "-verify_ip", "::1", "-CAfile", file("tls.pem"), leaf}), HasSubstr("OK"));
}

TEST_F(OpensslVerifies, NeitherChainUnderTheOthersRoot) {
  const std::string credential_file = write("credential.pem", credential(tests::new_p256_key()));
  const std::string server_file = write("server.pem", tls_server(tests::new_p256_key()));
  EXPECT_NE(tests::run({"openssl", "verify", "-CAfile", file("tls.pem"), "-untrusted", file("issuing.pem"), credential_file}).status, 0);
  EXPECT_NE(tests::run({"openssl", "verify", "-CAfile", file("root.pem"), "-untrusted", file("issuing.pem"), server_file}).status, 0);
}

TEST_F(OpensslVerifies, ADeviceUpToItsMakersRoot) {
  const auto path = must(
      ca::certify_device(file("maker"), {.vendor = "Airtight", .model = "Token 1"}, tests::new_p256_key().public_key(), clock_, random_));
  const std::string device = write("device.pem", path[0]);
  const std::string model = write("model.pem", path[1]);
  EXPECT_THAT(verify({"-CAfile", file("maker/root.pem"), "-untrusted", model, device}), HasSubstr("OK"));
}

TEST_F(OpensslVerifies, TheMakersKeysAsKeys) {
  must(ca::certify_device(file("maker"), {.vendor = "Airtight", .model = "Token 1"}, tests::new_p256_key().public_key(), clock_, random_));
  const std::string by_key = openssl({"pkey", "-in", file("maker/root.key"), "-pubout"});
  EXPECT_EQ(by_key, openssl({"x509", "-in", file("maker/root.pem"), "-noout", "-pubkey"}));
}

TEST_F(OpensslVerifies, EveryExtensionThatWeWrite) {
  const tests::Entity root = tests::new_root("CN=Root");
  const tests::Entity leaf = tests::new_leaf("CN=Leaf,O=Example", root, [](crypto::CertificateContent& content) {
    content.key_usage = 0x8800;
    content.extended_key_usage = {"1.3.6.1.5.5.7.3.2"};
    content.policies = {"1.2.3.4", "1.2.3.5"};
    content.dns_names = {"a.example"};
    content.ip_addresses = {"127.0.0.1", "2001:db8::1"};
    content.emails = {"a@example.com"};
    content.crl_urls = {"http://example.com/crl"};
    content.ocsp_urls = {"http://example.com/ocsp"};
    content.issuer_urls = {"http://example.com/ca"};
  });
  const std::string text = openssl({"x509", "-in", write("leaf.pem", leaf.certificate), "-noout", "-text"});
  for (const char* part : {"Version: 3 (0x2)", "X509v3 Basic Constraints: critical", "CA:FALSE", "X509v3 Key Usage: critical",
                           "Digital Signature, Key Agreement", "TLS Web Client Authentication", "Policy: 1.2.3.4", "Policy: 1.2.3.5",
                           "email:a@example.com, DNS:a.example, IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1",
                           "Full Name:", "URI:http://example.com/crl", "OCSP - URI:http://example.com/ocsp",
                           "CA Issuers - URI:http://example.com/ca", "Not Before: Jan  1 00:00:00 2026 GMT"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

class OpensslMakes : public Openssl {};

TEST_F(OpensslMakes, CertificatesOfEveryKindThatWeVerify) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> kinds = {
      {"rsa-sha256", {"-newkey", "rsa:2048", "-sha256"}},
      {"rsa-sha384", {"-newkey", "rsa:2048", "-sha384"}},
      {"rsa-sha512", {"-newkey", "rsa:2048", "-sha512"}},
      {"pss-sha256", {"-newkey", "rsa:2048", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"}},
      {"pss-sha384", {"-newkey", "rsa:2048", "-sha384", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"}},
      {"p256", {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha256"}},
      {"p384", {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"}},
      {"p521", {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-sha512"}},
  };
  for (const auto& [name, arguments] : kinds) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"-subj", "/CN=" + name, "-days", "30"});
    const Certificate certificate = made_by_openssl(name, all);
    EXPECT_TRUE(certificate.is_ca()) << name;
    const auto verified = certificate.verify_issued_by(certificate);
    EXPECT_TRUE(verified) << name << ": " << (verified ? "" : verified.error().message);
  }
}

TEST_F(OpensslMakes, SignaturesThatWeRefuse) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> kinds = {
      {"sha1", {"-newkey", "rsa:2048", "-sha1"}},
      {"pss-other-salt", {"-newkey", "rsa:2048", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:20"}},
      {"pss-other-mask",
       {"-newkey", "rsa:2048", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_mgf1_md:sha512", "-sigopt",
        "rsa_pss_saltlen:digest"}},
      {"ed25519", {"-newkey", "ed25519"}},
  };
  for (const auto& [name, arguments] : kinds) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"-subj", "/CN=" + name});
    const Certificate certificate = made_by_openssl(name, all);
    EXPECT_EQ(certificate.verify_issued_by(certificate).error().fault, Fault::kRefused) << name;
  }
}

TEST_F(OpensslMakes, FieldsThatWeReadAlike) {
  const Certificate certificate = made_by_openssl(
      "fields", with_p256({"-subj", "/C=SE/O=Example/CN=Jane/emailAddress=jane@example.com", "-days", "20000", "-set_serial", "0xFF00AA",
                           "-addext", "subjectAltName=email:j@example.com,DNS:a.example,IP:127.0.0.1,URI:http://a,otherName:1.2.3;UTF8:x",
                           "-addext", "keyUsage=critical,digitalSignature,keyCertSign,decipherOnly,keyAgreement"}));
  const auto field = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"x509", "-in", file("fields.pem"), "-noout"});
    return openssl(options);
  };
  EXPECT_EQ(field({"-serial"}), "serial=FF00AA");
  EXPECT_EQ(hex_encode(certificate.serial()), "ff00aa");
  EXPECT_EQ(field({"-startdate", "-dateopt", "iso_8601"}).substr(10, 10), format_time(certificate.not_before()).substr(0, 10));
  EXPECT_EQ(field({"-enddate", "-dateopt", "iso_8601"}).substr(9, 10), format_time(certificate.not_after()).substr(0, 10));
  EXPECT_THAT(certificate.emails(), testing::UnorderedElementsAre("jane@example.com", "j@example.com"));
  EXPECT_EQ(certificate.key_usage(), 0x8C80);
  std::string fingerprint = field({"-fingerprint", "-sha256"});
  std::erase(fingerprint, ':');
  std::string ours = hex_encode(certificate.sha256());
  for (char& c : ours) c = c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
  EXPECT_THAT(fingerprint, HasSubstr(ours));
}

TEST_F(OpensslMakes, AChainThatWeOrder) {
  const Certificate root = made_by_openssl("root", with_p256({"-subj", "/CN=Root"}));
  openssl({"req", "-newkey", "rsa:2048", "-nodes", "-keyout", file("leaf.key"), "-out", file("leaf.csr"), "-subj", "/CN=Leaf"});
  openssl({"x509", "-req", "-in", file("leaf.csr"), "-CA", file("root.pem"), "-CAkey", file("root.key"), "-CAcreateserial", "-out",
           file("leaf.pem")});
  const Certificate leaf = read("leaf.pem");  // of version 1, as openssl makes it without extensions
  EXPECT_EQ(must(crypto::order_path({root, leaf})), (std::vector<Certificate>{leaf, root}));
}

TEST_F(OpensslMakes, NamesThatWeWriteAlike) {
  const std::vector<std::string> subjects = {
      "/C=SE/ST=Stockholm/L=Stockholm/O=Example Bank AB/OU=Cards/CN=Jane Doe",
      "/DC=com/DC=example/UID=jane/CN=Jane",
      "/CN=A+UID=b/O=C+OU=D",
      "/O=Example\\, Inc./CN=#1 <a> \"b\"; c\\\\d = e",
      "/CN= leading and trailing ",
      "/CN=Zoë Löwe/O=Банк/OU=銀行 🏦",
      "/CN=a\nb\x7F",
      "/serialNumber=0042/emailAddress=a@example.com/title=Dr/GN=Jane/SN=Doe/street=Main 1/CN=J",
      "/businessCategory=Private/CN=A",  // a type that we do not name
  };
  for (std::size_t i = 0; i < subjects.size() - 1; ++i) {
    const Certificate certificate = made_by_openssl("name", with_p256({"-subj", subjects[i]}));
    EXPECT_EQ(certificate.subject(), subject_by_openssl("name")) << subjects[i];
    EXPECT_TRUE(equal(must(crypto::name_from_text(certificate.subject())), must(crypto::name_from_text(subject_by_openssl("name")))));
  }
  const Certificate certificate = made_by_openssl("name", with_p256({"-subj", subjects.back()}));
  EXPECT_EQ(certificate.subject(), "CN=A,2.5.4.15=#0C0750726976617465");
}

TEST_F(OpensslMakes, NamesInOldStringTypes) {
  for (const auto& [mask, subject] : std::vector<std::pair<std::string, std::string>>{
           {"MASK:0x0800", "/O=Länge/CN=銀行"},    // BMPString
           {"MASK:0x0100", "/O=Länge/CN=🏦"},      // UniversalString
           {"MASK:0x0004", "/O=Laenge/CN=Lä"},     // T61String
           {"MASK:0x0002", "/O=Length/CN=Plain"},  // PrintableString
           {"utf8only", "/O=Länge/CN=🏦"},
       }) {
    const std::string config = write("openssl.cnf", "[req]\nstring_mask = " + mask + "\ndistinguished_name = none\n[none]\n");
    const Certificate certificate = made_by_openssl("name", with_p256({"-config", config, "-subj", subject}));
    EXPECT_EQ(certificate.subject(), subject_by_openssl("name")) << mask;
  }
}

}  // namespace
}  // namespace airtight
