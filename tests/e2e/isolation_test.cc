// Two issuers on one key store: neither can see, update or delete what the other has put there, whatever it sends. One is a stranger, the
// other a namesake: its CA has the same name and subject, and another key.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/play.h"

namespace airtight::e2e {

// A proof that an issuer may try for a key that is not its own.
struct Proof {
  std::string name;
  std::string mac;          // in base64
  bool of_its_own = false;  // made, with every MAC after it, with the session key that the issuer has
};

// As GoogleTest finds it.
void PrintTo(const Proof& proof, std::ostream* out) { *out << proof.name; }

namespace {

const std::string kScenarios = AIRTIGHT_SOURCE_DIR "/tests/e2e/scenarios/works/";

const std::vector<std::string> kVictims = {"other", "namesake"};

// The victim's session is "alice"; the keys of both have one profile.
Scenario with_victim(const std::string& victim) {
  Scenario scenario = read_scenario(kScenarios + "standard.toml");
  scenario.before.clear();
  Action enrolment;
  enrolment.enrolment = scenario.session;
  enrolment.enrolment.name = "alice";
  enrolment.enrolment.issuer = victim;
  scenario.before.push_back(enrolment);
  return scenario;
}

// "alice.CredentialDeploymentRequest" names the key in the victim's words.
Attack strike_at_key(const std::string& element, const std::string& mac, const std::string& session) {
  Attack attack;
  attack.message = "CredentialDeploymentRequest";
  attack.action = "insert";
  if (element == "UpdateKey") attack.at = "CertifiedPublicKey[3]";
  attack.xml = "<" + element + " ClientSessionID=\"{" + session + "CredentialDeploymentRequest@ClientSessionID}\" ServerSessionID=\"{" +
               session + "CredentialDeploymentRequest@ID}\" CertificateFingerprint=\"{fingerprint alice.CredentialDeploymentRequest" +
               "/CertifiedPublicKey[3]/X509Data/X509Certificate}\" MAC=\"" + mac + "\"/>";
  return attack;
}

Attack simple(const std::string& message, const std::string& action) {
  Attack attack;
  attack.message = message;
  attack.action = action;
  return attack;
}

void expect_refusal(const Scenario& scenario) {
  const Play::Survived survived = Play(scenario).survive();
  EXPECT_TRUE(survived.refused);
}

class ForeignKey : public testing::TestWithParam<Proof> {
 protected:
  static void try_all(const std::string& element) {
    for (const std::string& victim : kVictims) {
      SCOPED_TRACE(victim);
      Scenario scenario = with_victim(victim);
      scenario.attacks = {strike_at_key(element, GetParam().mac, "alice.")};
      if (GetParam().of_its_own) scenario.attacks.push_back(simple("CredentialDeploymentRequest", "mac-again"));
      expect_refusal(scenario);
    }
  }
};

TEST_P(ForeignKey, IsNotDeleted) { try_all("DeleteKey"); }

TEST_P(ForeignKey, IsNotUpdated) { try_all("UpdateKey"); }

INSTANTIATE_TEST_SUITE_P(ByNo, ForeignKey,
                         testing::Values(Proof{"ProofOfItsOwnSession", "{zeros 32}", true}, Proof{"Zeros", "{zeros 32}"},
                                         Proof{"EmptyProof", ""}, Proof{"ShortProof", "{zeros 31}"}, Proof{"LongProof", "{zeros 33}"},
                                         Proof{"MacOfTheOthersCertificate",
                                               "{alice.CredentialDeploymentRequest/CertifiedPublicKey[3]@MAC}"},
                                         Proof{"MacOfTheOthersEnd", "{alice.CredentialDeploymentRequest@CloseSessionMAC}"},
                                         Proof{"AttestationOfTheOthersEnd", "{alice.CredentialDeploymentResponse@CloseSessionAttestation}"},
                                         Proof{"MacOfItsOwnCertificate", "{CredentialDeploymentRequest/CertifiedPublicKey[3]@MAC}"},
                                         Proof{"MacOfItsOwnEnd", "{CredentialDeploymentRequest@CloseSessionMAC}"}),
                         [](const testing::TestParamInfo<Proof>& test) { return test.param.name; });

TEST(AnotherIssuer, CannotNameAForeignKeyAsItsOwn) {
  for (const std::string element : {"DeleteKey", "UpdateKey"}) {
    for (const std::string& victim : kVictims) {
      SCOPED_TRACE(testing::Message() << element << ' ' << victim);
      Scenario scenario = with_victim(victim);
      scenario.attacks = {strike_at_key(element, "{zeros 32}", ""), simple("CredentialDeploymentRequest", "mac-again")};
      expect_refusal(scenario);
    }
  }
}

// A session of `issuer` that looks for keys, to delete what it finds.
Scenario searching(const std::string& victim) {
  Scenario scenario = with_victim(victim);
  const Scenario searcher = read_scenario(kScenarios + "two_issuers_see_their_own.toml");
  toml::table profiles;
  profiles.insert("default", *scenario.profiles.get_as<toml::table>("default"));
  toml::table search = *searcher.profiles.get_as<toml::table>("default");
  search.insert_or_assign("keys", toml::array{toml::table{{"id", "Key.9"}, {"usage", "signature"}, {"algorithm", "p-256"}}});
  profiles.insert("search", search);
  scenario.profiles = profiles;
  scenario.session.profile = "search";
  return scenario;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Everything that was in the store is there as it was, and the device has told the issuer of nothing.
void expect_blind(const Scenario& scenario) {
  const Play::Survived survived = Play(scenario).survive();
  const std::vector<std::string> after = lines_of(survived.after);
  auto next = after.begin();
  for (const std::string& line : lines_of(survived.before)) {
    next = std::find(next, after.end(), line);
    ASSERT_NE(next, after.end()) << "no longer in the store: " << line;
  }
  bool was_asked = false;
  for (const Letter& letter : survived.letters) {
    was_asked = was_asked || letter.name == "CredentialDiscoveryRequest";
    if (letter.name == "CredentialDiscoveryResponse") {
      EXPECT_EQ(to_text(letter.text).find("MatchingCredential"), std::string::npos) << to_text(letter.text);
    }
  }
  EXPECT_TRUE(was_asked);
}

TEST(AnotherIssuer, FindsNothingOfWhatIsNotItsOwn) {
  for (const std::string& victim : kVictims) {
    SCOPED_TRACE(victim);
    expect_blind(searching(victim));
  }
}

TEST(AnotherIssuer, FindsNothingUnderAForgedCertificateWithTheOthersName) {
  for (const std::string& victim : kVictims) {
    SCOPED_TRACE(victim);
    Scenario scenario = searching(victim);
    scenario.attacks = {simple("CredentialDiscoveryRequest", "sign-lookups-by-namesake")};
    scenario.attacks.front().value = victim;
    expect_blind(scenario);
  }
}

TEST(AnotherIssuer, FindsNothingWithTheOthersSignedLookup) {
  for (const std::string& victim : kVictims) {
    SCOPED_TRACE(victim);
    Scenario scenario = searching(victim);
    scenario.before.push_back(scenario.before.front());
    scenario.before.back().enrolment.profile = "search_nothing";
    scenario.before.back().enrolment.name = "bob";
    toml::table nothing = *scenario.profiles.get_as<toml::table>("search");
    nothing.insert_or_assign("lookups", toml::array{toml::table{{"id", "Lookup.1"}}});
    scenario.profiles.insert("search_nothing", nothing);
    Attack attack = simple("CredentialDiscoveryRequest", "copy");
    attack.at = attack.from_at = "LookupSpecifier";
    attack.from = "bob.CredentialDiscoveryRequest";
    scenario.attacks = {attack};
    expect_blind(scenario);
  }
}

TEST(AnotherIssuer, DoesNotKeepTheOwnerFromItsKeys) {
  for (const std::string& victim : kVictims) {
    SCOPED_TRACE(victim);
    Scenario scenario = searching(victim);
    Action owner;
    owner.enrolment = scenario.session;
    owner.enrolment.issuer = victim;
    scenario.after.push_back(owner);
    const Play::Survived survived = Play(scenario).survive();
    EXPECT_NE(survived.after.find(" Key.1\n"), std::string::npos);
    EXPECT_EQ(survived.end.find(" Key.1\n"), std::string::npos) << "the owner could not delete its key";
  }
}

}  // namespace
}  // namespace airtight::e2e
