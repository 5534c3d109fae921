// Calls the key store behind a Unix-domain socket. A connection that was closed while nothing was under way is made again; one that breaks
// in the middle of a call is an error, for nobody knows whether the call took effect.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/descriptor.h"
#include "base/result.h"
#include "device/frames.h"
#include "sks/client.h"

namespace airtight::device {

class SocketChannel final : public sks::Channel {
 public:
  // Faults as connect_to().
  [[nodiscard]] static Result<std::unique_ptr<SocketChannel>> connect(const std::filesystem::path& socket);

  // One request and its answer; may be called by several threads, which take turns. Fault::kBadInput for a request longer than 1 MiB;
  // kNotFound or kRefused if the daemon can no more be reached, and kUnavailable if it went away before it answered.
  [[nodiscard]] Result<SecretBytes> call(const SecretBytes& request) override;

 private:
  struct Connection {
    explicit Connection(Descriptor connected) : socket(std::move(connected)), answers(socket.number()) {}
    Descriptor socket;
    FrameReader answers;
  };

  explicit SocketChannel(std::filesystem::path path) : path_(std::move(path)) {}
  [[nodiscard]] Result<> send(const SecretBytes& request);

  std::filesystem::path path_;
  std::mutex mutex_;
  std::optional<Connection> connection_;
};

}  // namespace airtight::device
