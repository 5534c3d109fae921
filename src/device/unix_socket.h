// Unix-domain stream sockets by path: the one that listens, with the file that it leaves in the file system, and the one that calls it.
// Paths may be longer than the address of a socket holds.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"

namespace airtight::device {

// A socket that listens, and its file if this process made that.
class Listener {
 public:
  // Listens at `path`, a new file of the permission bits `mode`. The socket file of a process that is no more is replaced.
  // Fault::kUnavailable if somebody answers there, kRefused if something else is at `path` or the system does not permit it.
  [[nodiscard]] static Result<Listener> at(const std::filesystem::path& path, mode_t mode);
  // One that another process made and handed over (socket activation): its file is that one's business.
  // Fault::kBadInput if it is not a Unix-domain stream socket that listens.
  [[nodiscard]] static Result<Listener> inherited(Descriptor socket);
  Listener(Listener&& other) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  // Listens no more: whoever connects is refused at once, unless whoever handed the socket over listens too. May be called twice.
  void close();

  [[nodiscard]] int number() const { return socket_.number(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }  // absolute; empty for one without a name

 private:
  Listener(Descriptor socket, std::filesystem::path path, bool owns_file)
      : socket_(std::move(socket)), path_(std::move(path)), owns_file_(owns_file) {}
  Descriptor socket_;
  std::filesystem::path path_;
  bool owns_file_;
};

// Connects to the socket at `path`. Fault::kNotFound if there is none or nobody listens at it, kRefused if the system does not permit it,
// kUnavailable for all else.
[[nodiscard]] Result<Descriptor> connect_to(const std::filesystem::path& path);

// Who is at the other end of a connected socket, as the kernel vouches for it.
struct Peer {
  pid_t process = 0;
  uid_t user = 0;
  std::vector<gid_t> groups;  // all of them
};
[[nodiscard]] Result<Peer> peer_of(int socket);

}  // namespace airtight::device
