// The letter with which somebody is invited to enrol: a one-time URL, sent to his address. Whoever then enrols has shown that he reads what
// is sent there (provenance.md section 5).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "base/time.h"
#include "issuer/configuration.h"
#include "mail/mail.h"

namespace airtight::issuer {

// What an invitation says.
struct Invitation {
  std::string address;
  std::string url;
  std::string profile;
  Instant expires;
};

// Fault::kBadInput for what cannot be mail.
[[nodiscard]] Result<mail::Message> write_invitation(const MailSettings& settings, const Invitation& invitation);

// An address as it is stored and compared: without white space around it, its domain in lower case. Fault::kBadInput for what is none.
[[nodiscard]] Result<std::string> read_address(std::string_view text);

// Whether the profile takes addresses of this domain; `address` from read_address.
[[nodiscard]] bool takes_address(const EnrolmentRules& rules, std::string_view address);

// The first line of the password file. Fault::kRefused for a file that others can read, kBadInput for an empty one.
[[nodiscard]] Result<SecretBytes> read_mail_password(const MailSettings& settings);

// Sends one mail; returns once a server has taken it, or soon after the token asks it to stop.
using SendMail = std::function<Result<>(const mail::Message&, const std::stop_token&)>;
// By the server of `settings`; `clock` and `random` outlive it.
[[nodiscard]] SendMail sender_for(const MailSettings& settings, const Clock& clock, RandomSource& random);

}  // namespace airtight::issuer
