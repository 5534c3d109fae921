#include "issuer/internal/client_ca_reader.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "crypto/certificate_builder.h"
#include "issuer/internal/profile_reader.h"
#include "storage/files.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kMaxCertificates = 1U << 20;

struct NamedPart {
  std::string_view name;
  ClientNamePart part;
};
constexpr std::array kParts = {NamedPart{"cn", ClientNamePart::kCommonName}, NamedPart{"dns", ClientNamePart::kDns},
                               NamedPart{"email", ClientNamePart::kEmail}, NamedPart{"uri", ClientNamePart::kUri}};

bool can_sign_certificates(const crypto::Certificate& certificate) {
  const auto bit = static_cast<std::uint16_t>(crypto::KeyUsageBit::kKeyCertSign);
  return certificate.is_ca() && (!certificate.key_usage() || (*certificate.key_usage() & bit) != 0);
}

Result<std::vector<crypto::Certificate>> read_certificates(TomlTable& table, const std::filesystem::path& folder) {
  const std::string file = TRY(table.required_text("certificates"));
  const auto at = [&](const Error& error) { return Failure(table.error_at("certificates", error.message, error.hint)); };
  const Result<Bytes> pem = storage::read_file(folder / file, kMaxCertificates);
  if (!pem) return at(pem.error());
  Result<std::vector<crypto::Certificate>> certificates = crypto::certificates_from_pem(text_of(*pem));
  if (!certificates) return at(certificates.error());
  for (const crypto::Certificate& certificate : *certificates) {
    if (!can_sign_certificates(certificate))
      return Failure(table.error_at("certificates", file + " has a certificate that is no CA's: " + certificate.subject(),
                                    "a single client is registered with 'airtight issuer clients add --cert'"));
  }
  return certificates;
}

Result<std::vector<std::string>> read_profile_names(TomlTable& table, const std::vector<Profile>& profiles) {
  std::vector<std::string> names = TRY(table.texts("profiles"));
  if (names.empty()) return Failure(table.error_at("profiles", "no profile is for the clients of this CA", "write profiles = [\"NAME\"]"));
  for (const std::string& name : names) {
    const auto profile = std::ranges::find(profiles, name, &Profile::name);
    if (profile == profiles.end()) return Failure(table.error_at("profiles", "there is no profile '" + name + "'"));
    if (!profile->enrolment.client)
      return Failure(table.error_at("profiles", "no client enrols with the profile '" + name + "' by itself",
                                    "add \"client\" to 'by' in [profiles." + name + ".enrolment]"));
    if (!profile->subject && !profile->clones() && !profile->enrolment.listed_devices)
      return Failure(table.error_at("profiles", "the profile '" + name + "' has no subject, and nobody says one for a client of a CA",
                                    "add a subject, such as \"CN={user_id}\""));
  }
  return names;
}

}  // namespace

Result<std::vector<ClientCa>> read_client_cas(TomlTable& root, const std::filesystem::path& folder, const std::vector<Profile>& profiles) {
  std::vector<ClientCa> cas;
  for (TomlTable& table : TRY(root.tables("client_cas"))) {
    ClientCa ca;
    ca.name = TRY(table.required_text("name"));
    if (ca.name.empty() || !is_line(ca.name) || std::ranges::find(cas, ca.name, &ClientCa::name) != cas.end())
      return Failure(table.error_at("name", "a CA of clients needs a name of one line that no other has"));
    ca.certificates = TRY(read_certificates(table, folder));
    ca.profiles = TRY(read_profile_names(table, profiles));
    if (const std::optional<std::string> word = TRY(table.text("known_by"))) {
      const NamedPart* part = find_named(kParts, *word);
      if (part == nullptr) return Failure(table.not_one_of("known_by", *word, names_in(kParts)));
      ca.known_by = part->part;
    }
    if (const std::optional<std::string> file = TRY(table.text("crl"))) ca.crl = folder / *file;
    TRY(table.finish());
    cas.push_back(std::move(ca));
  }
  return cas;
}

}  // namespace airtight::issuer
