// A user of enrolments who answers as a test has written down, and remembers what was said.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "agent/user_interface.h"

namespace airtight::agent::testing {

class ScriptedUser final : public UserInterface {
 public:
  struct Question {
    std::string policy_id;
    std::vector<std::string> key_ids;
    std::string again_because;
  };

  std::deque<std::string> pins = {"7391"};  // one for each question, in order
  bool says_yes = true;
  bool trusts_issuer = true;
  bool lets_keys_change = true;
  std::deque<std::string> device_pins = {};  // PIN, PUK, PIN, PUK, ...
  std::function<void()> when_meeting = {};
  std::function<void()> when_asked = {};
  std::optional<Step> leaves_at = {};

  std::vector<Question> questions = {};
  std::vector<Step> steps = {};
  std::vector<std::string> asked_keys = {};
  std::vector<std::string> changes = {};  // "3 replaced by Key.1", "4 deleted"
  int meetings = 0;
  std::optional<IssuerSummary> met = {};

  Result<bool> meet(const IssuerSummary& issuer) override {
    ++meetings;
    met = issuer;
    if (when_meeting) when_meeting();
    return trusts_issuer;
  }
  Result<bool> confirm_changes(const ChangeSummary& summary) override {
    for (const KeyChange& change : summary.changes) {
      changes.push_back(std::to_string(change.target.handle) +
                        (change.replaced_by.empty() ? " deleted" : " replaced by " + change.replaced_by));
    }
    return lets_keys_change;
  }
  Result<DevicePinChoice> choose_device_pin(std::string_view again_because) override {
    questions.push_back({.policy_id = "device", .key_ids = {}, .again_because = std::string(again_because)});
    if (device_pins.size() < 2) return fail(Fault::kRefused, "the script has no more PINs");
    DevicePinChoice choice;
    choice.pin = SecretBytes::copy_of(bytes_of(device_pins[0]));
    choice.puk = SecretBytes::copy_of(bytes_of(device_pins[1]));
    device_pins.erase(device_pins.begin(), device_pins.begin() + 2);
    return choice;
  }
  Result<bool> confirm(const EnrollmentSummary& summary) override {
    for (const keygen2::RequestedKey& key : keygen2::requested_keys(summary.keys)) asked_keys.push_back(key.key->id);
    if (when_asked) when_asked();
    return says_yes;
  }
  Result<SecretBytes> choose_pin(const PinQuestion& question) override {
    questions.push_back({.policy_id = question.policy.id, .key_ids = question.key_ids, .again_because = question.again_because});
    if (pins.empty()) return fail(Fault::kRefused, "the script has no more PINs");
    SecretBytes pin = SecretBytes::copy_of(bytes_of(pins.front()));
    pins.pop_front();
    return pin;
  }
  void progress(Step step, std::string_view) override { steps.push_back(step); }
  [[nodiscard]] bool has_left() const override { return leaves_at && std::ranges::find(steps, *leaves_at) != steps.end(); }
};

}  // namespace airtight::agent::testing
