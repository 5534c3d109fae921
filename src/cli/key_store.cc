#include "cli/key_store.h"

#include <utility>

#include "cli/terminal.h"
#include "device/key_store_access.h"

namespace airtight::cli {

Result<std::unique_ptr<OpenKeyStore>> open_key_store(const std::string& folder) {
  auto store = std::make_unique<OpenKeyStore>();
  device::KeyStoreAccess access = TRY(device::connect_or_open(folder, passphrase_on_terminal("the key store " + folder),
                                                              sks::Platform{store->clock, store->random, store->pause}));
  store->channel = std::move(access.channel);
  store->administration = std::move(access.administration);
  return store;
}

}  // namespace airtight::cli
