#include "issuer/enrolment_subject.h"

#include "base/text.h"
#include "ca/template.h"
#include "crypto/certificate_builder.h"
#include "issuer/texts.h"

namespace airtight::issuer {
namespace {

// A certificate without a subject is known by its alternative names (RFC 5280, section 4.1.2.6).
Result<> check_subject(const Profile& profile, const std::string& subject) {
  const Bytes name = TRY(crypto::name_from_text(subject));
  ca::Facts facts;
  if (const Result<> read = facts.add_subject(name); !read)
    return fail(Fault::kBadInput, "nothing can be issued to this subject: " + read.error().message, read.error().hint);
  if (!TRY(crypto::name_attributes(name)).empty()) return {};
  for (const KeyProfile& key : profile.keys) {
    if (!key.certificate.subject && key.certificate.alternative_names.empty())
      return fail(Fault::kBadInput,
                  "the subject is empty, and the key " + key.id + " of the profile '" + profile.name + "' has no other name",
                  "say whom it is for, such as 'CN=Jane Doe,C=SE'");
  }
  return {};
}

constexpr std::string_view kSomeDeviceId = "AAAA-AAAA-AAAA-AAAA-A";  // stands for one that is not known yet

}  // namespace

Result<> check_subject_text(std::string_view subject) {
  if (!is_line(subject))
    return fail(Fault::kBadInput, "a subject has to be one line of UTF-8 without control characters", "write it like 'CN=Jane Doe,C=SE'");
  TRY(crypto::name_from_text(subject));
  return {};
}

Result<std::string> fill_subject(std::string_view subject, const Profile& profile, const KnownFacts& facts) {
  if (subject.find_first_of("{}") == std::string_view::npos) {
    TRY(check_subject_text(subject));
    return std::string(subject);
  }
  const ca::NameTemplate name = TRY(ca::NameTemplate::parse(subject));
  ca::Facts values;
  TRY(values.add("profile", profile.name));
  if (!facts.email.empty()) TRY(values.add("email", facts.email));
  if (!facts.client.empty()) TRY(values.add("user_id", facts.client));
  if (!facts.device_id.empty()) TRY(values.add("device_id", facts.device_id));
  const Bytes encoded = TRY(name.expand(values));
  return crypto::name_to_text(encoded);
}

Result<std::string> subject_at_first(std::string_view subject, const Profile& profile, const KnownFacts& facts) {
  if (profile.clones() || profile.enrolment.listed_devices) return std::string();
  Result<std::string> now = fill_subject(subject, profile, facts);
  std::string whole;
  if (now) {
    whole = *now;
  } else {
    if (now.error().fault != Fault::kRefused || profile.basic) return now;
    KnownFacts later = facts;
    later.device_id = kSomeDeviceId;
    whole = TRY(fill_subject(subject, profile, later));
    now = std::string();
  }
  TRY(check_templates(profile, whole, facts.email));
  return now;
}

Result<std::string> given_subject(std::string_view subject, const Profile& profile, const KnownFacts& facts) {
  if (profile.clones() || profile.enrolment.listed_devices) return std::string();
  std::string filled = TRY(fill_subject(subject, profile, facts));
  TRY(check_templates(profile, filled, facts.email));
  return filled;
}

Result<> check_templates(const Profile& profile, const std::string& subject, std::string_view email) {
  TRY(check_subject(profile, subject));
  const ca::Facts known = TRY(facts_of_subject(subject, email));
  for (const std::string_view text : profile.templates()) {
    for (const std::string& name : TRY(names_in_text(text))) {
      const bool of_subject = name == "email" || name.starts_with("subject");
      const std::size_t count = of_subject ? known.values(name).size() : 1;
      if (count != 1) {
        return fail(Fault::kBadInput,
                    "the profile '" + profile.name + "' needs {" + name + "}, which is " + (count == 0 ? "not" : "more than once") +
                        " in the subject",
                    "the subject is: " + subject);
      }
    }
  }
  return {};
}

}  // namespace airtight::issuer
