#include "issuer/texts.h"

#include <array>

#include "crypto/certificate_builder.h"

namespace airtight::issuer {
namespace {

constexpr auto kProfileNames = ca::join(std::to_array<std::string_view>({"subject"}), ca::kSubjectNames,
                                        std::to_array<std::string_view>({"email", "profile", "key_id", "device_id", "server_session_id",
                                                                         "client_session_id", "serial", "issued", "expires"}));
constexpr ca::Vocabulary kProfileVocabulary{.names = kProfileNames, .prefix = "seed.", .is_prose = true};

constexpr auto kLetterNames = std::to_array<std::string_view>({"url", "address", "profile", "expires"});
constexpr ca::Vocabulary kLetterVocabulary{.names = kLetterNames, .is_prose = true};

}  // namespace

const ca::Vocabulary& profile_vocabulary() { return kProfileVocabulary; }
const ca::Vocabulary& letter_vocabulary() { return kLetterVocabulary; }

Result<std::vector<std::string>> names_in_text(std::string_view text) { return TRY(ca::Template::parse(text, kProfileVocabulary)).names(); }

Result<std::string> fill_text(std::string_view text, const ca::Facts& facts) {
  const ca::Template parsed = TRY(ca::Template::parse(text, facts.vocabulary()));
  return parsed.expand(facts);
}

Result<ca::Facts> facts_of_subject(std::string_view subject, std::string_view reached) {
  ca::Facts facts(kProfileVocabulary);
  if (!subject.empty()) TRY(facts.add("subject", subject));
  const Bytes name = TRY(crypto::name_from_text(subject));
  TRY(facts.add_subject(name));
  const auto addresses = facts.values("subject.emailaddress");
  const std::vector<std::string> emails =
      reached.empty() ? std::vector<std::string>(addresses.begin(), addresses.end()) : std::vector<std::string>{std::string(reached)};
  for (const std::string& email : emails) TRY(facts.add("email", email));
  return facts;
}

}  // namespace airtight::issuer
