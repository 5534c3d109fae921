// Messages that travel as files (keygen2.md section 1): the device saw no TLS certificate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/certificate.h"
#include "tests/issuer/support.h"

namespace airtight::issuer::testing {
namespace {

std::string configuration_of(const crypto::Certificate& root, std::string_view head) {
  return "[profiles.default]\nsession_life_time = 600\ndevices.accepted = [{ level = \"vendor\", certificate_pem = \"\"\"" +
         crypto::to_pem(root) + "\"\"\" }]\n" + std::string(head) +
         "\n[[profiles.default.keys]]\nid = \"Key.1\"\nusage = \"signature\"\nalgorithm = \"p-256\"\n";
}

class Files : public ::testing::Test {
 protected:
  explicit Files(std::string head = "by_files = true")
      : issuer({.configuration = [=](const crypto::Certificate& root) { return configuration_of(root, head); }}) {}

  // The session response with another fingerprint, or none.
  http::Response create_session(std::optional<Bytes> fingerprint) {
    keygen2::ProvisioningSessionResponse response = client.session_response();
    response.server_certificate_fingerprint = std::move(fingerprint);
    response.session_attestation = client.attest_session(response, device.key);
    return client.post(client.sign(response));
  }

  TestIssuer issuer;
  Device device{issuer.maker()};
  Client client{issuer, device};
};

TEST_F(Files, CarryAWholeSession) {
  client.run(issuer.url(), 1);
  ASSERT_EQ(create_session(std::nullopt).status, 200);
  ASSERT_EQ(client.make_keys().status, 200);
  ASSERT_EQ(client.deploy().status, 200);
  EXPECT_EQ(issuer.session().state, "Done");
}

TEST_F(Files, DoNotHideAnotherTlsCertificate) {
  client.run(issuer.url(), 1);
  EXPECT_EQ(refusal_id(create_session(Bytes(32))), "server-certificate-fingerprint");
}

TEST_F(Files, AreNothingButAPermission) {
  client.run(issuer.url());
  EXPECT_EQ(issuer.session().state, "Done");
}

class FilesUnwanted : public Files {
 protected:
  FilesUnwanted() : Files("") {}
};

TEST_F(FilesUnwanted, AreRefused) {
  client.run(issuer.url(), 1);
  EXPECT_EQ(refusal_id(create_session(std::nullopt)), "server-certificate-fingerprint.missing");
}

}  // namespace
}  // namespace airtight::issuer::testing
