// Issuers that break a rule, or somebody on the way who does: each attempt ends with the right ClientErrorResponse, and nothing of it stays
// in the key store (keygen2.md sections 1 and 6).
#include <gmock/gmock.h>

#include "base/algorithms.h"
#include "tests/agent/enrollment_fixture.h"

namespace airtight::agent::testing {
namespace {

using keygen2::ClientError;
using keygen2::MessageKind;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HostileIssuer : public EnrollmentFixture {
 protected:
  // The enrolment fails, the issuer is told `expected`, and the key store is as before.
  void expect_refusal(ClientError expected, const EnrollmentOptions& options = {.url = FakeIssuer::kStartUrl}) {
    const Result<EnrollmentOutcome> outcome = run(options);
    EXPECT_FALSE(outcome);
    ASSERT_TRUE(issuer.error) << (outcome ? "" : outcome.error().message);
    EXPECT_EQ(name_of(issuer.error->error), name_of(expected)) << (outcome ? "" : outcome.error().message);
    EXPECT_EQ(issuer.error->server_session_id, FakeIssuer::kServerSessionId);
    EXPECT_EQ(sessions(), 0U);
    EXPECT_THAT(keys(), IsEmpty());
  }

  // The enrolment fails without a word to the issuer, and the key store is as before.
  void expect_silent_failure(std::string_view words, const EnrollmentOptions& options = {.url = FakeIssuer::kStartUrl}) {
    const Result<EnrollmentOutcome> outcome = run(options);
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error().message, HasSubstr(words));
    EXPECT_FALSE(issuer.error);
    EXPECT_EQ(sessions(), 0U);
  }

  template <typename Message>
  void change(std::function<void(Message&)> change) {
    issuer.change_message = changing<Message>(std::move(change));
  }

  // Replaces the whole message of type `From` by `replacement`.
  template <typename From>
  void replace(std::function<keygen2::Message(From&)> replacement) {
    issuer.change_message = [replacement](keygen2::Message& message) {
      if (auto* from = std::get_if<From>(&message)) message = replacement(*from);
    };
  }

