#include "tests/e2e/play.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <stdexcept>

#include "agent/key_list.h"
#include "agent/signing.h"
#include "base/encoding.h"
#include "issuer/enrolment.h"
#include "keygen2/messages.h"
#include "provenance/verdict.h"
#include "sks/methods.h"
#include "tests/e2e/basic_container.h"
#include "tests/e2e/coverage.h"
#include "tests/e2e/edits.h"
#include "tests/e2e/facts.h"
#include "tests/e2e/seeds.h"
#include "tests/support/must.h"

namespace airtight::e2e {
namespace {

using tests::must;

const std::vector<Attack> kNoAttacks;
constexpr std::chrono::hours kLongerThanAnySession{24};

std::string attribute_in(ByteView text, const std::string& name) {
  const auto document = xml::Document::parse(text);
  return document ? document->root().attribute(name).value_or("") : "";
}

std::string as_text(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto truth = node.value_exact<bool>()) return *truth ? "true" : "false";
  if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
  throw std::runtime_error("a fact is text, a number, true or false");
}

agent::KeyEntry find_key(sks::Channel& store, const std::string& id) {
  for (agent::KeyEntry& key : must(agent::list_keys(store))) {
    if (key.key.id.value == id) return std::move(key);
  }
  throw std::runtime_error("there is no key " + id);
}

bool signs(const agent::KeyEntry& key) {
  const auto usage = static_cast<KeyUsage>(key.key.key_usage);
  return usage == KeyUsage::kSignature || usage == KeyUsage::kAuthentication || usage == KeyUsage::kUniversal;
}

}  // namespace

std::string Play::Meeting::server_session_id() const {
  for (const Letter& letter : road->originals()) {
    if (letter.to_issuer) continue;
    const std::string id = attribute_in(letter.text, "ID");
    return id.empty() ? attribute_in(letter.text, "RequestID") : id;
  }
  return {};
}

std::string Play::Meeting::told_error() const {
  std::string error;
  for (const Letter& letter : road->letters()) {
    if (letter.name == "ClientErrorResponse") error = attribute_in(letter.text, "Error");
  }
  return error;
}

// The address with which the enrolment begins, and what is shown there.
std::string Play::way_in(const Enrolment& enrolment, Site& site, Road& road) {
  const std::optional<std::string> subject = enrolment.subject.empty() ? std::nullopt : std::optional(enrolment.subject);
  if (enrolment.way == "url") return must(site.issuer->make_url(enrolment.profile, subject));
  if (enrolment.way == "mail") {
    std::string letter;
    must(site.issuer->invite(enrolment.profile, "jane@example.com", subject,
                             [&](const mail::Message& message, const std::stop_token&) -> Result<> {
                               letter = message.text;
                               return {};
                             }));
    const std::size_t begin = letter.find(site.base_url);
    return letter.substr(begin, letter.find('\n', begin) - begin);
  }
  if (enrolment.way == "token" || enrolment.way == "wrong-token") {
    const issuer::NewClient client{.name = "robot", .profile = enrolment.profile, .subject = enrolment.subject};
    const std::string token = must(site.issuer->add_client(client, "e2e")).value();
    road.set_authorization("Bearer " + token + (enrolment.way == "token" ? "" : "x"));
  } else if (enrolment.way != "entrance") {
    throw std::runtime_error("nobody knows the way '" + enrolment.way + "'");
  }
  return issuer::entrance_url(site.base_url, enrolment.profile);
}

Play::Meeting Play::meet(const Enrolment& enrolment, const std::vector<Attack>& attacks) {
  Meeting meeting;
  meeting.site = &world_.site(enrolment.issuer);
  meeting.road = std::make_unique<Road>(world_, attacks, archive_);
  meeting.person = std::make_unique<Person>(enrolment.user);
  agent::EnrollmentOptions options;
  options.url = way_in(enrolment, *meeting.site, *meeting.road);
  options.limits.max_keys = enrolment.max_keys;
  meeting.outcome = enrolment.basic ? enroll_basic(options.url, *meeting.road, World::schema())
                                    : agent::enroll(options, tools_for(*meeting.person), *meeting.road);
  for (const auto& [key, pin] : meeting.person->pins()) pins_[key] = pin;
  return meeting;
}

agent::EnrollmentTools Play::tools_for(Person& person) {
  administration_ = device::administration_of(world_.store(), world_.device_folder());
  return {.key_store = world_.store(),
          .user = person,
          .schema = World::schema(),
          .clock = world_.clock(),
          .log = world_.log(),
          .memory = &memory_,
          .administration = administration_.get()};
}

