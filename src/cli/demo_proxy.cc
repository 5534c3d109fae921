#include "cli/demo_proxy.h"

#include <algorithm>
#include <array>

#include "keygen2/messages.h"

namespace airtight::cli {
namespace {

// What a proxy passes on of a message's headers; the rest belongs to one connection.
template <typename Message>
http::Headers passed_on(const Message& message) {
  constexpr std::array kNames = {"Content-Type", "Accept", "Cookie", "Set-Cookie", "Location", "Link", "Retry-After"};
  http::Headers headers;
  for (const auto& field : message.headers.all()) {
    const bool wanted = std::ranges::any_of(kNames, [&field](std::string_view other) {
      return std::ranges::equal(field.first, other, [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
    });
    if (wanted) headers.add(field.first, field.second);
  }
  return headers;
}

}  // namespace

Result<std::unique_ptr<DemoProxy>> DemoProxy::start(unsigned short port, ProxyIdentity identity, const Log& log) {
  std::unique_ptr<DemoProxy> proxy(new DemoProxy);
  http::ServerOptions options;
  options.port = port;
  options.tls = http::ServerTls{std::move(identity.certificate_chain_pem), std::move(identity.private_key_pem)};
  proxy->server_ =
      TRY(http::Server::start(std::move(options), [raw = proxy.get()](const http::Request& request) { return raw->handle(request); }, log));
  return proxy;
}

Result<> DemoProxy::pass_on_to(std::string_view origin, const std::string& ca_pem) {
  http::ClientOptions options;
  options.ca_pem = ca_pem;
  auto client = TRY(http::Client::create(std::move(options)));
  http::Url url = TRY(http::Url::parse(origin));
  const std::lock_guard lock(mutex_);
  client_ = std::move(client);
  origin_ = std::move(url);
  return {};
}

void DemoProxy::tamper(std::optional<Tampering> tampering) {
  const std::lock_guard lock(mutex_);
  tampering_ = std::move(tampering);
  tampered_ = 0;
}

int DemoProxy::tampered() const {
  const std::lock_guard lock(mutex_);
  return tampered_;
}

http::Response DemoProxy::handle(const http::Request& request) {
  const std::lock_guard lock(mutex_);
  if (!origin_) return http::text_response(502, "there is no issuer behind this proxy yet");
  http::Request onward{.method = request.method, .target = {}, .headers = passed_on(request), .body = request.body, .peer = {}};
  tamper_with(onward.body, request.media_type());
  http::Url url = *origin_;
  url.target = request.target;
  auto exchange = client_->send(url, std::move(onward));
  if (!exchange) return http::text_response(502, exchange.error().message);
  http::Response response{
      .status = exchange->response.status, .headers = passed_on(exchange->response), .body = std::move(exchange->response.body)};
  tamper_with(response.body, exchange->response.media_type());
  return response;
}

void DemoProxy::tamper_with(Bytes& body, std::string_view media_type) {
  if (!tampering_ || media_type != keygen2::kMediaType) return;
  auto document = xml::Document::parse(body);
  if (!document || document->root().name() != tampering_->message) return;
  tampering_->change(*document);
  body = document->serialize();
  ++tampered_;
}

}  // namespace airtight::cli
