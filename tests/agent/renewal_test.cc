// Renewal: which keys are due, where they are renewed, and what counts as renewed.
#include "agent/renewal.h"

#include <gmock/gmock.h>

#include "tests/agent/enrollment_fixture.h"
#include "tests/agent/store_snapshot.h"

namespace airtight::agent::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using tests::must;

constexpr Instant kExpiry{1270000000000};

class RenewalOfAKey : public EnrollmentFixture {
 protected:
  // A key that expires, and whose issuer says where it is renewed.
  RenewalOfAKey() {
    issuer.updatable = true;
    issuer.objects = {FakeIssuer::key()};
    issuer.extras["Key.1"] = {.particulars = {.not_after = kExpiry}, .extensions = {renewal_url(FakeIssuer::kStartUrl)}};
    must(run());
    issuer.server_session_id = "S-second";
    issuer.extras["Key.1"] = {.extensions = {renewal_url(FakeIssuer::kStartUrl)}, .updates = issuer.issued.at(0)};
  }
  static keygen2::Extension renewal_url(std::string_view url) {
    return {.type = std::string(keygen2::kRenewalUrlExtension), .data = to_bytes(url)};
  }
  Renewal renew_it() { return renew(keys().at(0), FakeIssuer::kStartUrl, {}, tools(), issuer); }
};

TEST_F(RenewalOfAKey, HappensWhereItsIssuerSaid) { EXPECT_EQ(must(renewal_url_of(device.store(), keys().at(0))), FakeIssuer::kStartUrl); }

TEST_F(RenewalOfAKey, IsDueSoonBeforeItsCertificateExpires) {
  EXPECT_THAT(due_keys(keys(), kExpiry.plus(-std::chrono::days(31)), std::chrono::days(30)), SizeIs(0));
  EXPECT_THAT(due_keys(keys(), kExpiry.plus(-std::chrono::days(30)), std::chrono::days(30)), SizeIs(1));
}

TEST_F(RenewalOfAKey, IsDueAfterItHasExpired) {
  EXPECT_THAT(due_keys(keys(), kExpiry.plus(std::chrono::days(30)), std::chrono::days(0)), SizeIs(1));
}

TEST_F(RenewalOfAKey, GivesItANewCertificateUnderItsHandle) {
  const KeyEntry before = keys().at(0);
  const Renewal renewal = renew_it();
  EXPECT_EQ(renewal.state, RenewalState::kRenewed);
  EXPECT_FALSE(renewal.error);
  EXPECT_EQ(keys().at(0).handle, before.handle);
  EXPECT_NE(keys().at(0).path.front(), before.path.front());
}

TEST_F(RenewalOfAKey, CanHappenAgain) {
  renew_it();
  EXPECT_EQ(must(renewal_url_of(device.store(), keys().at(0))), FakeIssuer::kStartUrl);
}

TEST_F(RenewalOfAKey, HasFailedIfTheIssuerMadeAnotherKeyInstead) {
  issuer.extras.clear();
  const Renewal renewal = renew_it();
  EXPECT_EQ(renewal.state, RenewalState::kFailed);
  EXPECT_THAT(renewal.error->message, HasSubstr("did not renew"));
}

TEST_F(RenewalOfAKey, LeavesTheKeyAsItWasWhenItIsRefused) {
  const std::string before = snapshot(device.store());
  issuer.change_message =
      changing<keygen2::CredentialDeploymentRequest>([](auto& request) { request.close_session_mac[0] ^= std::byte{1}; });
  EXPECT_EQ(renew_it().state, RenewalState::kFailed);
  EXPECT_EQ(snapshot(device.store()), before);
}

TEST_F(RenewalOfAKey, GoesOnWhereItWasPutOff) {
  issuer.defers_certification = true;
  EXPECT_EQ(renew_it().state, RenewalState::kDeferred);
  EXPECT_EQ(renew_it().state, RenewalState::kDeferred);  // not ready yet, and no second session
  EXPECT_EQ(sessions(), 2U);
  issuer.certificates_ready = true;
  EXPECT_EQ(renew(keys().at(0), FakeIssuer::kStartUrl, {}, tools(), issuer).state, RenewalState::kRenewed);
}

TEST(RenewalUrl, IsUnknownWithoutTheExtension) {
  sks::testing::TestDevice device;
  EXPECT_EQ(must(renewal_url_of(device.store(), KeyEntry{})), std::nullopt);
}

TEST_F(RenewalOfAKey, RefusesAnAddressThatIsNoUrl) {
  issuer.extras["Key.1"].extensions = {renewal_url("file:///etc/passwd")};
  renew_it();
  EXPECT_FALSE(renewal_url_of(device.store(), keys().at(0)));
}

}  // namespace
}  // namespace airtight::agent::testing
