// What a service manager such as systemd gives to a daemon and wants to hear from it: sockets that it made (LISTEN_FDS, sd_listen_fds(3))
// and a socket to tell about one's state (NOTIFY_SOCKET, sd_notify(3)).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/descriptor.h"
#include "base/result.h"
#include "device/unix_socket.h"

namespace airtight::device {

// The listening sockets that this process was started with, by name ("sks", "admin"); a single one without a name is "sks". None if there
// is no service manager. Takes the variables out of the environment. Call it before there are threads.
// Fault::kBadInput for a socket of another kind or name, or for two of one name.
[[nodiscard]] Result<std::map<std::string, Listener>> take_inherited_sockets();

class ServiceManager {
 public:
  // The one that NOTIFY_SOCKET names, if any; takes the variable out of the environment. Call it before there are threads.
  [[nodiscard]] static ServiceManager from_environment();

  // Tells it assignments, one a line: "READY=1". Nobody may be listening; that is no error.
  void tell(std::string_view state) const;

 private:
  explicit ServiceManager(Descriptor socket) : socket_(std::move(socket)) {}
  Descriptor socket_;  // connected; not open if there is none
};

}  // namespace airtight::device
