#include "cli/ca_folder.h"

#include <system_error>

#include "cli/terminal.h"
#include "issuer/configuration.h"
#include "issuer/init.h"
#include "sealing/seal.h"

namespace airtight::cli {

Result<std::unique_ptr<CaFolder>> open_ca_folder(const std::string& folder) {
  auto open = std::make_unique<CaFolder>();
  open->path = folder;
  std::error_code fault;
  if (!std::filesystem::exists(open->path / "issuer.toml", fault)) {
    return fail(Fault::kNotFound, "there is no issuer in " + folder, "make one with 'airtight issuer init " + folder + "'");
  }
  if (std::filesystem::exists(open->path / issuer::kUnfinishedMark, fault)) {
    return fail(Fault::kRefused, folder + " is only half made: 'airtight issuer init' was interrupted",
                "run 'airtight issuer init " + folder + "' again");
  }
  open->database = TRY(storage::open_sqlite(open->path / "issuer.db", {}));
  return open;
}

Result<ca::Authority> CaFolder::open_authority(ca::WhichKeys keys) {
  const issuer::Configuration configuration = TRY(issuer::read_configuration(path));
  const sealing::PassphrasePrompt prompt = passphrase_on_terminal("the issuer " + path.string());
  const sealing::MasterKey master_key = TRY(sealing::open_master_key(path, prompt));
  ca::OpenOptions options;
  options.publication_url = configuration.publication_url.value_or(configuration.url.value_or(""));
  options.access = {path, prompt};
  options.keys = keys;
  return ca::Authority::open(*database, master_key, clock, random, options);
}

void add_ca_folder(CLI::App& command, std::string& folder) { command.add_option("DIR", folder, "The folder of the issuer")->required(); }

}  // namespace airtight::cli
