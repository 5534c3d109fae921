#include "http/client.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>
#include <vector>

#include "http/internal/parser.h"
#include "http/internal/tls.h"
#include "http/internal/transport.h"
#include "http/internal/wire.h"

namespace airtight::http {
namespace {

using internal::ErrorCode;
using internal::Executor;
using internal::ResponseParser;
using internal::Socket;
using internal::SteadyTime;
using internal::Task;
using internal::Timer;
using internal::Transport;
namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Resolver = asio::ip::basic_resolver<Tcp, Executor>;
using Endpoints = std::vector<Tcp::endpoint>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable_t<Executor>{});
constexpr std::size_t kReadSize = 16U << 10;

struct Live {
  Url url;  // its scheme, host and port are those of the connection
  std::shared_ptr<Transport> transport;
  std::optional<Bytes> certificate;
  bool reusable = false;  // the last exchange left it fit for another

  [[nodiscard]] bool serves(const Url& other) const {
    return url.scheme == other.scheme && url.host == other.host && url.port == other.port;
  }
};

// One request on its way.
struct Sending {
  Url url;
  Bytes bytes;
  bool head = false;
  bool repeatable = false;  // sent twice it does no more than sent once
  SteadyTime deadline;
};

struct Failed {
  Error error;
  bool stale = false;  // nothing came back, as when the server had closed a kept-alive connection
};
using Attempt = std::expected<Response, Failed>;

class ClientImpl final : public Client {
 public:
  explicit ClientImpl(ClientOptions options) : options_(std::move(options)), executor_(asio::make_strand(io_)) {}
  ~ClientImpl() override { drop(); }

  // Reading the system's roots takes tens of milliseconds, so that it is put off until the first https URL if roots were not given.
  [[nodiscard]] Result<> prepare_tls();
  [[nodiscard]] bool has_own_files() const { return !options_.ca_pem.empty() || !options_.certificate_chain_pem.empty(); }

  [[nodiscard]] Result<Exchange> send(const Url& url, Request request) override;
  void forget() override {
    drop();
    session_ = nullptr;
  }

 private:
  Task<Result<Exchange>> exchange(const Sending& sending);
  Task<Result<>> connect(const Sending& sending);
  Task<Result<std::shared_ptr<Transport>>> reach(const Sending& sending);
  Task<Result<Endpoints>> look_up(const Sending& sending);
  Task<Result<>> secure(const Sending& sending, Transport& transport);
  Task<Attempt> attempt(const Sending& sending);
  Task<Attempt> receive(const Sending& sending);
  [[nodiscard]] Error late(const Url& url, std::string_view stage) const;
  void drop();