// What `enroll --resume` does.
void Play::go_on(const Enrolment& enrolment, const std::string& complaint) {
  const auto records = must(agent::sessions_under_way(memory_, world_.store()));
  if (records.empty()) throw std::runtime_error("no session is under way");
  for (const agent::SessionRecord& record : records) {
    Road road(world_, kNoAttacks, archive_);
    Person person(enrolment.user);
    const auto outcome = agent::continue_enrollment(record, {}, tools_for(person), road);
    if (outcome.has_value() != complaint.empty()) throw std::runtime_error("going on: " + (outcome ? "it works" : outcome.error().message));
    if (!outcome) {
      EXPECT_NE(outcome.error().message.find(complaint), std::string::npos) << outcome.error().message;
    }
  }
}

void Play::act(const Action& action) {
  if (action.what == "enrol") {
    Meeting meeting = meet(action.enrolment, kNoAttacks);
    if (!*meeting.outcome) throw std::runtime_error("an earlier enrolment failed: " + meeting.outcome->error().message);
    const std::string& name = action.enrolment.name;
    if (!name.empty()) archive_[name] = meeting.road->letters();
  } else if (action.what == "wait") {
    world_.clock().pass(std::chrono::seconds(action.seconds));
  } else if (action.what == "wrong-pins") {
    wrong_pins(action.key, action.seconds);
  } else if (action.what == "delete-key") {
    must(sks::call(world_.store(), sks::DeleteKey{find_key(world_.store(), action.key).handle, SecretBytes()}));
  } else if (action.what == "reopen-store") {
    world_.reopen_store();
  } else if (action.what == "go-on") {
    go_on(action.enrolment, action.value);
  } else if (action.what == "approve" || action.what == "approve-in-vain" || action.what == "deny") {
    decide(action);
  } else if (action.what == "register") {
    must(world_.site(action.enrolment.issuer)
             .issuer->add_device(action.enrolment.profile, device_id_of(action.value), action.enrolment.subject, "e2e"));
  } else if (action.what == "unregister") {
    must(world_.site(action.enrolment.issuer).issuer->remove_device(action.enrolment.profile, device_id_of(action.value), "e2e"));
  } else if (action.what == "add-seeds") {
    add_seeds(*world_.site(action.enrolment.issuer).issuer, action.value);
  } else if (action.what == "seeds-left") {
    EXPECT_EQ(seeds_left(*world_.site(action.enrolment.issuer).issuer), action.value);
  } else if (action.what == "password") {
    EXPECT_EQ(next_password(world_.store(), find_key(world_.store(), action.key), world_.clock().now()), action.value);
  } else if (action.what == "clean-up") {
    must(world_.site(action.enrolment.issuer).service->clean_up());
  } else {
    throw std::runtime_error("nobody knows how to " + action.what);
  }
}

// What an operator of the issuer says to the session that came last.
void Play::decide(const Action& action) {
  issuer::Issuer& issuer = *world_.site(action.enrolment.issuer).issuer;
  const std::string session = must(issuer.sessions()).back().server_session_id;
  if (action.what == "deny") {
    must(issuer.deny(session, action.value));
    return;
  }
  const std::string device_id = action.value.empty() ? "" : device_id_of(action.value);
  const bool approved = issuer.approve(session, {.by = "e2e", .device_id = device_id}).has_value();
  if (approved != (action.what == "approve")) throw std::runtime_error(action.what + " of " + session + " went otherwise");
}

// "device": the scenario's; otherwise one that it is not.
std::string Play::device_id_of(const std::string& whose) {
  if (whose != "device") return "AAAA-AAAA-AAAA-AAAA-A";
  const auto info = must(sks::call(world_.store(), sks::GetDeviceInfo{}));
  return provenance::device_id(must(crypto::Certificate::parse(info.x509_certificates.front())));
}

void Play::wrong_pins(const std::string& key, std::int64_t times) {
  const std::uint32_t handle = find_key(world_.store(), key).handle;
  for (std::int64_t i = 0; i < times; ++i) {
    static_cast<void>(sks::call(
        world_.store(), sks::SignHashedData{handle, std::string(uri::kEcdsaSha256), SecretBytes::copy_of(bytes_of("9876")), Bytes(32)}));
  }
}

void Play::run() {
  for (const Action& action : scenario_.before) act(action);
  const Enrolment& enrolment = scenario_.session;
  const std::string before = picture_of(world_.store());
  Meeting meeting = meet(enrolment, scenario_.attacks);
  for (const std::string& attack : meeting.road->idle_attacks()) ADD_FAILURE() << "struck nothing: " << attack;
  check_outcome(meeting);
  if (scenario_.expect.outcome == "refused") {
    EXPECT_EQ(picture_of(world_.store()), before) << "a refusal left something in the key store";
  }
  for (const Action& action : scenario_.after) act(action);
  check_issuer_session(meeting);
  check_user(*meeting.person);
  check_keys();
  check_coverage(meeting);
  check_store_is_whole();
  check_signatures();
  if (scenario_.expect.outcome != "enrolled") check_that_it_still_serves(*meeting.site);
  check_agreement();
}

