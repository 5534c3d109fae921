#include "device/key_store_access.h"

#include <system_error>
#include <utility>

#include "device/meeting_place.h"
#include "device/socket_channel.h"
#include "device/store_folder.h"

namespace airtight::device {

namespace {

KeyStoreAccess by_daemon(std::unique_ptr<sks::Channel> channel, const std::filesystem::path& folder) {
  return {.channel = std::move(channel), .administration = administration_by_daemon(folder)};
}

}  // namespace

Result<KeyStoreAccess> connect_or_open(const std::filesystem::path& folder, const sealing::PassphrasePrompt& prompt,
                                       const sks::Platform& platform) {
  const std::filesystem::path socket = TRY(sks_socket_of(folder));
  auto connected = SocketChannel::connect(socket);
  if (connected) return by_daemon(std::move(*connected), folder);
  if (connected.error().fault != Fault::kNotFound || socket == folder) return Failure(connected.error());
  Result<std::unique_ptr<sks::KeyStore>> opened = open_device(folder, prompt, platform);
  if (!opened) {
    // Its owner may be a daemon that has just begun.
    if (opened.error().fault != Fault::kUnavailable) return Failure(opened.error());
    connected = SocketChannel::connect(TRY(sks_socket_of(folder)));
    if (!connected) return Failure(opened.error());
    return by_daemon(std::move(*connected), folder);
  }
  auto administration = administration_of(**opened, folder);
  return KeyStoreAccess{.channel = std::move(*opened), .administration = std::move(administration)};
}

}  // namespace airtight::device
