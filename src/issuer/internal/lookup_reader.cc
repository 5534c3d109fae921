// The questions of credential discovery, and what happens to what is found.
#include <algorithm>
#include <charconv>

#include "issuer/internal/profile_reader.h"
#include "issuer/texts.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kMaxSerialDigits = 60;

// Decimal digits, without leading zeros.
Result<std::optional<std::string>> read_serial(TomlTable& table) {
  std::optional<std::string> text = TRY(table.text("serial"));
  if (!text) return text;
  const bool digits =
      !text->empty() && text->size() <= kMaxSerialDigits && std::ranges::all_of(*text, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return Failure(table.error_at("serial", "'" + *text + "' is not a serial number", "write it in decimal digits, in quotes"));
  text->erase(0, std::min(text->find_first_not_of('0'), text->size() - 1));
  return text;
}

// "2026-01-01T00:00:00Z", or "300 days ago".
Result<std::optional<TimeLimit>> read_limit(TomlTable& table, std::string_view name) {
  constexpr std::string_view kAgo = " days ago";
  const std::optional<std::string> text = TRY(table.text(name));
  if (!text) return std::optional<TimeLimit>();
  if (text->ends_with(kAgo)) {
    unsigned days = 0;
    const char* end = text->data() + (text->size() - kAgo.size());
    const auto [stop, fault] = std::from_chars(text->data(), end, days);
    if (fault == std::errc() && stop == end && days <= 36500) return std::optional(TimeLimit(std::chrono::days(days)));
  } else if (const Result<Instant> moment = parse_time(*text)) {
    return std::optional(TimeLimit(*moment));
  }
  return Failure(table.error_at(name, "'" + *text + "' is not a time", "write 2026-01-01T00:00:00Z, or 300 days ago"));
}

// What is done with a match, as a list of words.
Result<> read_actions(TomlTable& table, LookupProfile& lookup) {
  for (const std::string& word : TRY(table.texts("found"))) {
    if (word == "delete") {
      lookup.remove = true;
    } else if (word == "clone") {
      lookup.clone = true;
    } else if (word == "revoke") {
      lookup.revoke = true;
    } else {
      return Failure(table.not_one_of("found", word, "delete, clone, revoke; update_key names the key that updates what is found"));
    }
  }
  return {};
}

Result<> check_email(const TomlTable& table, const LookupProfile& lookup, const Profile& profile) {
  if (!lookup.email) return {};
  for (const std::string& name : TRY(names_in_text(*lookup.email))) {
    const bool of_session = name == "profile" || name == "device_id";
    const bool of_subject = name == "email" || name.starts_with("subject");
    if (!of_session && !of_subject) {
      return Failure(table.error_at("email", "{" + name + "} is not known before there is a certificate, and lookups are asked before that",
                                    "use {email}, {subject.cn} and the like, {profile} or {device_id}"));
    }
    const bool reached = name == "email" && profile.enrolment.mail;  // the address that the enrolment was mailed to
    if (of_subject && profile.clones() && !reached) {
      return Failure(table.error_at("email",
                                    "a profile that clones has its subject from what is found, so that {" + name + "} is not known yet",
                                    "ask without 'email', or with a fixed address"));
    }
  }
  return {};
}

}  // namespace

Result<LookupProfile> read_lookup(TomlTable& table, ProfileReading& reading, const Profile& profile) {
  LookupProfile lookup;
  lookup.id = TRY(reading.id(table));
  lookup.email = TRY(table.text("email"));
  if (lookup.email) TRY(check_template(table, "email", *lookup.email));
  lookup.serial = TRY(read_serial(table));
  lookup.issued_before = TRY(read_limit(table, "issued_before"));
  lookup.issued_after = TRY(read_limit(table, "issued_after"));
  lookup.update = TRY(table.text("update_key"));
  TRY(read_actions(table, lookup));
  lookup.required = TRY(table.boolean("required")).value_or(false);
  lookup.most = static_cast<std::uint16_t>(TRY(table.integer("most", 1, 100)).value_or(lookup.most));
  if (lookup.update) {
    const KeyProfile* key = profile.find_key(*lookup.update);
    if (key == nullptr) return Failure(table.error_at("update_key", "there is no key '" + *lookup.update + "' in this profile"));
    if (key->biometric_protection == BiometricProtection::kExclusive)
      return Failure(table.error_at("update_key", "a key that is protected by biometrics alone cannot take over a PIN"));
    const bool twice = std::ranges::any_of(profile.lookups, [&](const LookupProfile& other) { return other.update == lookup.update; });
    if (twice) return Failure(table.error_at("update_key", "two lookups update with the key '" + *lookup.update + "'"));
  }
  if (lookup.clone && profile.subject) {
    return Failure(table.error_at("found", "a profile that clones has no subject of its own: it takes that of what is found",
                                  "remove the profile's subject"));
  }
  if (lookup.clone) lookup.required = true;
  TRY(table.finish());
  return lookup;
}

Result<> check_lookup_texts(TomlTable& profile_table, const Profile& profile) {
  const std::vector<TomlTable> tables = TRY(profile_table.tables("lookups"));
  for (std::size_t i = 0; i < tables.size(); ++i) TRY(check_email(tables[i], profile.lookups[i], profile));
  return {};
}

}  // namespace airtight::issuer
