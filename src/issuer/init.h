// Makes an issuer: a folder with its database, seal, authority, TLS identity and configuration.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "ca/key_storage.h"
#include "sealing/seal.h"

namespace airtight::issuer {

// A device, class or vendor whose certificate the profiles accept: "vendor=root.pem".
struct AcceptedFile {
  std::string level;  // vendor, class or device
  std::filesystem::path file;
};
[[nodiscard]] Result<AcceptedFile> parse_accepted_file(std::string_view text);

struct InitOptions {
  std::string organization = "Airtight Issuer";
  sealing::NewSeal seal = {};
  sealing::PassphrasePrompt prompt = {};
  std::vector<std::string> hosts = {};         // DNS names and addresses of the TLS certificate besides localhost's
  std::filesystem::path tls_certificate = {};  // a given PEM: server certificate, then its issuers; empty: make one
  std::filesystem::path tls_key = {};          // its key
  std::vector<AcceptedFile> accepted = {};     // empty: any device, for trying things out
  ca::KeyKind key = ca::KeyKind::kP256;        // of the root and the issuing CA
  ca::KeyStorage issuing_storage = {};         // where the issuing key and
  ca::KeyStorage root_storage = {};            // the root's are kept; those of files and tokens are asked for by `prompt`
  std::string publication_url = {};            // where certificates say that CRLs and OCSP are; empty: under the issuer's own URL
};

// The file that stands in a folder while it is being made, and after init was interrupted.
inline constexpr std::string_view kUnfinishedMark = ".unfinished";

// Makes the issuer in `folder`, which must be new, empty, or left over from an interrupted init. Fault::kRefused if an issuer or anything
// else is there, or where a key is to be made that is there already; kBadInput for a publication URL that is none. On any fault
// the folder is as it was before. A crash leaves one that is recognised as unfinished, and that the next init replaces. In both cases a key
// that was made in a token, or in a file elsewhere, stays there, and is not taken.
[[nodiscard]] Result<> init_issuer(const std::filesystem::path& folder, const InitOptions& options, const Clock& clock,
                                   RandomSource& random);

}  // namespace airtight::issuer
