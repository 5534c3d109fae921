// Every attribute and every text of every message, in both directions, changed and removed on its way: the other side refuses, or takes it
// where nothing hangs on it; nothing is left behind, both sides agree on what there is, and both go on serving.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <libxml/tree.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "tests/e2e/play.h"
#include "tests/support/must.h"
#include "xml/document.h"

namespace airtight::e2e {

// A message of a scenario of works/.
struct Target {
  std::string scenario;
  std::string message;
};

// As GoogleTest finds it.
void PrintTo(const Target& target, std::ostream* out) { *out << target.scenario << ' ' << target.message; }

namespace {

Scenario scenario_of(const std::string& name) {
  return read_scenario(std::string(AIRTIGHT_SOURCE_DIR "/tests/e2e/scenarios/works/") + name + ".toml");
}

// Another letter or digit in the middle.
std::string changed(std::string text) {
  std::size_t at = text.size() / 2;
  while (at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) == 0) ++at;
  if (at == text.size()) return text + "1";
  text[at] = std::isdigit(static_cast<unsigned char>(text[at])) != 0 ? (text[at] == '1' ? '2' : '1') : (text[at] == 'A' ? 'B' : 'A');
  return text;
}

Attack strike(const std::string& message, const std::string& action, const std::string& at, const std::string& attribute) {
  Attack attack;
  attack.message = message;
  attack.action = action;
  attack.at = at;
  attack.attribute = attribute;
  return attack;
}

std::vector<std::string> attributes_of(xml::Element element) {
  std::vector<std::string> names;
  for (const xmlAttr* attribute = element.node()->properties; attribute != nullptr; attribute = attribute->next) {
    names.emplace_back(reinterpret_cast<const char*>(attribute->name));
  }
  return names;
}

void add_strikes(const std::string& message, xml::Element element, const std::string& path, std::vector<Attack>& attacks) {
  for (const std::string& name : attributes_of(element)) {
    const std::string value = element.attribute(name).value_or("");
    attacks.push_back(strike(message, "set", path, name));
    attacks.back().value = changed(value);
    attacks.push_back(strike(message, "remove", path, name));
  }
  std::map<std::string, int> seen;
  const auto children = element.children();
  if (children.empty() && !element.text().empty()) {
    attacks.push_back(strike(message, "set", path, ""));
    attacks.back().value = changed(element.text());
  }
  for (const xml::Element child : children) {
    const std::string name(child.name());
    const std::string below = (path.empty() ? "" : path + "/") + name + "[" + std::to_string(++seen[name]) + "]";
    if (seen[name] > 1) continue;  // the first of its kind stands for the others
    attacks.push_back(strike(message, "remove", below, ""));
    add_strikes(message, child, below, attacks);
  }
}

class Tampered : public testing::TestWithParam<Target> {};

TEST_P(Tampered, IsRefusedOrMakesNoDifference) {
  const Scenario scenario = scenario_of(GetParam().scenario);
  const std::string& message = GetParam().message;
  const std::vector<Letter> letters = Play(scenario).survive().letters;
  const auto letter = std::find_if(letters.begin(), letters.end(), [&](const Letter& one) { return one.name == message; });
  ASSERT_NE(letter, letters.end()) << "the scenario has no " << message;
  std::vector<Attack> attacks;
  add_strikes(message, tests::must(xml::Document::parse(letter->text)).root(), "", attacks);
  int refused = 0;
  for (const Attack& attack : attacks) {
    SCOPED_TRACE(attack.action + " " + message + "/" + attack.at + "@" + attack.attribute + " " + attack.value);
    Scenario tampered = scenario;
    tampered.attacks = {attack};
    const Play::Survived survived = Play(tampered).survive();
    if (survived.refused || survived.unconfirmed) ++refused;
    if (HasFailure()) return;
  }
  EXPECT_GT(refused, 0);
}

// What all refusals here and in the catalogue rest on: whatever one leaves in the key store is noticed.
TEST(Harness, NoticesASingleWrongPinThatARefusalLeaves) {
  Scenario scenario = scenario_of("standard");
  Action enrolment;
  enrolment.enrolment = scenario.session;
  scenario.before = {enrolment};
  scenario.attacks = {strike("KeyInitializationResponse", "wrong-pin", "", ""), strike("KeyInitializationResponse", "lose", "", "")};
  scenario.attacks.front().amount = 1;
  EXPECT_NONFATAL_FAILURE(static_cast<void>(Play(scenario).survive()), "a refusal left something in the key store");
}

std::vector<Target> targets() {
  std::vector<Target> all;
  for (const char* message :
       {"PlatformNegotiationRequest", "PlatformNegotiationResponse", "ProvisioningSessionRequest", "ProvisioningSessionResponse",
        "KeyInitializationRequest", "KeyInitializationResponse", "CredentialDeploymentRequest"}) {
    all.push_back({"standard", message});
  }
  for (const char* message :
       {"CredentialDiscoveryRequest", "CredentialDiscoveryResponse", "CredentialDeploymentRequest", "CredentialDeploymentResponse"}) {
    all.push_back({"update_and_delete", message});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Every, Tampered, testing::ValuesIn(targets()),
                         [](const testing::TestParamInfo<Target>& test) { return test.param.message + "Of_" + test.param.scenario; });

}  // namespace
}  // namespace airtight::e2e
