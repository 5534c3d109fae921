#include "device/key_store_access.h"

#include <system_error>
#include <utility>

#include "device/meeting_place.h"
#include "device/socket_channel.h"
#include "device/store_folder.h"

namespace airtight::device {

Result<std::unique_ptr<sks::Channel>> connect_or_open(const std::filesystem::path& folder, const sealing::PassphrasePrompt& prompt,
                                                      const sks::Platform& platform) {
  const std::filesystem::path socket = TRY(sks_socket_of(folder));
  auto connected = SocketChannel::connect(socket);
  if (connected) return std::move(*connected);
  if (connected.error().fault != Fault::kNotFound || socket == folder) return Failure(connected.error());
  Result<std::unique_ptr<sks::KeyStore>> opened = open_device(folder, prompt, platform);
  if (opened) return std::move(*opened);
  // Its owner may be a daemon that has just begun.
  if (opened.error().fault == Fault::kUnavailable) {
    connected = SocketChannel::connect(TRY(sks_socket_of(folder)));
    if (connected) return std::move(*connected);
  }
  return Failure(opened.error());
}

}  // namespace airtight::device
