// The user of `airtight enroll`: questions in a pinentry or on the terminal, progress on standard error, or PINs from a file and a yes from
// the command line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/user_interface.h"
#include "cli/command.h"
#include "cli/pin_file.h"
#include "cli/pinentry.h"
#include "cli/terminal.h"

namespace airtight::cli {

struct EnrollUserOptions {
  bool yes = false;              // --yes: nothing is asked that yes can answer
  std::string pin_file;          // --pin-file; empty: PINs are typed
  std::string pinentry;          // --pinentry: a program, "none", or empty for what there is
  std::string logotypes_folder;  // --save-logotypes; empty: they are not kept
};

class EnrollUser final : public agent::UserInterface {
 public:
  // Reads the PIN file, so that its faults are found before the issuer is bothered, and opens the terminal if there is one.
  [[nodiscard]] static Result<EnrollUser> create(const EnrollUserOptions& options, const Context& context);

  // Fault::kUnavailable where something may have to be asked and there is nothing to ask on. To be called before an issuer is bothered.
  [[nodiscard]] Result<> require_person() const;

  [[nodiscard]] Result<bool> meet(const agent::IssuerSummary& issuer) override;
  [[nodiscard]] Result<bool> confirm(const agent::EnrollmentSummary& summary) override;
  [[nodiscard]] Result<bool> confirm_changes(const agent::ChangeSummary& summary) override;
  [[nodiscard]] Result<SecretBytes> choose_pin(const agent::PinQuestion& question) override;
  [[nodiscard]] Result<agent::DevicePinChoice> choose_device_pin(std::string_view again_because) override;
  void progress(agent::Step step, std::string_view detail) override;
  [[nodiscard]] bool has_left() const override;

 private:
  EnrollUser(EnrollUserOptions options, const Context& context) : options_(std::move(options)), context_(&context) {}
  void show(const std::vector<std::string>& lines) const;
  // `lines` and then a question: on the terminal, or in a pinentry where there is no terminal.
  [[nodiscard]] Result<bool> ask(const std::vector<std::string>& lines, std::string_view question) const;
  [[nodiscard]] Result<SecretBytes> ask_new_secret(const std::string& description, const std::string& prompt,
                                                   const std::string& again_because) const;
  [[nodiscard]] Result<> save_logotypes(const agent::IssuerSummary& issuer) const;

  EnrollUserOptions options_;
  const Context* context_;
  std::optional<PinFile> pin_file_;
  std::optional<Terminal> terminal_;
  std::optional<Error> no_terminal_;  // why there is none
  std::optional<Pinentry> pinentry_;
};

}  // namespace airtight::cli
