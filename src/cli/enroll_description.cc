#include "cli/enroll_description.h"

#include <array>
#include <utility>
#include <variant>

#include "agent/printable.h"
#include "base/encoding.h"
#include "base/key_attributes.h"
#include "base/time.h"
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
  if (key.import_private_key) warnings.emplace_back("the private key comes from the issuer, which may keep a copy");
  if (key.key_usage == KeyUsage::kSymmetricKey) warnings.emplace_back("the symmetric key comes from the issuer, which knows it");
  if (key.export_policy != ExportPolicy::kNonExportable) {
    warnings.push_back("the private key can be exported (" + std::string(name_of(key.export_policy)) + ")");
  }
  return warnings;
}

std::string_view meaning_of(InputMethod method) {
  switch (method) {
    case InputMethod::kAny: break;
    case InputMethod::kProgrammatic: return "; programs give it, nobody types it";
    case InputMethod::kTrustedGui: return "; to be typed in a dialogue that the system protects, and nowhere else";
  }
  return "";
}

std::string pin_of(const keygen2::RequestedKey& requested, std::optional<std::uint32_t> renews) {
  if (requested.device_pin) return "the PIN of the device";
  if (requested.pin_policy == nullptr) {
    if (requested.key->biometric_protection == BiometricProtection::kExclusive) return "no PIN, but your approval at each use";
    // An update takes no PIN policy of its own (SKS, postUpdateKey).
    if (renews)
      return "no PIN of its own: in the place of key " + std::to_string(*renews) + " it takes over the PIN of that key, if it has one";
    return "no PIN: whoever opens the key store can use it";
  }
  const keygen2::PinPolicyRequest& policy = *requested.pin_policy;
  std::string text = "PIN " + policy.id + ": " + (requested.preset_pin != nullptr ? "set by the issuer" : "yours, " + describe(policy)) +
                     "; locks after " + std::to_string(policy.retry_limit) + " wrong attempts";
  if (!policy.is_user_modifiable()) text += "; you cannot change it";
  text += meaning_of(policy.input_method);
  return text;
}

std::string_view meaning_of(BiometricProtection protection) {
  switch (protection) {
    case BiometricProtection::kNone: break;
    case BiometricProtection::kAlternative: return "your approval does instead of the PIN";
    case BiometricProtection::kCombined: return "your approval is wanted beside the PIN";
    case BiometricProtection::kExclusive: return "your approval is wanted, and nothing else";
  }
  return "";
}

std::string_view meaning_of(DeletePolicy policy) {
  switch (policy) {
    case DeletePolicy::kNone: break;
    case DeletePolicy::kPin: return "you can delete it with its PIN alone";
    case DeletePolicy::kPuk: return "it can be deleted with the issuer's PUK alone";
  }
  return "";
}

// What the key lets happen later. `updatable` is the session's, without which a key's own has no effect.
std::vector<std::string> terms_of(const KeyPairRequest& key, bool updatable) {
  std::vector<std::string> terms;
  if (const auto meaning = meaning_of(key.biometric_protection); !meaning.empty()) terms.emplace_back(meaning);
  if (const auto meaning = meaning_of(key.delete_policy); !meaning.empty()) terms.emplace_back(meaning);
  if (key.enable_pin_caching) terms.emplace_back("programs may keep its PIN for a while");
  if (updatable && key.updatable.value_or(true)) terms.emplace_back("the issuer may update and delete it later");
  return terms;
}

void describe_key(const keygen2::RequestedKey& requested, const agent::EnrollmentSummary& summary, std::vector<std::string>& lines) {
  const KeyPairRequest& key = *requested.key;
  std::string line = "Key " + key.id + ": " + algorithm_of(key) + ", for " + std::string(name_of(key.key_usage));
  if (!key.friendly_name.empty()) line += ", called \"" + printable(key.friendly_name) + '"';
  lines.push_back(std::move(line));
  lines.push_back("  " + pin_of(requested, summary.renews));
  if (requested.puk_policy != nullptr) lines.push_back("  PUK " + requested.puk_policy->id + ": the issuer can unlock it");
  for (const std::string& term : terms_of(key, summary.updatable)) lines.push_back("  " + term);
  for (const std::string& warning : warnings_about(key)) lines.push_back("  NOTE: " + warning);
}

// A span of time as people say it.
std::string span_of(std::uint32_t seconds) {
  constexpr std::uint32_t kHour = 3600;
  constexpr std::uint32_t kDay = 24 * kHour;
  if (seconds >= 2 * kDay) return std::to_string(seconds / kDay) + " days";
  if (seconds >= 2 * kHour) return std::to_string(seconds / kHour) + " hours";
  return std::to_string((seconds + 59) / 60) + " minutes";
}

}  // namespace

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string describe_delay(std::string_view retry_after) {
  const bool is_span = !retry_after.empty() && std::ranges::all_of(retry_after, [](char c) { return c >= '0' && c <= '9'; });
  return printable(retry_after) + (is_span ? (retry_after == "1" ? " second" : " seconds") : "");
}

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
  for (const keygen2::RequestedKey& key : keys) describe_key(key, summary, lines);
  if (summary.keys.deferred_certification)
    lines.push_back("The certificates will come later, within " + span_of(summary.session_life_time));
  return lines;
}

std::vector<std::string> describe(const agent::IssuerSummary& issuer) {
  std::vector<std::string> lines;
  std::string line = "Issuer " + issuer.host;
  if (issuer.tls_certificate) {
    line += ", as " + printable(issuer.tls_certificate->subject()) + " by " + printable(issuer.tls_certificate->issuer());
  } else if (issuer.transport == agent::Transport::kFiles) {
    line += ", as its files say; nothing here proves where they come from";
    if (issuer.signer) line += " but who signed them";
  } else {
    line += ", over a connection that is NOT encrypted";
  }
  lines.push_back(std::move(line));
  if (issuer.signer) {
    const bool is_trusted = issuer.signer_standing == agent::SignerStanding::kTrusted;
    lines.push_back("Requests are signed by " + printable(issuer.signer->subject()) +
                    (is_trusted ? ", whom you trust" : ", an unknown signer: nothing here vouches for it") + " (SHA-256 " +
                    hex_encode(issuer.signer->sha256()) + ")");
  }
  if (issuer.began_elsewhere) {
    lines.emplace_back("This session began where its notes are not at hand: who signed its first request is not known here");
  }
  for (const keygen2::IssuerLogotype& logotype : issuer.logotypes) {
    lines.push_back("It sent a logotype: " + printable(logotype.mime_type) + ", " + std::to_string(logotype.image.size()) + " bytes");
  }
  return lines;
}

std::vector<std::string> describe(const agent::ChangeSummary& summary) {
  std::vector<std::string> lines;
  lines.push_back(summary.issuer.host + " wants to change " +
                  (summary.changes.size() == 1 ? "a key" : std::to_string(summary.changes.size()) + " keys") + " of this store:");
  for (const agent::KeyChange& change : summary.changes) {
    const crypto::Certificate& certificate = change.target.path.front();
    std::string line = "Key " + std::to_string(change.target.handle) + " (" + change.target.key.id.value + ", " +
                       printable(certificate.subject()) + ", valid until " + format_time(certificate.not_after()) + ") is ";
    line += change.replaced_by.empty() ? "DELETED" : "replaced by the new key " + change.replaced_by + " and keeps its PIN";
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace airtight::cli
