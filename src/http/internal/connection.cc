#include "http/internal/connection.h"

#include <algorithm>
#include <exception>

#include "http/internal/text.h"
#include "http/internal/tls.h"

namespace airtight::http::internal {
namespace {

constexpr std::size_t kReadSize = 16U << 10;
// How long a client may take to read why it was refused; its slot is taken that long.
constexpr std::chrono::milliseconds kLinger = std::chrono::seconds(2);

// What a log may show of a request target: URLs hold one-time tokens in their later segments and in queries.
std::string first_segment(std::string_view path) { return std::string(path.substr(0, path.find('/', 1))); }

Failure peer_is_gone() { return fail(Fault::kUnavailable, "the client closed the connection"); }

}  // namespace

Connection::Connection(ServerContext& server, Socket socket, std::string peer, Admission admission)
    : server_(server), transport_(std::make_shared<Transport>(std::move(socket))), peer_(std::move(peer)), admission_(admission) {}

Response too_many_connections(const ServerOptions& options) {
  Response response = text_response(503, "Service Unavailable: too many connections\n");
  // By then those that wait for nothing are closed.
  response.headers.set("Retry-After", std::to_string(std::chrono::ceil<std::chrono::seconds>(options.idle_timeout).count()));
  return response;
}

void Connection::start_timer(std::chrono::milliseconds span) { transport_->set_deadline(std::chrono::steady_clock::now() + span); }

void Connection::stop_if_interruptible() {
  if (interruptible_) transport_->cancel();
}

Task<void> Connection::serve() {
  Next next = co_await secure() ? Next::kRequest : Next::kClose;
  while (next == Next::kRequest) {
    const bool begun = co_await wait_for_request();
    if (!begun) break;
    start_timer(server_.options.io_timeout);
    next = co_await serve_request();
  }
  if (next == Next::kCloseAfterPeer) {
    interruptible_ = true;
    start_timer(std::min(kLinger, server_.options.io_timeout));
    co_await transport_->close_after_peer();
  }
  transport_->close();
}

Task<bool> Connection::secure() {
  if (!server_.tls) co_return true;
  transport_->use_tls(*server_.tls);
  start_timer(server_.options.io_timeout);
  interruptible_ = true;
  const ErrorCode error = co_await transport_->handshake(asio::ssl::stream_base::server);
  interruptible_ = false;
  if (error) server_.log.debug("TLS handshake failed", {{"peer", peer_}, {"reason", error.message()}});
  co_return !error;
}

Task<bool> Connection::wait_for_request() {
  if (server_.stopping) co_return false;
  if (!received_.empty()) co_return true;  // the client did not wait for its last response
  interruptible_ = true;
  start_timer(server_.options.idle_timeout);
  const Result<> arrived = co_await receive();
  interruptible_ = false;
  co_return arrived.has_value();
}

Task<Result<>> Connection::receive() {
  const std::size_t before = received_.size();
  received_.resize(before + kReadSize);
  const Transfer transfer = co_await transport_->read_some(std::span(received_).subspan(before));
  received_.resize(before + transfer.size);
  if (!transfer.error) co_return Result<>();
  if (transfer.error != asio::error::timed_out) co_return peer_is_gone();
  co_return Failure(Error{Fault::kUnavailable, "the request did not arrive in time", {}, Answer{Protocol::kHttp, 408}});
}

Task<Result<>> Connection::read_request(RequestParser& parser) {
  bool continued = false;
  bool checked = false;
  for (;;) {
    const Result<std::size_t> consumed = parser.feed(received_);
    if (!consumed) co_return Failure(consumed.error());
    received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(*consumed));
    if (parser.header_done() && !checked) {
      checked = true;
      const std::string& method = parser.request().method;
      if (method != "GET" && method != "HEAD" && method != "POST") {
        co_return Failure(Error{Fault::kBadInput, "the method is not one of GET, HEAD and POST", {}, Answer{Protocol::kHttp, 405}});
      }
    }
    if (parser.done()) co_return Result<>();
    // RFC 9110 section 10.1.1: a client that has begun to send its body wants no 100 any more.
    if (parser.header_done() && parser.expects_continue() && !continued && received_.empty()) {
      continued = true;
      const ErrorCode error = co_await transport_->write(bytes_of("HTTP/1.1 100 Continue\r\n\r\n"));
      if (error) co_return peer_is_gone();
    }
    const Result<> arrived = co_await receive();
    if (!arrived) co_return arrived;
  }
}

