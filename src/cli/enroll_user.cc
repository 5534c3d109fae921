#include "cli/enroll_user.h"

#include <array>
#include <utility>
#include <variant>

#include "agent/printable.h"
#include "base/encoding.h"
#include "base/key_attributes.h"
#include "cli/interruption.h"
#include "crypto/key.h"

namespace airtight::cli {
namespace {

using agent::printable;
using keygen2::KeyPairRequest;

std::string algorithm_of(const KeyPairRequest& key) {
  if (const auto* rsa = std::get_if<KeyPairRequest::Rsa>(&key.algorithm)) return "RSA " + std::to_string(rsa->key_size);
  const std::string& uri = std::get<KeyPairRequest::Ec>(key.algorithm).named_curve;
  const auto curve = crypto::curve_of_uri(uri);
  if (!curve) return "EC " + printable(uri);
  constexpr std::array kNamesOfCurves = {"EC P-256", "EC P-384", "EC P-521"};
  return kNamesOfCurves.at(static_cast<std::size_t>(*curve));
}

std::string_view unit_of(PassphraseFormat format) {
  switch (format) {
    case PassphraseFormat::kNumeric: return "digits";
    case PassphraseFormat::kAlphanumeric: return "digits and capital letters";
    case PassphraseFormat::kString: return "characters";
    case PassphraseFormat::kBinary: return "bytes (typed in hex)";
  }
  return "bytes";
}

// What makes a key less than a key that only its owner can use: worth a line of its own.
std::vector<std::string> warnings_about(const KeyPairRequest& key) {
  std::vector<std::string> warnings;
  if (key.private_key_backup) warnings.emplace_back("the issuer gets a copy of the private key");
  if (key.export_policy != ExportPolicy::kNonExportable) {
    warnings.push_back("the private key can be exported (" + std::string(name_of(key.export_policy)) + ")");
  }
  return warnings;
}

void describe_key(const keygen2::RequestedKey& requested, std::vector<std::string>& lines) {
  const KeyPairRequest& key = *requested.key;
  std::string line = "Key " + key.id + ": " + algorithm_of(key) + ", for " + std::string(name_of(key.key_usage));
  if (!key.friendly_name.empty()) line += ", called \"" + printable(key.friendly_name) + '"';
  lines.push_back(std::move(line));
  if (requested.pin_policy == nullptr) {
    lines.emplace_back("  no PIN: whoever opens the key store can use it");
  } else {
    const keygen2::PinPolicyRequest& policy = *requested.pin_policy;
    lines.push_back("  PIN " + policy.id + ": " + (requested.preset_pin != nullptr ? "set by the issuer" : "yours, " + describe(policy)) +
                    "; locks after " + std::to_string(policy.retry_limit) + " wrong attempts");
  }
  if (requested.puk_policy != nullptr) lines.push_back("  PUK " + requested.puk_policy->id + ": the issuer can unlock it");
  for (const std::string& warning : warnings_about(key)) lines.push_back("  NOTE: " + warning);
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// A span of time as people say it.
std::string span_of(std::uint32_t seconds) {
  constexpr std::uint32_t kHour = 3600;
  constexpr std::uint32_t kDay = 24 * kHour;
  if (seconds >= 2 * kDay) return std::to_string(seconds / kDay) + " days";
  if (seconds >= 2 * kHour) return std::to_string(seconds / kHour) + " hours";
  return std::to_string((seconds + 59) / 60) + " minutes";
}

std::string_view sentence_of(agent::Step step) {
  switch (step) {
    case agent::Step::kConnecting: return "Connecting to";
    case agent::Step::kNegotiating: return "Negotiating with";
    case agent::Step::kCreatingSession: return "Opening a session for";
    case agent::Step::kCreatingKeys: return "Making the keys";
    case agent::Step::kSendingKeys: return "Sending the public keys with their attestations";
    case agent::Step::kInstallingCertificates: return "Installing certificates";
    case agent::Step::kConfirming: return "Closing the session and confirming";
    case agent::Step::kAborting: return "Aborting the session";
  }
  return "";
}

}  // namespace

std::string describe(const keygen2::PinPolicyRequest& policy) {
  std::string text = std::to_string(policy.min_length);
  if (policy.max_length != policy.min_length) text += " to " + std::to_string(policy.max_length);
  text += ' ' + std::string(unit_of(policy.format));
  std::vector<std::string> forbidden;
  for (const auto& pattern : kNames<PatternRestriction>) {
    if ((policy.pattern_restrictions & std::to_underlying(pattern.value)) == 0) continue;
    switch (pattern.value) {
      case PatternRestriction::kTwoInARow: forbidden.emplace_back("no two equal in a row"); break;
      case PatternRestriction::kThreeInARow: forbidden.emplace_back("no three equal in a row"); break;
      case PatternRestriction::kSequence: forbidden.emplace_back("no sequence like 1234"); break;
      case PatternRestriction::kRepeated: forbidden.emplace_back("none twice"); break;
      case PatternRestriction::kMissingGroup: forbidden.emplace_back("some of every kind"); break;
    }
  }
  if (!forbidden.empty()) text += ", " + join(forbidden);
  return text;
}

std::vector<std::string> describe(const agent::EnrollmentSummary& summary) {
  std::vector<std::string> lines;
  const std::vector<keygen2::RequestedKey> keys = keygen2::requested_keys(summary.keys);
  lines.push_back(summary.issuer.host + " asks to make " +
                  (keys.size() == 1 ? "this key" : "these " + std::to_string(keys.size()) + " keys") + ':');
  for (const keygen2::RequestedKey& key : keys) describe_key(key, lines);
  if (summary.updatable) lines.emplace_back("The issuer may update and delete these keys later");
  if (summary.keys.deferred_certification)
    lines.push_back("The certificates will come later, within " + span_of(summary.session_life_time));
  return lines;
}

Result<EnrollUser> EnrollUser::create(const EnrollUserOptions& options, const Context& context) {
  EnrollUser user(options.yes, context);
  if (!options.pin_file.empty()) user.pin_file_ = TRY(PinFile::read(options.pin_file));
  Result<Terminal> terminal = Terminal::open();
  if (terminal) {
    user.terminal_.emplace(std::move(*terminal));
  } else if (!options.yes) {
    return Failure(std::move(terminal.error()).with_hint("say yes beforehand with --yes, and give PINs with --pin-file"));
  }
  return user;
}

void EnrollUser::meet(const agent::IssuerSummary& issuer) {
  std::ostream& err = context_->err;
  err << "Issuer " << issuer.host;
  if (issuer.tls_certificate) {
    err << ", as " << printable(issuer.tls_certificate->subject()) << " by " << printable(issuer.tls_certificate->issuer());
  } else {
    err << ", over a connection that is NOT encrypted";
  }
  err << '\n';
  if (issuer.signer) {
    err << "Requests are signed by " << printable(issuer.signer->subject()) << ", whom nothing here vouches for (SHA-256 "
        << hex_encode(issuer.signer->sha256()) << ")\n";
  }
  if (issuer.logotypes > 0) err << "It sent " << issuer.logotypes << (issuer.logotypes == 1 ? " logotype" : " logotypes") << '\n';
  err.flush();
}

Result<bool> EnrollUser::confirm(const agent::EnrollmentSummary& summary) {
  for (const std::string& line : describe(summary)) context_->err << line << '\n';
  context_->err.flush();
  if (yes_) return true;
  return terminal_->ask_yes_or_no("Do you want this?");
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
  if (!terminal_) {
    return fail(Fault::kUnavailable, "a PIN has to be chosen for key '" + question.key_ids.front() + "' and there is no terminal to ask on",
                "give PINs with --pin-file, in lines of POLICY-ID KEY-ID PIN");
  }
  if (!question.again_because.empty()) terminal_->say("This PIN cannot be used: " + question.again_because + ".\n");
  const std::string prompt = "New PIN for " + join(question.key_ids) + " (" + describe(policy) + ")";
  while (true) {
    Result<SecretBytes> pin = pin_of_text(TRY(terminal_->ask_new_secret(prompt)), policy.format);
    if (pin) return pin;
    terminal_->say(pin.error().message + ".\n");
  }
}

void EnrollUser::progress(agent::Step step, std::string_view detail) {
  context_->err << sentence_of(step);
  if (!detail.empty()) context_->err << ' ' << printable(detail);
  context_->err << '\n' << std::flush;
}

bool EnrollUser::has_left() const { return Interruption::is_requested(); }

}  // namespace airtight::cli
