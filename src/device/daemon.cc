#include "device/daemon.h"

#include <pthread.h>
#include <sys/stat.h>

#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "device/administration.h"
#include "device/approval.h"
#include "device/confinement.h"
#include "device/ending_pause.h"
#include "device/internal/anchoring.h"
#include "device/internal/store_lock.h"
#include "device/meeting_place.h"
#include "device/service_manager.h"
#include "device/store_folder.h"
#include "sks/status.h"

namespace airtight::device {
namespace {

constexpr mode_t kForOwner = 0600;
constexpr mode_t kForAll = 0666;  // and the kernel is asked who it is
constexpr ServerLimits kAdminLimits{.connections = 16, .connections_a_user = 12};

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

#ifdef AIRTIGHT_SANITIZED
constexpr bool kCanBeConfined = false;  // the leak checker traces its own process at its end
#else
constexpr bool kCanBeConfined = true;
#endif

void wait_for_the_end(const sigset_t& signals, const Log& log) {
  while (true) {
    const int signal = ::sigwaitinfo(&signals, nullptr);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) log.info("nothing to read again: SIGHUP is ignored");
  }
}

// The two sockets of a daemon, ready to be served.
struct Sockets {
  Listener sks;
  Listener admin;
};

Result<Listener> socket_called(std::string_view name, std::map<std::string, Listener>& inherited, const std::filesystem::path& place,
                               mode_t mode) {
  const auto handed_over = inherited.find(std::string(name));
  if (handed_over != inherited.end()) return std::move(handed_over->second);
  return Listener::at(place, mode);
}

bool others_call(const DaemonOptions& options) { return !options.peers.users.empty() || !options.peers.groups.empty(); }

Result<Sockets> make_sockets(const DaemonOptions& options, std::map<std::string, Listener>& inherited) {
  const std::filesystem::path place = options.socket.empty() ? options.folder / kSksSocket : options.socket;
  Listener sks = TRY(socket_called("sks", inherited, place, others_call(options) ? kForAll : kForOwner));
  Listener admin = TRY(socket_called("admin", inherited, options.folder / kAdminSocket, kForOwner));
  return Sockets{std::move(sks), std::move(admin)};
}

// What lets callers wait, and must not at the end.
struct Waits {
  EndingPause pause;
  std::unique_ptr<ProgramApprover> approver;  // null: none
};

// Serves until a signal ends it. From here on there are threads, and system calls that are gone.
Result<> serve_store(sks::KeyStore& store, Sockets sockets, const DaemonOptions& options, const DaemonTools& tools,
                     const ServiceManager& manager, Waits& waits) {
  const std::filesystem::path socket = sockets.sks.path();
  const sigset_t signals = awaited_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread
  if (kCanBeConfined) TRY(confine(internal::anchor_makes_connections(store) ? Connections::kToHosts : Connections::kNone));

  KeyStoreHandler handler(store, tools.log);
  const auto server = TRY(SocketServer::start(std::move(sockets.sks), "sks", options.peers, options.limits, handler, tools.log));
  AdministrationHandler administration(store, options.folder, [&server] { return server->counts(); });
  const auto admin = TRY(SocketServer::start(std::move(sockets.admin), "admin", {}, kAdminLimits, administration, tools.log));
  manager.tell("READY=1\nSTATUS=Answering at " + socket.native() + "\n");
  tools.log.info("the key store is served", {{"store", options.folder.native()}, {"socket", socket.native()}});
  if (tools.ready) tools.ready(socket);

  wait_for_the_end(signals, tools.log);
  manager.tell("STOPPING=1\n");
  if (waits.approver != nullptr) waits.approver->refuse_all();
  waits.pause.end();
  server->close();
  admin->stop();
  server->stop();
  tools.log.info("the key store is served no more", {{"requests", std::to_string(server->counts().requests)}});
  return {};
}

// None where there is no store: open_device() says better what there is.
Result<std::optional<internal::StoreLock>> lock_of(const std::filesystem::path& folder) {
  auto lock = internal::StoreLock::share(folder);
  if (lock) return std::optional(*std::move(lock));
  if (lock.error().fault == Fault::kUnavailable) return Failure(std::move(lock.error()));
  return std::optional<internal::StoreLock>();
}

}  // namespace

Result<> serve(const DaemonOptions& options, const DaemonTools& tools) {
  keep_secrets_in_memory();
  const ServiceManager manager = ServiceManager::from_environment();
  std::map<std::string, Listener> inherited = TRY(take_inherited_sockets());
  Waits waits;
  if (!options.approve_command.empty()) {
    waits.approver = TRY(ProgramApprover::start(options.approve_command, options.approval_patience));
  }
  const sks::Platform platform{tools.clock, tools.random, waits.pause, waits.approver.get()};
  // As long as the daemon runs nobody puts another database into the place of its own, whatever becomes of that.
  const auto lock = TRY(lock_of(options.folder));
  const auto store = TRY(open_device(options.folder, tools.prompt, platform));
  if (!secrets_are_locked()) {
    tools.log.warning("secrets may be written to swap space: the limit on locked memory is too low (RLIMIT_MEMLOCK)");
  }
  // From here on the store is ours, so a socket in its folder that nobody answers at is a leftover.
  Sockets sockets = TRY(make_sockets(options, inherited));
  const auto note_mode = others_call(options) ? storage::FileMode::kPublic : storage::FileMode::kPrivate;
  const MeetingPlace meeting_place = TRY(MeetingPlace::note(options.folder, sockets.sks.path(), note_mode));
  return serve_store(*store, std::move(sockets), options, tools, manager, waits);
}

}  // namespace airtight::device
