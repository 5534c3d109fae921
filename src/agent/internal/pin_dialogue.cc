#include "agent/internal/pin_dialogue.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "agent/internal/refusal.h"
#include "sks/pin_rules.h"

namespace airtight::agent {
namespace {

constexpr int kMaxAnswers = 10;

// Key IDs that share a PIN, in the order in which they are asked about.
using PinGroups = std::vector<std::vector<std::string>>;

PinGroups groups_of(Grouping grouping, const std::vector<keygen2::KeyPairRequest>& keys) {
  PinGroups groups;
  std::map<sks::PinHalf, std::size_t> group_of_half;
  for (const auto& key : keys) {
    const sks::PinHalf half = sks::half_of(grouping, key.key_usage);
    const auto [known, is_new] = group_of_half.try_emplace(half, groups.size());
    if (is_new || half == sks::PinHalf::kOwn) {
      groups.push_back({key.id});
    } else {
      groups[known->second].push_back(key.id);
    }
  }
  return groups;
}

bool groups_differ(Grouping grouping) { return grouping == Grouping::kUnique || grouping == Grouping::kSignatureStandard; }

// Why `pin` cannot be taken; empty if it can.
std::string fault_of(const SecretBytes& pin, const keygen2::PinPolicyRequest& policy, const std::vector<SecretBytes>& earlier) {
  const sks::PinRules rules{.format = policy.format,
                            .min_length = policy.min_length,
                            .max_length = policy.max_length,
                            .pattern_restrictions = policy.pattern_restrictions};
  if (const Result<> kept = sks::check_user_pin(rules, pin.expose_secret()); !kept) return kept.error().message;
  if (!groups_differ(policy.grouping)) return {};
  for (const SecretBytes& other : earlier) {
    if (equal_in_constant_time(pin.expose_secret(), other.expose_secret())) return "it is the PIN of another key, and these must differ";
  }
  return {};
}

Result<> choose_pins_of(const keygen2::PinPolicyRequest& policy, const std::vector<keygen2::KeyPairRequest>& keys, UserInterface& user,
                        ChosenPins& chosen) {
  std::vector<SecretBytes> earlier;
  for (std::vector<std::string>& key_ids : groups_of(policy.grouping, keys)) {
    PinQuestion question{.policy = policy, .key_ids = std::move(key_ids), .again_because = {}};
    SecretBytes pin;
    for (int answers = 1;; ++answers) {
      pin = TRY(user.choose_pin(question));
      question.again_because = fault_of(pin, policy, earlier);
      if (question.again_because.empty()) break;
      if (answers == kMaxAnswers)
        return refuse(keygen2::ClientError::kUserAbort, "no PIN was given that the policy '" + policy.id + "' allows");
    }
    for (const std::string& id : question.key_ids) chosen.insert_or_assign(id, pin.clone());
    earlier.push_back(std::move(pin));
  }
  return {};
}

}  // namespace

Result<ChosenPins> choose_pins(const keygen2::KeyInitializationRequest& request, UserInterface& user) {
  ChosenPins chosen;
  const auto of_policy = [&](const keygen2::PinPolicyRequest& policy) -> Result<> {
    const auto* keys = std::get_if<std::vector<keygen2::KeyPairRequest>>(&policy.keys);
    if (keys == nullptr) return {};  // the issuer sets these PINs
    return choose_pins_of(policy, *keys, user, chosen);
  };
  for (const keygen2::CreateObject& object : request.objects) {
    if (const auto* policy = std::get_if<keygen2::PinPolicyRequest>(&object)) TRY(of_policy(*policy));
    if (const auto* puk = std::get_if<keygen2::PukPolicyRequest>(&object)) {
      for (const keygen2::PinPolicyRequest& policy : puk->pin_policies) TRY(of_policy(policy));
    }
  }
  return chosen;
}

}  // namespace airtight::agent
