#include "device/socket_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace airtight::device {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::int64_t kBusy = -1;
constexpr int kPauseWithoutDescriptors = 100;  // milliseconds
constexpr std::chrono::milliseconds kPatienceForRoom{100};

std::int64_t now() { return SteadyClock::now().time_since_epoch().count(); }

}  // namespace

bool may_connect(const Peer& peer, uid_t server, const AllowedPeers& allowed) {
  return peer.user == server || peer.user == 0 || std::ranges::find(allowed.users, peer.user) != allowed.users.end() ||
         std::ranges::find_first_of(peer.groups, allowed.groups) != peer.groups.end();
}

struct SocketServer::Connection {
  Descriptor socket;
  Peer peer;
  std::atomic<std::int64_t> idle_since{now()};  // kBusy while a request is answered
  bool closing = false;                         // told to end, to make room; under the mutex
  std::thread thread;
};

Result<std::unique_ptr<SocketServer>> SocketServer::start(Listener listener, std::string_view name, AllowedPeers peers,
                                                          const ServerLimits& limits, FrameHandler& handler, const Log& log) {
  Descriptor stopped(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stopped.is_open()) return fail(Fault::kUnavailable, std::string("the server cannot start: ") + std::strerror(errno), "try again");
  // A caller that is gone again must not keep the one that accepts from seeing stop().
  ::fcntl(listener.number(), F_SETFL, ::fcntl(listener.number(), F_GETFL) | O_NONBLOCK);
  std::unique_ptr<SocketServer> server(
      new SocketServer(std::move(listener), std::move(stopped), name, std::move(peers), limits, handler, log));
  server->acceptor_ = std::thread([&server = *server] { server.accept_until_stopped(); });
  return server;
}

SocketServer::SocketServer(Listener listener, Descriptor stopped, std::string_view name, AllowedPeers peers, const ServerLimits& limits,
                           FrameHandler& handler, const Log& log)
    : listener_(std::move(listener)),
      stopped_(std::move(stopped)),
      name_(name),
      peers_(std::move(peers)),
      limits_(limits),
      handler_(handler),
      log_(log) {}

SocketServer::~SocketServer() { stop(); }

void SocketServer::close() {
  stopping_ = true;
  ::eventfd_write(stopped_.number(), 1);
  if (acceptor_.joinable()) acceptor_.join();
  listener_.close();
  const std::lock_guard lock(mutex_);
  for (const auto& connection : connections_) ::shutdown(connection->socket.number(), SHUT_RD);
}

void SocketServer::stop() {
  close();
  // Nothing is added any more, and each thread takes its own connection off the list.
  while (true) {
    Connection* running = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (!connections_.empty()) running = connections_.front().get();
    }
    if (running == nullptr) break;
    // The object stays until join_finished(), which only this thread calls from here on.
    running->thread.join();
  }
  join_finished();
}

ServerCounts SocketServer::counts() const {
  const std::lock_guard lock(mutex_);
  ServerCounts counts = counts_;
  counts.connections = connections_.size();
  counts.busy = static_cast<std::uint64_t>(
      std::ranges::count_if(connections_, [](const auto& connection) { return connection->idle_since == kBusy; }));
  counts.requests = requests_.load(std::memory_order_relaxed);
  return counts;
}

void SocketServer::accept_until_stopped() {
  std::array<pollfd, 2> entries = {pollfd{.fd = listener_.number(), .events = POLLIN, .revents = 0},
                                   pollfd{.fd = stopped_.number(), .events = POLLIN, .revents = 0}};
  while (!stopping_) {
    if (::poll(entries.data(), entries.size(), -1) < 0) continue;
    if (!stopping_ && (entries[0].revents & POLLIN) != 0) accept_one();
    join_finished();
  }
}

void SocketServer::accept_one() {
  Descriptor socket(::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket.is_open()) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) wait_for_descriptors();
    return;
  }
  const Result<Peer> peer = peer_of(socket.number());
  if (!peer || !may_connect(*peer, ::geteuid(), peers_)) {
    log_.warning("connection refused: not one of the allowed users", {{"socket", std::string(name_)},
                                                                      {"uid", peer ? std::to_string(peer->user) : "unknown"},
                                                                      {"pid", peer ? std::to_string(peer->process) : "unknown"}});
    const std::lock_guard lock(mutex_);
    ++counts_.refused;
    return;
  }
  std::unique_lock lock(mutex_);
  if (!wait_for_room(lock, peer->user)) {
    if (stopping_) return;
    ++counts_.refused;
    log_.warning("connection refused: there are too many, and all are busy",
                 {{"socket", std::string(name_)}, {"uid", std::to_string(peer->user)}, {"pid", std::to_string(peer->process)}});
    return;
  }
  auto connection = std::make_unique<Connection>();
  connection->socket = std::move(socket);
  connection->peer = *peer;
  Connection& added = *connections_.emplace_back(std::move(connection));
  try {
    added.thread = std::thread([this, &added] { serve(added); });
    ++counts_.accepted;
  } catch (const std::system_error& error) {
    connections_.pop_back();
    ++counts_.refused;
    log_.error("connection refused: no thread can be started", {{"socket", std::string(name_)}, {"reason", error.what()}});
  }
}

