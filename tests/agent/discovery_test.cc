// Credential discovery: what an issuer learns of the keys that it issued earlier, and that it learns of no others.
#include <gmock/gmock.h>

#include "agent/enrollment.h"
#include "base/algorithms.h"
#include "tests/agent/enrollment_fixture.h"
#include "tests/agent/store_snapshot.h"

namespace airtight::agent::testing {
namespace {

using keygen2::ClientError;
using keygen2::LookupSpecifier;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::must;

constexpr Instant kIssued{1267444800000};  // 2010-03-01

class Discovery : public EnrollmentFixture {
 protected:
  // Two keys, one for Jane with her e-mail addresses.
  Discovery() {
    issuer.objects = {FakeIssuer::key("Jane"), FakeIssuer::key("John")};
    issuer.extras["Jane"].particulars = {.subject = "CN=Jane Doe,emailAddress=Jane@Example.com",
                                         .emails = {"jane.doe@work.example"},
                                         .serial = {std::byte{0x12}, std::byte{0x34}},
                                         .not_before = kIssued};
    issuer.extras["John"].particulars = {.subject = "CN=John Doe", .not_before = kIssued.plus(std::chrono::hours(24))};
    must(run());
    issuer.extras.clear();
    issuer.objects = {FakeIssuer::key("New")};
    issuer.server_session_id = "S-second";
  }
  std::vector<keygen2::MatchingCredential> look_up(LookupSpecifier lookup) {
    lookup.id = "Lookup.1";
    issuer.lookups = {lookup};
    must(run());
    return issuer.discovered->results.at(0).matches;
  }
  // The session ends, and the key store is as before.
  void expect_refusal() {
    issuer.lookups = {{.id = "Lookup.1"}};
    const std::string before = snapshot(device.store());
    EXPECT_FALSE(run());
    ASSERT_TRUE(issuer.error);
    EXPECT_EQ(name_of(issuer.error->error), name_of(ClientError::kNonMatchingRequests));
    EXPECT_EQ(snapshot(device.store()), before);
  }
  void change_request(std::function<void(keygen2::CredentialDiscoveryRequest&)> change) {
    issuer.change_message = changing<keygen2::CredentialDiscoveryRequest>(std::move(change));
  }
};

TEST_F(Discovery, FindsEveryKeyOfTheIssuer) { EXPECT_THAT(look_up({}), SizeIs(2)); }

TEST_F(Discovery, NamesTheSessionAndTheCertificateOfAKey) {
  const auto found = look_up({.email = "jane@example.com"});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].client_session_id, issuer.issued[0].client_session_id);
  EXPECT_EQ(found[0].server_session_id, FakeIssuer::kServerSessionId);
  EXPECT_TRUE(equal(found[0].certificate_fingerprint, issuer.issued[0].certificate.sha256()));
  EXPECT_FALSE(found[0].locked);
}

TEST_F(Discovery, FindsAnAddressOfTheSubjectWhateverItsCase) { EXPECT_THAT(look_up({.email = "JANE@EXAMPLE.COM"}), SizeIs(1)); }

TEST_F(Discovery, FindsAnAddressOfTheAlternativeNames) { EXPECT_THAT(look_up({.email = "Jane.Doe@work.example"}), SizeIs(1)); }

TEST_F(Discovery, DoesNotFindPartOfAnAddress) { EXPECT_THAT(look_up({.email = "doe@work.example"}), IsEmpty()); }

TEST_F(Discovery, FindsASerialNumber) { EXPECT_THAT(look_up({.serial = "4660"}), SizeIs(1)); }

TEST_F(Discovery, DoesNotFindPartOfASerialNumber) { EXPECT_THAT(look_up({.serial = "466"}), IsEmpty()); }

TEST_F(Discovery, FindsWhatWasIssuedBeforeButNotAtATime) { EXPECT_THAT(look_up({.issued_before = kIssued}), IsEmpty()); }

TEST_F(Discovery, FindsWhatWasIssuedASecondBeforeATime) {
  EXPECT_THAT(look_up({.issued_before = kIssued.plus(std::chrono::seconds(1))}), SizeIs(1));
}

TEST_F(Discovery, FindsWhatWasIssuedAfterButNotAtATime) { EXPECT_THAT(look_up({.issued_after = kIssued}), SizeIs(1)); }

TEST_F(Discovery, WantsAllConditionsAtOnce) { EXPECT_THAT(look_up({.email = "jane@example.com", .issued_after = kIssued}), IsEmpty()); }

TEST_F(Discovery, FindsKeysThatHaveExpired) {
  device.clock().set(Instant{4200000000000});
  EXPECT_THAT(look_up({}), SizeIs(2));
}

