// What must be true of a key store after its process was killed under load: every answered effect is there, every other one entirely or not
// at all, no handle comes twice, and no PIN or PUK has fewer errors than were answered.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/faults/kill_load.h"

namespace airtight::faults {

struct KnownKey {
  sks::Handle session = 0;
  Bytes public_key;
  std::uint64_t pin = 0;  // Pin::id; 0: none
  sks::Handle puk = 0;
};

class KillOracle {
 public:
  explicit KillOracle(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Compares the store, which nobody has open, with what the journal says and what was there before, and takes over what it finds. One
  // sentence for each thing that is wrong.
  [[nodiscard]] std::vector<std::string> check(Journal& journal);
  // Opens the store: verifies it, ends open sessions, signs with its keys (with those that have a PIN if `with_pins`), and removes the
  // oldest of more than a dozen.
  [[nodiscard]] std::vector<std::string> use(bool with_pins);

  [[nodiscard]] const std::map<sks::Handle, KnownKey>& keys() const { return keys_; }
  [[nodiscard]] std::uint64_t answers() const { return answers_; }

 private:
  struct Shape {  // of a session
    bool exists = false;
    bool open = true;
    int puk_policies = 0;
    int pin_policies = 0;
    int keys = 0;
    int certified = 0;
    friend bool operator==(const Shape&, const Shape&) = default;
  };
  struct Counter {  // of a PIN or PUK
    unsigned errors = 0;
    unsigned limit = 0;
  };
  struct Found;

  void read_journal(Journal& journal);
  void check_handles(const Found& found);
  void check_sessions(const Found& found);
  void check_keys(const Found& found);
  void check_counters(const Found& found);
  void check_counter(const std::string& name, const Counter& before, const Counter& now, const std::vector<JournalEntry>& attempts,
                     const std::vector<JournalEntry>& resets);
  void check_refusals(const std::string& name, const Counter& before, unsigned limit, const std::vector<JournalEntry>& attempts,
                      const std::vector<JournalEntry>& forgiven);
  void take_over(const Found& found);
  void complain(std::string sentence) { complaints_.push_back(std::move(sentence)); }

  std::filesystem::path folder_;
  std::map<sks::Handle, KnownKey> keys_;
  std::map<std::uint64_t, Counter> pins_;
  std::map<sks::Handle, Counter> puks_;
  std::map<std::uint8_t, std::set<sks::Handle>> given_;  // by method, over the whole life
  std::vector<std::uint64_t> next_handles_;
  std::uint64_t answers_ = 0;

  std::vector<JournalEntry> entries_;  // of this round, each thread's in order
  std::vector<std::string> complaints_;
};

}  // namespace airtight::faults
