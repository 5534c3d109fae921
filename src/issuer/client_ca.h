// CAs whose TLS clients enrol without being registered one by one: [[client_cas]] of issuer.toml. Whoever has a certificate of such a CA is
// known by a name in it, at the addresses of the profiles that the CA is for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"

namespace airtight::issuer {

// Which part of a certificate names the client. It has to be there just once.
enum class ClientNamePart : std::uint8_t { kCommonName, kDns, kEmail, kUri };
[[nodiscard]] std::string_view name_of(ClientNamePart part);

struct ClientCa {
  std::string name;                               // for people
  std::vector<crypto::Certificate> certificates;  // each trusted by itself
  std::vector<std::string> profiles;              // that its clients enrol with
  ClientNamePart known_by = ClientNamePart::kCommonName;
  std::optional<std::filesystem::path> crl = {};  // read for each client, so that a new one needs no restart
};

// The name of the client whose certificate this is: 1 to 200 bytes of UTF-8 without control characters. Fault::kRefused says why the CA
// does not stand for it; kBadInput, kNotFound and the like if the CRL cannot be read, and then nobody is accepted.
[[nodiscard]] Result<std::string> client_named_by(const ClientCa& ca, const crypto::Certificate& certificate, Instant now);

// Reads the CRL of `ca`, if it has one. The faults of its file, and kBadInput for what is no CRL.
[[nodiscard]] Result<std::optional<Bytes>> read_client_crl(const ClientCa& ca);

}  // namespace airtight::issuer
