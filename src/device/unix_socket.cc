#include "device/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

namespace airtight::device {
namespace {

namespace fs = std::filesystem;

constexpr int kBacklog = 128;
constexpr std::size_t kUsualGroups = 64;

// The address of a path. One that is too long for it is named by way of its open folder, which has to stay open as long as the address is
// used.
struct Address {
  sockaddr_un name{};
  Descriptor folder;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name); }
};

Failure system_failure(const std::string& what, const fs::path& path, int reason) {
  const std::string message = "cannot " + what + " the socket " + path.native() + ": " + std::strerror(reason);
  switch (reason) {
    case ENOENT: return fail(Fault::kNotFound, message, "check that its folder is there");
    case ECONNREFUSED: return fail(Fault::kNotFound, message, "the process that made it is no more; start it again");
    case EACCES:
    case EPERM: return fail(Fault::kRefused, message, "use the account that it belongs to, or ask its owner to let you in");
    default: return fail(Fault::kUnavailable, message, "try again");
  }
}

Result<Address> address_of(const fs::path& path) {
  Address address;
  address.name.sun_family = AF_UNIX;
  std::string name = path.native();
  if (name.size() >= sizeof(address.name.sun_path)) {
    address.folder = Descriptor(::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!address.folder.is_open()) return system_failure("reach", path, errno);
    name = "/proc/self/fd/" + std::to_string(address.folder.number()) + "/" + path.filename().native();
  }
  if (name.size() >= sizeof(address.name.sun_path) || name.empty()) {
    return fail(Fault::kBadInput, "the name of the socket " + path.native() + " is too long",
                "the last part of its path has to be shorter than 80 bytes: name another with --socket");
  }
  std::ranges::copy(name, address.name.sun_path);
  return address;
}

Result<Descriptor> new_socket(const fs::path& path) {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return system_failure("make", path, errno);
  return socket;
}

// Removes what a process that is no more left at `path`, and nothing else.
Result<> clear_place(const fs::path& path) {
  struct stat entry{};
  if (::lstat(path.c_str(), &entry) != 0) {
    if (errno == ENOENT) return {};
    return system_failure("make", path, errno);
  }
  if (!S_ISSOCK(entry.st_mode)) {
    return fail(Fault::kRefused, path.native() + " is there already and no socket", "name another path with --socket, or move it away");
  }
  const Result<Descriptor> answered = connect_to(path);
  if (answered) {
    return fail(Fault::kUnavailable, "another process listens at " + path.native(), "end it first, or name another path with --socket");
  }
  if (answered.error().fault != Fault::kNotFound) return Failure(answered.error());
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_failure("replace", path, errno);
  return {};
}

Failure nobody_known() { return fail(Fault::kInternal, std::string("the kernel does not say who connects: ") + std::strerror(errno)); }

bool has_option(int socket, int option, int wanted) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

}  // namespace

Result<Listener> Listener::at(const fs::path& path, mode_t mode) {
  const fs::path whole = fs::absolute(path);
  TRY(clear_place(whole));
  const Address address = TRY(address_of(whole));
  Descriptor socket = TRY(new_socket(whole));
  // The mode of the file is that of the socket when it is bound: at no time may more people connect than later.
  if (::fchmod(socket.number(), mode) != 0 || ::bind(socket.number(), address.get(), sizeof address.name) != 0) {
    return system_failure("make", whole, errno);
  }
  Listener listener(std::move(socket), whole, true);
  if (::chmod(address.name.sun_path, mode) != 0) return system_failure("set the mode of", whole, errno);  // whatever the umask
  if (::listen(listener.number(), kBacklog) != 0) return system_failure("listen at", whole, errno);
  return listener;
}

Result<Listener> Listener::inherited(Descriptor socket) {
  if (!has_option(socket.number(), SO_DOMAIN, AF_UNIX) || !has_option(socket.number(), SO_TYPE, SOCK_STREAM) ||
      !has_option(socket.number(), SO_ACCEPTCONN, 1)) {
    return fail(Fault::kBadInput, "the socket that was handed over is not a Unix-domain stream socket that listens",
                "use ListenStream= with a path in the .socket unit");
  }
  sockaddr_un name{};
  socklen_t size = sizeof name;
  if (::getsockname(socket.number(), reinterpret_cast<sockaddr*>(&name), &size) != 0) return system_failure("read the name of", "", errno);
  const bool has_path = size > sizeof(sa_family_t) && name.sun_path[0] != '\0';
  fs::path path = has_path ? fs::path(name.sun_path) : fs::path();
  return Listener(std::move(socket), std::move(path), false);
}

Listener::~Listener() { close(); }

void Listener::close() {
  if (socket_.is_open() && owns_file_) ::unlink(path_.c_str());
  socket_ = Descriptor();
}

Result<Descriptor> connect_to(const fs::path& path) {
  const fs::path whole = fs::absolute(path);
  const Address address = TRY(address_of(whole));
  Descriptor socket = TRY(new_socket(whole));
  while (::connect(socket.number(), address.get(), sizeof address.name) != 0) {
    if (errno != EINTR) return system_failure("connect to", whole, errno);
  }
  return socket;
}

Result<Peer> peer_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return nobody_known();
  Peer peer{.process = credentials.pid, .user = credentials.uid, .groups = std::vector<gid_t>(kUsualGroups)};
  size = static_cast<socklen_t>(peer.groups.size() * sizeof(gid_t));
  while (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &size) != 0) {
    if (errno != ERANGE) return nobody_known();
    peer.groups.resize(size / sizeof(gid_t));  // as many as there are
  }
  peer.groups.resize(size / sizeof(gid_t));
  peer.groups.push_back(credentials.gid);
  return peer;
}

}  // namespace airtight::device
