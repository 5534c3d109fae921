// Issuers that reach for keys which are not theirs, or reach wrongly for their own: the session ends, and every key stays as it was.
#include <gmock/gmock.h>

#include "tests/agent/enrollment_fixture.h"
#include "tests/agent/store_snapshot.h"

namespace airtight::agent::testing {
namespace {

using keygen2::ClientError;
using tests::must;

class HostileLifeCycle : public EnrollmentFixture {
 protected:
  // A key of an honest issuer; then a session that wants to delete or update it.
  HostileLifeCycle() {
    issuer.updatable = true;
    issuer.objects = {FakeIssuer::key("Old")};
    must(run());
    victim = issuer.issued.at(0);
    issuer.server_session_id = "S-second";
    issuer.objects = {FakeIssuer::key("New")};
    before = snapshot(device.store());
  }
  void expect_refusal(FakeIssuer& by, ClientError expected) {
    EXPECT_FALSE(enroll({.url = FakeIssuer::kStartUrl}, tools(), by));
    ASSERT_TRUE(by.error);
    EXPECT_EQ(name_of(by.error->error), name_of(expected)) << by.error->argument;
    EXPECT_EQ(snapshot(device.store()), before);
  }
  void expect_refusal(ClientError expected) { expect_refusal(issuer, expected); }
  void change(std::function<void(keygen2::CredentialDeploymentRequest&)> change) {
    issuer.change_message = changing<keygen2::CredentialDeploymentRequest>(std::move(change));
  }

  std::optional<IssuedKey> victim;
  std::string before;
};

TEST_F(HostileLifeCycle, OfAnotherIssuerCannotDeleteAKey) {
  FakeIssuer other;
  other.objects = {FakeIssuer::key("Other")};
  other.deletes = {*victim};
  other.deletes[0].session_key = Bytes(32, std::byte{9});  // which it cannot know
  expect_refusal(other, ClientError::kGeneralError);
}

TEST_F(HostileLifeCycle, OfAnotherIssuerCannotUpdateAKey) {
  FakeIssuer other;
  other.objects = {FakeIssuer::key("Other")};
  other.extras["Other"].updates = *victim;
  other.extras["Other"].updates->session_key = Bytes(32, std::byte{9});
  expect_refusal(other, ClientError::kGeneralError);
}

TEST_F(HostileLifeCycle, CannotDeleteWhatIsNotThere) {
  issuer.deletes = {*victim};
  change([](auto& request) { request.delete_keys[0].certificate_fingerprint[0] ^= std::byte{1}; });
  expect_refusal(ClientError::kNoSuchKey);
}

TEST_F(HostileLifeCycle, CannotNameAKeyByAnotherSession) {
  issuer.deletes = {*victim};
  change([](auto& request) { request.delete_keys[0].server_session_id = "S-guess"; });
  expect_refusal(ClientError::kNoSuchKey);
}

TEST_F(HostileLifeCycle, CannotUpdateWhatIsNotThere) {
  issuer.extras["New"].updates = *victim;
  change([](auto& request) { request.keys[0].update->client_session_id = "C-guess"; });
  expect_refusal(ClientError::kNoSuchKey);
}

TEST_F(HostileLifeCycle, CannotForgeTheMacOfAnUpdate) {
  issuer.extras["New"].updates = *victim;
  change([](auto& request) { request.keys[0].update->mac[0] ^= std::byte{1}; });
  expect_refusal(ClientError::kGeneralError);
}

TEST_F(HostileLifeCycle, CannotDeleteAKeyTwice) {
  issuer.deletes = {*victim, *victim};
  expect_refusal(ClientError::kGeneralError);
}

TEST_F(HostileLifeCycle, CannotTurnAnUpdateIntoADeletion) {
  issuer.extras["New"].updates = *victim;
  change([](auto& request) {
    request.delete_keys.push_back(*request.keys[0].update);
    request.keys[0].update.reset();
  });
  expect_refusal(ClientError::kGeneralError);
}

TEST_F(HostileLifeCycle, CannotDoSoWithoutTheUser) {
  issuer.deletes = {*victim};
  user.lets_keys_change = false;
  expect_refusal(ClientError::kUserAbort);
}

TEST_F(HostileLifeCycle, CannotDeleteMoreKeysThanTheUserAllows) {
  issuer.objects.clear();
  issuer.deletes = {*victim, *victim};
  EXPECT_FALSE(run({.url = FakeIssuer::kStartUrl, .limits = {.max_keys = 1}}));
  EXPECT_EQ(issuer.error->error, ClientError::kGeneralError);
  EXPECT_EQ(snapshot(device.store()), before);
}

TEST_F(HostileLifeCycle, CannotDeployWithoutAnyKeyOrDeletion) {
  issuer.objects.clear();
  expect_refusal(ClientError::kNonMatchingRequests);
}

TEST_F(HostileLifeCycle, CannotUpdateAKeyOfASessionThatForbidsIt) {
  FakeIssuer strict;
  strict.server_session_id = "S-strict";
  strict.objects = {FakeIssuer::key("Fixed")};
  must(enroll({.url = FakeIssuer::kStartUrl}, tools(), strict));
  before = snapshot(device.store());
  strict.server_session_id = "S-strict-2";
  strict.deletes = {strict.issued.at(0)};
  expect_refusal(strict, ClientError::kGeneralError);
}

}  // namespace
}  // namespace airtight::agent::testing
