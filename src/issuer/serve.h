// The running issuer: its service behind an HTTP(S) server, and the background work that keeps the database tidy.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "issuer/issuer.h"
#include "sealing/seal.h"

namespace airtight::issuer {

struct ServeOptions {
  std::optional<std::string> listen = {};  // ADDRESS:PORT instead of the configuration's; port 0 takes any free one
  std::chrono::milliseconds clean_up_interval = std::chrono::minutes(1);
  unsigned threads = 2;
};

class RunningIssuer {
 public:
  // Opens the seal, binds, and serves from here on. Fault::kRefused without TLS on anything but loopback, or where devices could not know
  // the address; Fault::kUnavailable if the address cannot be had. `issuer` and `log` outlive it.
  [[nodiscard]] static Result<std::unique_ptr<RunningIssuer>> start(Issuer& issuer, const ServeOptions& options,
                                                                    const sealing::PassphrasePrompt& prompt, const Log& log);
  ~RunningIssuer();

  // "https://127.0.0.1:8443": what it listens on.
  [[nodiscard]] const std::string& listening_url() const;

  // Stops accepting, lets running requests finish, ends the background work. Idempotent.
  // Reads the configuration again: sessions that begin from here on have its profiles. All or nothing: where anything in it is wrong, all
  // stays as it was, and the error says where. What is read at the start alone (addresses, TLS, signer, mail) is named in the log if it
  // changed.
  [[nodiscard]] Result<> reload();

  void stop();

 private:
  struct Impl;
  explicit RunningIssuer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace airtight::issuer