Task<Connection::Next> Connection::serve_request() {
  const auto begin = std::chrono::steady_clock::now();
  RequestParser parser({.max_header = server_.options.max_header, .max_body = server_.options.max_body});
  const Result<> read = co_await read_request(parser);
  if (!read) co_return co_await refuse(parser, read.error());

  Request& request = parser.request();
  request.peer = peer_;
  if (SSL* const ssl = transport_->tls()) request.client_certificate = peer_certificate(ssl);
  Response response = answer(request);
  const auto wishes = response.headers.get("Connection");
  const bool close = server_.stopping || !parser.keep_alive() || (wishes && equal_ignoring_case(*wishes, "close"));
  const Persistence persistence = close ? Persistence::kClose : Persistence::kKeepAlive;
  const BodyPart part = request.method == "HEAD" ? BodyPart::kOmitted : BodyPart::kSent;
  Result<Bytes> bytes = write_response(response, persistence, part, SystemClock().now());
  if (!bytes) {
    server_.log.error("the handler's response cannot be sent",
                      {{"path", first_segment(request.path())}, {"reason", bytes.error().message}});
    response = text_response(500, "Internal Server Error\n");
    bytes = write_response(response, persistence, part, SystemClock().now());
  }
  const Next next = co_await respond(std::move(*bytes), persistence);
  const auto span = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
  server_.log.debug("HTTP request", {{"method", request.method},
                                     {"path", first_segment(request.path())},
                                     {"status", std::to_string(response.status)},
                                     {"microseconds", std::to_string(span.count())}});
  co_return next;
}

Response Connection::answer(const Request& request) const {
  if (admission_ != Admission::kServed) {
    Response response = too_many_connections(server_.options);
    response.headers.set("Connection", "close");
    return response;
  }
  std::string reason;
  try {
    return server_.handler(request);
  } catch (const std::exception& exception) {
    reason = exception.what();
  } catch (...) {
    reason = "an exception of no known type";
  }
  server_.log.error("the handler of a request failed", {{"path", first_segment(request.path())}, {"reason", reason}});
  return text_response(500, "Internal Server Error\n");
}

Task<Connection::Next> Connection::refuse(const RequestParser& parser, Error refusal) {
  const auto status = refusal.code_in(Protocol::kHttp);
  if (!status) co_return Next::kClose;
  server_.log.warning("HTTP request refused", {{"peer", peer_}, {"status", std::to_string(*status)}, {"reason", refusal.message}});
  Response response = text_response(*status, std::string(reason_phrase(*status)) + ": " + refusal.message + "\n");
  if (*status == 405) response.headers.set("Allow", "GET, HEAD, POST");
  const BodyPart part = parser.request().method == "HEAD" ? BodyPart::kOmitted : BodyPart::kSent;
  Result<Bytes> bytes = write_response(response, Persistence::kClose, part, SystemClock().now());
  if (!bytes) co_return Next::kClose;
  co_return co_await respond(std::move(*bytes), Persistence::kClose);
}

Task<Connection::Next> Connection::respond(Bytes response, Persistence persistence) {
  start_timer(server_.options.io_timeout);
  const ErrorCode error = co_await transport_->write(response);
  if (error == asio::error::timed_out) server_.log.warning("HTTP response not taken in time", {{"peer", peer_}});
  if (error) co_return Next::kClose;
  co_return persistence == Persistence::kClose ? Next::kCloseAfterPeer : Next::kRequest;
}

}  // namespace airtight::http::internal
