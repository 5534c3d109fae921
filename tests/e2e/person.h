// The person of a scenario, in front of an enrolment: answers as the script says, and keeps a log of what was asked and told.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/user_interface.h"
#include "tests/e2e/scenario.h"

namespace airtight::e2e {

class Person final : public agent::UserInterface {
 public:
  explicit Person(UserScript script) : script_(std::move(script)) {}

  [[nodiscard]] Result<bool> meet(const agent::IssuerSummary& issuer) override;
  [[nodiscard]] Result<bool> confirm(const agent::EnrollmentSummary& summary) override;
  [[nodiscard]] Result<bool> confirm_changes(const agent::ChangeSummary& summary) override;
  [[nodiscard]] Result<SecretBytes> choose_pin(const agent::PinQuestion& question) override;
  [[nodiscard]] Result<agent::DevicePinChoice> choose_device_pin(std::string_view again_because) override;
  void progress(agent::Step step, std::string_view detail) override;
  [[nodiscard]] bool has_left() const override { return has_left_; }

  // "PIN.1: Key.1 Key.2", one a question; with " again" where an earlier answer could not be used.
  [[nodiscard]] const std::vector<std::string>& questions() const { return questions_; }
  // The keys that he was asked to agree to, one line a question.
  [[nodiscard]] const std::vector<std::string>& key_lists() const { return key_lists_; }
  // What else he was told: "met issuer.example.com", "delete Key.1", "update Key.1 by Key.2" and so on.
  [[nodiscard]] const std::vector<std::string>& told() const { return told_; }
  // The PIN that he chose last, by key.
  [[nodiscard]] const std::map<std::string, std::string>& pins() const { return pins_; }

 private:
  UserScript script_;
  std::vector<std::string> questions_;
  std::vector<std::string> key_lists_;
  std::vector<std::string> told_;
  std::map<std::string, std::string> pins_;
  bool has_left_ = false;
};

}  // namespace airtight::e2e
