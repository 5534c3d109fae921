#include "tests/e2e/scenario.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace airtight::e2e {
namespace {

// A table of which every entry is read or refused.
class Table {
 public:
  Table(const toml::table& table, std::string file) : table_(&table), file_(std::move(file)) {}

  void read(std::string_view name, std::string& out) {
    const toml::node* node = find(name);
    if (node == nullptr) return;
    const auto text = node->value_exact<std::string>();
    if (!text) throw error(node->source(), std::string(name) + " must be text");
    out = *text;
  }
  void read(std::string_view name, bool& out) {
    const toml::node* node = find(name);
    if (node == nullptr) return;
    const auto value = node->value_exact<bool>();
    if (!value) throw error(node->source(), std::string(name) + " must be true or false");
    out = *value;
  }
  template <typename Integer>
    requires std::is_integral_v<Integer>
  void read(std::string_view name, Integer& out) {
    const toml::node* node = find(name);
    if (node == nullptr) return;
    const auto value = node->value_exact<std::int64_t>();
    if (!value || !std::in_range<Integer>(*value)) throw error(node->source(), std::string(name) + " must be a number");
    out = static_cast<Integer>(*value);
  }
  template <typename List>
  void read_texts(std::string_view name, List& out) {
    const toml::node* node = find(name);
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr) throw error(node->source(), std::string(name) + " must be a list");
    out.clear();
    for (const toml::node& item : *array) {
      const auto text = item.value_exact<std::string>();
      if (!text) throw error(item.source(), std::string(name) + " must be a list of texts");
      out.push_back(*text);
    }
  }
  void read(std::string_view name, std::vector<std::string>& out) { read_texts(name, out); }
  void read(std::string_view name, std::optional<std::vector<std::string>>& out) {
    if (table_->contains(name)) read_texts(name, out.emplace());
  }
  // Whatever it holds.
  [[nodiscard]] toml::table any(std::string_view name) {
    const toml::node* node = find(name);
    if (node == nullptr) return {};
    if (!node->is_table()) throw error(node->source(), std::string(name) + " must be a table");
    return *node->as_table();
  }
  template <typename Read>
  void each(std::string_view name, Read read_one) {
    const toml::node* node = find(name);
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr) throw error(node->source(), std::string(name) + " must be a list of tables");
    for (const toml::node& item : *array) {
      if (!item.is_table()) throw error(item.source(), std::string(name) + " must be a list of tables");
      read_one(*item.as_table());
    }
  }
  template <typename Read>
  void one(std::string_view name, Read read_one) {
    const toml::node* node = find(name);
    if (node == nullptr) return;
    if (!node->is_table()) throw error(node->source(), std::string(name) + " must be a table");
    read_one(*node->as_table());
  }
  [[nodiscard]] bool has(std::string_view name) const { return table_->contains(name); }
  void finish() const {
    for (const auto& [name, node] : *table_) {
      if (!read_.contains(std::string(name.str()))) throw error(node.source(), "'" + std::string(name.str()) + "' is not known here");
    }
  }
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  [[nodiscard]] const toml::node* find(std::string_view name) {
    read_.insert(std::string(name));
    return table_->get(name);
  }
  [[nodiscard]] std::runtime_error error(const toml::source_region& place, const std::string& what) const {
    return std::runtime_error(file_ + ":" + std::to_string(place.begin.line) + ": " + what);
  }

  const toml::table* table_;
  std::string file_;
  std::set<std::string> read_;
};

UserScript read_user(Table table) {
  UserScript user;
  table.read("trusts", user.trusts);
  table.read("agrees", user.agrees);
  table.read("agrees_to_changes", user.agrees_to_changes);
  table.read("device_pin", user.device_pin);
  table.read("device_puk", user.device_puk);
  table.read("leaves_at", user.leaves_at);
  table.one("pins", [&](const toml::table& pins) {
    Table by_policy(pins, table.file());
    for (const auto& [policy, answers] : pins) by_policy.read_texts(policy.str(), user.pins[std::string(policy.str())]);
  });
  table.finish();
  return user;
}

void read_enrolment(Table& table, Enrolment& enrolment) {
  table.read("name", enrolment.name);
  table.read("issuer", enrolment.issuer);
  table.read("profile", enrolment.profile);
  table.read("subject", enrolment.subject);
  table.read("way", enrolment.way);
  table.read("max_keys", enrolment.max_keys);
  table.read("basic", enrolment.basic);
  table.one("user", [&](const toml::table& user) { enrolment.user = read_user(Table(user, table.file())); });
}

Action read_action(Table table) {
  Action action;
  table.read("do", action.what);
  table.read("key", action.key);
  table.read("value", action.value);
  table.read("seconds", action.seconds);
  read_enrolment(table, action.enrolment);
  table.finish();
  return action;
}

