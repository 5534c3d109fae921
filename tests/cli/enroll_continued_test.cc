// airtight enroll and airtight keys renew, as programs, where it takes more than one step: certificates that come later, sessions that are
// given up, messages that travel as files, keys that expire, a store that is carried to another computer, and limits that a user raises.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "http/client.h"
#include "keygen2/messages.h"
#include "storage/files.h"
#include "tests/cli/program.h"
#include "tests/support/must.h"
#include "tests/support/temporary_folder.h"
#include "xml/document.h"

namespace airtight::cli::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using tests::must;

constexpr const char* kProfiles = R"(
[profiles.later]
subject = "CN=Jane"
session_life_time = 3600
deferred_certification = true
devices = { accept_any = true }
[[profiles.later.keys]]
id = "Key.1"
usage = "universal"
algorithm = "p-256"

[profiles.pair]
subject = "CN=Jane"
session_life_time = 5000000
devices = { accept_any = true }
[[profiles.pair.pin_policies]]
id = "PIN.1"
format = "numeric"
min_length = 4
max_length = 8
retry_limit = 3
grouping = "shared"
input_method = "trusted-gui"
[[profiles.pair.keys]]
id = "Key.1"
pin_policy = "PIN.1"
usage = "authentication"
algorithm = "p-256"
[[profiles.pair.keys]]
id = "Key.2"
pin_policy = "PIN.1"
usage = "signature"
algorithm = "p-256"

[profiles.files]
subject = "CN=Jane"
session_life_time = 3600
by_files = true
devices = { accept_any = true }
[[profiles.files.keys]]
id = "Key.1"
usage = "universal"
algorithm = "p-256"

[profiles.short]
subject = "CN=Jane"
session_life_time = 3600
updatable = true
devices = { accept_any = true }
[[profiles.short.keys]]
id = "Key.1"
usage = "universal"
algorithm = "p-256"
renewable = true
certificate = { validity_days = 5 }
)";

class ContinuedEnrollment : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(run({"device", "create", "--store", store, "--maker", folder / "maker"}).status, 0);
    ASSERT_EQ(run({"issuer", "init", issuer}).status, 0);
    std::ofstream(issuer + "/issuer.toml", std::ios::app) << kProfiles;
  }
  void serve() {
    server.emplace(std::vector<std::string>{"issuer", "serve", issuer, "--listen", "127.0.0.1:0"});
    ASSERT_THAT(server->first_line(), StartsWith("listening http"));
  }
  std::string url(const std::string& profile) {
    std::string text = run({"issuer", "url", issuer, "--profile", profile}).out;
    text.pop_back();  // the line end
    return text;
  }
  [[nodiscard]] std::vector<std::string> enroll_in(const std::string& a_store, std::vector<std::string> more) const {
    more.insert(more.begin(), "enroll");
    more.insert(more.end(), {"--store", a_store, "--ca-file", issuer + "/tls/ca.pem"});
    return more;
  }
  Outcome enroll(std::vector<std::string> more) { return run(enroll_in(store, std::move(more))); }
  Outcome keys(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "keys");
    arguments.insert(arguments.end(), {"--store", store});
    return run(arguments);
  }
  // What the issuer says of its only session.
  boost::json::object session() { return run({"issuer", "sessions", issuer, "--json"}).json().at("sessions").as_array().at(0).as_object(); }
  void approve() {
    const std::string id(session().at("server_session_id").as_string());
    ASSERT_EQ(run({"issuer", "approve", issuer, id}).status, 0);
  }

  tests::TemporaryFolder folder;
  std::string store = folder / "card";
  std::string issuer = folder / "issuer";
  std::optional<BackgroundProgram> server;
};

