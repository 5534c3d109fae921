#include "device/daemon.h"

#include <pthread.h>
#include <sys/stat.h>

#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "device/confinement.h"
#include "device/meeting_place.h"
#include "device/service_manager.h"
#include "device/store_folder.h"
#include "sks/status.h"

namespace airtight::device {
namespace {

constexpr mode_t kForOwner = 0600;
constexpr mode_t kForAll = 0666;  // and the kernel is asked who it is

class KeyStoreHandler final : public FrameHandler {
 public:
  KeyStoreHandler(sks::Channel& key_store, const Log& log) : key_store_(key_store), log_(log) {}

  [[nodiscard]] SecretBytes answer(const SecretBytes& request) override {
    Result<SecretBytes> answer = key_store_.call(request);
    if (answer && answer->size() <= kMaxFrame) return std::move(*answer);
    const Error error = answer ? sks::error(sks::Status::kInternal, "the answer is longer than 1 MiB") : answer.error();
    log_.error("a call has no answer", {{"reason", error.message}});
    return sks::response_of(error);
  }
  [[nodiscard]] SecretBytes answer_to_too_long() override {
    return sks::response_of(sks::error(sks::Status::kOption, "a request has at most 1 MiB"));
  }

 private:
  sks::Channel& key_store_;
  const Log& log_;
};

// The signals that this process waits for, instead of being interrupted by them.
sigset_t awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

void wait_for_the_end(const sigset_t& signals, const Log& log) {
  while (true) {
    const int signal = ::sigwaitinfo(&signals, nullptr);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) log.info("nothing to read again: SIGHUP is ignored");
  }
}

}  // namespace

Result<> serve(const DaemonOptions& options, const DaemonTools& tools) {
  keep_secrets_in_memory();
  const ServiceManager manager = ServiceManager::from_environment();
  std::map<std::string, Listener> inherited = TRY(take_inherited_sockets());
  const auto store = TRY(open_device(options.folder, tools.prompt, tools.platform));
  if (!secrets_are_locked()) {
    tools.log.warning("secrets may be written to swap space: the limit on locked memory is too low (RLIMIT_MEMLOCK)");
  }

  // From here on the store is ours, so a socket in its folder that nobody answers at is a leftover.
  const bool others_call = !options.peers.users.empty() || !options.peers.groups.empty();
  const std::filesystem::path place = options.socket.empty() ? options.folder / kSksSocket : options.socket;
  auto handed_over = inherited.find("sks");
  Listener listener =
      handed_over != inherited.end() ? std::move(handed_over->second) : TRY(Listener::at(place, others_call ? kForAll : kForOwner));
  const std::filesystem::path socket = listener.path();
  const MeetingPlace meeting_place = TRY(MeetingPlace::note(options.folder, socket));

  const sigset_t signals = awaited_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread
  if (options.confined) TRY(confine());

  KeyStoreHandler handler(*store, tools.log);
  const auto server = TRY(SocketServer::start(std::move(listener), "sks", options.peers, options.limits, handler, tools.log));
  manager.tell("READY=1\nSTATUS=Answering at " + socket.native() + "\n");
  tools.log.info("the key store is served", {{"store", options.folder.native()}, {"socket", socket.native()}});
  if (tools.ready) tools.ready(socket);

  wait_for_the_end(signals, tools.log);
  manager.tell("STOPPING=1\n");
  server->stop();
  tools.log.info("the key store is served no more", {{"requests", std::to_string(server->counts().requests)}});
  return {};
}

}  // namespace airtight::device
