#include "cli/issuer_folder.h"

#include "cli/terminal.h"

namespace airtight::cli {

Result<std::unique_ptr<OpenIssuer>> open_issuer(const std::string& folder) {
  auto open = std::make_unique<OpenIssuer>();
  open->issuer = TRY(issuer::Issuer::open(folder, open->clock, open->random));
  return open;
}

sealing::PassphrasePrompt prompt_for_issuer(const std::string& folder) { return passphrase_on_terminal("the issuer " + folder); }

void add_issuer_folder(CLI::App& command, std::string& folder) {
  command.add_option("DIR", folder, "The folder of the issuer")->required();
}

}  // namespace airtight::cli