Play::Survived Play::survive() {
  for (const Action& action : scenario_.before) act(action);
  Survived survived;
  survived.before = picture_of(world_.store());
  const Meeting meeting = meet(scenario_.session, scenario_.attacks);
  for (const std::string& attack : meeting.road->idle_attacks()) ADD_FAILURE() << "struck nothing: " << attack;
  survived.refused = !*meeting.outcome;
  survived.unconfirmed = *meeting.outcome && (*meeting.outcome)->unconfirmed;
  survived.letters = meeting.road->originals();
  survived.after = picture_of(world_.store());
  if (survived.refused) {
    EXPECT_EQ(survived.after, survived.before) << "a refusal left something in the key store";
  }
  check_store_is_whole();
  check_signatures();
  check_that_it_still_serves(*meeting.site);
  for (const Action& action : scenario_.after) act(action);
  world_.clock().pass(kLongerThanAnySession);
  for (auto& [name, site] : world_.sites()) must(site.service->clean_up());
  check_agreement();
  survived.end = picture_of(world_.store());
  return survived;
}

void Play::check_outcome(const Meeting& meeting) {
  const Result<agent::EnrollmentOutcome>& outcome = *meeting.outcome;
  const std::string& wanted = scenario_.expect.outcome;
  const std::string words = outcome ? "" : outcome.error().message;
  std::string actual = "refused";
  if (outcome) actual = outcome->resume_url ? "deferred" : outcome->unconfirmed ? "unconfirmed" : "enrolled";
  EXPECT_EQ(actual, wanted) << words << (outcome && outcome->unconfirmed ? outcome->unconfirmed->message : "");
  if (!outcome) {
    EXPECT_NE(words.find(scenario_.expect.says), std::string::npos) << words;
    check_refusal(meeting);
  } else if (outcome->unconfirmed && scenario_.expect.by == "issuer") {
    ASSERT_TRUE(meeting.road->refusal()) << outcome->unconfirmed->message;
    EXPECT_EQ(meeting.road->refusal()->id, scenario_.expect.refusal);
  }
}

// Who said no, and what the other side was told.
void Play::check_refusal(const Meeting& meeting) {
  const Expectation& expect = scenario_.expect;
  const auto& refusal = meeting.road->refusal();
  const std::string error = meeting.told_error();
  if (expect.by == "agent") {
    EXPECT_EQ(error.empty() ? "none" : error, expect.error) << meeting.outcome->error().message;
  } else if (expect.by == "issuer") {
    ASSERT_TRUE(refusal) << "the issuer refused nothing: " << meeting.outcome->error().message;
    EXPECT_EQ(refusal->id, expect.refusal) << meeting.outcome->error().message;
    EXPECT_EQ(error, "") << "the agent complains to an issuer that has refused";
  } else {
    ADD_FAILURE() << "the scenario does not say by whom: told '" << error << "', refused '" << (refusal ? refusal->id : "") << "'";
  }
}

void Play::check_issuer_session(const Meeting& meeting) {
  const Expectation& expect = scenario_.expect;
  const std::string id = meeting.server_session_id();
  const auto sessions = must(meeting.site->issuer->sessions());
  const auto session = std::ranges::find(sessions, id, &issuer::SessionSummary::server_session_id);
  if (session == sessions.end()) {
    EXPECT_EQ(expect.state, "none") << "the issuer has no session '" << id << "'";
    return;
  }
  std::string state = expect.state;
  if (state.empty()) {
    if (expect.outcome == "enrolled") state = "Done";
    if (expect.outcome == "refused") state = expect.by == "issuer" ? "Aborted" : "Failed";
  }
  EXPECT_EQ(session->state, state) << session->refusal_id << ": " << session->refusal;
  if (expect.by == "issuer" && session->state == "Aborted") {
    EXPECT_EQ(session->refusal_id, expect.ended_by.empty() ? expect.refusal : expect.ended_by);
  }
  const bool believed = expect.outcome == "enrolled" || session->state == "Done";
  for (const issuer::CredentialSummary& credential : must(meeting.site->issuer->credentials())) {
    if (credential.server_session_id == id) {
      EXPECT_EQ(credential.confirmed_at.has_value(), believed) << credential.key_id;
    }
  }
}

void Play::check_user(const Person& person) {
  if (scenario_.expect.questions) {
    EXPECT_EQ(person.questions(), *scenario_.expect.questions);
  }
  if (scenario_.expect.key_lists) {
    EXPECT_EQ(person.key_lists(), *scenario_.expect.key_lists);
  }
  for (const std::string& line : scenario_.expect.told) {
    EXPECT_NE(std::ranges::find(person.told(), line), person.told().end())
        << "the user was not told '" << line << "', but " << testing::PrintToString(person.told());
  }
}

