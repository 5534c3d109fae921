#include "cli/key_store.h"

#include "agent/device.h"
#include "cli/terminal.h"

namespace airtight::cli {

Result<std::unique_ptr<OpenKeyStore>> open_key_store(const std::string& folder) {
  auto store = std::make_unique<OpenKeyStore>();
  store->channel = TRY(agent::open_device(folder, passphrase_on_terminal("the key store " + folder),
                                           sks::Platform{store->clock, store->random, store->pause}));
  return store;
}

}  // namespace airtight::cli