TEST_F(ContinuedEnrollment, SaysHowToGoOn) {
  serve();
  const Outcome outcome = enroll({url("later"), "--yes"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("The certificates are not ready yet"));
  EXPECT_THAT(outcome.out, HasSubstr("Go on with: airtight enroll --resume --store " + store));
  EXPECT_THAT(keys({"list"}).out, Not(HasSubstr("CN=Jane")));
}

TEST_F(ContinuedEnrollment, ComesBackForCertificatesThatAreNotReady) {
  serve();
  ASSERT_EQ(enroll({url("later"), "--yes"}).status, 0);
  const Outcome early = enroll({"--resume", "--yes"});
  EXPECT_EQ(early.status, 0) << early.err;
  EXPECT_THAT(early.out, HasSubstr("not ready yet"));
  approve();
  const Outcome outcome = enroll({"--resume", "--yes"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("1  Key.1  CN=Jane"));
  EXPECT_EQ(session().at("state").as_string(), "Done");
}

TEST_F(ContinuedEnrollment, HasNothingToGoOnWithAfterItsEnd) {
  serve();
  ASSERT_EQ(enroll({url("later"), "--yes"}).status, 0);
  approve();
  ASSERT_EQ(enroll({"--resume", "--yes"}).status, 0);
  const Outcome again = enroll({"--resume", "--yes"});
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.err, HasSubstr("no enrolment is under way in this key store"));
}

TEST_F(ContinuedEnrollment, EndsOnBothSidesWhenItIsAborted) {
  serve();
  ASSERT_EQ(enroll({url("later"), "--yes"}).status, 0);
  const Outcome outcome = enroll({"--abort", "--yes"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("is aborted"));
  EXPECT_EQ(run({"device", "sessions", "--store", store}).out, "No sessions\n");
  EXPECT_EQ(session().at("state").as_string(), "Failed");
  EXPECT_EQ(enroll({"--resume", "--yes"}).status, 1);
}

TEST_F(ContinuedEnrollment, GoesOnOnAnotherComputerAndOnlyThere) {
  serve();
  ASSERT_EQ(enroll({url("later"), "--yes"}).status, 0);
  const std::string carried = folder / "another-computer";
  std::filesystem::copy(store, carried, std::filesystem::copy_options::recursive);
  approve();
  const Outcome there = run(enroll_in(carried, {"--resume", "--yes"}));
  EXPECT_EQ(there.status, 0) << there.err;
  EXPECT_THAT(there.out, StartsWith("1  Key.1  CN=Jane"));
  const Outcome here = enroll({"--resume", "--yes"});
  EXPECT_EQ(here.status, 1) << here.out;
  EXPECT_EQ(keys({"list"}).out, "No keys\n");
  EXPECT_EQ(run({"device", "sessions", "--store", store}).out, "No sessions\n");
  EXPECT_EQ(session().at("state").as_string(), "Done");
}

TEST_F(ContinuedEnrollment, AsksOnceForAPinOfTwoKeysAndSaysHowItIsTyped) {
  serve();
  const TerminalOutcome outcome =
      run_on_terminal(enroll_in(store, {url("pair"), "--max-lifetime", "5000000"}), {{"Do you want this? [y/n] ", "y\n"},
                                                                                     {"New PIN for Key.1, Key.2", "12\n"},
                                                                                     {"Again", "12\n"},
                                                                                     {"This PIN cannot be used", ""},
                                                                                     {"New PIN for Key.1, Key.2", "739164\n"},
                                                                                     {"Again", "739164\n"}});
  EXPECT_EQ(outcome.status, 0) << outcome.screen;
  EXPECT_THAT(outcome.screen, HasSubstr("to be typed in a dialogue that the system protects"));
}

// The first PIN that it gives is too short. Each run of it notes what it is told, and counts itself.
TEST_F(ContinuedEnrollment, AsksAPinentryOnceForAPinOfTwoKeysAndAgainWithTheReason) {
  serve();
  const std::string log = folder / "log";
  const std::string pinentry = folder / "pinentry";
  must(storage::write_file(pinentry,
                           bytes_of("#!/bin/sh\necho OK\nwhile read -r line; do\n  echo \"$line\" >> '" + log +
                                    "'\n  case \"$line\" in\n    GETPIN) if grep -q SETERROR '" + log +
                                    "'; then echo 'D 739164'; else echo 'D 12'; fi; echo OK ;;\n    *) echo OK ;;\n"
                                    "  esac\ndone\n"),
                           storage::FileMode::kPrivate));
  std::filesystem::permissions(pinentry, std::filesystem::perms::owner_all);
  const Outcome outcome = enroll({url("pair"), "--yes", "--max-lifetime", "5000000", "--pinentry", pinentry});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const std::string told = to_text(must(storage::read_file(log, 1U << 20)));
  EXPECT_THAT(told, HasSubstr("New PIN for Key.1, Key.2"));
  EXPECT_THAT(told, HasSubstr("SETERROR This PIN cannot be used"));
  std::size_t questions = 0;
  for (std::size_t at = told.find("GETPIN\n"); at != std::string::npos; at = told.find("GETPIN\n", at + 1)) ++questions;
  EXPECT_EQ(questions, 2U);
}

TEST_F(ContinuedEnrollment, NamesTheOptionThatAllowsMore) {
  serve();
  const Outcome lifetime = enroll({url("pair"), "--yes"});
  EXPECT_EQ(lifetime.status, 1);
  EXPECT_THAT(lifetime.err, HasSubstr("5000000 seconds"));
  EXPECT_THAT(lifetime.err, HasSubstr("--max-lifetime"));
  const Outcome number = enroll({url("pair"), "--yes", "--max-lifetime", "5000000", "--max-keys", "1"});
  EXPECT_EQ(number.status, 1);
  EXPECT_THAT(number.err, HasSubstr("asks for 2 keys, and at most 1 are allowed"));
  EXPECT_THAT(number.err, HasSubstr("--max-keys"));
  EXPECT_EQ(run({"device", "sessions", "--store", store}).out, "No sessions\n");
}

TEST_F(ContinuedEnrollment, RenewsAKeyUnderItsHandle) {
  serve();
  ASSERT_EQ(enroll({url("short"), "--yes"}).status, 0);
  const Outcome outcome = keys({"renew", "1", "--yes", "--ca-file", issuer + "/tls/ca.pem"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("1  Key.1  renewed until 20"));
  EXPECT_THAT(outcome.err, HasSubstr("in the place of key 1 it takes over the PIN of that key"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("whoever opens the key store")));
}

TEST_F(ContinuedEnrollment, RenewsWhatIsDueAndSaysSo) {
  serve();
  ASSERT_EQ(enroll({url("short"), "--yes"}).status, 0);
  const Outcome none = keys({"renew", "--due", "1", "--yes", "--ca-file", issuer + "/tls/ca.pem"});
  EXPECT_EQ(none.status, 0) << none.err;
  EXPECT_EQ(none.out, "No key expires within 1 days\n");
  const Outcome due = keys({"renew", "--due", "30", "--yes", "--json", "--ca-file", issuer + "/tls/ca.pem"});
  EXPECT_EQ(due.status, 0) << due.err;
  const boost::json::object report = due.json().at("keys").as_array().at(0).as_object();
  EXPECT_EQ(report.at("key"), 1);
  EXPECT_EQ(report.at("state").as_string(), "renewed");
}

TEST_F(ContinuedEnrollment, ReportsWhatItCouldNotRenew) {
  serve();
  ASSERT_EQ(enroll({url("short"), "--yes"}).status, 0);
  server.reset();
  const Outcome outcome = keys({"renew", "--due", "30", "--yes", "--ca-file", issuer + "/tls/ca.pem"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, HasSubstr("not renewed"));
  EXPECT_THAT(keys({"list"}).out, HasSubstr("CN=Jane"));
}

// Carries files between the device and the issuer, as a person with a memory stick and a browser does.
class Courier {
 public:
  explicit Courier(const std::string& ca_file)
      : client_(must(http::Client::create({.ca_pem = to_text(must(storage::read_file(ca_file, kLargest)))}))) {}

  void fetch(const std::string& from, const std::string& file) {
    keep(send(from, {.method = "GET", .target = {}, .headers = {}, .body = {}, .peer = {}}), file);
  }
  // Takes `response` to where the message in `request` says; what comes back is the next request.
  int deliver(const std::string& response, const std::string& request) {
    const Bytes asked = must(storage::read_file(request, kLargest));
    const std::string to = must(xml::Document::parse(asked)).root().attribute("SubmitURL").value_or("");
    http::Request post{.method = "POST", .target = {}, .headers = {}, .body = must(storage::read_file(response, kLargest)), .peer = {}};
    post.headers.set("Content-Type", keygen2::kMediaType);
    const http::Response reply = send(to, std::move(post));
    if (reply.media_type() == keygen2::kMediaType) keep(reply, request);
    return reply.status;
  }

 private:
  static constexpr std::size_t kLargest = 1U << 20;

  http::Response send(const std::string& to, http::Request request) {
    const http::Url address = must(http::Url::parse(to));
    request.target = address.target;
    if (!cookie_.empty()) request.headers.set("Cookie", cookie_);
    http::Response response = must(client_->send(address, std::move(request))).response;
    if (const auto cookie = response.headers.get("Set-Cookie")) cookie_ = std::string(cookie->substr(0, cookie->find(';')));
    return response;
  }
  static void keep(const http::Response& response, const std::string& file) {
    must(storage::write_file(file, response.body, storage::FileMode::kPublic));
  }

  std::unique_ptr<http::Client> client_;
  std::string cookie_;
};

TEST_F(ContinuedEnrollment, GoesByFilesToo) {
  serve();
  const std::string request = folder / "request.xml";
  const std::string response = folder / "response.xml";
  Courier courier(issuer + "/tls/ca.pem");
  courier.fetch(url("files"), request);
  for (int step = 1; step <= 4; ++step) {
    const Outcome outcome = run({"enroll", "--in", request, "--out", response, "--store", store, "--yes"});
    ASSERT_EQ(outcome.status, 0) << step << ": " << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("Take " + response + " to the issuer"));
    EXPECT_EQ(courier.deliver(response, request), 200) << step;
  }
  EXPECT_EQ(session().at("state").as_string(), "Done");
  EXPECT_THAT(keys({"list"}).out, HasSubstr("CN=Jane"));
  const std::string copy = folder / "copy.xml";
  const Outcome again = run({"enroll", "--in", request, "--out", copy, "--store", store, "--yes"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(must(storage::read_file(copy, 1U << 20)), must(storage::read_file(response, 1U << 20)));
  EXPECT_THAT(enroll({"--resume"}).err, HasSubstr("no enrolment is under way"));
}

// Without a terminal: what there is to do comes before who can be asked about it.
TEST_F(ContinuedEnrollment, LooksWhatThereIsToDoBeforeItWantsATerminal) {
  EXPECT_THAT(enroll({"--abort"}).err, HasSubstr("no enrolment is under way"));
  EXPECT_THAT(enroll({"--resume"}).err, HasSubstr("no enrolment is under way"));
  const std::string nothing = folder / "nothing.xml";
  EXPECT_THAT(enroll({"--in", nothing, "--out", folder / "b.xml"}).err, HasSubstr(nothing));
}

TEST_F(ContinuedEnrollment, TakesNoLimitThatIsNoNumber) {
  for (const char* const option : {"--max-keys", "--max-lifetime", "--max-extension-bytes"}) {
    for (const char* const number : {"-1", "99999999999999999999999", "many"}) {
      EXPECT_EQ(enroll({"https://localhost:1/e/x", "--yes", option, number}).status, 2) << option << ' ' << number;
    }
  }
}

TEST_F(ContinuedEnrollment, WantsEachWayAlone) {
  EXPECT_EQ(enroll({"--resume", "--abort"}).status, 2);
  EXPECT_EQ(enroll({"--in", folder / "request.xml"}).status, 2);
  EXPECT_EQ(enroll({"--in", folder / "a", "--out", folder / "b", "--resume"}).status, 2);
}

}  // namespace
}  // namespace airtight::cli::testing