  // Changes the first exchange after the issuer received `after`.
  void change_reply_to(MessageKind after, std::function<void(http::Exchange&)> change) {
    issuer.change_exchange = [this, after, change](const http::Request&, http::Exchange& exchange) {
      if (!issuer.received.empty() && issuer.received.back() == after) change(exchange);
    };
  }
};

// Which session

TEST_F(HostileIssuer, CannotChangeTheServerSessionId) {
  change<keygen2::ProvisioningSessionRequest>([](auto& request) { request.id = "S-another"; });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotInitializeKeysInAnotherServerSession) {
  change<keygen2::KeyInitializationRequest>([](auto& request) { request.id = "S-another"; });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotInitializeKeysInAnotherClientSession) {
  change<keygen2::KeyInitializationRequest>([](auto& request) { request.client_session_id = "C-another"; });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotDeployForAnotherClientSession) {
  change<keygen2::CredentialDeploymentRequest>([](auto& request) { request.client_session_id = "C-another"; });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotDeployForAnotherServerSession) {
  change<keygen2::CredentialDeploymentRequest>([](auto& request) { request.id = "S-another"; });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotDeployUnderAnotherIssuerUri) {
  change<keygen2::CredentialDeploymentRequest>([](auto& request) { request.issuer_uri = "https://issuer.example.com/other"; });
  expect_refusal(ClientError::kNonMatchingRequests);
}

// Where messages go

TEST_F(HostileIssuer, CannotSendTheAgentToAnotherHost) {
  change<keygen2::KeyInitializationRequest>([](auto& request) { request.submit_url = "https://evil.example.com/submit"; });
  expect_refusal(ClientError::kGeneralError);
  for (const Sent& request : issuer.sent) EXPECT_EQ(request.url.host, "issuer.example.com");
}

TEST_F(HostileIssuer, CannotSendTheAgentToAnotherHostAtOnce) {
  change<keygen2::PlatformNegotiationRequest>([](auto& request) { request.submit_url = "https://evil.example.com/submit"; });
  expect_silent_failure("another host");
}

TEST_F(HostileIssuer, CannotLeaveHttps) {
  change<keygen2::ProvisioningSessionRequest>([](auto& request) { request.submit_url = "http://issuer.example.com/submit"; });
  expect_refusal(ClientError::kGeneralError);
  for (const Sent& request : issuer.sent) EXPECT_EQ(request.url.scheme, "https");
}

TEST_F(HostileIssuer, CannotLeaveHttpsOnceTheSessionCameToIt) {
  change<keygen2::CredentialDeploymentRequest>([](auto& request) { request.submit_url = "http://issuer.example.com/submit"; });
  expect_refusal(ClientError::kGeneralError, {.url = "http://issuer.example.com/enrol/7Hq2"});
}

TEST_F(HostileIssuer, CannotRedirectAPost) {
  change_reply_to(MessageKind::kProvisioningSessionResponse, [](http::Exchange& exchange) {
    exchange.response.status = 307;
    exchange.response.headers.set("Location", "/elsewhere");
  });
  expect_refusal(ClientError::kGeneralError);
}

TEST_F(HostileIssuer, CannotBeSwappedBehindTheAttestedConnection) {
  change_reply_to(MessageKind::kProvisioningSessionResponse,
                  [this](http::Exchange& exchange) { exchange.server_certificate = issuer.ca().root().der(); });
  expect_refusal(ClientError::kGeneralError);
}

// Which message

TEST_F(HostileIssuer, CannotStartWithKeyInitialization) {
  replace<keygen2::PlatformNegotiationRequest>([](auto& request) {
    return keygen2::KeyInitializationRequest{.id = request.id,
                                             .client_session_id = "C-guess",
                                             .server_time = "2010-03-18T11:23:29Z",
                                             .submit_url = request.submit_url,
                                             .objects = {FakeIssuer::key()},
                                             .server_cookie = {}};
  });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotNegotiateTwice) {
  replace<keygen2::ProvisioningSessionRequest>([](auto& request) {
    keygen2::PlatformNegotiationRequest again;
    again.id = request.id;
    again.submit_url = request.submit_url;
    return again;
  });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotAnswerWithAResponse) {
  replace<keygen2::KeyInitializationRequest>([](auto& request) {
    return keygen2::CredentialDeploymentResponse{
        .id = request.client_session_id, .server_session_id = request.id, .close_session_attestation = Bytes(32), .server_cookie = {}};
  });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotShowAPageWhereARequestIsDue) {
  change_reply_to(MessageKind::kPlatformNegotiationResponse,
                  [](http::Exchange& exchange) { exchange.response.headers.set("Content-Type", "text/html"); });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotDeferUnannounced) {
  change_reply_to(MessageKind::kKeyInitializationResponse, [](http::Exchange& exchange) {
    exchange.response = http::text_response(202, "later", "text/html");
    exchange.response.headers.set("Link", "</resume/9xTw>; rel=\"resume\"");
  });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotDeferWithoutAResumeUrl) {
  issuer.defers_certification = true;
  change_reply_to(MessageKind::kKeyInitializationResponse,
                  [](http::Exchange& exchange) { exchange.response = http::text_response(202, "later", "text/html"); });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotDeferToAnotherHost) {
  issuer.defers_certification = true;
  change_reply_to(MessageKind::kKeyInitializationResponse,
                  [](http::Exchange& exchange) { exchange.response.headers.set("Link", "<https://evil.example.com/resume>; rel=resume"); });
  expect_refusal(ClientError::kGeneralError);
}

// How messages are written

TEST_F(HostileIssuer, CannotSendWhatIsNotXml) {
  change_reply_to(MessageKind::kPlatformNegotiationResponse,
                  [](http::Exchange& exchange) { exchange.response.body = to_bytes("<Broken"); });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotSendADtd) {
  change_reply_to(MessageKind::kPlatformNegotiationResponse,
                  [](http::Exchange& exchange) { exchange.response.body = to_bytes("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"); });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotNestSixtyFiveLevels) {
  issuer.change_document = [](MessageKind kind, xml::Document& document) {
    if (kind != MessageKind::kKeyInitializationRequest) return;
    xml::Element level = *document.root().child(keygen2::kNamespace, "ServerCookie");  // level 2
    for (int depth = 3; depth <= 65; ++depth) level = level.add({"x", "urn:example"}, "Deeper");
  };
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotSendWhatTheSchemaDoesNotKnow) {
  issuer.change_document = [](MessageKind kind, xml::Document& document) {
    if (kind == MessageKind::kProvisioningSessionRequest) document.root().set_attribute("Extra", "1");
  };
  expect_refusal(ClientError::kNonMatchingRequests);
}

// Signatures

TEST_F(HostileIssuer, CannotChangeASignedRequest) {
  issuer.signs_requests = true;
  issuer.change_document = [](MessageKind kind, xml::Document& document) {
    if (kind == MessageKind::kKeyInitializationRequest) document.root().set_attribute("ServerTime", "2010-03-18T11:23:30Z");
  };
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotStopSigning) {
  issuer.signs_requests = true;
  change<keygen2::ProvisioningSessionRequest>([this](auto&) { issuer.signs_requests = false; });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotChangeTheSigner) {
  issuer.signs_requests = true;
  FakeIssuer other;
  other.signs_requests = true;
  std::optional<Bytes> stolen;
  other.change_document = [&](MessageKind kind, xml::Document& document) {
    if (kind == MessageKind::kPlatformNegotiationRequest) stolen = document.serialize();
  };
  static_cast<void>(other.send(tests::must(http::Url::parse(FakeIssuer::kStartUrl)),
                               {.method = "GET", .target = "/enrol", .headers = {}, .body = {}, .peer = {}}));
  issuer.change_exchange = [&](const http::Request& request, http::Exchange& exchange) {
    if (request.method == "GET") exchange.response.body = *stolen;
  };
  expect_refusal(ClientError::kNonMatchingRequests);
}

// What this device or agent cannot do

TEST_F(HostileIssuer, LearnsThatTheSessionKeyAlgorithmIsUnknown) {
  change<keygen2::ProvisioningSessionRequest>([](auto& request) { request.session_key_algorithm = "urn:example:sk9"; });
  expect_refusal(ClientError::kNegotiationFailure);
}

TEST_F(HostileIssuer, LearnsThatTheKeyAttestationAlgorithmIsUnknown) {
  change<keygen2::KeyInitializationRequest>([](auto& request) { request.key_attestation_algorithm = "urn:example:ka9"; });
  expect_refusal(ClientError::kUnsupportedFeatureRequested);
}

TEST_F(HostileIssuer, LearnsThatThereIsNoDevicePin) {
  administration.reset();
  issuer.objects = {keygen2::DevicePinRequest{FakeIssuer::key()}};
  expect_refusal(ClientError::kUnsupportedFeatureRequested);
}

TEST_F(HostileIssuer, LearnsThatThereAreNoBiometrics) {
  keygen2::KeyPairRequest key = FakeIssuer::key();
  key.biometric_protection = BiometricProtection::kAlternative;
  issuer.objects = {key};
  expect_refusal(ClientError::kUnsupportedFeatureRequested);
}

TEST_F(HostileIssuer, CannotLeaveOutASymmetricKey) {
  issuer.objects = {FakeIssuer::key("Key.1", KeyUsage::kSymmetricKey)};
  expect_refusal(ClientError::kMissingProvisioningData);
}

TEST_F(HostileIssuer, CannotLeaveOutAPrivateKeyToImport) {
  keygen2::KeyPairRequest key = FakeIssuer::key();
  key.import_private_key = true;
  issuer.objects = {key};
  expect_refusal(ClientError::kMissingProvisioningData);
}

TEST_F(HostileIssuer, LearnsThatAnRsaSizeIsNotOffered) {
  keygen2::KeyPairRequest key = FakeIssuer::key();
  key.algorithm = keygen2::KeyPairRequest::Rsa{.key_size = 1536, .exponent = {}};
  issuer.objects = {key};
  expect_refusal(ClientError::kUnsupportedFeatureRequested);
}

TEST_F(HostileIssuer, LearnsThatTheSessionAlgorithmOfAnotherProtocolIsNotForIt) {
  change<keygen2::ProvisioningSessionRequest>([](auto& request) { request.session_key_algorithm = uri::kSessionKey2; });
  expect_refusal(ClientError::kNegotiationFailure);
}

// What is beyond measure

TEST_F(HostileIssuer, CannotMakeMoreKeysThanTheUserAllows) {
  issuer.objects = {FakeIssuer::key("Key.1"), FakeIssuer::key("Key.2"), FakeIssuer::key("Key.3")};
  expect_refusal(ClientError::kGeneralError, {.url = FakeIssuer::kStartUrl, .limits = {.max_keys = 2}});
  EXPECT_THAT(user.asked_keys, IsEmpty());
}

TEST_F(HostileIssuer, CannotKeepASessionOpenForMonths) {
  issuer.session_life_time = 10000000;
  expect_refusal(ClientError::kGeneralError);
}

TEST_F(HostileIssuer, MayDoSoIfTheUserAllowsIt) {
  issuer.session_life_time = 10000000;
  EXPECT_TRUE(run({.url = FakeIssuer::kStartUrl, .limits = {.max_session_life_time = 10000000}}));
}

TEST_F(HostileIssuer, CannotFillTheStoreWithExtensions) {
  for (int i = 0; i < 5; ++i) {
    issuer.extras["Key.1"].extensions.push_back(keygen2::Extension{.type = "urn:example:" + std::to_string(i), .data = Bytes(60000)});
  }
  expect_refusal(ClientError::kGeneralError);
}

TEST_F(HostileIssuer, MayFillItIfTheUserAllowsIt) {
  for (int i = 0; i < 5; ++i) {
    issuer.extras["Key.1"].extensions.push_back(keygen2::Extension{.type = "urn:example:" + std::to_string(i), .data = Bytes(60000)});
  }
  EXPECT_TRUE(run({.url = FakeIssuer::kStartUrl, .limits = {.max_extension_bytes = 300000}}));
}

TEST_F(HostileIssuer, LearnsThatAnExtensionIsTooLargeForTheDevice) {
  issuer.extras["Key.1"].extensions.push_back(keygen2::Extension{.type = "urn:example:large", .data = Bytes(65537)});
  expect_refusal(ClientError::kUnsupportedFeatureRequested);
}

TEST_F(HostileIssuer, IsToldWhichOptionAllowsMore) {
  issuer.session_life_time = 10000000;
  EXPECT_THAT(run().error().hint, HasSubstr("--max-lifetime"));
}

// What it deploys

TEST_F(HostileIssuer, CannotCertifyAKeyThatWasNotMade) {
  change<keygen2::CredentialDeploymentRequest>([](auto& request) { request.keys[0].id = "Key.9"; });
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileIssuer, CannotLeaveOutAKey) {
  issuer.objects = {FakeIssuer::key("Key.1"), FakeIssuer::key("Key.2")};
  change<keygen2::CredentialDeploymentRequest>([](auto& request) { request.keys.pop_back(); });
  expect_refusal(ClientError::kMissingProvisioningData);
}

TEST_F(HostileIssuer, CannotForgeACertificateMac) {
  change<keygen2::CredentialDeploymentRequest>([](auto& request) { request.keys[0].mac[0] ^= std::byte{1}; });
  expect_refusal(ClientError::kGeneralError);
}

TEST_F(HostileIssuer, CannotForgeTheCloseMac) {
  change<keygen2::CredentialDeploymentRequest>([](auto& request) { request.close_session_mac[31] ^= std::byte{1}; });
  expect_refusal(ClientError::kGeneralError);
}

TEST_F(HostileIssuer, CannotSendCertificatesThatFormNoPath) {
  change<keygen2::CredentialDeploymentRequest>(
      [](auto& request) { request.keys[0].certificate_path.push_back(sks::testing::TestCa().root()); });
  expect_refusal(ClientError::kGeneralError);
}

TEST_F(HostileIssuer, CannotForgeTheMacOfASymmetricKey) {
  issuer.objects = {FakeIssuer::key("Key.1", KeyUsage::kSymmetricKey)};
  issuer.extras["Key.1"] = {.symmetric_key = Bytes(20), .endorsed_algorithms = {std::string(uri::kHmacSha1)}};
  change<keygen2::CredentialDeploymentRequest>(
      [](auto& request) { std::get<keygen2::SymmetricKey>(request.keys[0].import).mac[0] ^= std::byte{1}; });
  expect_refusal(ClientError::kGeneralError);
}

TEST_F(HostileIssuer, CannotForgeTheMacOfAPropertyBag) {
  issuer.extras["Key.1"].extensions.push_back(keygen2::PropertyBag{.type = "urn:example:bag", .properties = {{.name = "a", .value = "1"}}});
  change<keygen2::CredentialDeploymentRequest>(
      [](auto& request) { std::get<keygen2::PropertyBag>(request.keys[0].extensions[0]).properties[0].value = "2"; });
  expect_refusal(ClientError::kGeneralError);
}

TEST_F(HostileIssuer, CannotReorderExtensions) {
  issuer.extras["Key.1"].extensions = {keygen2::Extension{.type = "urn:example:1", .data = Bytes(1)},
                                       keygen2::Extension{.type = "urn:example:2", .data = Bytes(2)}};
  change<keygen2::CredentialDeploymentRequest>(
      [](auto& request) { std::swap(request.keys[0].extensions[0], request.keys[0].extensions[1]); });
  expect_refusal(ClientError::kGeneralError);
}

TEST_F(HostileIssuer, CannotReorderKeys) {
  issuer.objects = {FakeIssuer::key("Key.1"), FakeIssuer::key("Key.2")};
  change<keygen2::CredentialDeploymentRequest>([](auto& request) { std::swap(request.keys[0], request.keys[1]); });
  expect_refusal(ClientError::kGeneralError);
}

TEST_F(HostileIssuer, CannotSendAMacThatIsTooShort) {
  change<keygen2::CredentialDeploymentRequest>([](auto& request) { request.close_session_mac.pop_back(); });
  expect_refusal(ClientError::kNonMatchingRequests);
}

// Refusals and pages from the issuer itself

TEST_F(HostileIssuer, IsQuotedWhenItRefuses) {
  change_reply_to(MessageKind::kProvisioningSessionResponse, [](http::Exchange& exchange) {
    exchange.response =
        http::text_response(403, R"({"title": "Refused", "detail": "this device is not accepted"})", "application/problem+json");
  });
  expect_silent_failure("this device is not accepted");
}

TEST_F(HostileIssuer, CannotDrawOnTheTerminal) {
  change_reply_to(MessageKind::kProvisioningSessionResponse, [](http::Exchange& exchange) {
    exchange.response = http::text_response(403, R"({"detail": "all\u001b[2Jgood"})", "application/problem+json");
  });
  expect_silent_failure("all?[2Jgood");
}

TEST_F(HostileIssuer, MayBeAnOrdinaryPage) { expect_silent_failure("ordinary page", {.url = "https://issuer.example.com/"}); }

// The user

TEST_F(HostileIssuer, LearnsThatTheUserSaidNo) {
  user.says_yes = false;
  expect_refusal(ClientError::kUserAbort);
  EXPECT_TRUE(issuer.was_fetched(FakeIssuer::kAbortUrl));
}

TEST_F(HostileIssuer, LearnsThatTheUserDoesNotWantToDealWithIt) {
  user.trusts_issuer = false;
  expect_refusal(ClientError::kUserAbort);
  EXPECT_TRUE(issuer.was_fetched(FakeIssuer::kAbortUrl));
}

TEST_F(HostileIssuer, LearnsThatTheUserGaveNoPin) {
  user.pins.clear();
  expect_refusal(ClientError::kUserAbort);
}

TEST_F(HostileIssuer, LearnsNothingAboutTheUsersFiles) {
  user.pins.clear();  // then choose_pin() fails with words of its own
  expect_refusal(ClientError::kUserAbort);
  EXPECT_EQ(issuer.error->argument, "the user said no");
}

TEST_F(HostileIssuer, LearnsThatTheUserLeftInTheMiddle) {
  user.leaves_at = Step::kCreatingKeys;
  expect_refusal(ClientError::kUserAbort);
}

TEST_F(HostileIssuer, CannotHaveAnotherHostVisitedByAborting) {
  user.says_yes = false;
  change<keygen2::PlatformNegotiationRequest>([](auto& request) { request.abort_url = "https://evil.example.com/abort"; });
  expect_refusal(ClientError::kUserAbort);
  for (const Sent& request : issuer.sent) EXPECT_EQ(request.url.host, "issuer.example.com");
}

}  // namespace
}  // namespace airtight::agent::testing
