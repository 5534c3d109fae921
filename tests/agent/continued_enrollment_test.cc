// Enrolments that are interrupted, put off or go on elsewhere: they go on, or end cleanly on both sides; and signers whom the user named.
#include <gmock/gmock.h>

#include "agent/enrollment.h"
#include "tests/agent/enrollment_fixture.h"
#include "tests/agent/store_snapshot.h"

namespace airtight::agent::testing {
namespace {

using keygen2::ClientError;
using keygen2::ClientState;
using keygen2::MessageKind;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::must;

// A process that is killed runs none of its own code any more.
struct Killed {};

class ContinuedEnrollment : public EnrollmentFixture {
 protected:
  // Kills the agent when its message `kind` is under way: before the issuer sees it, or after.
  enum class Moment : std::uint8_t { kBefore, kAfter };
  void kill_at(MessageKind kind, Moment moment) {
    killer.target = &issuer;
    killer.kind = kind;
    killer.moment = moment;
    EXPECT_THROW(static_cast<void>(enroll({.url = FakeIssuer::kStartUrl}, tools(), killer)), Killed);
  }
  Result<EnrollmentOutcome> go_on() { return continue_enrollment(under_way().at(0), {}, tools(), issuer); }
  void expect_nothing_left() {
    EXPECT_EQ(snapshot(device.store()), "");
    EXPECT_THAT(must(memory.all()), IsEmpty());
  }

