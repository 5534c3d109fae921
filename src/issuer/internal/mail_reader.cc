#include "issuer/internal/mail_reader.h"

#include <arpa/inet.h>

#include <algorithm>

#include "issuer/internal/profile_reader.h"
#include "issuer/invitation.h"
#include "issuer/texts.h"
#include "storage/files.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kMaxSubject = 100;  // with what is filled in it stays below what a mail may have
constexpr std::size_t kMaxText = 16U << 10;
constexpr std::string_view kSubject = "Your enrolment";
constexpr std::string_view kText =
    "Somebody, probably you, asked for an enrolment with this address.\n\nThis link works once, until {expires}:\n\n{url}\n\n"
    "If it was not you, do nothing.\n";

struct NamedEncryption {
  std::string_view name;
  mail::Encryption encryption;
  std::int64_t port;  // RFC 6409, RFC 8314; 25 for a server on this machine
};
constexpr std::array kEncryptions = {NamedEncryption{"starttls", mail::Encryption::kStartTls, 587},
                                     NamedEncryption{"tls", mail::Encryption::kTls, 465},
                                     NamedEncryption{"none", mail::Encryption::kNone, 25}};

// "127.example.com" is a name like any other.
bool is_this_machine(const std::string& host) {
  in_addr address{};
  const bool is_loopback = ::inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24U) == IN_LOOPBACKNET;
  return host == "localhost" || host == "::1" || is_loopback;
}

Result<> read_server(TomlTable& table, MailSettings& settings) {
  settings.host = TRY(table.required_text("server"));
  if (settings.host.empty() || settings.host.find_first_of(" /@?#\t\r\n") != std::string::npos)
    return Failure(table.error_at("server", "'" + settings.host + "' is not a host", "write it like \"mail.example.com\""));
  in6_addr address{};
  if (settings.host.contains(':') && ::inet_pton(AF_INET6, settings.host.c_str(), &address) != 1)
    return Failure(table.error_at("server", "'" + settings.host + "' is neither a host nor an IPv6 address", "give the port as port = 25"));
  const std::string word = TRY(table.text("encryption")).value_or("starttls");
  const NamedEncryption* encryption = find_named(kEncryptions, word);
  if (encryption == nullptr) return Failure(table.not_one_of("encryption", word, names_in(kEncryptions)));
  if (encryption->encryption == mail::Encryption::kNone && !is_this_machine(settings.host))
    return Failure(table.error_at("encryption", "mail goes in clear to this machine alone, and " + settings.host + " is another",
                                  "allowed there: starttls, tls"));
  settings.encryption = encryption->encryption;
  settings.port = static_cast<unsigned short>(TRY(table.integer("port", 1, 65535)).value_or(encryption->port));
  return {};
}

Result<> read_files(TomlTable& table, const std::filesystem::path& folder, MailSettings& settings) {
  if (const std::optional<std::string> file = TRY(table.text("ca_file"))) {
    settings.ca_file = folder / *file;
    const Result<Bytes> pem = storage::read_file(settings.ca_file, kMaxText * 64);
    if (!pem) return Failure(table.error_at("ca_file", pem.error().message, pem.error().hint));
  }
  settings.user = TRY(table.text("user")).value_or("");
  const std::optional<std::string> file = TRY(table.text("password_file"));
  if (file.has_value() == settings.user.empty())
    return Failure(table.error_at(file ? "password_file" : "user", "user and password_file go together", "give both or none"));
  if (!file) return {};
  settings.password_file = folder / *file;
  const Result<SecretBytes> password = read_mail_password(settings);
  if (!password) return Failure(table.error_at("password_file", password.error().message, password.error().hint));
  return {};
}

Result<> check_letter(const TomlTable& table, std::string_view name, const std::string& text, std::size_t most) {
  const Result<ca::Template> letter = ca::Template::parse(text, letter_vocabulary());
  if (!letter) return Failure(table.error_at(name, letter.error().message, letter.error().hint));
  if (text.size() > most) return Failure(table.error_at(name, std::string(name) + " has more than " + std::to_string(most) + " bytes"));
  return {};
}

Result<> read_letter(TomlTable& table, MailSettings& settings) {
  settings.from = TRY(table.required_text("from"));
  if (!mail::is_address(settings.from))
    return Failure(table.error_at("from", "'" + settings.from + "' is not an address", "write it like \"enrolment@example.com\""));
  settings.subject = TRY(table.text("subject")).value_or(std::string(kSubject));
  settings.text = TRY(table.text("text")).value_or(std::string(kText));
  TRY(check_letter(table, "subject", settings.subject, kMaxSubject));
  TRY(check_letter(table, "text", settings.text, kMaxText));
  const std::vector<std::string> names = TRY(ca::Template::parse(settings.text, letter_vocabulary())).names();
  if (std::ranges::find(names, "url") == names.end())
    return Failure(table.error_at("text", "the text does not have {url}, and whoever reads it could not enrol"));
  // As it will be sent, but for the values.
  const Result<mail::Message> tried =
      write_invitation(settings, {.address = settings.from, .url = "https://issuer.example.com/", .profile = "default", .expires = {}});
  if (!tried) return Failure(table.error_at("text", tried.error().message, tried.error().hint));
  return {};
}

}  // namespace

Result<std::optional<MailSettings>> read_mail(TomlTable& root, const std::filesystem::path& folder) {
  std::optional<TomlTable> table = TRY(root.table("mail"));
  if (!table) return std::optional<MailSettings>();
  MailSettings settings;
  TRY(read_server(*table, settings));
  TRY(read_files(*table, folder, settings));
  TRY(read_letter(*table, settings));
  TRY(table->finish());
  return std::optional(std::move(settings));
}

}  // namespace airtight::issuer
