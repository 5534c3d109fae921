#include "tests/faults/issuer_process.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "crypto/random.h"
#include "http/server.h"
#include "issuer/issuer.h"
#include "issuer/serve.h"
#include "issuer/tls_identity.h"
#include "tests/faults/faulty_vfs.h"
#include "tests/support/must.h"

namespace airtight::faults {
namespace {

using tests::must;

void die() { ::kill(::getpid(), SIGKILL); }

crypto::SystemRandom& system_random() {
  static crypto::SystemRandom random;
  return random;
}

// Dies at its look number `number`, once it is armed.
class DeadlyClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override {
    if (left_ >= 0 && left_-- == 0) die();
    return SystemClock().now();
  }
  void arm(int number) { left_ = number; }

 private:
  mutable std::atomic<int> left_ = -1;
};

// What RunningIssuer does, with death in it.
int serve_until_death(issuer::Issuer& issuer, DeadlyClock& clock, std::optional<FaultyVfs>& disk, const issuer::ListenAddress& address,
                      IssuerDeath death, const Mailbox& mailbox, const std::function<void()>& ready) {
  using Point = IssuerDeath::Point;
  const Log log = Log::silent();
  auto identity = must(issuer::read_tls_identity(issuer.configuration().tls_certificate, issuer.configuration().tls_key));
  http::ServerOptions options;
  options.address = address.address;
  options.port = address.port;
  options.tls = http::ServerTls{std::move(identity.chain_pem), std::move(identity.key_pem), true};
  std::unique_ptr<issuer::IssuerService> service;  // there before anybody knows where the server listens
  std::atomic<int> messages = 0;
  const auto server = must(http::Server::start(
      std::move(options),
      [&](const http::Request& request) {
        const int number = messages++;
        if (death.point == Point::kBeforeMessage && number == death.number) die();
        http::Response response = service->handle(request);
        if (death.point == Point::kAfterMessage && number == death.number) die();
        return response;
      },
      log));
  const std::string base_url = issuer::base_url_of({address.address, server->port()}, true);
  std::atomic<int> mails = 0;
  const auto send_mail = [&](const mail::Message& message, const std::stop_token&) -> Result<> {
    const int number = mails++;
    if (death.point == Point::kBeforeMail && number == death.number) die();
    mailbox.send(message.text);
    if (death.point == Point::kAfterMail && number == death.number) die();
    return {};
  };
  service = must(issuer.make_service({.base_url = base_url, .tls_fingerprint = identity.certificate.sha256(), .send_mail = send_mail},
                                     must(issuer.unseal({})), log));
  must(issuer.remember_base_url(base_url));
  if (death.point == Point::kAtClock) clock.arm(death.number);
  if (disk) disk->fail_after(death.number, FaultyVfs::Fault::kKilled);
  ready();
  tests::wait_to_be_killed();
}

int serve(const std::filesystem::path& folder, const std::string& listen, IssuerDeath death, const Mailbox& mailbox,
          const std::function<void()>& ready) {
  std::optional<FaultyVfs> disk;
  if (death.point == IssuerDeath::Point::kAtWrite) disk.emplace(FaultyVfs::Use::kEverywhere);
  DeadlyClock clock;
  const Log log = Log::silent();
  const auto issuer = must(issuer::Issuer::open(folder, clock, system_random()));
  if (death.point != IssuerDeath::Point::kNever || issuer->configuration().mail) {
    return serve_until_death(*issuer, clock, disk, must(issuer::parse_listen_address(listen)), death, mailbox, ready);
  }
  const auto running = must(issuer::RunningIssuer::start(*issuer, {.listen = listen}, {}, log));
  ready();
  tests::wait_to_be_killed();
}

}  // namespace

IssuerProcess::IssuerProcess(const std::filesystem::path& folder, const std::string& listen, IssuerDeath death)
    : process_([&](const std::function<void()>& ready) { return serve(folder, listen, death, mailbox_, ready); }) {
  mailbox_.only_read();
  if (!process_.wait_until_ready()) throw std::runtime_error("the issuer does not start");
}

}  // namespace airtight::faults
