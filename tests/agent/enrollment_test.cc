// Enrolments that go well: what the user sees, what the issuer gets, what the key store has in the end.
#include "agent/enrollment.h"

#include <gmock/gmock.h>

#include "agent/signing.h"
#include "tests/agent/enrollment_fixture.h"
#include "xml/document.h"

namespace airtight::agent::testing {
namespace {

using keygen2::MessageKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::must;

class Enrollment : public EnrollmentFixture {};

TEST_F(Enrollment, LeavesACertifiedKeyInAClosedSession) {
  const EnrollmentOutcome outcome = must(run());
  ASSERT_THAT(outcome.keys, SizeIs(1));
  EXPECT_EQ(outcome.keys[0].id, "Key.1");
  EXPECT_EQ(outcome.keys[0].certificate.common_name(), "Jane Doe");
  EXPECT_FALSE(outcome.unconfirmed);
  const auto sessions_left = must(list_sessions(device.store()));
  ASSERT_THAT(sessions_left, SizeIs(1));
  EXPECT_FALSE(sessions_left[0].session.is_open);
  EXPECT_TRUE(must(find_key(device.store(), "Key.1")).is_usable());
}

TEST_F(Enrollment, IsFinishedForAUserWhoLeavesWhenItsKeysAreInPlace) {
  user.leaves_at = Step::kConfirming;
  EXPECT_FALSE(must(run()).unconfirmed);
}

TEST_F(Enrollment, AnswersEachPhaseOnce) {
  must(run());
  EXPECT_THAT(issuer.received, ElementsAre(MessageKind::kPlatformNegotiationResponse, MessageKind::kProvisioningSessionResponse,
                                           MessageKind::kKeyInitializationResponse, MessageKind::kCredentialDeploymentResponse));
}

TEST_F(Enrollment, SignsTheSessionResponseInsideTheKeyStore) {
  must(run());
  EXPECT_TRUE(issuer.session_signature_verified);
}

TEST_F(Enrollment, ProvesThatTheSessionWasClosed) {
  must(run());
  EXPECT_TRUE(issuer.close_attestation_verified);
}

TEST_F(Enrollment, MakesAKeyThatTheChosenPinOpens) {
  must(run());
  const KeyEntry key = must(find_key(device.store(), "Key.1"));
  const SignatureAlgorithm algorithm = must(choose_signature_algorithm(key, ""));
  const Bytes message = to_bytes("a letter");
  const Bytes signature =
      must(sign_hash(device.store(), key, algorithm, crypto::sha256(message), SecretBytes::copy_of(bytes_of("7391")), EcdsaForm::kDer));
  EXPECT_TRUE(must(key.path.front().public_key()).verify(crypto::SignatureScheme::kEcdsaDer, crypto::Digest::kSha256, message, signature));
}

TEST_F(Enrollment, NamesTheServerCertificateOfTheConnection) {
  must(run());
  ASSERT_TRUE(issuer.session_response->server_certificate_fingerprint);
  EXPECT_TRUE(equal(*issuer.session_response->server_certificate_fingerprint, issuer.tls_certificate->sha256()));
}

TEST_F(Enrollment, SendsTheClientTimeInWholeSeconds) {
  device.clock().set(Instant{1268911409999});
  must(run());
  EXPECT_EQ(issuer.session_response->client_time, Instant{1268911409000});
}

TEST_F(Enrollment, CopiesServerTimeAsText) {
  issuer.change_message =
      changing<keygen2::ProvisioningSessionRequest>([](auto& request) { request.server_time = "2010-03-18T11:23:29.500Z"; });
  must(run());
  EXPECT_EQ(issuer.session_response->server_time, "2010-03-18T11:23:29.500Z");
}

TEST_F(Enrollment, NegotiatesWhatWasAskedForAndNothingElse) {
  issuer.asked_capabilities.rsa_key_sizes = {4096, 1234, 2048};
  must(run());
  ASSERT_TRUE(issuer.supported);
  EXPECT_THAT(issuer.supported->algorithms, ElementsAre(std::string(uri::kEcdsaSha256), std::string(uri::kRsaSha256)));
  EXPECT_THAT(issuer.supported->rsa_key_sizes, ElementsAre(4096, 2048));
  EXPECT_THAT(issuer.supported->extensions, IsEmpty());
  EXPECT_FALSE(issuer.supported->settable_exponent);
}

TEST_F(Enrollment, ReturnsTheServerCookieWhole) {
  must(run());
  ASSERT_TRUE(issuer.session_response->server_cookie);
  const Bytes canonical = must(xml::canonicalize(issuer.session_response->server_cookie->root()));
  EXPECT_EQ(text_of(canonical),
            "<ServerCookie xmlns=\"http://xmlns.webpki.org/keygen2/beta/20100402#\">"
            "<x:State xmlns:x=\"urn:example\" a=\"1\">kept <x:b></x:b> whole</x:State></ServerCookie>");
}

TEST_F(Enrollment, ShowsTheIssuerBeforeAnythingIsWritten) {
  std::size_t sessions_then = 99;
  user.when_meeting = [&] { sessions_then = sessions(); };
  must(run());
  EXPECT_EQ(sessions_then, 0U);
  EXPECT_EQ(user.meetings, 1);
  EXPECT_EQ(user.met->host, "issuer.example.com");
  EXPECT_EQ(user.met->tls_certificate->common_name(), "issuer.example.com");
  ASSERT_THAT(user.met->logotypes, SizeIs(1));
  EXPECT_EQ(user.met->logotypes[0].mime_type, "image/png");
  EXPECT_EQ(user.met->logotypes[0].image, to_bytes("pixels"));
  EXPECT_FALSE(user.met->signer);
}

TEST_F(Enrollment, AsksBeforeAnyKeyIsMade) {
  std::size_t keys_then = 99;
  user.when_asked = [&] { keys_then = keys().size(); };
  must(run());
  EXPECT_EQ(keys_then, 0U);
  EXPECT_THAT(user.asked_keys, ElementsAre("Key.1"));
}

TEST_F(Enrollment, ShowsTheSignerOfSignedRequests) {
  issuer.signs_requests = true;
  must(run());
  ASSERT_TRUE(user.met->signer);
  EXPECT_EQ(*user.met->signer, issuer.signer());
}

TEST_F(Enrollment, KnowsASignerAsUnknownWithoutBeingToldOfIt) {
  issuer.signs_requests = true;
  must(run());
  EXPECT_EQ(user.met->signer_standing, SignerStanding::kUnknown);
}

TEST_F(Enrollment, NamesTheExtensionsToWhichItGivesAMeaning) {
  issuer.asked_capabilities.extensions = {"urn:example:other", std::string(keygen2::kRenewalUrlExtension)};
  must(run());
  EXPECT_THAT(issuer.supported->extensions, ElementsAre(std::string(keygen2::kRenewalUrlExtension)));
}

TEST_F(Enrollment, SendsTheSessionCookieBack) {
  must(run());
  EXPECT_EQ(issuer.sent.front().cookies, "");
  for (std::size_t i = 1; i < issuer.sent.size(); ++i) EXPECT_EQ(issuer.sent[i].cookies, "session=s3cret");
}

TEST_F(Enrollment, PostsTheMediaTypeOfKeyGen2) {
  must(run());
  for (const Sent& request : issuer.sent) {
    if (request.method == "GET") continue;
    EXPECT_EQ(request.content_type, keygen2::kMediaType);
  }
}

TEST_F(Enrollment, MakesAKeyWithoutPinWithoutAsking) {
  issuer.objects = {FakeIssuer::key()};
  must(run());
  EXPECT_THAT(user.questions, IsEmpty());
  EXPECT_EQ(pin_state(must(find_key(device.store(), "Key.1"))), "no PIN");
}

TEST_F(Enrollment, MakesRsaKeysOfTheSizeAndExponentAskedFor) {
  keygen2::KeyPairRequest key = FakeIssuer::key();
  key.algorithm = keygen2::KeyPairRequest::Rsa{.key_size = 1024, .exponent = 3};
  issuer.objects = {key};
  must(run());
  const crypto::PublicKey made = must(keys().at(0).path.front().public_key());
  EXPECT_EQ(made.bits(), 1024U);
  EXPECT_EQ(made.rsa()->exponent, Bytes{std::byte{3}});
}

TEST_F(Enrollment, MakesEveryKeyInDocumentOrder) {
  keygen2::PinPolicyRequest policy = FakeIssuer::pin_policy("PIN.2");
  policy.keys = std::vector{FakeIssuer::key("Key.2"), FakeIssuer::key("Key.3")};
  issuer.objects.emplace_back(policy);
  issuer.objects.emplace_back(FakeIssuer::key("Key.4"));
  user.pins = {"7391", "8462", "9173"};
  const EnrollmentOutcome outcome = must(run());
  std::vector<std::string> ids;
  for (const EnrolledKey& key : outcome.keys) ids.push_back(key.id);
  EXPECT_THAT(ids, ElementsAre("Key.1", "Key.2", "Key.3", "Key.4"));
}

TEST_F(Enrollment, KeepsTheKeysWhenTheLastMessageIsRefused) {
  issuer.change_exchange = [&](const http::Request&, http::Exchange& exchange) {
    if (!issuer.received.empty() && issuer.received.back() == MessageKind::kCredentialDeploymentResponse) exchange.response.status = 500;
  };
  const EnrollmentOutcome outcome = must(run());
  ASSERT_TRUE(outcome.unconfirmed);
  EXPECT_TRUE(keys().at(0).is_usable());
  EXPECT_FALSE(issuer.error);
}

TEST_F(Enrollment, GoesOverPlainHttpWithoutAFingerprint) {
  issuer.tls_certificate.reset();
  must(run({.url = "http://issuer.example.com/enrol/7Hq2"}));
  EXPECT_FALSE(issuer.session_response->server_certificate_fingerprint);
  EXPECT_FALSE(user.met->tls_certificate);
}

class DeferredEnrollment : public EnrollmentFixture {
 protected:
  DeferredEnrollment() { issuer.defers_certification = true; }
};

TEST_F(DeferredEnrollment, PausesWithTheResumeUrl) {
  const EnrollmentOutcome outcome = must(run());
  EXPECT_EQ(outcome.resume_url, FakeIssuer::kResumeUrl);
  EXPECT_EQ(outcome.retry_after, "3600");
  EXPECT_THAT(outcome.keys, IsEmpty());
  EXPECT_TRUE(must(list_sessions(device.store())).at(0).session.is_open);
  EXPECT_FALSE(issuer.error);
}

TEST_F(DeferredEnrollment, GoesOnAtTheResumeUrl) {
  must(run());
  issuer.certificates_ready = true;
  const EnrollmentOutcome outcome = must(run({.url = FakeIssuer::kResumeUrl, .resume = true}));
  ASSERT_THAT(outcome.keys, SizeIs(1));
  EXPECT_TRUE(issuer.close_attestation_verified);
  EXPECT_TRUE(must(find_key(device.store(), "Key.1")).is_usable());
}

TEST_F(DeferredEnrollment, StaysPausedWhileTheCertificatesAreNotReady) {
  must(run());
  const EnrollmentOutcome outcome = must(run({.url = FakeIssuer::kResumeUrl, .resume = true}));
  EXPECT_EQ(outcome.resume_url, FakeIssuer::kResumeUrl);
  EXPECT_EQ(sessions(), 1U);
}

TEST_F(DeferredEnrollment, TakesCertificatesThatComeAtOnce) {
  issuer.change_message = changing<keygen2::KeyInitializationRequest>([](auto& request) { request.deferred_certification = true; });
  issuer.defers_certification = false;
  EXPECT_THAT(must(run()).keys, SizeIs(1));
}

TEST_F(DeferredEnrollment, DoesNotResumeASessionThatIsGone) {
  must(run());
  must(device.call(sks::AbortProvisioningSession{must(list_sessions(device.store())).at(0).handle}));
  issuer.certificates_ready = true;
  EXPECT_FALSE(run({.url = FakeIssuer::kResumeUrl, .resume = true}));
  ASSERT_TRUE(issuer.error);
  EXPECT_EQ(issuer.error->error, keygen2::ClientError::kNonMatchingRequests);
}

}  // namespace
}  // namespace airtight::agent::testing
