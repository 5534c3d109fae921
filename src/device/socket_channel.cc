#include "device/socket_channel.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "device/unix_socket.h"

namespace airtight::device {
namespace {

Failure outcome_unknown(const std::filesystem::path& path, const std::string& reason) {
  return fail(Fault::kUnavailable,
              "the key store's daemon at " + path.native() + " went away before it answered (" + reason +
                  "): whether the call took effect is unknown",
              "see whether the daemon runs, and look at what is in the key store before you try again");
}

}  // namespace

Result<std::unique_ptr<SocketChannel>> SocketChannel::connect(const std::filesystem::path& socket) {
  std::unique_ptr<SocketChannel> channel(new SocketChannel(socket));
  channel->connection_.emplace(TRY(connect_to(socket)));
  return channel;
}

// Sends the request whole, or connects again as long as the daemon has got nothing of it.
Result<> SocketChannel::send(const SecretBytes& request) {
  const bool was_connected = connection_.has_value();
  if (!was_connected) connection_.emplace(TRY(connect_to(path_)));
  SendOutcome sent = send_frame(connection_->socket.number(), request);
  if (!sent.done && !sent.begun && was_connected && (sent.reason == EPIPE || sent.reason == ECONNRESET)) {
    connection_.reset();
    connection_.emplace(TRY(connect_to(path_)));
    sent = send_frame(connection_->socket.number(), request);
  }
  if (sent.done) return {};
  connection_.reset();
  return outcome_unknown(path_, std::strerror(sent.reason));
}

Result<SecretBytes> SocketChannel::call(const SecretBytes& request) {
  if (request.size() > kMaxFrame) return fail(Fault::kBadInput, "a request to a key store has at most 1 MiB");
  const std::lock_guard lock(mutex_);
  TRY(send(request));
  Result<std::optional<SecretBytes>> answer = connection_->answers.next();
  if (answer && *answer) return std::move(**answer);
  connection_.reset();
  return outcome_unknown(path_, answer ? "it closed the connection" : answer.error().message);
}

}  // namespace airtight::device
