// KeyGen2 by files: the right file at the right time, the wrong one at any time, and what an agent remembers between them.
#include "agent/offline_enrollment.h"

#include <gmock/gmock.h>

#include "storage/files.h"
#include "tests/agent/enrollment_fixture.h"
#include "tests/agent/store_snapshot.h"

namespace airtight::agent::testing {
namespace {

using keygen2::ClientError;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::must;

class OfflineEnrollment : public EnrollmentFixture {
 protected:
  OfflineEnrollment() { issuer.tls_certificate.reset(); }
  Result<OfflineStep> answer(ByteView file) { return answer_offline(file, {}, tools()); }
  // The request that follows after `steps` responses.
  Bytes request_after(int steps) {
    Bytes request = issuer.first_file();
    for (int i = 0; i < steps; ++i) {
      const OfflineStep step = must(answer(request));
      request = issuer.next_file(step.response);
    }
    return request;
  }
  // The file is an error that changes nothing.
  void expect_wrong_file(ByteView file, std::string_view words) {
    const std::string before = snapshot(device.store());
    const auto records = must(memory.all());
    const auto step = answer(file);
    ASSERT_FALSE(step);
    EXPECT_THAT(step.error().message + "; " + step.error().hint, HasSubstr(words));
    EXPECT_EQ(snapshot(device.store()), before);
    EXPECT_EQ(must(memory.all()), records);
  }
  // The file ends its session, and the response says so.
  void expect_refusal(ByteView file, ClientError expected) {
    const OfflineStep step = must(answer(file));
    EXPECT_TRUE(step.refusal);
    static_cast<void>(issuer.next_file(step.response));
    ASSERT_TRUE(issuer.error);
    EXPECT_EQ(name_of(issuer.error->error), name_of(expected));
    EXPECT_EQ(snapshot(device.store()), "");
    EXPECT_THAT(must(memory.all()), IsEmpty());
  }
};

TEST_F(OfflineEnrollment, LeavesACertifiedKeyAfterFourFiles) {
  const OfflineStep last = must(answer(request_after(3)));
  EXPECT_TRUE(last.is_last);
  EXPECT_THAT(last.outcome.keys, SizeIs(1));
  EXPECT_THAT(issuer.next_file(last.response), IsEmpty());
  EXPECT_TRUE(issuer.close_attestation_verified);
  EXPECT_FALSE(issuer.session_response->server_certificate_fingerprint);
  must(delivered(last, memory));
  EXPECT_THAT(must(sessions_under_way(memory, device.store())), IsEmpty());
}

TEST_F(OfflineEnrollment, GivesTheLastResponseAgainAfterItWasDelivered) {
  const Bytes request = request_after(3);
  const OfflineStep first = must(answer(request));
  must(delivered(first, memory));
  for (int i = 0; i < 2; ++i) {
    const OfflineStep again = must(answer(request));
    EXPECT_TRUE(again.is_repeated);
    EXPECT_TRUE(again.is_last);
    EXPECT_EQ(again.response, first.response);
    must(delivered(again, memory));
  }
}

TEST_F(OfflineEnrollment, KeepsTheLastResponseUntilTheNextEnrolmentBegins) {
  const Bytes request = request_after(3);
  must(delivered(must(answer(request)), memory));
  static_cast<void>(answer(issuer.first_file()));
  for (const SessionRecord& record : must(memory.all())) EXPECT_FALSE(record.delivered);
}

TEST_F(OfflineEnrollment, GivesTheSameResponseToTheSameFile) {
  const Bytes request = request_after(2);
  const OfflineStep first = must(answer(request));
  const std::string before = snapshot(device.store());
  const OfflineStep again = must(answer(request));
  EXPECT_TRUE(again.is_repeated);
  EXPECT_EQ(again.response, first.response);
  EXPECT_EQ(snapshot(device.store()), before);
}

TEST_F(OfflineEnrollment, WantsTheFileThatIsDue) {
  const Bytes first = issuer.first_file();
  const Bytes second = request_after(1);
  const Bytes third = issuer.next_file(must(answer(second)).response);
  static_cast<void>(answer(third));
  expect_wrong_file(first, "the file that is due holds a CredentialDeploymentRequest");
  expect_wrong_file(second, "its session waits for another file");
}

TEST_F(OfflineEnrollment, KnowsAFileOfASessionThatIsNotHere) {
  const Bytes second = request_after(1);
  must(memory.forget(FakeIssuer::kServerSessionId));
  expect_wrong_file(second, "not under way in this key store");
}

TEST_F(OfflineEnrollment, KnowsAResponse) {
  const OfflineStep step = must(answer(issuer.first_file()));
  expect_wrong_file(step.response, "no request to a key store");
}

TEST_F(OfflineEnrollment, KnowsWhatIsNoMessage) { expect_wrong_file(bytes_of("a letter"), "holds no message of KeyGen2"); }

TEST_F(OfflineEnrollment, KnowsATruncatedFile) {
  Bytes second = request_after(1);
  second.resize(second.size() / 2);
  expect_wrong_file(second, "holds no message of KeyGen2");
}

TEST_F(OfflineEnrollment, RefusesAChangedFileThatWasSigned) {
  issuer.signs_requests = true;
  issuer.change_document = [](keygen2::MessageKind kind, xml::Document& document) {
    if (kind == keygen2::MessageKind::kKeyInitializationRequest) document.root().set_attribute("ServerTime", "2010-03-18T11:23:30Z");
  };
  expect_refusal(request_after(2), ClientError::kNonMatchingRequests);
}

TEST_F(OfflineEnrollment, RefusesAnUnsignedFileInASignedSession) {
  issuer.signs_requests = true;
  const Bytes first = issuer.first_file();
  const OfflineStep step = must(answer(first));
  issuer.signs_requests = false;
  expect_refusal(issuer.next_file(step.response), ClientError::kNonMatchingRequests);
}

TEST_F(OfflineEnrollment, RefusesAFileOfAnotherClient) {
  issuer.change_message = changing<keygen2::KeyInitializationRequest>([](auto& request) { request.client_session_id = "C-another"; });
  expect_refusal(request_after(2), ClientError::kNonMatchingRequests);
}

TEST_F(OfflineEnrollment, RefusesForgedMacs) {
  issuer.change_message = changing<keygen2::CredentialDeploymentRequest>([](auto& request) { request.keys[0].mac[0] ^= std::byte{1}; });
  expect_refusal(request_after(3), ClientError::kGeneralError);
}

TEST_F(OfflineEnrollment, TakesNoForAnAnswer) {
  user.says_yes = false;
  expect_refusal(request_after(2), ClientError::kUserAbort);
}

TEST_F(OfflineEnrollment, ShowsThatFilesProveNothing) {
  must(answer(issuer.first_file()));
  EXPECT_EQ(user.met->transport, Transport::kFiles);
  EXPECT_FALSE(user.met->tls_certificate);
}

TEST_F(OfflineEnrollment, EndsASessionInWhichTheKeyStoreWasInterrupted) {
  const Bytes third = request_after(2);
  SessionRecord record = must(memory.all()).at(0);
  record.at_work = true;
  must(memory.keep(record));
  expect_refusal(third, ClientError::kGeneralError);
}

TEST_F(OfflineEnrollment, DoesNotTakeOverASessionOfTheWeb) {
  issuer.defers_certification = true;
  must(run({.url = "http://issuer.example.com/enrol/7Hq2"}));
  issuer.defers_certification = false;
  issuer.certificates_ready = true;
  const http::Exchange exchange = must(issuer.send(must(http::Url::parse("http://issuer.example.com/resume/9xTw")),
                                                   {.method = "GET", .target = "/resume/9xTw", .headers = {}, .body = {}, .peer = {}}));
  expect_wrong_file(exchange.response.body, "goes on over the web");
}

// Files that a browser saved go on over the web.
TEST_F(OfflineEnrollment, MayBeginInABrowser) {
  const EnrollmentOutcome outcome = must(enroll_from_message(issuer.first_file(), {}, tools(), issuer));
  EXPECT_THAT(outcome.keys, SizeIs(1));
  EXPECT_EQ(issuer.sent.front().url.to_text(), FakeIssuer::kSubmitUrl);
}

TEST_F(OfflineEnrollment, BeginsInABrowserWithTheFirstMessageAlone) {
  const Bytes second = request_after(1);
  EXPECT_FALSE(enroll_from_message(second, {}, tools(), issuer));
}

TEST(SessionMemory, KeepsEverythingThatItIsGiven) {
  const FakeCa ca;
  const SessionRecord record{.server_session_id = "S-1",
                             .client_session_id = "C-1",
                             .issuer_uri = "https://a.example/s",
                             .state = keygen2::ClientState::kKeysInitialized,
                             .transport = Transport::kFiles,
                             .place = {.host = "a.example", .was_https = true, .cookies = {{"n", "v", "/", true}}},
                             .submit_url = "https://a.example/s",
                             .abort_url = "https://a.example/a",
                             .signer = ca.root(),
                             .origin = ca.root(),
                             .life_time = 4000000000U,
                             .updatable = true,
                             .deferred_certification = true,
                             .resume_url = "https://a.example/r",
                             .retry_after = "60",
                             .renews = 7,
                             .at_work = true,
                             .delivered = true,
                             .answered = crypto::sha256(bytes_of("x")),
                             .response = to_bytes("<r/>")};
  const tests::TemporaryFolder folder;
  FolderMemory memory(folder / "agent");
  must(memory.keep(record));
  EXPECT_THAT(must(memory.all()), ::testing::ElementsAre(record));
  EXPECT_EQ(must(record_from_json(to_json(SessionRecord{.server_session_id = "S-2"}))), SessionRecord{.server_session_id = "S-2"});
}

TEST(SessionMemory, HoldsPrivateFilesAlone) {
  const tests::TemporaryFolder folder;
  FolderMemory memory(folder / "agent");
  must(memory.keep({.server_session_id = "../../S-1"}));
  for (const auto& entry : std::filesystem::directory_iterator(folder / "agent")) {
    EXPECT_EQ(entry.status().permissions(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "S-1.session"));
}

TEST(SessionMemory, SaysWhichFileIsDamaged) {
  const tests::TemporaryFolder folder;
  FolderMemory memory(folder / "agent");
  must(memory.keep({.server_session_id = "S-1"}));
  for (const std::string_view text : {"", "[]", "{}", "{\"version\":2}", "{\"version\":1,\"server_session_id\":5}"}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder / "agent")) {
      must(storage::write_file(entry.path(), bytes_of(text), storage::FileMode::kPrivate));
    }
    EXPECT_THAT(memory.all().error().message, HasSubstr(".session")) << text;
  }
}

}  // namespace
}  // namespace airtight::agent::testing