  ClientOptions options_;
  std::optional<asio::ssl::context> tls_;
  asio::io_context io_{1};
  Executor executor_;
  std::optional<Live> live_;
  Url session_url_;  // whose server gave session_
  internal::TlsSession session_;
};

std::string place_of(const Url& url) { return (url.host.contains(':') ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port); }

Error connection_error(const ErrorCode& error, const Url& url) {
  const std::string place = place_of(url);
  if (error == asio::error::connection_refused) {
    return {Fault::kUnavailable, place + " refused the connection", "check that the server runs and listens on this port"};
  }
  return {Fault::kUnavailable, "no connection to " + place + ": " + error.message(), "check the host name and the network"};
}

Error ended(const Url& url, std::string_view how) {
  return {Fault::kUnavailable, place_of(url) + " " + std::string(how), "try again; the server's log may say more"};
}

Error ClientImpl::late(const Url& url, std::string_view stage) const {
  return {Fault::kUnavailable,
          place_of(url) + " did not answer within " + std::to_string(options_.timeout.count()) + " ms (" + std::string(stage) + ")",
          "try again, or check that this is the right host and port"};
}

void ClientImpl::drop() {
  if (!live_) return;
  if (SSL* const ssl = live_->transport->tls()) {
    session_ = internal::session_of(ssl);
    session_url_ = live_->url;
  }
  live_->transport->close();
  live_.reset();
}

Result<> ClientImpl::prepare_tls() {
  if (!tls_) tls_ = TRY(internal::client_context(options_));
  return {};
}

Result<Exchange> ClientImpl::send(const Url& url, Request request) {
  if (url.scheme == "https") TRY(prepare_tls());
  Sending sending{.url = url,
                  .bytes = TRY(internal::write_request(request, url)),
                  .head = request.method == "HEAD",
                  .repeatable = request.method == "GET" || request.method == "HEAD",
                  .deadline = std::chrono::steady_clock::now() + options_.timeout};
  std::optional<Result<Exchange>> outcome;
  io_.restart();
  asio::co_spawn(executor_, exchange(sending), [&](const std::exception_ptr& bug, Result<Exchange> result) {
    if (bug) std::rethrow_exception(bug);
    outcome = std::move(result);
  });
  // Until the outcome is there, not until there is nothing to do: a name look-up that is late is left behind.
  while (!outcome) io_.run_one();
  return *std::move(outcome);
}

Task<Result<Exchange>> ClientImpl::exchange(const Sending& sending) {
  const bool reused = live_ && live_->serves(sending.url) && live_->transport->is_quiet();
  if (!reused) {
    const Result<> connected = co_await connect(sending);
    if (!connected) co_return Failure(connected.error());
  }
  Attempt response = co_await attempt(sending);
  // RFC 9110 section 9.2.2: whoever sends a POST cannot know whether the server read it before the connection ended.
  if (!response && response.error().stale && reused && sending.repeatable) {
    const Result<> connected = co_await connect(sending);
    if (!connected) co_return Failure(connected.error());
    response = co_await attempt(sending);
  }
  if (!response) {
    drop();
    co_return Failure(std::move(response.error().error));
  }
  Exchange done{.response = std::move(*response), .server_certificate = live_->certificate};
  if (!live_->reusable) drop();
  co_return done;
}

Task<Result<>> ClientImpl::connect(const Sending& sending) {
  drop();
  Result<std::shared_ptr<Transport>> transport = co_await reach(sending);
  if (!transport) co_return Failure(std::move(transport.error()));
  (*transport)->set_deadline(sending.deadline);
  Live live{.url = sending.url, .transport = std::move(*transport), .certificate = std::nullopt, .reusable = false};
  if (sending.url.scheme == "https") {
    const Result<> secured = co_await secure(sending, *live.transport);
    if (!secured) {
      live.transport->close();
      co_return Failure(secured.error());
    }
    live.certificate = internal::peer_certificate(live.transport->tls());
  }
  live_ = std::move(live);
  co_return Result<>();
}

// Connects to the first of the host's addresses that answers; each may use an equal share of the time left.
Task<Result<std::shared_ptr<Transport>>> ClientImpl::reach(const Sending& sending) {
  const Result<Endpoints> endpoints = co_await look_up(sending);
  if (!endpoints) co_return Failure(endpoints.error());
  ErrorCode error = asio::error::host_not_found;
  for (std::size_t i = 0; i < endpoints->size(); ++i) {
    const Tcp::endpoint& endpoint = (*endpoints)[i];
    Socket socket(executor_);
    socket.open(endpoint.protocol(), error);
    if (error) continue;
    auto transport = std::make_shared<Transport>(std::move(socket));
    const auto now = std::chrono::steady_clock::now();
    transport->set_deadline(now + (sending.deadline - now) / static_cast<int>(endpoints->size() - i));
    error = co_await transport->connect(endpoint);
    if (!error) co_return transport;
    transport->close();
  }
  if (error == asio::error::timed_out) co_return Failure(late(sending.url, "connecting"));
  co_return Failure(connection_error(error, sending.url));
}

Task<Result<Endpoints>> ClientImpl::look_up(const Sending& sending) {
  ErrorCode error;
  const auto address = asio::ip::make_address(sending.url.host, error);
  if (!error) co_return Endpoints{Tcp::endpoint(address, sending.url.port)};
  // RFC 6761 section 6.3: localhost is this machine, whatever a resolver says and where there is none.
  if (sending.url.host == "localhost") {
    co_return Endpoints{Tcp::endpoint(asio::ip::address_v6::loopback(), sending.url.port),
                        Tcp::endpoint(asio::ip::address_v4::loopback(), sending.url.port)};
  }

  // The system's resolver cannot be interrupted, so that the deadline is the timer that this waits for, and the answer ends the wait.
  struct LookUp {
    explicit LookUp(const Executor& executor) : resolver(executor), timer(executor) {}
    Resolver resolver;
    Timer timer;
    ErrorCode error;
    std::optional<Endpoints> endpoints;
  };
  const auto look_up = std::make_shared<LookUp>(executor_);
  look_up->timer.expires_at(sending.deadline);
  look_up->resolver.async_resolve(sending.url.host, std::to_string(sending.url.port), Resolver::numeric_service,
                                  [look_up](const ErrorCode& failure, const Resolver::results_type& results) {
                                    look_up->error = failure;
                                    look_up->endpoints.emplace();
                                    for (const auto& result : results) look_up->endpoints->push_back(result.endpoint());
                                    look_up->timer.cancel();
                                  });
  co_await look_up->timer.async_wait(kAwait);
  if (!look_up->endpoints) co_return Failure(late(sending.url, "looking up the name"));
  if (!look_up->error) co_return std::move(*look_up->endpoints);
  co_return fail(Fault::kUnavailable, "the host name " + sending.url.host + " cannot be resolved: " + look_up->error.message(),
                 "check the URL's host name");
}

Task<Result<>> ClientImpl::secure(const Sending& sending, Transport& transport) {
  transport.use_tls(*tls_);
  const bool resume = session_ && session_url_.host == sending.url.host && session_url_.port == sending.url.port;
  const internal::TlsSession session =
      resume ? std::exchange(session_, nullptr) : nullptr;  // a ticket is used once (RFC 8446 appendix C.4)
  const Result<> told = internal::expect_server(transport.tls(), sending.url.host, session);
  if (!told) co_return told;
  const ErrorCode error = co_await transport.handshake(asio::ssl::stream_base::client);
  if (error == asio::error::timed_out) co_return Failure(late(sending.url, "TLS handshake"));
  if (error) co_return Failure(internal::handshake_error(transport.tls(), error, place_of(sending.url)));
  co_return Result<>();
}

Task<Attempt> ClientImpl::attempt(const Sending& sending) {
  live_->transport->set_deadline(sending.deadline);
  const ErrorCode error = co_await live_->transport->write(sending.bytes);
  if (error == asio::error::timed_out) co_return std::unexpected(Failed{late(sending.url, "sending the request")});
  // A server that refuses a long request answers and stops reading: its response counts, if there is one.
  co_return co_await receive(sending);
}

Task<Attempt> ClientImpl::receive(const Sending& sending) {
  ResponseParser parser({.max_header = options_.max_header, .max_body = options_.max_body}, sending.head);
  Bytes received;
  bool nothing = true;
  while (!parser.done()) {
    const std::size_t before = received.size();
    received.resize(before + kReadSize);
    const internal::Transfer transfer = co_await live_->transport->read_some(std::span(received).subspan(before));
    received.resize(before + transfer.size);
    nothing = nothing && transfer.size == 0;
    if (transfer.error) {
      if (transfer.error == asio::error::timed_out) co_return std::unexpected(Failed{late(sending.url, "waiting for the response")});
      if (nothing) co_return std::unexpected(Failed{ended(sending.url, "closed the connection without a response"), true});
      // Over TLS only the peer's close_notify is an end (RFC 8446 section 6.1): anyone can close the TCP connection.
      const bool complete = transfer.error == asio::error::eof && parser.end();
      if (!complete) co_return std::unexpected(Failed{ended(sending.url, "closed the connection in the middle of its response")});
      break;
    }
    const Result<std::size_t> consumed = parser.feed(received);
    if (!consumed) co_return std::unexpected(Failed{Error(consumed.error()).in("the response of " + place_of(sending.url))});
    received.erase(received.begin(), received.begin() + static_cast<std::ptrdiff_t>(*consumed));
  }
  live_->reusable = parser.keep_alive() && received.empty();
  co_return std::move(parser.response());
}

}  // namespace

Result<std::unique_ptr<Client>> Client::create(ClientOptions options) {
  auto client = std::make_unique<ClientImpl>(std::move(options));
  if (client->has_own_files()) TRY(client->prepare_tls());
  return client;
}

}  // namespace airtight::http