Attack read_attack(Table table) {
  Attack attack;
  table.read("message", attack.message);
  table.read("reply_to", attack.reply_to);
  table.read("number", attack.number);
  table.read("do", attack.action);
  table.read("at", attack.at);
  table.read("attribute", attack.attribute);
  table.read("value", attack.value);
  table.read("find", attack.find);
  table.read("from", attack.from);
  table.read("from_at", attack.from_at);
  table.read("with", attack.with);
  table.read("xml", attack.xml);
  table.read("amount", attack.amount);
  table.finish();
  if (attack.message.empty() == attack.reply_to.empty()) {
    throw std::runtime_error(table.file() + ": an attack has either a message or a reply_to");
  }
  return attack;
}

DeviceSetup read_device(Table table) {
  DeviceSetup device;
  table.read("p384", device.p384);
  table.read("p521", device.p521);
  table.read("sk2", device.sk2);
  table.read("rsa_attestation", device.rsa_attestation);
  table.read("approver", device.approver);
  table.read("maker", device.maker);
  table.read("pin", device.pin);
  table.read("puk", device.puk);
  table.finish();
  return device;
}

Expectation read_expectation(Table table) {
  Expectation expect;
  table.read("outcome", expect.outcome);
  table.read("by", expect.by);
  table.read("error", expect.error);
  table.read("refusal", expect.refusal);
  table.read("state", expect.state);
  table.read("says", expect.says);
  table.read("ended_by", expect.ended_by);
  table.read("questions", expect.questions);
  table.read("key_lists", expect.key_lists);
  table.read("in_doubt", expect.in_doubt);
  table.read("told", expect.told);
  if (table.has("keys")) {
    expect.keys.emplace();
    table.each("keys", [&](const toml::table& key) { expect.keys->push_back(key); });
  }
  table.finish();
  return expect;
}

Scenario read_file(const std::filesystem::path& file) {
  Scenario scenario;
  scenario.file = file;
  scenario.name = file.stem();
  const std::string short_name = file.parent_path().filename() / file.filename();
  const toml::table document = [&] {
    try {
      return toml::parse_file(file.native());
    } catch (const toml::parse_error& error) {
      throw std::runtime_error(short_name + ":" + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
    }
  }();
  Table table(document, short_name);
  table.read("title", scenario.title);
  table.read("covers", scenario.covers);
  table.read("tls", scenario.tls);
  table.one("device", [&](const toml::table& device) { scenario.device = read_device(Table(device, short_name)); });
  scenario.profiles = table.any("profiles");
  if (table.has("profile")) scenario.profiles.insert("default", table.any("profile"));
  table.each("before", [&](const toml::table& action) { scenario.before.push_back(read_action(Table(action, short_name))); });
  table.one("session", [&](const toml::table& session) {
    Table reader(session, short_name);
    read_enrolment(reader, scenario.session);
    reader.finish();
  });
  table.one("user", [&](const toml::table& user) { scenario.session.user = read_user(Table(user, short_name)); });
  table.each("attacks", [&](const toml::table& attack) { scenario.attacks.push_back(read_attack(Table(attack, short_name))); });
  table.each("after", [&](const toml::table& action) { scenario.after.push_back(read_action(Table(action, short_name))); });
  table.one("expect", [&](const toml::table& expect) { scenario.expect = read_expectation(Table(expect, short_name)); });
  table.finish();
  return scenario;
}

// A user who is given no PINs knows those of the standard profile.
void use_standard_pins(Enrolment& enrolment, const Scenario& standard) {
  if (enrolment.user.pins.empty()) enrolment.user.pins = standard.session.user.pins;
}

}  // namespace

Scenario read_scenario(const std::filesystem::path& file) {
  Scenario scenario = read_file(file);
  const Scenario standard = read_file(file.parent_path().parent_path() / "standard.toml");
  if (!scenario.profiles.contains("default")) scenario.profiles.insert("default", *standard.profiles.get("default")->as_table());
  if (scenario.title.empty()) throw std::runtime_error(scenario.name + ": a scenario has a title");
  for (Action& action : scenario.before) use_standard_pins(action.enrolment, standard);
  for (Action& action : scenario.after) use_standard_pins(action.enrolment, standard);
  use_standard_pins(scenario.session, standard);
  return scenario;
}

std::vector<std::filesystem::path> scenario_files(const std::string& group) {
  std::vector<std::filesystem::path> files;
  const std::filesystem::path folder = std::filesystem::path(AIRTIGHT_SOURCE_DIR) / "tests/e2e/scenarios" / group;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace airtight::e2e
