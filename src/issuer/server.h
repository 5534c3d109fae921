// The issuer's KeyGen2 server as a function from requests to responses (keygen2.md sections 1-4). It keeps nothing between requests but
// compiled things: each request loads its session, takes one step of the state machine, saves and answers, in one write transaction.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "ca/key_storage.h"
#include "crypto/digest.h"
#include "http/message.h"
#include "issuer/configuration.h"
#include "issuer/database_pool.h"
#include "issuer/invitation.h"
#include "sealing/master_key.h"

namespace airtight::issuer {

// The cookie of a session; its path is the session's own.
inline constexpr std::string_view kCookieName = "airtight-session";

struct ServiceParts {
  DatabasePool& pool;  // whose tables are up to date
  const Configuration& configuration;
  const Clock& clock;
  RandomSource& random;
  const Log& log;  // all of these outlive the service
  sealing::MasterKey master_key;
  std::string base_url;                                // without a final slash
  SendMail send_mail = {};                             // absent: profiles that want mail find none
  ca::KeyAccess key_access = {};                       // to CA keys outside of the database
  std::optional<crypto::Sha256Value> tls_fingerprint;  // of the certificate that this server shows; absent without TLS
};

class IssuerService {
 public:
  // Compiles the schema, opens the authority, and records the configuration's profiles.
  [[nodiscard]] static Result<std::unique_ptr<IssuerService>> create(ServiceParts parts);

  ~IssuerService();

  // From here on sessions begin with the profiles, client CAs and life time of URLs of `next`; those that run keep their profile.
  // Fault::kRefused, and nothing changed, for a profile that wants mail where none could be sent when the service began. Thread-safe.
  [[nodiscard]] Result<> adopt(const Configuration& next) const;

  // Answers one request. Thread-safe.
  [[nodiscard]] http::Response handle(const http::Request& request) const;

  // Ends sessions and removes URLs that have expired, and renews what the authority publishes.
  [[nodiscard]] Result<> clean_up() const;

 private:
  struct Impl;
  explicit IssuerService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace airtight::issuer
