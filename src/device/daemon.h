// The key store's daemon: one process that owns a store, answers its callers on one socket and its owner on another, and ends cleanly.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "device/socket_server.h"
#include "sealing/seal.h"

namespace airtight::device {

struct DaemonOptions {
  std::filesystem::path folder;  // of the store
  std::filesystem::path socket;  // of the SKS API; empty: kSksSocket in the folder
  AllowedPeers peers;            // who may call, besides the daemon's user and root; anybody's at all makes the socket's file open to all
  ServerLimits limits;
  std::string approve_command;  // run to ask for each approval (approval.h); empty: keys with biometric protection are not offered
  std::chrono::milliseconds approval_patience = std::chrono::seconds(60);
};

// What it works with; all of it outlives the call. `ready` is told the path of the SKS socket once callers are answered.
struct DaemonTools {
  const sealing::PassphrasePrompt& prompt;
  const Clock& clock;
  RandomSource& random;
  const Log& log;
  std::function<void(const std::filesystem::path& socket)> ready;
};

// Serves until SIGTERM or SIGINT: then it takes no more calls, finishes those that run, settles the store and removes its sockets. Nobody
// is waited for: a question to a person is answered with no, and the delay of a PUK is cut short, with the attempt charged and nothing
// compared. Call it as the only thread of a process that ends afterwards. Errors as open_device() and Listener::at(), all before it has
// served anybody.
[[nodiscard]] Result<> serve(const DaemonOptions& options, const DaemonTools& tools);

}  // namespace airtight::device
