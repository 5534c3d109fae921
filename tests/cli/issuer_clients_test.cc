// Clients that enrol without a person, as programs: over TLS, with a token or with a certificate of a CA that issuer.toml names.
#include <gmock/gmock.h>

#include <fstream>

#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/certificate_builder.h"
#include "storage/files.h"
#include "tests/cli/program.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"

namespace airtight::cli::testing {
namespace {

using ::testing::HasSubstr;
using tests::must;

constexpr std::string_view kMachines = R"(
[[client_cas]]
name = "machines"
certificates = "machines.pem"
profiles = ["machine"]

[profiles.machine]
subject = "CN={user_id}"
enrolment = { by = ["client"] }
devices = { accept_any = true }
[[profiles.machine.keys]]
id = "Key.1"
usage = "authentication"
algorithm = "p-256"
)";

// A CA and a client of it, in files.
struct ClientFiles {
  std::string certificate;
  std::string key;
  std::string ca_pem;
};
ClientFiles make_client(const tests::TemporaryFolder& folder, const std::string& name) {
  const crypto::PrivateKey ca_key = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  const crypto::PrivateKey key = must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}));
  const Instant now = SystemClock().now();
  const Bytes ca_name = must(crypto::name_from_text("CN=Machines"));
  crypto::CertificateContent content{.serial = {std::byte{1}},
                                     .subject_der = ca_name,
                                     .issuer_der = ca_name,
                                     .not_before = now.plus(-std::chrono::hours(1)),
                                     .not_after = now.plus(std::chrono::hours(1)),
                                     .spki = to_bytes(ca_key.public_key().spki()),
                                     .ca = true,
                                     .key_usage = static_cast<std::uint16_t>(crypto::KeyUsageBit::kKeyCertSign)};
  const std::string ca_pem = crypto::to_pem(must(crypto::sign_certificate(content, ca_key)));
  content.subject_der = must(crypto::name_from_text("CN=" + name));
  content.spki = to_bytes(key.public_key().spki());
  content.ca = false;
  content.key_usage = static_cast<std::uint16_t>(crypto::KeyUsageBit::kDigitalSignature);
  content.extended_key_usage = {"1.3.6.1.5.5.7.3.2"};
  const std::string certificate = crypto::to_pem(must(crypto::sign_certificate(content, ca_key)));
  must(storage::write_file(folder / (name + ".pem"), bytes_of(certificate), storage::FileMode::kPublic));
  must(storage::write_file(folder / (name + ".key"), must(crypto::to_pem(key)).expose_secret(), storage::FileMode::kPrivate));
  return {folder / (name + ".pem"), folder / (name + ".key"), ca_pem};
}

class IssuerClients : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(run({"device", "create", "--store", store, "--maker", folder / "maker"}).status, 0);
    ASSERT_EQ(run({"issuer", "init", issuer}).status, 0);
    must(storage::write_file(folder / "issuer/machines.pem", bytes_of(printer.ca_pem), storage::FileMode::kPublic));
    std::ofstream(issuer + "/issuer.toml", std::ios::app) << kMachines;
    server.emplace(std::vector<std::string>{"issuer", "serve", issuer, "--listen", "127.0.0.1:0"});
  }
  Outcome enroll(std::vector<std::string> proof) {
    const std::string url = server->first_line().substr(std::string("listening ").size()) + "/enroll/machine";
    proof.insert(proof.begin(), {"enroll", url, "--store", store, "--ca-file", issuer + "/tls/ca.pem", "--yes"});
    return run(proof);
  }
  tests::TemporaryFolder folder;
  std::string store = folder / "card";
  std::string issuer = folder / "issuer";
  ClientFiles printer = make_client(folder, "printer-7");
  std::optional<BackgroundProgram> server;
};

TEST_F(IssuerClients, OfACaEnrolByTheirTlsCertificate) {
  const Outcome done = enroll({"--client-cert", printer.certificate, "--client-key", printer.key});
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_THAT(run({"issuer", "credentials", issuer}).out, HasSubstr("CN=printer-7"));
  EXPECT_THAT(run({"issuer", "audit", issuer}).out, HasSubstr("client.admitted"));
}

TEST_F(IssuerClients, OfAnotherCaOrOfNoneStayOutside) {
  const ClientFiles stranger = make_client(folder, "printer-8");
  EXPECT_EQ(enroll({"--client-cert", stranger.certificate, "--client-key", stranger.key}).status, 1);
  EXPECT_EQ(enroll({}).status, 1);
  EXPECT_THAT(run({"issuer", "sessions", issuer}).out, HasSubstr("no sessions"));
}

TEST_F(IssuerClients, AreListedWithTheCasThatSpeakForThem) {
  ASSERT_EQ(run({"issuer", "clients", "add", issuer, "printer-9", "--profile", "machine"}).status, 0);
  const Outcome listed = run({"issuer", "clients", "list", issuer});
  EXPECT_THAT(listed.out, HasSubstr("printer-9  machine  token"));
  EXPECT_THAT(listed.out, HasSubstr("machines  machine  all of this CA, known by cn"));
  const Outcome json = run({"issuer", "clients", "list", issuer, "--json"});
  EXPECT_EQ(json.json().at("cas").as_array().at(0).at("known_by").as_string(), "cn");
}

TEST_F(IssuerClients, EnrolByTheirToken) {
  const Outcome added = run({"issuer", "clients", "add", issuer, "printer-9", "--profile", "machine"});
  must(storage::write_file(folder / "token", bytes_of(added.out), storage::FileMode::kPrivate));
  EXPECT_EQ(enroll({"--token-file", folder / "token"}).status, 0);
}

}  // namespace
}  // namespace airtight::cli::testing
