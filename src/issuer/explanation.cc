#include "issuer/explanation.h"

#include <algorithm>

namespace airtight::issuer {
namespace {

namespace json = boost::json;

std::string algorithm_of(const KeyProfile& key) {
  if (const auto* ec = std::get_if<EcKey>(&key.algorithm)) {
    return ec->curve == crypto::Curve::kP256 ? "p-256" : ec->curve == crypto::Curve::kP384 ? "p-384" : "p-521";
  }
  return "rsa " + std::to_string(std::get<RsaKey>(key.algorithm).size);
}

std::string_view source_of(const KeyProfile& key) {
  switch (key.source) {
    case KeySource::kDevice: return "device";
    case KeySource::kIssuer: return "issuer";
    case KeySource::kRestored: break;
  }
  return "restored";
}

std::string_view unit_of(PassphraseFormat format) {
  switch (format) {
    case PassphraseFormat::kNumeric: return " digits";
    case PassphraseFormat::kAlphanumeric: return " digits and capital letters";
    case PassphraseFormat::kString: return " characters";
    case PassphraseFormat::kBinary: break;
  }
  return " bytes";
}

std::string pin_of(const KeyProfile& key, const Profile& profile) {
  if (key.device_pin) return "the device's own PIN";
  const PinPolicy* pin = key.pin_policy ? profile.find_pin_policy(*key.pin_policy) : nullptr;
  if (pin == nullptr) return "no PIN";
  std::string text = "PIN " + *key.pin_policy + " of ";
  if (pin->preset_length) {
    text += std::to_string(*pin->preset_length);
  } else {
    text += std::to_string(pin->min_length) + " to " + std::to_string(pin->max_length);
  }
  text += std::string(unit_of(pin->format)) + (pin->preset_length ? ", which the issuer sets" : ", which the user chooses");
  text += "; locked after " + std::to_string(pin->retry_limit) + " errors";
  return text + (pin->puk_policy ? "; unlocked by PUK " + *pin->puk_policy : "; no PUK");
}

// A line for the key, and one each for what protects it, what is allowed, and what its certificate is for.
void add_key_lines(const KeyProfile& key, const Profile& profile, std::vector<std::string>& lines) {
  std::string head = "Key " + key.id + ": " + algorithm_of(key) + ", " + std::string(name_of(key.usage));
  if (!key.friendly_name.empty()) head += ", called \"" + key.friendly_name + '"';
  lines.push_back(std::move(head));
  std::string protection = pin_of(key, profile);
  if (key.biometric_protection != BiometricProtection::kNone)
    protection += "; biometrics: " + std::string(name_of(key.biometric_protection));
  lines.push_back("  " + protection);
  std::string allowed = "export: " + std::string(name_of(key.export_policy)) + "; delete: " + std::string(name_of(key.delete_policy));
  if (key.source == KeySource::kIssuer) allowed += "; the issuer makes the private key and keeps it";
  if (key.source == KeySource::kRestored) allowed += "; the private key is that of the subject's earlier key " + key.restored_key;
  if (key.private_key_backup) allowed += "; the issuer keeps a backup of the private key";
  if (key.updatable) allowed += "; updatable";
  if (key.renewable) allowed += "; carries its renewal URL";
  lines.push_back("  " + allowed);
  lines.push_back("  certificate: " + std::string(name_of(key.certificate.purpose)) + ", " + std::to_string(key.certificate.validity_days) +
                  " days");
}

// What an update leaves as it is in the device, and what it changes (sks.md section 8).
constexpr std::string_view kTakesOver = "takes over the PIN and PUK of the key that it replaces, with their values and counts of errors";

std::string update_line(const KeyProfile& key) {
  return "  Update: " + key.id + " " + std::string(kTakesOver) + "; everything else is as the profile says when the session begins" +
         (key.pin_policy || key.device_pin ? ", but for its PIN policy" : "");
}

std::string lookup_line(const LookupProfile& lookup) {
  std::string text = "Lookup " + lookup.id + ": credentials of this issuer's CA";
  if (lookup.email) text += " for " + *lookup.email;
  if (lookup.serial) text += " with the serial number " + *lookup.serial;
  if (lookup.issued_before) text += ", issued before a date";
  if (lookup.issued_after) text += ", issued after a date";
  if (lookup.clone) text += "; they say who the user is";
  if (lookup.update) text += "; the newest is updated by " + *lookup.update;
  if (lookup.remove) text += lookup.update ? "; the others are deleted" : "; they are deleted";
  if (lookup.revoke) text += "; their certificates are revoked";
  return text + (lookup.required ? "; without one the session ends" : "");
}

std::vector<std::string> ways_of(const EnrolmentRules& rules) {
  std::vector<std::string> ways;
  for (const auto& [name, is_one] :
       {std::pair{"url", rules.url}, std::pair{"open", rules.open}, std::pair{"mail", rules.mail}, std::pair{"client", rules.client}}) {
    if (is_one) ways.emplace_back(name);
  }
  return ways;
}

void add_enrolment_lines(const Profile& profile, std::vector<std::string>& lines) {
  const EnrolmentRules& rules = profile.enrolment;
  const std::string address = "/enroll/" + profile.name;
  if (rules.url) lines.emplace_back("Enrolment: by one-time URLs that 'airtight issuer url' makes");
  if (rules.open)
    lines.push_back("Enrolment: by whoever comes to " + address + ", " + std::to_string(rules.open_sessions) + " sessions at a time, " +
                    (rules.visits_per_hour == 0 ? "any number" : std::to_string(rules.visits_per_hour)) + " an hour from one address");
  if (rules.mail) {
    std::string domains;
    for (const std::string& domain : rules.mail_domains) domains += (domains.empty() ? " at " : ", ") + domain;
    lines.push_back("Enrolment: by a one-time URL that is mailed to an address" + domains + ", asked for at " + address + ", " +
                    std::to_string(rules.mails_per_hour) + " mails an hour to one address");
  }
  if (rules.client)
    lines.push_back("Enrolment: by clients that prove who they are, registered or of a CA in [[client_cas]], at " + address);
  if (rules.listed_devices) lines.emplace_back("Only devices that are registered: 'airtight issuer devices'");
  if (rules.operator_approves)
    lines.emplace_back("An operator compares the device ID before there are certificates: 'airtight issuer waiting'");
}

json::object enrolment_as_json(const EnrolmentRules& rules) {
  return {{"by", json::value_from(ways_of(rules))}, {"operator", rules.operator_approves},
          {"listed_devices", rules.listed_devices}, {"mail_domains", json::value_from(rules.mail_domains)},
          {"mails_per_hour", rules.mails_per_hour}, {"visits_per_hour", rules.visits_per_hour},
          {"open_sessions", rules.open_sessions}};
}

json::object key_as_json(const KeyProfile& key, const Profile& profile) {
  json::object object{{"id", key.id},
                      {"algorithm", algorithm_of(key)},
                      {"usage", name_of(key.usage)},
                      {"pin", pin_of(key, profile)},
                      {"pin_policy", key.pin_policy ? json::value(*key.pin_policy) : json::value(nullptr)},
                      {"device_pin", key.device_pin},
                      {"biometric_protection", name_of(key.biometric_protection)},
                      {"export_policy", name_of(key.export_policy)},
                      {"delete_policy", name_of(key.delete_policy)},
                      {"private_key", source_of(key)},
                      {"private_key_backup", key.private_key_backup},
                      {"updatable", key.updatable},
                      {"renewable", key.renewable},
                      {"validity_days", key.certificate.validity_days}};
  json::array& extensions = object["extensions"].emplace_array();
  for (const ExtensionObjectProfile& extension : key.extensions)
    std::visit([&](const auto& one) { extensions.emplace_back(one.type); }, extension);
  return object;
}

std::string subject_line(const Profile& profile) {
  if (profile.clones()) return "Subject: that of a credential which the device has";
  const EnrolmentRules& rules = profile.enrolment;
  std::string others;  // who says another, or the only one
  const auto add = [&](bool is_way, std::string_view who) {
    if (is_way) others += (others.empty() ? "" : " or ") + std::string(who);
  };
  add(rules.url && !rules.listed_devices, "the URL");
  add(rules.client, "the client");
  add(rules.listed_devices, "the device");
  if (!profile.subject) return "Subject: that of " + others;
  return "Subject: " + *profile.subject + (others.empty() ? "" : ", unless " + others + " has another");
}

}  // namespace

std::vector<std::string> explain(const Profile& profile) {
  std::vector<std::string> lines;
  lines.push_back(subject_line(profile));
  add_enrolment_lines(profile, lines);
  if (profile.basic) {
    lines.emplace_back("Basic profile: any container of keys; what is issued is without provenance");
  } else {
    lines.push_back(profile.devices.accept_any ? "Devices: any"
                                               : "Devices: " + std::to_string(profile.devices.accepted.size()) + " accepted entries");
    lines.push_back("Session: " + std::to_string(profile.session_life_time) + " seconds" +
                    (profile.default_life_time ? " (by default), " : ", ") + std::to_string(profile.session_key_limit) +
                    " uses of the session key, " + (profile.updatable ? "updatable" : "not updatable"));
  }
  if (profile.sign_requests) lines.emplace_back("Requests are signed");
  if (profile.server_cookie) lines.emplace_back("Requests carry a ServerCookie");
  if (profile.by_files) lines.emplace_back("Messages may travel as files: the device need not see the issuer's TLS certificate");
  for (const LookupProfile& lookup : profile.lookups) {
    lines.push_back(lookup_line(lookup));
    if (lookup.update) lines.push_back(update_line(*profile.find_key(*lookup.update)));
  }
  for (const KeyProfile& key : profile.keys) {
    add_key_lines(key, profile, lines);
    if (key.renewable) lines.push_back(update_line(key));
    if (key.symmetric_key) {
      lines.push_back("  with a symmetric key " + (key.symmetric_key->seed_pool
                                                       ? "from the seeds " + *key.symmetric_key->seed_pool
                                                       : "of " + std::to_string(key.symmetric_key->length) + " random bytes"));
    }
    for (const ExtensionObjectProfile& extension : key.extensions)
      std::visit([&](const auto& one) { lines.push_back("  with the extension " + one.type); }, extension);
  }
  if (profile.deferral) {
    lines.push_back(profile.deferral->seconds
                        ? "Certificates come " + std::to_string(*profile.deferral->seconds) + " seconds after the keys"
                        : "Certificates come when the session is approved");
  }
  return lines;
}

json::object explain_as_json(const Profile& profile) {
  json::object object{{"profile", profile.name},
                      {"subject", profile.subject ? json::value(*profile.subject) : json::value(nullptr)},
                      {"enrolment", enrolment_as_json(profile.enrolment)},
                      {"basic", profile.basic},
                      {"accepts_any_device", profile.devices.accept_any},
                      {"session_life_time", profile.session_life_time},
                      {"session_life_time_is_default", profile.default_life_time},
                      {"session_key_limit", profile.session_key_limit},
                      {"updatable", profile.updatable},
                      {"sign_requests", profile.sign_requests},
                      {"server_cookie", profile.server_cookie},
                      {"by_files", profile.by_files},
                      {"deferred_certification", profile.deferral.has_value()}};
  json::array& keys = object["keys"].emplace_array();
  for (const KeyProfile& key : profile.keys) keys.emplace_back(key_as_json(key, profile));
  json::array& lookups = object["lookups"].emplace_array();
  for (const LookupProfile& lookup : profile.lookups) {
    lookups.emplace_back(json::object{{"id", lookup.id},
                                      {"update_key", lookup.update ? json::value(*lookup.update) : json::value(nullptr)},
                                      {"takes_over", lookup.update ? json::array{"pin", "puk"} : json::array{}},
                                      {"delete", lookup.remove},
                                      {"clone", lookup.clone},
                                      {"revoke", lookup.revoke},
                                      {"required", lookup.required},
                                      {"explanation", lookup_line(lookup)}});
  }
  return object;
}

std::vector<std::string> warnings_of(const Profile& profile) {
  std::vector<std::string> out;
  if (profile.basic) out.emplace_back("the basic profile issues to keys of which nothing is known");
  if (profile.enrolment.open && !profile.enrolment.listed_devices && !profile.enrolment.operator_approves && !profile.clones())
    out.emplace_back("whoever reaches the issuer can enrol, and nobody looks at who that is");
  if (profile.by_files) out.emplace_back("where a message came as a file, nothing shows that nobody stands between device and issuer");
  if (profile.devices.accept_any) out.emplace_back("any device is accepted, whoever made it");
  for (const KeyProfile& key : profile.keys) {
    if (key.export_policy == ExportPolicy::kNone)
      out.push_back("the private key " + key.id + " can be exported by anybody who has the device");
    if (!key.pin_policy && !key.device_pin && key.biometric_protection != BiometricProtection::kExclusive)
      out.push_back("the key " + key.id + " has no PIN");
    if (key.usage == KeyUsage::kSignature && (key.private_key_backup || key.source != KeySource::kDevice))
      out.push_back("the issuer has the private key of the signature key " + key.id);
  }
  for (const PinPolicy& pin : profile.pin_policies) {
    if (pin.min_length < 4) out.push_back("PINs of " + pin.id + " can have less than 4 bytes");
  }
  if (profile.deferral && !profile.deferral->seconds && profile.session_life_time < 86400)
    out.emplace_back("the session ends in less than a day, and waits for an approval");
  return out;
}

std::vector<std::string> warnings_about_end(const Profile& profile, Instant ca_end, Instant now) {
  std::vector<std::string> out;
  for (const KeyProfile& key : profile.keys) {
    if (now.plus(std::chrono::days(key.certificate.validity_days)) <= ca_end) continue;
    out.push_back("certificates of the key " + key.id + " end on " + format_time(ca_end) + " with the issuing CA, before their " +
                  std::to_string(key.certificate.validity_days) + " days are over");
  }
  return out;
}

}  // namespace airtight::issuer