TEST_F(Discovery, NeverFindsKeysOfAnOpenSession) {
  FakeIssuer deferring;
  deferring.objects = {FakeIssuer::key("Pending")};
  deferring.defers_certification = true;
  deferring.server_session_id = "S-deferred";
  must(enroll({.url = FakeIssuer::kStartUrl}, tools(), deferring));
  EXPECT_THAT(look_up({}), SizeIs(2));
}

TEST_F(Discovery, SaysThatAKeyIsLocked) {
  issuer.objects = {FakeIssuer::pin_policy()};
  issuer.extras["Key.1"].particulars.emails = {"locked@example.com"};
  must(run());
  const std::uint32_t handle = keys().back().handle;
  const Bytes hash(32, std::byte{7});
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(device.call(sks::SignHashedData{.key_handle = handle,
                                                 .signature_algorithm = std::string(uri::kEcdsaSha256),
                                                 .pin = SecretBytes::copy_of(bytes_of("0000")),
                                                 .hashed_data = hash}));
  }
  issuer.objects = {FakeIssuer::key("New")};
  issuer.server_session_id = "S-third";
  const auto found = look_up({.email = "locked@example.com"});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_TRUE(found[0].locked);
}

TEST_F(Discovery, AnswersEachQuestionByItself) {
  issuer.lookups = {{.id = "Lookup.1", .email = "nobody@example.com"}, {.id = "Lookup.2"}};
  must(run());
  ASSERT_THAT(issuer.discovered->results, SizeIs(2));
  EXPECT_EQ(issuer.discovered->results[0].id, "Lookup.1");
  EXPECT_THAT(issuer.discovered->results[0].matches, IsEmpty());
  EXPECT_THAT(issuer.discovered->results[1].matches, SizeIs(2));
}

// Another issuer whose CA has the very same name.
TEST_F(Discovery, ShowsNoIssuerTheKeysOfAnother) {
  FakeIssuer other;
  other.objects = {FakeIssuer::key("Other")};
  other.lookups = {{.id = "Lookup.1"}};
  other.server_session_id = "S-other";
  must(enroll({.url = FakeIssuer::kStartUrl}, tools(), other));
  EXPECT_THAT(other.discovered->results.at(0).matches, IsEmpty());
  EXPECT_THAT(look_up({}), SizeIs(2));
}

TEST_F(Discovery, RefusesAQuestionThatWasMadeForAnotherSession) {
  change_request([](auto& request) {
    request.lookups[0].nonce = to_bytes(keygen2::discovery_nonce("C-another", request.id, FakeIssuer::kSubmitUrl));
  });
  expect_refusal();
}

TEST_F(Discovery, RefusesAQuestionWithoutAValidSignature) {
  issuer.change_document = [](keygen2::MessageKind kind, xml::Document& document) {
    if (kind != keygen2::MessageKind::kCredentialDiscoveryRequest) return;
    document.root().child(keygen2::kNamespace, "LookupSpecifier")->set_attribute("Email", "jane@example.com");
  };
  expect_refusal();
}

// The other's certificate under one's own signature would open the other's keys.
TEST_F(Discovery, RefusesAQuestionSignedInTheNameOfAnotherCa) {
  const FakeCa other;
  issuer.change_document = [&](keygen2::MessageKind kind, xml::Document& document) {
    if (kind != keygen2::MessageKind::kCredentialDiscoveryRequest) return;
    xml::Element lookup = *document.root().child(keygen2::kNamespace, "LookupSpecifier");
    lookup.child(xml::kSignatureNamespace, "Signature")->remove();
    must(xml::sign_enveloped(lookup, uri::kEcdsaSha256, {.key_name = {}, .certificate = issuer.ca().root()}, other.signer()));
  };
  expect_refusal();
}

TEST_F(Discovery, HappensOnce) {
  issuer.change_message = [this](keygen2::Message& message) {
    if (issuer.received.empty() || issuer.received.back() != keygen2::MessageKind::kCredentialDiscoveryResponse) return;
    keygen2::CredentialDiscoveryRequest again{
        .id = "S-second",
        .client_session_id = issuer.session_response->id,
        .server_time = "2010-03-18T11:23:29Z",
        .submit_url = FakeIssuer::kSubmitUrl,
        .lookups = {{.id = "Lookup.1",
                     .nonce = to_bytes(keygen2::discovery_nonce(issuer.session_response->id, "S-second", FakeIssuer::kSubmitUrl))}},
        .server_cookie = {}};
    message = std::move(again);
  };
  expect_refusal();
}

TEST_F(Discovery, IsForTheSessionAtHandAlone) {
  change_request([](auto& request) { request.client_session_id = "C-another"; });
  expect_refusal();
}

}  // namespace
}  // namespace airtight::agent::testing
