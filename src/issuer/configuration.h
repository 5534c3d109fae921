// issuer.toml: where the issuer listens, how it proves itself over TLS, and its profiles. Everything is checked when it is read; what is
// unknown or out of range is refused with its line and column and what is allowed there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "issuer/client_ca.h"
#include "issuer/profile.h"
#include "mail/mail.h"

namespace airtight::issuer {

// Files of a key that signs requests, PEM.
struct SigningFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;
  friend bool operator==(const SigningFiles&, const SigningFiles&) = default;
};

// How the issuer sends mail, and what it writes. Its password is read from the file when it is needed.
struct MailSettings {
  std::string host;
  unsigned short port = 0;
  mail::Encryption encryption = mail::Encryption::kStartTls;
  std::string ca_file = {};                  // PEM; empty: the system's
  std::string user = {};                     // empty: no authentication
  std::filesystem::path password_file = {};  // of `user`
  std::string from;
  std::string subject;  // these two are templates: {url}, {address}, {profile}, {expires}
  std::string text;
  friend bool operator==(const MailSettings&, const MailSettings&) = default;
};

// What profiles, whose names stand in URLs, and clients are called: 1 to 64 letters, digits, '.', '-' and '_'.
[[nodiscard]] bool is_plain_name(std::string_view text);

struct Configuration {
  std::optional<std::string> url = {};  // the base URL that devices see, without a final slash
  // Where certificates say that CRLs, CA certificates and OCSP are; absent: under `url`, or wherever the issuer is reached.
  std::optional<std::string> publication_url = {};
  std::string listen = "127.0.0.1:8443";
  std::uint32_t connections_per_address = 0;  // at a time; 0: any number
  bool tls = true;
  std::filesystem::path tls_certificate;     // PEM: the server's certificate and its path
  std::filesystem::path tls_key;             // PEM, private
  std::optional<SigningFiles> signing = {};  // absent: the issuing CA signs what is to be signed
  std::optional<MailSettings> mail = {};
  std::uint32_t url_validity_hours = 0;
  std::vector<Profile> profiles = {};
  std::vector<ClientCa> client_cas = {};  // whose clients need not be registered

  // The profile `name`; Fault::kNotFound names those there are.
  [[nodiscard]] Result<const Profile*> find_profile(std::string_view name) const;
};

// Reads `folder`/issuer.toml; relative file names in it are relative to `folder`.
// Fault::kBadInput with "issuer.toml:LINE:COLUMN: ..." for anything that is not as it must be.
[[nodiscard]] Result<Configuration> read_configuration(const std::filesystem::path& folder);

// The same from `text`.
[[nodiscard]] Result<Configuration> parse_configuration(std::string_view text, const std::filesystem::path& folder);

// An address to listen on: "127.0.0.1:8443", "[::1]:0".
struct ListenAddress {
  std::string address;  // without brackets
  unsigned short port = 0;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_any() const;  // 0.0.0.0 or ::
};
[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);

// "https://127.0.0.1:8443": the base URL of an issuer that listens at `address`.
[[nodiscard]] std::string base_url_of(const ListenAddress& address, bool tls);

}  // namespace airtight::issuer