  class Killer final : public http::Client {
   public:
    FakeIssuer* target = nullptr;
    MessageKind kind = {};
    Moment moment = Moment::kBefore;
    Result<http::Exchange> send(const http::Url& url, http::Request request) override {
      const bool is_it = to_text(request.body).find(std::string("<") + std::string(name_of(kind))) != std::string::npos ||
                         to_text(request.body).find(":" + std::string(name_of(kind)) + " ") != std::string::npos;
      if (is_it && moment == Moment::kBefore) throw Killed();
      auto exchange = target->send(url, std::move(request));
      if (is_it) throw Killed();
      return exchange;
    }
  };
  Killer killer;
};

TEST_F(ContinuedEnrollment, IsForgottenWhenItHasEndedWell) {
  must(run());
  EXPECT_THAT(must(memory.all()), IsEmpty());
}

TEST_F(ContinuedEnrollment, IsForgottenWhenItWasRefused) {
  user.says_yes = false;
  EXPECT_FALSE(run());
  expect_nothing_left();
}

TEST_F(ContinuedEnrollment, SendsItsSessionResponseThatTheIssuerHasNot) {
  kill_at(MessageKind::kProvisioningSessionResponse, Moment::kBefore);
  EXPECT_THAT(must(go_on()).keys, SizeIs(1));
  EXPECT_TRUE(issuer.close_attestation_verified);
}

TEST_F(ContinuedEnrollment, SendsItsKeysThatTheIssuerHasNot) {
  kill_at(MessageKind::kKeyInitializationResponse, Moment::kBefore);
  EXPECT_THAT(must(go_on()).keys, SizeIs(1));
  EXPECT_TRUE(issuer.close_attestation_verified);
  EXPECT_THAT(must(memory.all()), IsEmpty());
}

TEST_F(ContinuedEnrollment, ConfirmsKeysThatTheIssuerDoesNotKnowToBeInPlace) {
  kill_at(MessageKind::kCredentialDeploymentResponse, Moment::kBefore);
  EXPECT_FALSE(issuer.close_attestation_verified);
  const EnrollmentOutcome outcome = must(go_on());
  EXPECT_TRUE(issuer.close_attestation_verified);
  EXPECT_FALSE(outcome.unconfirmed);
  EXPECT_THAT(outcome.keys, SizeIs(1));
  EXPECT_THAT(must(memory.all()), IsEmpty());
}

TEST_F(ContinuedEnrollment, EndsCleanlyIfTheIssuerTakesItForAReplay) {
  kill_at(MessageKind::kKeyInitializationResponse, Moment::kAfter);
  issuer.change_exchange = [](const http::Request&, http::Exchange& exchange) { exchange.response = http::text_response(409, "replayed"); };
  EXPECT_FALSE(go_on());
  expect_nothing_left();
}

TEST_F(ContinuedEnrollment, EndsCleanlyIfTheKeyStoreWasAtWork) {
  kill_at(MessageKind::kKeyInitializationResponse, Moment::kBefore);
  SessionRecord record = under_way().at(0);
  record.at_work = true;
  EXPECT_FALSE(continue_enrollment(record, {}, tools(), issuer));
  ASSERT_TRUE(issuer.error);
  EXPECT_EQ(issuer.error->error, ClientError::kGeneralError);
  expect_nothing_left();
}

TEST_F(ContinuedEnrollment, KeepsKeysWhoseAttestationWasLost) {
  kill_at(MessageKind::kCredentialDeploymentResponse, Moment::kBefore);
  SessionRecord record = under_way().at(0);
  record.state = ClientState::kKeysInitialized;  // as it is between the key store's end of the session and the note of it
  record.at_work = true;
  must(memory.keep(record));
  const EnrollmentOutcome outcome = must(go_on());
  EXPECT_THAT(outcome.keys, SizeIs(1));
  EXPECT_TRUE(outcome.unconfirmed);
  EXPECT_TRUE(keys().at(0).is_usable());
  EXPECT_FALSE(issuer.error);
}

TEST_F(ContinuedEnrollment, IsAbandonedHereAndAtTheIssuer) {
  kill_at(MessageKind::kKeyInitializationResponse, Moment::kBefore);
  must(abandon_enrollment(under_way().at(0), tools(), issuer));
  EXPECT_EQ(issuer.error->error, ClientError::kUserAbort);
  EXPECT_TRUE(issuer.was_fetched(FakeIssuer::kAbortUrl));
  expect_nothing_left();
}

TEST_F(ContinuedEnrollment, IsNotAbandonedOnceItsKeysAreInPlace) {
  kill_at(MessageKind::kCredentialDeploymentResponse, Moment::kBefore);
  EXPECT_FALSE(abandon_enrollment(under_way().at(0), tools(), issuer));
  EXPECT_TRUE(keys().at(0).is_usable());
}

TEST_F(ContinuedEnrollment, DoesNotGoOnInASessionThatHasExpired) {
  kill_at(MessageKind::kKeyInitializationResponse, Moment::kBefore);
  device.clock().pass(std::chrono::seconds(10001));
  EXPECT_THAT(under_way(), IsEmpty());
  expect_nothing_left();
}

TEST_F(ContinuedEnrollment, TellsAgainAServerThatWasInTrouble) {
  issuer.change_exchange = [this](const http::Request&, http::Exchange& exchange) {
    if (!issuer.received.empty() && issuer.received.back() == MessageKind::kCredentialDeploymentResponse) exchange.response.status = 503;
  };
  EXPECT_TRUE(must(run()).unconfirmed);
  issuer.change_exchange = {};
  EXPECT_FALSE(must(go_on()).unconfirmed);
}

TEST_F(ContinuedEnrollment, HoldsTheSwappedServerAgainstItAfterAnInterruptionToo) {
  kill_at(MessageKind::kProvisioningSessionResponse, Moment::kBefore);
  issuer.tls_certificate = issuer.ca().root();
  EXPECT_THAT(go_on().error().message, HasSubstr("TLS certificate"));
  expect_nothing_left();
}

class DeferredElsewhere : public ContinuedEnrollment {
 protected:
  DeferredElsewhere() {
    issuer.defers_certification = true;
    issuer.signs_requests = true;
    must(run());
    issuer.certificates_ready = true;
    user.met.reset();
  }
  Result<EnrollmentOutcome> resume() { return run({.url = FakeIssuer::kResumeUrl, .resume = true}); }
};

TEST_F(DeferredElsewhere, GoesOnByItsRecordAlone) {
  EXPECT_EQ(under_way().at(0).resume_url, FakeIssuer::kResumeUrl);
  EXPECT_THAT(must(go_on()).keys, SizeIs(1));
  EXPECT_THAT(must(memory.all()), IsEmpty());
}

TEST_F(DeferredElsewhere, RemembersWhoSigned) {
  must(resume());
  EXPECT_FALSE(user.met->began_elsewhere);
}

TEST_F(DeferredElsewhere, RefusesAnUnsignedRequestAfterASignedBeginning) {
  issuer.change_document = [](MessageKind, xml::Document& document) {
    document.root().child(xml::kSignatureNamespace, "Signature")->remove();
  };
  EXPECT_FALSE(resume());
  EXPECT_EQ(issuer.error->error, ClientError::kNonMatchingRequests);
  expect_nothing_left();
}

TEST_F(DeferredElsewhere, RefusesAnotherSignerThanThatOfTheBeginning) {
  const crypto::PrivateKey other = FakeCa::new_key();
  const crypto::Certificate certificate = issuer.ca().certify(other.public_key(), {.subject = "CN=Request signer"});
  issuer.change_document = [&](MessageKind, xml::Document& document) {
    document.root().child(xml::kSignatureNamespace, "Signature")->remove();
    must(xml::sign_enveloped(document.root(), uri::kEcdsaSha256, {.key_name = {}, .certificate = certificate}, FakeCa::signer_of(other)));
  };
  EXPECT_FALSE(resume());
  EXPECT_EQ(issuer.error->error, ClientError::kNonMatchingRequests);
  expect_nothing_left();
}

TEST_F(DeferredElsewhere, SaysSoWhereItDoesNotRememberTheSigner) {
  must(memory.forget(FakeIssuer::kServerSessionId));  // another computer, with the store but without the notes
  must(resume());
  EXPECT_TRUE(user.met->began_elsewhere);
  EXPECT_EQ(user.met->signer_standing, SignerStanding::kUnknown);
}

TEST_F(DeferredElsewhere, AsksTheUserThere) {
  must(memory.forget(FakeIssuer::kServerSessionId));
  user.trusts_issuer = false;
  EXPECT_FALSE(resume());
  EXPECT_EQ(issuer.error->error, ClientError::kUserAbort);
  expect_nothing_left();
}

class NamedSigner : public EnrollmentFixture {
 protected:
  Result<EnrollmentOutcome> run_trusting(const crypto::Certificate& certificate) {
    return run({.url = FakeIssuer::kStartUrl, .signers = {certificate}});
  }
  void expect_refusal(const crypto::Certificate& trusted) {
    EXPECT_FALSE(run_trusting(trusted));
    EXPECT_EQ(issuer.error->error, ClientError::kGeneralError);
    EXPECT_EQ(snapshot(device.store()), "");
    EXPECT_EQ(user.meetings, 0);
  }
};

TEST_F(NamedSigner, IsTrustedItself) {
  issuer.signs_requests = true;
  must(run_trusting(issuer.signer()));
  EXPECT_EQ(user.met->signer_standing, SignerStanding::kTrusted);
}

TEST_F(NamedSigner, IsTrustedUnderItsCa) {
  issuer.signs_requests = true;
  EXPECT_TRUE(run_trusting(issuer.ca().root()));
}

TEST_F(NamedSigner, IsNotAnotherCaOfTheSameName) {
  issuer.signs_requests = true;
  expect_refusal(FakeCa().root());
}

TEST_F(NamedSigner, IsNotWhomAnotherSignerCertified) {
  issuer.signs_requests = true;
  expect_refusal(*issuer.tls_certificate);
}

TEST_F(NamedSigner, HasToSign) { expect_refusal(issuer.signer()); }

TEST_F(NamedSigner, HasToBeValid) {
  issuer.signs_requests = true;
  device.clock().set(Instant{4200000000000});
  expect_refusal(issuer.ca().root());
}

}  // namespace
}  // namespace airtight::agent::testing
