#include "issuer/configuration.h"

#include <algorithm>
#include <charconv>

#include "http/message.h"
#include "issuer/internal/client_ca_reader.h"
#include "issuer/internal/mail_reader.h"
#include "issuer/internal/profile_reader.h"
#include "issuer/internal/toml_table.h"
#include "storage/files.h"

namespace airtight::issuer {
namespace {

constexpr std::string_view kFile = "issuer.toml";
constexpr std::size_t kMaxFile = 1U << 20;
constexpr std::int64_t kDefaultUrlValidityHours = 7 * 24;
constexpr std::int64_t kDefaultConnectionsPerAddress = 128;  // an eighth of what the server takes in all
constexpr std::size_t kMaxUrl = 900;                         // IssuerURI, which is made from it, has at most 1024 bytes

Result<std::optional<std::string>> read_url(TomlTable& root, bool tls) {
  std::optional<std::string> text = TRY(root.text("url"));
  if (!text) return text;
  const Result<http::Url> url = http::Url::parse(*text);
  if (!url) return Failure(root.error_at("url", url.error().message, "write it as \"https://issuer.example.com\""));
  if (url->target != "/" || text->size() > kMaxUrl) {
    return Failure(
        root.error_at("url", "the issuer's URL is a scheme, a host and perhaps a port", "write it as \"https://issuer.example.com\""));
  }
  if ((url->scheme == "https") != tls) {
    return Failure(root.error_at(
        "url", tls ? "with tls = true the issuer's URL begins with https://" : "with tls = false the issuer's URL begins with http://"));
  }
  return std::optional(url->scheme + "://" + url->authority());
}

Result<> read_listen(TomlTable& root, Configuration& configuration) {
  const std::optional<std::string> text = TRY(root.text("listen"));
  if (!text) return {};
  const Result<ListenAddress> address = parse_listen_address(*text);
  if (!address) return Failure(root.error_at("listen", address.error().message, address.error().hint));
  configuration.listen = *text;
  return {};
}

Result<> read_tls(TomlTable& root, const std::filesystem::path& folder, Configuration& configuration) {
  configuration.tls = TRY(root.boolean("tls")).value_or(true);
  configuration.tls_certificate = folder / TRY(root.text("tls_certificate")).value_or("tls/server.pem");
  configuration.tls_key = folder / TRY(root.text("tls_key")).value_or("tls/server.key");
  return {};
}

Result<> read_signing(TomlTable& root, const std::filesystem::path& folder, Configuration& configuration) {
  std::optional<TomlTable> table = TRY(root.table("signing"));
  if (!table) return {};
  const std::string certificate = TRY(table->required_text("certificate"));
  const std::string key = TRY(table->required_text("key"));
  TRY(table->finish());
  configuration.signing = SigningFiles{folder / certificate, folder / key};
  return {};
}

Result<> read_profiles(TomlTable& root, const std::filesystem::path& folder, Configuration& configuration) {
  std::optional<TomlTable> profiles = TRY(root.table("profiles"));
  if (!profiles || profiles->names().empty())
    return Failure(root.error_at("profiles", "there is no profile", "add a table [profiles.default]"));
  for (const std::string& name : profiles->names()) {
    if (!is_plain_name(name))
      return Failure(profiles->error_at(name, "a profile cannot have this name, which stands in URLs",
                                        "write 1 to 64 letters, digits, '.', '-' and '_'"));
    std::optional<TomlTable> table = TRY(profiles->table(name));
    configuration.profiles.push_back(TRY(read_profile(*table, name, folder)));
  }
  return {};
}

// http is what RFC 5280, section 8, wants: a client that checks the certificate of an https server must not need one for that.
Result<std::optional<std::string>> read_publication_url(TomlTable& root) {
  std::optional<std::string> text = TRY(root.text("publication_url"));
  if (!text) return std::optional<std::string>();
  const Result<http::Url> url = http::Url::parse(*text);
  if (!url) return Failure(root.error_at("publication_url", url.error().message, "write it as \"http://pki.example.com\""));
  std::string out = url->scheme + "://" + url->authority() + url->target;
  while (out.ends_with('/')) out.pop_back();
  return std::optional(std::move(out));
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool is_plain_name(std::string_view text) {
  constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
  return !text.empty() && text.size() <= 64 && text.find_first_not_of(kAllowed) == std::string_view::npos;
}

Result<const Profile*> Configuration::find_profile(std::string_view name) const {
  const auto found = std::ranges::find(profiles, name, &Profile::name);
  if (found != profiles.end()) return &*found;
  std::string names;
  for (const Profile& profile : profiles) names += (names.empty() ? "" : ", ") + profile.name;
  return fail(Fault::kNotFound, "there is no profile '" + std::string(name) + "'", "issuer.toml has: " + names);
}

Result<Configuration> parse_configuration(std::string_view text, const std::filesystem::path& folder) {
  const toml::table document = TRY(parse_toml(text, kFile));
  TomlTable root(document, "", std::string(kFile));
  Configuration configuration;
  TRY(read_tls(root, folder, configuration));
  configuration.url = TRY(read_url(root, configuration.tls));
  configuration.publication_url = TRY(read_publication_url(root));
  TRY(read_listen(root, configuration));
  TRY(read_signing(root, folder, configuration));
  configuration.url_validity_hours =
      static_cast<std::uint32_t>(TRY(root.integer("url_validity_hours", 1, 24 * 366)).value_or(kDefaultUrlValidityHours));
  configuration.connections_per_address =
      static_cast<std::uint32_t>(TRY(root.integer("connections_per_address", 0, 1024)).value_or(kDefaultConnectionsPerAddress));
  configuration.mail = TRY(read_mail(root, folder));
  TRY(read_profiles(root, folder, configuration));
  configuration.client_cas = TRY(read_client_cas(root, folder, configuration.profiles));
  TRY(root.finish());
  for (const Profile& profile : configuration.profiles) {
    if (profile.enrolment.mail && !configuration.mail)
      return Failure(root.error_at("mail", "the profile '" + profile.name + "' wants mail to be sent, and nothing says how",
                                   "add a table [mail] with server and from"));
  }
  return configuration;
}

Result<Configuration> read_configuration(const std::filesystem::path& folder) {
  std::error_code fault;
  if (std::filesystem::exists(folder / kFile, fault) && !std::filesystem::is_regular_file(folder / kFile, fault))
    return fail(Fault::kBadInput, (folder / kFile).string() + " is not a regular file",
                "put the configuration itself there, or a link to it");
  const Bytes text = TRY(storage::read_file(folder / kFile, kMaxFile));
  return parse_configuration(text_of(text), folder);
}

bool ListenAddress::is_loopback() const { return address.starts_with("127.") || address == "::1" || address == "localhost"; }

bool ListenAddress::is_any() const {
  // Every way to write the unspecified address of either version: no digit in it but zeros.
  return !address.empty() && address.find_first_not_of("0.:") == std::string::npos;
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto wrong = [&] {
    return fail(Fault::kBadInput, "'" + std::string(text) + "' is not an address and a port",
                "write it as 127.0.0.1:8443 or [::1]:8443; port 0 takes any free one");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong();
  std::string_view address = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  } else if (address.find(':') != std::string_view::npos) {
    return wrong();
  }
  unsigned port = 0;
  if (address.empty() || !all_digits(port_text) || port_text.size() > 5) return wrong();
  std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (port > 0xFFFF) return wrong();
  return ListenAddress{std::string(address), static_cast<unsigned short>(port)};
}

std::string base_url_of(const ListenAddress& address, bool tls) {
  const bool is_v6 = address.address.find(':') != std::string::npos;
  const unsigned short usual = tls ? 443 : 80;
  std::string url = tls ? "https://" : "http://";
  url += is_v6 ? "[" + address.address + "]" : address.address;
  if (address.port != usual) url += ":" + std::to_string(address.port);
  return url;
}

}  // namespace airtight::issuer
