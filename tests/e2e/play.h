// Plays one scenario: sets its world up, has device and issuer meet under its attacks, and holds what came of it against what the file says
// and against what always has to be true.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/enrollment.h"
#include "device/administration.h"
#include "tests/e2e/person.h"
#include "tests/e2e/road.h"
#include "tests/e2e/scenario.h"
#include "tests/e2e/world.h"

namespace airtight::e2e {

class Play {
 public:
  explicit Play(const Scenario& scenario) : scenario_(scenario), world_(scenario), memory_(world_.device_folder() / "enrolments") {}

  // Everything, with the expectations as failures of the running test.
  void run();

  struct Survived {
    bool refused = false;
    bool unconfirmed = false;
    std::vector<Letter> letters;  // as they were sent
    std::string before;           // pictures of the key store: before the session, after it,
    std::string after;
    std::string end;  // and after all
  };
  // Plays it without the expectations of the file. Whatever comes of it has to be whole: both sides agree and go on serving, and a refusal
  // leaves nothing behind.
  Survived survive();

 private:
  // One meeting of device and issuer.
  struct Meeting {
    Site* site = nullptr;
    std::unique_ptr<Road> road;
    std::unique_ptr<Person> person;
    std::optional<Result<agent::EnrollmentOutcome>> outcome;

    [[nodiscard]] std::string server_session_id() const;
    // Of the last ClientErrorResponse that arrived; empty without one.
    [[nodiscard]] std::string told_error() const;
  };

  [[nodiscard]] std::string way_in(const Enrolment& enrolment, Site& site, Road& road);
  [[nodiscard]] Meeting meet(const Enrolment& enrolment, const std::vector<Attack>& attacks);
  void act(const Action& action);
  [[nodiscard]] agent::EnrollmentTools tools_for(Person& person);
  void go_on(const Enrolment& enrolment, const std::string& complaint);
  void decide(const Action& action);
  [[nodiscard]] std::string device_id_of(const std::string& whose);
  void wrong_pins(const std::string& key, std::int64_t times);

  void check_outcome(const Meeting& meeting);
  void check_refusal(const Meeting& meeting);
  void check_issuer_session(const Meeting& meeting);
  void check_user(const Person& person);
  void check_keys();
  void check_coverage(const Meeting& meeting);
  void check_store_is_whole();
  // No credential that only one side believes in.
  void check_agreement();
  void check_that_it_still_serves(Site& site);
  [[nodiscard]] std::string device_pin() const;
  void check_signatures();

  const Scenario& scenario_;
  World world_;
  agent::FolderMemory memory_;
  std::unique_ptr<device::Administration> administration_;
  Archive archive_;
  std::map<std::string, std::string> pins_;  // by key ID
};

}  // namespace airtight::e2e
