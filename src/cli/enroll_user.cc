#include "cli/enroll_user.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "agent/printable.h"
#include "cli/enroll_description.h"
#include "cli/interruption.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

using agent::printable;

std::string_view sentence_of(agent::Step step) {
  switch (step) {
    case agent::Step::kConnecting: return "Connecting to";
    case agent::Step::kNegotiating: return "Negotiating with";
    case agent::Step::kCreatingSession: return "Opening a session for";
    case agent::Step::kLookingForKeys: return "Looking for keys that this issuer issued earlier";
    case agent::Step::kCreatingKeys: return "Making the keys";
    case agent::Step::kSendingKeys: return "Sending the public keys with their attestations";
    case agent::Step::kInstallingCertificates: return "Installing certificates";
    case agent::Step::kConfirming: return "Closing the session and confirming";
    case agent::Step::kAborting: return "Aborting the session";
  }
  return "";
}

// The usual end of a file of this type.
std::string_view extension_of(std::string_view mime_type) {
  struct Known {
    std::string_view mime_type;
    std::string_view extension;
  };
  static constexpr auto kKnown = std::to_array<Known>(
      {{"image/png", ".png"}, {"image/jpeg", ".jpg"}, {"image/gif", ".gif"}, {"image/svg+xml", ".svg"}, {"image/webp", ".webp"}});
  const auto known = std::ranges::find(kKnown, mime_type, &Known::mime_type);
  return known == kKnown.end() ? ".bin" : known->extension;
}

}  // namespace

Result<EnrollUser> EnrollUser::create(const EnrollUserOptions& options, const Context& context) {
  EnrollUser user(options, context);
  if (!options.pin_file.empty()) user.pin_file_ = TRY(PinFile::read(options.pin_file));
  user.pinentry_ = Pinentry::find(options.pinentry);
  Result<Terminal> terminal = Terminal::open();
  if (terminal) {
    user.terminal_.emplace(std::move(*terminal));
  } else {
    user.no_terminal_ = std::move(terminal.error());
  }
  return user;
}

Result<> EnrollUser::require_person() const {
  if (options_.yes || terminal_ || pinentry_) return {};
  Error error = *no_terminal_;
  return Failure(std::move(error).with_hint("say yes beforehand with --yes, and give PINs with --pin-file"));
}

void EnrollUser::show(const std::vector<std::string>& lines) const {
  for (const std::string& line : lines) context_->err << line << '\n';
  context_->err.flush();
}

Result<bool> EnrollUser::ask(const std::vector<std::string>& lines, std::string_view question) const {
  show(lines);
  if (options_.yes) return true;
  TRY(require_person());
  if (terminal_) return terminal_->ask_yes_or_no(question);
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return pinentry_->confirm(text + '\n' + std::string(question));
}

Result<> EnrollUser::save_logotypes(const agent::IssuerSummary& issuer) const {
  if (options_.logotypes_folder.empty()) return {};
  const std::filesystem::path folder = options_.logotypes_folder;
  TRY(storage::make_private_folder(folder));
  int number = 0;
  for (const keygen2::IssuerLogotype& logotype : issuer.logotypes) {
    const std::string name = "logotype-" + std::to_string(++number) + std::string(extension_of(logotype.mime_type));
    TRY(storage::write_file(folder / name, logotype.image, storage::FileMode::kPrivate));
    context_->err << "Saved " << (folder / name).string() << '\n';
  }
  return {};
}

// A signer whom nothing vouches for is a decision of its own: the rest of the session hangs on it.
Result<bool> EnrollUser::meet(const agent::IssuerSummary& issuer) {
  const std::vector<std::string> lines = describe(issuer);
  TRY(save_logotypes(issuer));
  if (issuer.signer_standing == agent::SignerStanding::kUnknown) return ask(lines, "Do you trust this signer?");
  show(lines);
  return true;
}

Result<bool> EnrollUser::confirm(const agent::EnrollmentSummary& summary) { return ask(describe(summary), "Do you want this?"); }

Result<bool> EnrollUser::confirm_changes(const agent::ChangeSummary& summary) { return ask(describe(summary), "Do you want this?"); }

Result<SecretBytes> EnrollUser::ask_new_secret(const std::string& description, const std::string& prompt,
                                               const std::string& again_because) const {
  if (pinentry_) {
    Result<SecretBytes> typed =
        pinentry_->ask({.description = description,
                        .prompt = prompt,
                        .again_because = again_because.empty() ? "" : "This " + prompt + " cannot be used: " + again_because,
                        .is_new = true});
    if (typed || typed.error().fault != Fault::kUnavailable || pinentry_->was_chosen() || !terminal_) return typed;
  }
  if (!terminal_) {
    return fail(Fault::kUnavailable, "a PIN has to be chosen and there is no terminal to ask on: " + description,
                "give PINs with --pin-file, in lines of POLICY-ID KEY-ID PIN");
  }
  if (!again_because.empty()) terminal_->say("This " + prompt + " cannot be used: " + again_because + ".\n");
  return terminal_->ask_new_secret(description);
}

Result<SecretBytes> EnrollUser::choose_pin(const agent::PinQuestion& question) {
  const keygen2::PinPolicyRequest& policy = question.policy;
  if (pin_file_) {
    if (!question.again_because.empty()) {
      return fail(Fault::kBadInput,
                  "the PIN in the file for key '" + question.key_ids.front() + "' cannot be used: " + question.again_because,
                  "the policy '" + policy.id + "' wants " + describe(policy));
    }
    return pin_of_text(TRY(pin_file_->find(policy.id, question.key_ids)), policy.format);
  }
  const std::string description = "New PIN for " + join(question.key_ids) + " (" + describe(policy) + ")";
  std::string again_because = question.again_because;
  while (true) {
    const SecretBytes typed = TRY(ask_new_secret(description, "PIN", again_because));
    Result<SecretBytes> pin = pin_of_text(typed, policy.format);
    if (pin) return pin;
    again_because = pin.error().message;
  }
}

Result<agent::DevicePinChoice> EnrollUser::choose_device_pin(std::string_view again_because) {
  if (pin_file_) {
    return fail(Fault::kBadInput, "keys are wanted under the PIN of the device, which has none yet",
                "set one beforehand with 'airtight device pin set --new-pin-file FILE --puk-file FILE'");
  }
  agent::DevicePinChoice choice;
  choice.pin =
      TRY(ask_new_secret("New PIN of the device, for all keys that ask for it (at least 4 characters)", "PIN", std::string(again_because)));
  choice.puk = TRY(ask_new_secret("New PUK of the device, which unlocks its PIN (at least 8 characters)", "PUK", ""));
  return choice;
}

void EnrollUser::progress(agent::Step step, std::string_view detail) {
  context_->err << sentence_of(step);
  if (!detail.empty()) context_->err << ' ' << printable(detail);
  context_->err << '\n' << std::flush;
}

bool EnrollUser::has_left() const { return Interruption::is_requested(); }

}  // namespace airtight::cli
