// Answers frames on a listening Unix-domain socket: one thread a connection, each with blocking reads, so that an answer costs two system
// calls and a slow call holds up nobody else. Who may connect is asked of the kernel; how many may, is limited.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "base/descriptor.h"
#include "base/log.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "device/frames.h"
#include "device/unix_socket.h"

namespace airtight::device {

// Who may connect, besides the user that this process runs as and root.
struct AllowedPeers {
  std::vector<uid_t> users;
  std::vector<gid_t> groups;
};

// May `peer` connect to a server that runs as the user `server`?
[[nodiscard]] bool may_connect(const Peer& peer, uid_t server, const AllowedPeers& allowed);

struct ServerLimits {
  std::size_t connections = 256;         // in all
  std::size_t connections_a_user = 192;  // so that one user leaves room for others
  std::chrono::milliseconds patience = kPatience;
};

struct ServerCounts {
  std::uint64_t connections = 0;  // now
  std::uint64_t busy = 0;         // of them; the others stand idle
  std::uint64_t accepted = 0;     // ever since
  std::uint64_t refused = 0;      // by who they are, or because there was no room
  std::uint64_t closed_idle = 0;  // to make room
  std::uint64_t requests = 0;
};

// What a server does with requests. Called by many threads at once.
class FrameHandler {
 public:
  virtual ~FrameHandler() = default;
  [[nodiscard]] virtual SecretBytes answer(const SecretBytes& request) = 0;
  // The answer to a frame that is longer than 1 MiB and therefore not read; the connection ends with it.
  [[nodiscard]] virtual SecretBytes answer_to_too_long() = 0;
};

class SocketServer {
 public:
  // Serves from now on. `handler` and `log` outlive the server; `name` is how the log calls it.
  [[nodiscard]] static Result<std::unique_ptr<SocketServer>> start(Listener listener, std::string_view name, AllowedPeers peers,
                                                                   const ServerLimits& limits, FrameHandler& handler, const Log& log);
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;
  ~SocketServer();

  // Takes no more connections and no more requests: whoever connects is refused. May be called twice.
  void close();
  // And then waits for the calls that run, and sends their answers. May be called twice.
  void stop();

  [[nodiscard]] ServerCounts counts() const;

 private:
  struct Connection;
  using Connections = std::list<std::unique_ptr<Connection>>;

  SocketServer(Listener listener, Descriptor stopped, std::string_view name, AllowedPeers peers, const ServerLimits& limits,
               FrameHandler& handler, const Log& log);
  void accept_until_stopped();
  void accept_one();
  void wait_for_descriptors();
  [[nodiscard]] bool wait_for_room(std::unique_lock<std::mutex>& lock, uid_t user);
  [[nodiscard]] bool make_room(uid_t user);
  [[nodiscard]] bool close_one_idle(uid_t user);
  void tell_of_room();
  void serve(Connection& connection);
  void answer_requests(Connection& connection);
  void join_finished();

  Listener listener_;
  Descriptor stopped_;  // an eventfd: readable from stop() on
  std::string_view name_;
  AllowedPeers peers_;
  ServerLimits limits_;
  FrameHandler& handler_;
  const Log& log_;

  std::atomic<bool> stopping_{false};
  std::atomic<bool> wants_room_{false};
  std::atomic<std::uint64_t> requests_{0};
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable room_;
  Connections connections_;
  Connections finished_;  // their threads are about to end
  ServerCounts counts_;
  std::thread acceptor_;  // last: it uses all of the above
};

}  // namespace airtight::device
