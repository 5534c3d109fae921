#include "issuer/serve.h"

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "http/server.h"
#include "issuer/tls_identity.h"

namespace airtight::issuer {
namespace {

// Cleans up now and then until told to stop.
class Janitor {
 public:
  Janitor(const IssuerService& service, std::chrono::milliseconds interval, const Log& log)
      : thread_([this, &service, interval, &log] { work(service, interval, log); }) {}
  Janitor(const Janitor&) = delete;
  Janitor& operator=(const Janitor&) = delete;
  ~Janitor() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

 private:
  void work(const IssuerService& service, std::chrono::milliseconds interval, const Log& log) {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      if (const Result<> done = service.clean_up(); !done) log.warning("cleaning up failed", {{"reason", done.error().message}});
      lock.lock();
      wake_.wait_for(lock, interval, [this] { return stopping_; });
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

// The certificate to serve with, renewed in time where it is our own.
Result<TlsIdentity> tls_identity(Issuer& issuer, const sealing::MasterKey& master_key, const Log& log) {
  const Configuration& configuration = issuer.configuration();
  if (TRY(issuer.renew_tls_certificate(master_key))) log.info("the TLS certificate was renewed");
  TlsIdentity identity = TRY(read_tls_identity(configuration.tls_certificate, configuration.tls_key));
  const Instant end = identity.certificate.not_after();
  if (end < issuer.clock().now().plus(kTlsRenewalNotice)) {
    log.warning("the TLS certificate expires soon", {{"not_after", format_time(end)}, {"subject", identity.certificate.subject()}});
  }
  return identity;
}

Result<ListenAddress> listen_address(const Configuration& configuration, const ServeOptions& options) {
  ListenAddress address = TRY(parse_listen_address(options.listen.value_or(configuration.listen)));
  if (!configuration.tls && !address.is_loopback()) {
    return fail(Fault::kRefused, "without TLS the issuer serves loopback alone, and " + address.address + " is not loopback",
                "set tls = true in issuer.toml, or listen on 127.0.0.1");
  }
  if (address.is_any() && !configuration.url) {
    return fail(Fault::kRefused, "an issuer that listens on every address has to be told its own", "set url in issuer.toml");
  }
  return address;
}

bool takes_clients(const Configuration& configuration) {
  return std::ranges::any_of(configuration.profiles, [](const Profile& profile) { return profile.enrolment.client; });
}

// Which settings differ that a running server cannot take over.
std::string read_at_the_start(const Configuration& now, const Configuration& next) {
  std::string names;
  for (const auto& [name, same] :
       {std::pair{"url", now.url == next.url}, std::pair{"publication_url", now.publication_url == next.publication_url},
        std::pair{"listen", now.listen == next.listen}, std::pair{"tls", now.tls == next.tls},
        std::pair{"tls_certificate", now.tls_certificate == next.tls_certificate}, std::pair{"tls_key", now.tls_key == next.tls_key},
        std::pair{"signing", now.signing == next.signing}, std::pair{"mail", now.mail == next.mail},
        std::pair{"connections_per_address", now.connections_per_address == next.connections_per_address},
        std::pair{"TLS client certificates", takes_clients(now) || !takes_clients(next)}}) {
    if (!same) names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return names;
}

}  // namespace

struct RunningIssuer::Impl {
  Impl(const Issuer& served_issuer, const Log& server_log) : issuer(served_issuer), log(server_log) {}

  const Issuer& issuer;
  const Log& log;
  std::optional<Descriptor> lock;  // of the server whose address 'issuer url' gives out where issuer.toml has none
  std::string listening_url;
  std::unique_ptr<IssuerService> service;
  std::unique_ptr<http::Server> server;
  std::unique_ptr<Janitor> janitor;
};

RunningIssuer::RunningIssuer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RunningIssuer::~RunningIssuer() { stop(); }

Result<std::unique_ptr<RunningIssuer>> RunningIssuer::start(Issuer& issuer, const ServeOptions& options,
                                                            const sealing::PassphrasePrompt& prompt, const Log& log) {
  const Configuration& configuration = issuer.configuration();
  ListenAddress address = TRY(listen_address(configuration, options));
  sealing::MasterKey master_key = TRY(issuer.unseal(prompt));
  http::ServerOptions server_options;
  server_options.address = address.address;
  server_options.port = address.port;
  server_options.threads = options.threads;
  server_options.max_connections_of_peer = configuration.connections_per_address;
  Issuer::ServiceAddress service_address;
  service_address.prompt = prompt;
  for (const ClientCa& ca : configuration.client_cas) {
    if (const auto crl = read_client_crl(ca); !crl)
      log.warning("no client of this CA is accepted until its CRL can be read", {{"ca", ca.name}, {"reason", crl.error().message}});
  }
  if (configuration.tls) {
    TlsIdentity identity = TRY(tls_identity(issuer, master_key, log));
    service_address.tls_fingerprint = identity.certificate.sha256();
    server_options.tls = http::ServerTls{std::move(identity.chain_pem), std::move(identity.key_pem), takes_clients(configuration)};
  }

  // The service needs the port, which is known only once the server listens: requests that come in between wait for the service.
  auto impl = std::make_unique<Impl>(issuer, log);
  std::promise<const IssuerService*> promise;
  const std::shared_future<const IssuerService*> service(promise.get_future());
  impl->server = TRY(http::Server::start(
      std::move(server_options), [service](const http::Request& request) { return service.get()->handle(request); }, log));
  address.port = impl->server->port();
  impl->listening_url = base_url_of(address, configuration.tls);
  service_address.base_url = configuration.url.value_or(impl->listening_url);
  const std::string base_url = service_address.base_url;
  Result<std::unique_ptr<IssuerService>> made = issuer.make_service(std::move(service_address), std::move(master_key), log);
  if (made && !configuration.url) {
    impl->lock = TRY(issuer.try_to_lead());
    if (!impl->lock) log.warning("another server of this issuer runs: URLs are made for its address; set url in issuer.toml for both");
  }
  if (made && (configuration.url || impl->lock)) {
    if (Result<> remembered = issuer.remember_base_url(base_url); !remembered) made = Failure(std::move(remembered).error());
  }
  if (!made) return Failure(std::move(made).error());
  impl->service = *std::move(made);
  promise.set_value(impl->service.get());
  impl->janitor = std::make_unique<Janitor>(*impl->service, options.clean_up_interval, log);
  log.info("listening", {{"url", impl->listening_url}, {"base_url", base_url}});
  return std::unique_ptr<RunningIssuer>(new RunningIssuer(std::move(impl)));
}

const std::string& RunningIssuer::listening_url() const { return impl_->listening_url; }

Result<> RunningIssuer::reload() {
  const auto reloaded = [&]() -> Result<> {
    const Configuration next = TRY(impl_->issuer.read_configuration_again());
    TRY(impl_->service->adopt(next));
    std::string names;
    for (const Profile& profile : next.profiles) names += (names.empty() ? "" : ", ") + profile.name;
    impl_->log.info("the profiles were read again", {{"profiles", names}});
    const std::string waiting = read_at_the_start(impl_->issuer.configuration(), next);
    if (!waiting.empty()) impl_->log.warning("changed, and read when the server starts again", {{"settings", waiting}});
    return {};
  }();
  if (!reloaded) impl_->log.error("nothing was read again, and all stays as it was", {{"reason", reloaded.error().message}});
  return reloaded;
}

void RunningIssuer::stop() {
  impl_->janitor.reset();
  impl_->server->stop();
  impl_->lock.reset();
}

}  // namespace airtight::issuer
