#include "cli/issuer_folder.h"

#include "base/encoding.h"
#include "cli/terminal.h"

namespace airtight::cli {

Result<std::unique_ptr<OpenIssuer>> open_issuer(const std::string& folder) {
  auto open = std::make_unique<OpenIssuer>();
  open->issuer = TRY(issuer::Issuer::open(folder, open->clock, open->random));
  return open;
}

sealing::PassphrasePrompt prompt_for_issuer(const std::string& folder) { return passphrase_on_terminal("the issuer " + folder); }

std::string passphrase_text(const issuer::Passphrase& passphrase) {
  const ByteView value = passphrase.value.expose_secret();
  return passphrase.format == PassphraseFormat::kBinary ? hex_encode(value) : to_text(value);
}

void add_issuer_folder(CLI::App& command, std::string& folder) {
  command.add_option("DIR", folder, "The folder of the issuer")->required();
}

}  // namespace airtight::cli
