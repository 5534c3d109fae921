// The attacker of the demonstration: an HTTPS proxy between agent and issuer that passes everything on, and changes what it is told to.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "base/secret_bytes.h"
#include "http/client.h"
#include "http/server.h"
#include "xml/document.h"

namespace airtight::cli {

// One change to one message: `message` is the name of its top element.
struct Tampering {
  std::string message;
  std::function<void(xml::Document&)> change;
};

struct ProxyIdentity {
  std::string certificate_chain_pem;
  SecretBytes private_key_pem;
};

class DemoProxy {
 public:
  // Listens on 127.0.0.1:`port` (0: any free one) as the TLS server that `identity` makes it.
  [[nodiscard]] static Result<std::unique_ptr<DemoProxy>> start(unsigned short port, ProxyIdentity identity, const Log& log);

  [[nodiscard]] unsigned short port() const { return server_->port(); }
  // Passes requests on to the issuer at `origin` ("https://127.0.0.1:4711"), whose TLS certificate `ca_pem` vouches for.
  [[nodiscard]] Result<> pass_on_to(std::string_view origin, const std::string& ca_pem);
  // From now on changes messages so; nothing: stays honest. Forgets how often the last tampering was done.
  void tamper(std::optional<Tampering> tampering);
  // How many messages the present tampering has changed.
  [[nodiscard]] int tampered() const;
  void stop() { server_->stop(std::chrono::seconds(1)); }

 private:
  DemoProxy() = default;
  [[nodiscard]] http::Response handle(const http::Request& request);
  void tamper_with(Bytes& body, std::string_view media_type);

  mutable std::mutex mutex_;
  std::optional<http::Url> origin_;
  std::unique_ptr<http::Client> client_;
  std::optional<Tampering> tampering_;
  int tampered_ = 0;
  std::unique_ptr<http::Server> server_;  // last: it calls handle() until it is gone
};

}  // namespace airtight::cli
