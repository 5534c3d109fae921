#include "cli/key_store.h"

#include "cli/terminal.h"
#include "device/key_store_access.h"

namespace airtight::cli {

Result<std::unique_ptr<OpenKeyStore>> open_key_store(const std::string& folder) {
  auto store = std::make_unique<OpenKeyStore>();
  store->channel = TRY(device::connect_or_open(folder, passphrase_on_terminal("the key store " + folder),
                                               sks::Platform{store->clock, store->random, store->pause}));
  return store;
}

}  // namespace airtight::cli
