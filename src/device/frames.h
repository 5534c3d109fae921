// Frames on a stream socket: each request and each response is preceded by its length as a 4-byte integer, at most 1 MiB (sks.md section
// 1). They hold PINs and keys, so they live in SecretBytes, and what passed through a buffer is wiped behind them.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "base/result.h"
#include "base/secret_bytes.h"
#include "sks/wire.h"

namespace airtight::device {

inline constexpr std::size_t kMaxFrame = sks::wire::kMaxMessage;  // bytes behind the length

// How long a peer may take to finish a frame that it has begun to send, or to take one that it is sent.
inline constexpr std::chrono::milliseconds kPatience{10'000};

class FrameReader {
 public:
  // Reads from `socket`, which the caller keeps open.
  explicit FrameReader(int socket, std::chrono::milliseconds patience = kPatience);

  // The next frame: waits for its first byte as long as it takes, and then for the rest as long as there is patience. Nothing at a clean
  // end. Fault::kBadInput for a frame that is too long, which is not read; kUnavailable for one that is cut short, too slow or cannot be
  // read. After an error the stream has no meaning any more.
  [[nodiscard]] Result<std::optional<SecretBytes>> next();

 private:
  [[nodiscard]] Result<std::size_t> receive(std::span<std::byte> room) const;
  [[nodiscard]] Result<SecretBytes> long_frame(std::size_t size, std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] SecretBytes take(std::size_t size);

  int socket_;
  std::chrono::milliseconds patience_;
  SecretBytes buffer_;  // the frame at its start, and what came with it: [0, filled_)
  std::size_t filled_ = 0;
};

// Sends `body` as one frame, with one system call unless the peer is slow. Fault::kUnavailable if the peer has gone or does not take it in
// time; `Error::message` then says whether a part was sent.
struct SendOutcome {
  bool done = false;
  bool begun = false;  // false: the peer has got nothing of it
  int reason = 0;      // errno; ETIMEDOUT if the peer was too slow
};
[[nodiscard]] SendOutcome send_frame(int socket, const SecretBytes& body, std::chrono::milliseconds patience = kPatience);

}  // namespace airtight::device
