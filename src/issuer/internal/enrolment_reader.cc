// Which ways lead to a session of a profile, and what has to hold besides.
#include <algorithm>

#include "issuer/enrolment_subject.h"
#include "issuer/internal/profile_reader.h"
#include "mail/mail.h"

namespace airtight::issuer {
namespace {

constexpr std::int64_t kMailsPerHour = 3;
constexpr std::int64_t kVisitsPerHour = 100;
constexpr std::int64_t kOpenSessions = 1000;
constexpr std::string_view kSomeAddress = "jane.doe@example.com";  // stands for one that is not known yet

Result<> read_ways(TomlTable& table, EnrolmentRules& rules) {
  struct NamedWay {
    std::string_view name;
    bool EnrolmentRules::* way;
  };
  constexpr std::array kWays = {NamedWay{"url", &EnrolmentRules::url}, NamedWay{"open", &EnrolmentRules::open},
                                NamedWay{"mail", &EnrolmentRules::mail}, NamedWay{"client", &EnrolmentRules::client}};
  if (!table.has("by")) return {};
  rules.url = false;
  const std::vector<std::string> words = TRY(table.texts("by"));
  for (const std::string& word : words) {
    const NamedWay* way = find_named(kWays, word);
    if (way == nullptr) return Failure(table.not_one_of("by", word, names_in(kWays)));
    rules.*way->way = true;
  }
  if (words.empty()) return Failure(table.error_at("by", "no way leads to a session of this profile", "allowed: " + names_in(kWays)));
  if (rules.open && rules.mail)
    return Failure(table.error_at("by", "a profile that is open needs no mail: both have the same address", "remove one of them"));
  return {};
}

Result<> read_mail_domains(TomlTable& table, EnrolmentRules& rules) {
  for (std::string domain : TRY(table.texts("mail_domains"))) {
    std::ranges::transform(domain, domain.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (!mail::is_address("x@" + domain))
      return Failure(table.error_at("mail_domains", "'" + domain + "' is not the domain of an address", "write it like \"example.com\""));
    rules.mail_domains.push_back(std::move(domain));
  }
  return {};
}

// What only some of the ways use.
Result<> read_limits(TomlTable& table, EnrolmentRules& rules) {
  rules.mails_per_hour = static_cast<std::uint32_t>(TRY(table.integer("mails_per_hour", 1, 1000)).value_or(kMailsPerHour));
  rules.visits_per_hour = static_cast<std::uint32_t>(TRY(table.integer("visits_per_hour", 0, 1000000)).value_or(kVisitsPerHour));
  rules.open_sessions = static_cast<std::uint32_t>(TRY(table.integer("open_sessions", 1, 1000000)).value_or(kOpenSessions));
  struct Use {
    std::string_view name;
    bool used;
    std::string_view way;
  };
  for (const Use& use : {Use{"mail_domains", rules.mail, "mail"}, Use{"mails_per_hour", rules.mail, "mail"},
                         Use{"visits_per_hour", rules.mail || rules.open, "open or mail"}, Use{"open_sessions", rules.open, "open"}}) {
    if (table.has(use.name) && !use.used)
      return Failure(table.error_at(use.name, std::string(use.name) + " has no effect: 'by' does not have " + std::string(use.way)));
  }
  return {};
}

// A way on which nobody says whom the certificates name needs a subject that can always be made.
Result<> check_subject(const TomlTable& table, const Profile& profile) {
  const auto can_be_made = [&](std::string_view way, const KnownFacts& facts) -> Result<> {
    if (!profile.subject && !profile.clones() && !profile.enrolment.listed_devices)
      return Failure(table.error_at("by", "the profile has no subject, and '" + std::string(way) + "' brings none",
                                    "add a subject, such as \"CN={device_id}\""));
    const Result<std::string> subject = subject_at_first(profile.subject.value_or(""), profile, facts);
    if (!subject)
      return Failure(
          table.error_at("by", "the subject cannot be made where somebody enrols by '" + std::string(way) + "': " + subject.error().message,
                         subject.error().hint));
    return {};
  };
  if (profile.enrolment.open) TRY(can_be_made("open", {}));
  if (profile.enrolment.mail) TRY(can_be_made("mail", {.email = kSomeAddress}));
  return {};
}

}  // namespace

Result<> read_enrolment(TomlTable& profile_table, Profile& profile) {
  EnrolmentRules& rules = profile.enrolment;
  std::optional<TomlTable> table = TRY(profile_table.table("enrolment"));
  if (!table) return {};
  TRY(read_ways(*table, rules));
  rules.operator_approves = TRY(table->boolean("operator")).value_or(false);
  if (const std::optional<std::string> word = TRY(table->text("devices"))) {
    if (*word != "listed") return Failure(table->not_one_of("devices", *word, "listed; without it the profile's accepted devices"));
    rules.listed_devices = true;
  }
  TRY(read_mail_domains(*table, rules));
  TRY(read_limits(*table, rules));
  TRY(table->finish());
  for (const std::string_view name : {"operator", "devices"}) {
    if (profile.basic && table->has(name))
      return Failure(table->error_at(name, "the basic profile knows no device, and has no " + std::string(name)));
  }
  if (rules.operator_approves && profile.deferral && profile.deferral->seconds)
    return Failure(
        table->error_at("operator", "certificates come after deferred_seconds, whatever an operator says", "remove deferred_seconds"));
  if (rules.operator_approves) profile.deferral = Deferral{};
  if (rules.listed_devices && profile.clones())
    return Failure(
        table->error_at("devices", "a profile that clones takes its subject from a credential, and not from the list of devices"));
  return check_subject(*table, profile);
}

}  // namespace airtight::issuer
