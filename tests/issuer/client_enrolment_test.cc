// Enrolment without a person and without a browser: clients that prove who they are, and messages that are carried without HTTP cookies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/certificate_builder.h"
#include "issuer/refusal.h"
#include "tests/issuer/support.h"

namespace airtight::issuer::testing {
namespace {

using ::testing::IsEmpty;

std::string configuration(const crypto::Certificate& root, std::string_view head) {
  const std::string devices = "devices.accepted = [{ level = \"vendor\", certificate_pem = \"\"\"" + crypto::to_pem(root) + "\"\"\" }]\n";
  std::string text;
  for (const std::string name : {"default", "other"}) {
    text += "[profiles." + name + "]\nsession_life_time = 600\n" + std::string(head) + "\n" + devices + "[[profiles." + name +
            ".keys]]\nid = \"Key.1\"\nusage = \"authentication\"\nalgorithm = \"p-256\"\n";
  }
  return text;
}

class ClientEnrolment : public ::testing::Test {
 protected:
  static std::string clients(const crypto::Certificate& root) {
    return configuration(root, "subject = \"CN={user_id}\"\nenrolment = { by = [\"client\"] }");
  }
  static std::string entrance(std::string_view profile = "default") { return std::string(kBaseUrl) + "/enroll/" + std::string(profile); }
  std::string token_of(const std::string& name, const std::string& subject = {}) {
    return must(issuer.issuer().add_client({.name = name, .profile = "default", .subject = subject}, "operator")).value();
  }

  TestIssuer issuer{{.configuration = clients}};
  Device device{issuer.maker()};
  Client client{issuer, device};
};

TEST_F(ClientEnrolment, ATokenBeginsASessionForItsClient) {
  client.set_authorization("Bearer " + token_of("printer-7"));
  ASSERT_EQ(client.run(entrance()).status, 200);
  EXPECT_EQ(client.certificate("Key.1").subject(), "CN=printer-7");
}

TEST_F(ClientEnrolment, ATokenBeginsAnyNumberOfSessions) {
  client.set_authorization("bearer  " + token_of("printer-7", "CN=Printer 7,C=SE"));
  EXPECT_EQ(client.run(entrance()).status, 200);
  EXPECT_EQ(client.run(entrance()).status, 200);
  EXPECT_EQ(client.certificate("Key.1").subject(), "CN=Printer 7,C=SE");
}

TEST_F(ClientEnrolment, IsRefusedWithoutProof) {
  const http::Response refused = client.get(entrance());
  EXPECT_EQ(refusal_id(refused), "client.unknown");
  EXPECT_EQ(refused.status, kUnauthorized);
  EXPECT_TRUE(refused.headers.get("WWW-Authenticate").has_value());
}

TEST_F(ClientEnrolment, IsRefusedWithAnythingThatIsNotTheToken) {
  const std::string token = token_of("printer-7");
  std::string flipped = token;
  flipped.back() = flipped.back() == 'A' ? 'B' : 'A';
  const std::vector<std::string> wrong = {
      "Bearer " + flipped, "Basic " + token, "Bearer", "Bearer ", "Bearer " + std::string(600, 'a'), "Bearer " + token + " x", token};
  for (const std::string& text : wrong) {
    client.set_authorization(text);
    EXPECT_EQ(refusal_id(client.get(entrance())), "client.unknown") << text;
  }
  EXPECT_THAT(must(issuer.issuer().sessions()), IsEmpty());
}

TEST_F(ClientEnrolment, IsRefusedAtAnotherProfile) {
  client.set_authorization("Bearer " + token_of("printer-7"));
  EXPECT_EQ(refusal_id(client.get(entrance("other"))), "client.unknown");
}

TEST_F(ClientEnrolment, EndsWhenTheClientIsRemoved) {
  client.set_authorization("Bearer " + token_of("printer-7"));
  must(issuer.issuer().remove_client("printer-7", "operator"));
  EXPECT_EQ(refusal_id(client.get(entrance())), "client.unknown");
  EXPECT_EQ(issuer.issuer().remove_client("printer-7", "operator").error().fault, Fault::kNotFound);
}

TEST_F(ClientEnrolment, OfARemovedClientEndsWhereItStands) {
  client.set_authorization("Bearer " + token_of("printer-7"));
  client.run(entrance(), 2);
  must(issuer.issuer().remove_client("printer-7", "operator"));
  EXPECT_EQ(refusal_id(client.make_keys()), "session.ended");
  EXPECT_EQ(issuer.session().refusal_id, "registration.removed");
}

TEST_F(ClientEnrolment, ACertificateBeginsASessionForItsClient) {
  must(
      issuer.issuer().add_client({.name = "p8", .profile = "default", .certificate_pem = crypto::to_pem(device.path.front())}, "operator"));
  client.set_certificate(device.path.front());
  ASSERT_EQ(client.run(entrance()).status, 200);
  EXPECT_EQ(client.certificate("Key.1").subject(), "CN=p8");
}

TEST_F(ClientEnrolment, AnotherCertificateOfTheSameIssuerIsRefused) {
  must(
      issuer.issuer().add_client({.name = "p8", .profile = "default", .certificate_pem = crypto::to_pem(device.path.front())}, "operator"));
  const Device other(issuer.maker());
  client.set_certificate(other.path.front());
  EXPECT_EQ(refusal_id(client.get(entrance())), "client.unknown");
}

TEST_F(ClientEnrolment, ACertificateThatHasExpiredIsRefused) {
  must(
      issuer.issuer().add_client({.name = "p8", .profile = "default", .certificate_pem = crypto::to_pem(device.path.front())}, "operator"));
  client.set_certificate(device.path.front());
  issuer.clock().pass(std::chrono::hours(24L * 366 * 100));
  EXPECT_EQ(refusal_id(client.get(entrance())), "client.unknown");
}

TEST_F(ClientEnrolment, AWrongTokenIsNotMadeGoodByACertificate) {
  must(
      issuer.issuer().add_client({.name = "p8", .profile = "default", .certificate_pem = crypto::to_pem(device.path.front())}, "operator"));
  client.set_certificate(device.path.front());
  client.set_authorization("Bearer wrong");
  EXPECT_EQ(refusal_id(client.get(entrance())), "client.unknown");
}

TEST_F(ClientEnrolment, AClientIsRegisteredOnceAndUnderAName) {
  token_of("printer-7");
  EXPECT_EQ(issuer.issuer().add_client({.name = "printer-7", .profile = "default"}, "operator").error().fault, Fault::kRefused);
  EXPECT_EQ(issuer.issuer().add_client({.name = "a b", .profile = "default"}, "operator").error().fault, Fault::kBadInput);
  EXPECT_EQ(issuer.issuer().add_client({.name = "x", .profile = "default", .subject = "CN={device_id}"}, "operator").error().fault,
            Fault::kRefused);
}

// Messages that are carried by hand, without HTTP cookies.

class ByHand : public ::testing::Test {
 protected:
  void configure(std::string head) {
    issuer_ = std::make_unique<TestIssuer>(
        IssuerSetup{.configuration = [=](const crypto::Certificate& root) { return configuration(root, head); }});
    device_ = std::make_unique<Device>(issuer_->maker());
    client_ = std::make_unique<Client>(*issuer_, *device_);
    client_->get(issuer_->url());
    client_->carry_by_hand();
  }
  TestIssuer& issuer() { return *issuer_; }
  Client& client() { return *client_; }
  const Device& device() { return *device_; }

