// The user of `airtight enroll`: questions on the terminal, progress on standard error, or PINs from a file and a yes from the command
// line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/user_interface.h"
#include "cli/command.h"
#include "cli/pin_file.h"
#include "cli/terminal.h"

namespace airtight::cli {

struct EnrollUserOptions {
  bool yes = false;      // --yes: confirm() does not ask
  std::string pin_file;  // --pin-file; empty: PINs are typed
};

class EnrollUser final : public agent::UserInterface {
 public:
  // Reads the PIN file, so that its faults are found before the issuer is bothered, and opens the terminal if something will be asked.
  [[nodiscard]] static Result<EnrollUser> create(const EnrollUserOptions& options, const Context& context);

  void meet(const agent::IssuerSummary& issuer) override;
  [[nodiscard]] Result<bool> confirm(const agent::EnrollmentSummary& summary) override;
  [[nodiscard]] Result<SecretBytes> choose_pin(const agent::PinQuestion& question) override;
  void progress(agent::Step step, std::string_view detail) override;
  [[nodiscard]] bool has_left() const override;

 private:
  EnrollUser(bool yes, const Context& context) : yes_(yes), context_(&context) {}
  bool yes_;
  const Context* context_;
  std::optional<PinFile> pin_file_;
  std::optional<Terminal> terminal_;
};

// What an issuer asks for, as the lines that a person reads before saying yes.
[[nodiscard]] std::vector<std::string> describe(const agent::EnrollmentSummary& summary);

// What a PIN has to look like: "4 to 8 digits, not a sequence".
[[nodiscard]] std::string describe(const keygen2::PinPolicyRequest& policy);

}  // namespace airtight::cli
