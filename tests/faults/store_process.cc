#include "tests/faults/store_process.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "crypto/random.h"
#include "sealing/seal.h"
#include "storage/database.h"
#include "tests/faults/faulty_vfs.h"
#include "tests/sks/device.h"

namespace airtight::faults {
namespace {

constexpr std::size_t kLargestMessage = 1U << 16;

// One message of the socket; nothing at its end.
std::optional<SecretBytes> receive(int socket) {
  SecretBytes message(kLargestMessage);
  const ssize_t size = ::recv(socket, message.expose_secret_for_writing().data(), message.size(), 0);
  if (size <= 0) return std::nullopt;
  message.truncate(static_cast<std::size_t>(size));
  return message;
}

bool send(int socket, const SecretBytes& message) {
  const ByteView bytes = message.expose_secret();
  return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

// The work of the process: answers until the other side hangs up.
int serve(const std::filesystem::path& folder, std::optional<int> writes, int socket) {
  FaultyVfs vfs;
  if (writes) vfs.fail_after(*writes, FaultyVfs::Fault::kKilled);
  const auto store = open_store(folder, vfs.name());
  if (!store) return 1;
  while (const std::optional<SecretBytes> request = receive(socket)) {
    const Result<SecretBytes> answer = (*store)->call(*request);
    if (!answer || !send(socket, *answer)) return 1;
  }
  return 0;
}

}  // namespace

Result<std::unique_ptr<sks::KeyStore>> open_store(const std::filesystem::path& folder, const std::string& vfs) {
  static const sks::testing::FakeClock clock;
  static crypto::SystemRandom random;
  static sks::SleepingPause pause;
  auto database = TRY(storage::open_sqlite(database_of(folder), {.exclusive = true, .vfs = vfs}));
  return sks::KeyStore::open(std::move(database), TRY(sealing::open_master_key(folder, {})), sks::Platform{clock, random, pause});
}

std::filesystem::path database_of(const std::filesystem::path& folder) { return folder / "sks.db"; }

StoreProcess::StoreProcess(const std::filesystem::path& folder, std::optional<int> writes) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) != 0) throw std::runtime_error("no sockets");
  process_ = std::make_unique<tests::ChildProcess>([&](const std::function<void()>&) {
    ::close(ends[0]);
    return serve(folder, writes, ends[1]);
  });
  ::close(ends[1]);
  socket_ = ends[0];
}

StoreProcess::~StoreProcess() {
  if (socket_ >= 0) ::close(socket_);
}

Result<SecretBytes> StoreProcess::call(const SecretBytes& request) {
  if (send(socket_, request)) {
    if (auto answer = receive(socket_)) return std::move(*answer);
  }
  return fail(Fault::kUnavailable, "the key store's process is dead");
}

bool StoreProcess::stop() {
  ::close(std::exchange(socket_, -1));
  return process_->wait() == 0;
}

}  // namespace airtight::faults