// The one that waits at the listening socket stays there, so without a pause this would be tried again at once.
void SocketServer::wait_for_descriptors() {
  log_.warning("no connection can be accepted", {{"socket", std::string(name_)}, {"reason", std::strerror(errno)}});
  {
    const std::lock_guard lock(mutex_);
    if (!connections_.empty()) static_cast<void>(close_one_idle(connections_.front()->peer.user));
  }
  pollfd entry{.fd = stopped_.number(), .events = POLLIN, .revents = 0};
  static_cast<void>(::poll(&entry, 1, kPauseWithoutDescriptors));
}

// Who has just been answered is busy for a moment more.
bool SocketServer::wait_for_room(std::unique_lock<std::mutex>& lock, uid_t user) {
  wants_room_ = true;
  const bool found = room_.wait_for(lock, kPatienceForRoom, [&] { return stopping_ || make_room(user); });
  wants_room_ = false;
  return found && !stopping_;
}

// Room for one more connection of `user`, if need be where another stands idle: one of its own, or one of whoever has most.
bool SocketServer::make_room(uid_t user) {
  std::map<uid_t, std::size_t> held;
  std::size_t all = 0;
  for (const auto& connection : connections_) {
    if (connection->closing) continue;
    ++held[connection->peer.user];
    ++all;
  }
  if (held[user] >= limits_.connections_a_user) return close_one_idle(user);
  if (all < limits_.connections) return true;
  const auto most = std::ranges::max_element(held, {}, [](const auto& entry) { return entry.second; });
  return close_one_idle(most->first);
}

// Ends that connection of `user` which has been idle for longest. What it has sent by now is still answered; what it sends later
// fails before a byte of it has left, so that its owner can simply connect again.
bool SocketServer::close_one_idle(uid_t user) {
  Connection* longest = nullptr;
  std::int64_t since = 0;
  for (const auto& connection : connections_) {
    const std::int64_t idle = connection->idle_since;
    if (connection->closing || connection->peer.user != user || idle == kBusy) continue;
    if (longest == nullptr || idle < since) {
      longest = connection.get();
      since = idle;
    }
  }
  if (longest == nullptr) return false;
  longest->closing = true;
  ++counts_.closed_idle;
  ::shutdown(longest->socket.number(), SHUT_RD);
  return true;
}

void SocketServer::serve(Connection& connection) {
  try {
    answer_requests(connection);
  } catch (const std::exception& exception) {
    log_.error("a connection ended with an internal error", {{"socket", std::string(name_)}, {"reason", exception.what()}});
  }
  ::shutdown(connection.socket.number(), SHUT_RDWR);
  const std::lock_guard lock(mutex_);
  const auto self = std::ranges::find(connections_, &connection, &std::unique_ptr<Connection>::get);
  finished_.splice(finished_.end(), connections_, self);
  room_.notify_all();
}

void SocketServer::answer_requests(Connection& connection) {
  FrameReader requests(connection.socket.number(), limits_.patience);
  while (!stopping_) {
    Result<std::optional<SecretBytes>> request = requests.next();
    if (request && !*request) return;
    connection.idle_since.store(kBusy, std::memory_order_relaxed);
    if (!request) {
      log_.warning("connection closed", {{"socket", std::string(name_)},
                                         {"uid", std::to_string(connection.peer.user)},
                                         {"pid", std::to_string(connection.peer.process)},
                                         {"reason", request.error().message}});
      if (request.error().fault == Fault::kBadInput) {
        static_cast<void>(send_frame(connection.socket.number(), handler_.answer_to_too_long(), limits_.patience));
      }
      return;
    }
    requests_.fetch_add(1, std::memory_order_relaxed);
    const SecretBytes answer = handler_.answer(**request);
    if (const SendOutcome sent = send_frame(connection.socket.number(), answer, limits_.patience); !sent.done) {
      log_.info("an answer was not taken", {{"socket", std::string(name_)}, {"reason", std::strerror(sent.reason)}});
      return;
    }
    connection.idle_since.store(now());
    if (wants_room_) tell_of_room();
  }
}

void SocketServer::tell_of_room() {
  const std::lock_guard lock(mutex_);  // whoever wants it looks or waits, and is not in between
  room_.notify_all();
}

void SocketServer::join_finished() {
  Connections finished;
  {
    const std::lock_guard lock(mutex_);
    finished.swap(finished_);
  }
  for (const auto& connection : finished) {
    if (connection->thread.joinable()) connection->thread.join();
  }
}

}  // namespace airtight::device
