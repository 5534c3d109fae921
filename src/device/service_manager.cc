#include "device/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <optional>

namespace airtight::device {
namespace {

constexpr int kFirstDescriptor = 3;  // SD_LISTEN_FDS_START
constexpr int kMostSockets = 16;

std::optional<long> number_in(const char* variable) {
  const char* text = ::getenv(variable);
  if (text == nullptr) return std::nullopt;
  const std::string_view digits(text);
  long value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// The next of the names that ':' separates.
std::string next_name(std::string_view& names) {
  const std::size_t end = std::min(names.find(':'), names.size());
  std::string name(names.substr(0, end));
  names.remove_prefix(std::min(end + 1, names.size()));
  return name;
}

}  // namespace

Result<std::map<std::string, Listener>> take_inherited_sockets() {
  std::map<std::string, Listener> sockets;
  const std::optional<long> process = number_in("LISTEN_PID");
  const long count = process == ::getpid() ? number_in("LISTEN_FDS").value_or(0) : 0;
  const char* variable = ::getenv("LISTEN_FDNAMES");
  const std::string all_names = variable != nullptr ? variable : "";
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  if (count < 0 || count > kMostSockets) return fail(Fault::kBadInput, "LISTEN_FDS does not say how many sockets there are");

  std::string_view names = all_names;
  for (int i = 0; i < count; ++i) {
    Descriptor descriptor(kFirstDescriptor + i);
    ::fcntl(descriptor.number(), F_SETFD, FD_CLOEXEC);
    std::string name = next_name(names);
    if (name != "admin" && name != "sks" && count == 1) name = "sks";
    if (name != "admin" && name != "sks") {
      return fail(Fault::kBadInput, "a socket that was handed over is called '" + name + "'",
                  "set FileDescriptorName=sks or FileDescriptorName=admin in the .socket unit");
    }
    Listener listener = TRY(Listener::inherited(std::move(descriptor)));
    if (!sockets.emplace(name, std::move(listener)).second) {
      return fail(Fault::kBadInput, "two sockets that were handed over are called '" + name + "'", "one ListenStream= a .socket unit");
    }
  }
  return sockets;
}

ServiceManager ServiceManager::from_environment() {
  const char* variable = ::getenv("NOTIFY_SOCKET");
  const std::string path = variable != nullptr ? variable : "";
  ::unsetenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@')) return ServiceManager(Descriptor());
  std::ranges::copy(path, address.sun_path);
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract name space
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open() || ::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return ServiceManager(Descriptor());
  }
  return ServiceManager(std::move(socket));
}

void ServiceManager::tell(std::string_view state) const {
  if (socket_.is_open()) static_cast<void>(::send(socket_.number(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

}  // namespace airtight::device
