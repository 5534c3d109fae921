#include "issuer/invitation.h"

#include <algorithm>

#include "issuer/texts.h"
#include "storage/files.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kLongestPassword = 1024;

}  // namespace

Result<mail::Message> write_invitation(const MailSettings& settings, const Invitation& invitation) {
  ca::Facts facts(letter_vocabulary());
  TRY(facts.add("url", invitation.url));
  TRY(facts.add("address", invitation.address));
  TRY(facts.add("profile", invitation.profile));
  TRY(facts.add("expires", format_time(invitation.expires)));
  mail::Message message;
  message.from = settings.from;
  message.to = invitation.address;
  message.subject = TRY(fill_text(settings.subject, facts));
  message.text = TRY(fill_text(settings.text, facts));
  TRY(mail::check(message));
  return message;
}

Result<std::string> read_address(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = std::min(text.find_first_not_of(kBlank), text.size());
  text.remove_prefix(begin);
  text = text.substr(0, text.find_last_not_of(kBlank) + 1);
  if (!mail::is_address(text)) return fail(Fault::kBadInput, "this is no e-mail address", "write it like jane.doe@example.com");
  std::string address(text);
  const auto domain = std::ranges::find(address, '@');
  std::transform(domain, address.end(), domain, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return address;
}

bool takes_address(const EnrolmentRules& rules, std::string_view address) {
  if (rules.mail_domains.empty()) return true;
  return std::ranges::find(rules.mail_domains, address.substr(address.find('@') + 1)) != rules.mail_domains.end();
}

Result<SecretBytes> read_mail_password(const MailSettings& settings) {
  const SecretBytes content = TRY(storage::read_secret_file(settings.password_file, kLongestPassword));
  const ByteView bytes = content.expose_secret();
  const auto is_end = [](std::byte b) { return b == std::byte{'\n'} || b == std::byte{'\r'}; };
  const auto end = std::ranges::find_if(bytes, is_end);
  if (end == bytes.begin() || std::ranges::find(bytes, std::byte{0}) != bytes.end())
    return fail(Fault::kBadInput, "there is no password in " + settings.password_file.string(), "write it into the first line");
  return SecretBytes::copy_of(bytes.first(static_cast<std::size_t>(end - bytes.begin())));
}

SendMail sender_for(const MailSettings& settings, const Clock& clock, RandomSource& random) {
  return [settings, &clock, &random](const mail::Message& message, const std::stop_token& stop) -> Result<> {
    mail::Server server;
    server.host = settings.host;
    server.port = settings.port;
    server.encryption = settings.encryption;
    server.ca_file = settings.ca_file;
    server.user = settings.user;
    if (!settings.user.empty()) server.password = TRY(read_mail_password(settings));
    return mail::send(server, message, clock.now(), random, stop);
  };
}

}  // namespace airtight::issuer
