// A scenario of the catalogue: one file that says what is there, who does what to whom, and what has to come of it. README.md beside this
// file explains the words.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace airtight::e2e {

// What the person in front of an enrolment says.
struct UserScript {
  bool trusts = true;                                     // the issuer that he meets
  bool agrees = true;                                     // to the keys
  bool agrees_to_changes = true;                          // of keys that are there
  std::map<std::string, std::deque<std::string>> pins{};  // by PIN policy: one answer a question
  std::string device_pin{};                               // and its PUK, where the device gets a PIN
  std::string device_puk{};
  std::string leaves_at{};  // a step (README.md); empty: stays
};

// One session between the device and an issuer.
struct Enrolment {
  std::string name{};  // by which attacks refer to it
  std::string issuer = "issuer";
  std::string profile = "default";
  std::string subject = "CN=Jane Doe,C=SE";  // empty: the profile's own
  std::string way = "url";                   // or "entrance" (the profile's address), "mail", "token" and "wrong-token" (clients)
  UserScript user{};
  std::size_t max_keys = 20;
  bool basic = false;  // by a container without a key store
};

// Something that happens before or after the session: an enrolment, or what the owners of the store and the issuer do.
struct Action {
  std::string what = "enrol";
  Enrolment enrolment{};
  std::string key{};
  std::string value{};
  std::int64_t seconds = 0;
};

// What somebody does to a message on its way, or an issuer or a device that breaks a rule.
struct Attack {
  std::string message{};   // name of the message that it strikes
  std::string reply_to{};  // or of the message whose reply it strikes, whatever that is
  int number = 1;          // the first such message, the second ...
  std::string action{};
  std::string at{};  // an element
  std::string attribute{};
  std::string value{};
  std::string find{};
  std::string from{};  // a message of this session, or of an earlier one ("alice.KeyInitializationRequest")
  std::string from_at{};
  std::string with{};
  std::string xml{};
  std::int64_t amount = 0;
};

struct DeviceSetup {
  bool p384 = false;
  bool p521 = false;
  bool sk2 = false;
  bool rsa_attestation = false;
  bool approver = false;  // a person who approves: biometric options
  std::string maker = "maker";
  std::string pin{};  // of the device
  std::string puk{};
};

struct Expectation {
  std::string outcome{};                                // enrolled, refused, deferred, unconfirmed
  std::string by{};                                     // of a refusal: agent or issuer
  std::string error{};                                  // what the agent told the issuer (ClientErrorResponse); "none": nothing
  std::string refusal{};                                // the identifier of the issuer's refusal
  std::string state{};                                  // of the issuer's session
  std::string ended_by{};                               // the refusal that ended it, where that is another
  std::string says{};                                   // a part of what the user was told
  std::optional<std::vector<std::string>> questions{};  // for PINs, in order: "PIN.1: Key.1 Key.2"
  std::optional<std::vector<std::string>> key_lists{};  // what the user was asked to agree to
  std::optional<std::vector<std::string>> in_doubt{};   // credentials that the issuer is not sure of in the end
  std::optional<std::vector<toml::table>> keys{};       // all that are in the store in the end, in order of their handles
  std::vector<std::string> told{};                      // lines of the user's log, in order
};

struct Scenario {
  std::filesystem::path file{};
  std::string name{};  // of the file, without extension
  std::string title{};
  std::vector<std::string> covers{};  // what of the schema it shows (README.md)
  DeviceSetup device{};
  bool tls = true;
  toml::table profiles{};
  std::vector<Action> before{};
  Enrolment session{};
  std::vector<Attack> attacks{};
  std::vector<Action> after{};
  Expectation expect{};
};

// Reads `file`, and takes from standard.toml beside its folder what it does not say itself. Throws with the place of what is wrong or
// unknown in it.
[[nodiscard]] Scenario read_scenario(const std::filesystem::path& file);

// Every file of `group`, by name.
[[nodiscard]] std::vector<std::filesystem::path> scenario_files(const std::string& group);

}  // namespace airtight::e2e
