// Which devices a profile accepts.
#include "crypto/certificate.h"
#include "issuer/internal/profile_reader.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kMaxCertificateFile = 256U << 10;

struct NamedLevel {
  std::string_view name;
  provenance::Level level;
};
constexpr std::array kLevels = {NamedLevel{"vendor", provenance::Level::kVendor}, NamedLevel{"class", provenance::Level::kDeviceClass},
                                NamedLevel{"device", provenance::Level::kDevice}};

// Where a snapshot has the certificate itself, the configuration names its file.
Result<crypto::Certificate> read_accepted_certificate(TomlTable& table, ProfileReading& reading) {
  const std::optional<std::string> file = TRY(table.text("certificate"));
  std::optional<std::string> pem = TRY(table.text("certificate_pem"));
  if (file.has_value() == pem.has_value()) {
    return Failure(
        table.error_at("certificate", "an accepted device needs either 'certificate', a file, or 'certificate_pem', the text of one"));
  }
  if (file) pem = to_text(TRY(reading.file(table, "certificate", *file, kMaxCertificateFile, "certificate_pem", to_text)));
  const std::string_view where = file ? "certificate" : "certificate_pem";
  const Result<std::vector<crypto::Certificate>> read = crypto::certificates_from_pem(*pem);
  if (!read) return Failure(table.error_at(where, read.error().message, read.error().hint));
  if (read->size() != 1)
    return Failure(table.error_at(where, "exactly one certificate is wanted, and there are " + std::to_string(read->size())));
  return read->front();
}

}  // namespace

Result<provenance::DevicePolicy> read_devices(TomlTable& profile_table, ProfileReading& reading) {
  provenance::DevicePolicy policy;
  std::optional<TomlTable> table = TRY(profile_table.table("devices"));
  if (!table)
    return Failure(profile_table.error_at("devices", "the profile does not say which devices it accepts",
                                          "add a table 'devices' with 'accepted' or 'accept_any = true'"));
  policy.accept_any = TRY(table->boolean("accept_any")).value_or(false);
  for (TomlTable& entry : TRY(table->tables("accepted"))) {
    const std::string word = TRY(entry.required_text("level"));
    const NamedLevel* level = find_named(kLevels, word);
    if (level == nullptr) return Failure(entry.not_one_of("level", word, names_in(kLevels)));
    std::optional<std::string> name = TRY(entry.text("name"));
    crypto::Certificate certificate = TRY(read_accepted_certificate(entry, reading));
    if (!name) name = certificate.subject();
    TRY(entry.finish());
    policy.accepted.push_back({level->level, *std::move(name), std::move(certificate)});
  }
  if (policy.accept_any && !policy.accepted.empty()) {
    return Failure(
        table->error_at("accept_any", "with accept_any = true the list of accepted devices has no effect", "remove one of them"));
  }
  if (!policy.accept_any && policy.accepted.empty()) {
    return Failure(table->error_at({}, "the profile accepts no device at all", "list accepted devices, or say accept_any = true"));
  }
  TRY(table->finish());
  return policy;
}

}  // namespace airtight::issuer