void Play::check_keys() {
  if (!scenario_.expect.keys) return;
  const auto keys = must(agent::list_keys(world_.store()));
  ASSERT_EQ(keys.size(), scenario_.expect.keys->size()) << picture_of(world_.store());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    ASSERT_TRUE(keys[i].is_usable());
    const Facts facts = facts_of(world_.store(), keys[i]);
    for (const auto& [name, value] : scenario_.expect.keys->at(i)) {
      const auto fact = facts.find(std::string(name.str()));
      ASSERT_NE(fact, facts.end()) << "no fact '" << name.str() << "' of " << keys[i].key.id.value << "\n" << picture_of(world_.store());
      EXPECT_EQ(fact->second, as_text(value)) << name.str() << " of " << keys[i].key.id.value;
    }
  }
}

void Play::check_coverage(const Meeting& meeting) {
  std::set<std::string> seen;
  for (const Letter& letter : meeting.road->letters()) {
    if (!letter.text.empty()) add_items_of(letter.text, seen);
  }
  for (const std::string& item : scenario_.covers) {
    EXPECT_TRUE(seen.contains(item)) << "the scenario is to show " << item << ", which no message of it has";
  }
}

void Play::check_store_is_whole() {
  const sks::VerifyReport report = must(world_.store().verify());
  for (const sks::Finding& finding : report.findings) ADD_FAILURE() << finding.subject << ": " << finding.text;
}

void Play::check_agreement() {
  std::set<std::string> in_store;
  for (const agent::KeyEntry& key : must(agent::list_keys(world_.store()))) {
    if (key.is_usable()) in_store.insert(hex_encode(key.path.front().serial()));
  }
  std::set<std::string> at_issuers;
  std::vector<std::string> in_doubt;
  for (auto& [name, site] : world_.sites()) {
    for (const issuer::CredentialSummary& credential : must(site.issuer->credentials())) {
      at_issuers.insert(credential.serial);
      if (credential.in_doubt) in_doubt.push_back(credential.key_id);
      if (!credential.confirmed_at || !credential.ended.empty() || credential.in_doubt || credential.device_id.empty()) continue;
      EXPECT_TRUE(in_store.contains(credential.serial)) << "confirmed, and not in the key store: " << credential.key_id;
    }
  }
  if (scenario_.expect.in_doubt) {
    EXPECT_EQ(in_doubt, *scenario_.expect.in_doubt);
  }
  for (const std::string& serial : in_store) EXPECT_TRUE(at_issuers.contains(serial)) << "no issuer knows of certificate " << serial;
}

void Play::check_that_it_still_serves(Site& site) {
  const std::size_t keys = must(agent::list_keys(world_.store())).size();
  Enrolment plain;
  plain.issuer = site.folder.filename();
  plain.profile = "plain";
  const Meeting meeting = meet(plain, kNoAttacks);
  ASSERT_TRUE(*meeting.outcome) << "afterwards: " << meeting.outcome->error().message;
  EXPECT_FALSE((*meeting.outcome)->unconfirmed);
  EXPECT_EQ(must(agent::list_keys(world_.store())).size(), keys + 1);
  check_signatures();
}

std::string Play::device_pin() const { return scenario_.device.pin.empty() ? scenario_.session.user.device_pin : scenario_.device.pin; }

void Play::check_signatures() {
  for (const agent::KeyEntry& key : must(agent::list_keys(world_.store()))) {
    if (!key.is_usable() || !signs(key)) continue;
    if ((key.protection->protection_status & (sks::kPinLocked | sks::kPukLocked)) != 0) continue;
    const bool has_pin = (key.protection->protection_status & sks::kPinProtected) != 0;
    const auto known = pins_.find(key.key.id.value);
    if (has_pin && known == pins_.end()) continue;
    const bool has_device_pin = (key.protection->protection_status & sks::kDevicePinProtected) != 0;
    const std::string pin_text = has_pin ? known->second : has_device_pin ? device_pin() : std::string();
    const SecretBytes pin = SecretBytes::copy_of(bytes_of(pin_text));
    const auto algorithm = must(agent::choose_signature_algorithm(key, ""));
    const auto text = bytes_of("I owe you one.");
    const auto signature = agent::sign_hash(world_.store(), key, algorithm, crypto::sha256(text), pin, agent::EcdsaForm::kDer);
    ASSERT_TRUE(signature) << key.key.id.value << ": " << signature.error().message;
    const crypto::PublicKey public_key = must(key.path.front().public_key());
    EXPECT_TRUE(public_key.verify(crypto::x509_scheme(public_key.type()), algorithm.digest, text, *signature))
        << "a signature of " << key.key.id.value << " does not verify under its certificate";
  }
}

}  // namespace airtight::e2e
