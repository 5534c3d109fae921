#include "tests/e2e/person.h"

#include <utility>

#include "keygen2/messages.h"

namespace airtight::e2e {
namespace {

// By which a script names the steps.
std::string_view name_of_step(agent::Step step) {
  using enum agent::Step;
  switch (step) {
    case kConnecting: return "connecting";
    case kNegotiating: return "negotiating";
    case kCreatingSession: return "creating-session";
    case kLookingForKeys: return "looking-for-keys";
    case kCreatingKeys: return "creating-keys";
    case kSendingKeys: return "sending-keys";
    case kInstallingCertificates: return "installing-certificates";
    case kConfirming: return "confirming";
    case kAborting: return "aborting";
  }
  return {};
}

std::string_view standing_of(const agent::IssuerSummary& issuer) {
  using enum agent::SignerStanding;
  switch (issuer.signer_standing) {
    case kUnsigned: return "";
    case kUnknown: return ", signed by somebody unknown";
    case kTrusted: return ", signed by somebody trusted";
  }
  return {};
}

}  // namespace

Result<bool> Person::meet(const agent::IssuerSummary& issuer) {
  std::string line = "met " + issuer.host + (issuer.tls_certificate ? "" : " without TLS");
  line += standing_of(issuer);
  if (!issuer.logotypes.empty()) line += ", logotypes " + std::to_string(issuer.logotypes.size());
  told_.push_back(line);
  return script_.trusts;
}

Result<bool> Person::confirm(const agent::EnrollmentSummary& summary) {
  std::string line;
  for (const keygen2::RequestedKey& key : keygen2::requested_keys(summary.keys)) line += (line.empty() ? "" : " ") + key.key->id;
  key_lists_.push_back(line);
  return script_.agrees;
}

Result<bool> Person::confirm_changes(const agent::ChangeSummary& summary) {
  for (const agent::KeyChange& change : summary.changes) {
    const std::string& id = change.target.key.id.value;
    told_.push_back(change.replaced_by.empty() ? "delete " + id : "update " + id + " by " + change.replaced_by);
  }
  return script_.agrees_to_changes;
}

Result<SecretBytes> Person::choose_pin(const agent::PinQuestion& question) {
  std::string line = question.policy.id + ":";
  for (const std::string& key : question.key_ids) line += " " + key;
  if (!question.again_because.empty()) line += " again";
  questions_.push_back(line);
  std::deque<std::string>& answers = script_.pins[question.policy.id];
  if (answers.empty()) return fail(Fault::kRefused, "the script has no PIN for " + line);
  const std::string pin = answers.front();
  answers.pop_front();
  for (const std::string& key : question.key_ids) pins_[key] = pin;
  return SecretBytes::copy_of(bytes_of(pin));
}

Result<agent::DevicePinChoice> Person::choose_device_pin(std::string_view again_because) {
  questions_.push_back(again_because.empty() ? "Device" : "Device again");
  if (script_.device_pin.empty()) return fail(Fault::kRefused, "the script has no PIN for the device");
  return agent::DevicePinChoice{.pin = SecretBytes::copy_of(bytes_of(script_.device_pin)),
                                .puk = SecretBytes::copy_of(bytes_of(script_.device_puk))};
}

void Person::progress(agent::Step step, std::string_view) {
  if (!script_.leaves_at.empty() && name_of_step(step) == script_.leaves_at) has_left_ = true;
}

}  // namespace airtight::e2e