 private:
  std::unique_ptr<TestIssuer> issuer_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Client> client_;
};

TEST_F(ByHand, TheServerCookieOfAMessageNamesItsSession) {
  configure("server_cookie = true");
  client().negotiate();
  client().create_session();
  client().make_keys();
  EXPECT_EQ(client().deploy().status, 200);
  EXPECT_EQ(issuer().session().state, "Done");
}

TEST_F(ByHand, TheSessionIdAloneIsNotEnough) {
  configure("");
  EXPECT_EQ(refusal_id(client().negotiate()), "session.cookie");
  EXPECT_EQ(issuer().session().state, "AwaitPlatformNegotiationResponse");
}

TEST_F(ByHand, AMessageWithoutItsServerCookieDoesNotEndTheSession) {
  configure("server_cookie = true");
  keygen2::PlatformNegotiationResponse response = client().negotiation_response();
  response.server_cookie.reset();
  EXPECT_EQ(refusal_id(client().send(std::move(response))), "session.cookie");
  response = client().negotiation_response();
  response.server_cookie->root().children().front().set_text("forged");
  EXPECT_EQ(refusal_id(client().send(std::move(response))), "session.cookie");
  EXPECT_EQ(client().negotiate().status, 200);
}

TEST_F(ByHand, AServerCookieIsGoodForItsOwnStepAndSessionAlone) {
  configure("server_cookie = true");
  const Bytes first = must(keygen2::write_message(client().negotiation_response())).serialize();
  EXPECT_EQ(client().negotiate().status, 200);
  EXPECT_EQ(refusal_id(client().post(first)), "session.cookie");
  Client other(issuer(), device());
  other.get(issuer().url());
  other.carry_by_hand();
  keygen2::PlatformNegotiationResponse response = other.negotiation_response();
  response.server_session_id = client().server_session_id();
  EXPECT_EQ(refusal_id(other.send(std::move(response))), "session.cookie");
  EXPECT_EQ(client().create_session().status, 200);
}

TEST_F(ByHand, WhoeverFetchedTheFirstRequestLastGoesOn) {
  configure("server_cookie = true");
  const std::string url = issuer().url();
  Client first(issuer(), device());
  first.get(url);
  first.carry_by_hand();
  Client second(issuer(), device());
  second.get(url);
  second.carry_by_hand();
  EXPECT_EQ(refusal_id(first.negotiate()), "session.cookie");
  EXPECT_EQ(second.negotiate().status, 200);
}

}  // namespace
}  // namespace airtight::issuer::testing
