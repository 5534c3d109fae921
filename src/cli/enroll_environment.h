// What `airtight enroll` and `airtight keys renew` share: options about trust, people and limits, and everything that an enrolment works
// with.
#pragma once

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <string>

#include "agent/enrollment.h"
#include "agent/session_memory.h"
#include "cli/command.h"
#include "cli/enroll_user.h"
#include "cli/key_store.h"
#include "http/client.h"
#include "xml/schema.h"

namespace airtight::cli {

struct EnrollSettings {
  std::string store;
  std::string ca_file;
  std::string signer_file;
  std::string client_certificate;  // with which this client proves who it is
  std::string client_key;
  EnrollUserOptions user;
  agent::EnrollmentLimits limits;
};
void add_enroll_settings(CLI::App& command, EnrollSettings& settings);

class EnrollEnvironment {
 public:
  // Reads the files that `settings` name, opens the store and the way to the person. `context` outlives it.
  [[nodiscard]] static Result<std::unique_ptr<EnrollEnvironment>> create(const EnrollSettings& settings, const Context& context);

  // Fault::kUnavailable where something may have to be asked and there is nothing to ask on.
  [[nodiscard]] Result<> require_person() const { return user_.require_person(); }

  [[nodiscard]] agent::EnrollmentTools tools();
  [[nodiscard]] agent::EnrollmentOptions options() const;  // without a URL
  [[nodiscard]] http::Client& http() { return *http_; }
  [[nodiscard]] agent::SessionMemory& memory() { return memory_; }
  [[nodiscard]] OpenKeyStore& store() { return *store_; }

 private:
  EnrollEnvironment(const EnrollSettings& settings, EnrollUser user, xml::Schema schema, const Context& context);
  const EnrollSettings& settings_;
  EnrollUser user_;
  xml::Schema schema_;
  Log log_;
  agent::FolderMemory memory_;
  std::vector<crypto::Certificate> signers_;
  std::unique_ptr<http::Client> http_;
  std::unique_ptr<OpenKeyStore> store_;
};

// The error of an enrolment whose keys are in place without the issuer's knowing; nothing if it knows.
[[nodiscard]] std::optional<Error> unconfirmed(const agent::EnrollmentOutcome& outcome);

// As --json prints it.
[[nodiscard]] boost::json::object outcome_as_json(const agent::EnrollmentOutcome& outcome);

}  // namespace airtight::cli
