// What an authority tells the world: its CA certificates, the CRL of each of its keys (RFC 5280, section 5) and answers to OCSP requests
// (RFC 6960). Bytes in and bytes out; who carries them (issuer/server.cc) adds nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "ca/authority.h"
#include "storage/database.h"

namespace airtight::ca {

struct PublisherOptions {
  std::chrono::hours crl_validity{7 * 24};        // from thisUpdate to nextUpdate
  std::chrono::hours crl_interval{24};            // a CRL this old is replaced by the next one, whether anything was revoked or not
  std::chrono::hours root_crl_validity{90 * 24};  // the same for roots, whose keys may be far away
  std::chrono::hours root_crl_interval{30 * 24};
  std::chrono::hours ocsp_validity{24};  // of an answer, from thisUpdate to nextUpdate
  std::chrono::minutes ocsp_reuse{60};   // how long a signed answer without a nonce serves again while the status stays as it was
  std::chrono::days responder_days{30};  // of the certificates that sign OCSP answers; renewed when a third is left
  enum class ResponderId : std::uint8_t { kByKey, kByName };
  ResponderId responder_id = ResponderId::kByKey;
  std::size_t max_requests = 16;  // certificates that one OCSP request may ask about
};

// The list of one key as it was published last.
struct PublishedCrl {
  std::string key;  // "root", "issuing", ...
  std::int64_t number;
  Instant this_update;
  Instant next_update;
  Bytes der;
};

// An answer to GET or POST.
struct Published {
  std::string media_type;
  Bytes body;
  std::chrono::seconds max_age{0};  // how long caches may keep it; zero: not at all
};

class Publisher {
 public:
  explicit Publisher(const Authority& authority, const PublisherOptions& options = {});

  // The names of the authority's keys, those in use and those before them, the oldest first.
  [[nodiscard]] std::vector<std::string> keys() const;

  // The CRL of the key `name`: the one that was published last, or a new one if that is due or something was revoked since. CRL numbers of
  // a key only grow, also over restarts. A revoked certificate stays for one regular CRL beyond its end (RFC 5280, section 3.3). Takes a
  // write transaction of its own if a new one is needed. Fault::kNotFound for an unknown key, kRefused once it has expired.
  [[nodiscard]] Result<PublishedCrl> crl(storage::Database& database, std::string_view name) const;
  // A new one in any case.
  [[nodiscard]] Result<PublishedCrl> new_crl(storage::Database& database, std::string_view name) const;

  // The answer to an OCSPRequest in DER: an OCSPResponse in DER, always, also where it is malformedRequest, unauthorized, tryLater or
  // internalError. Signed by a responder certificate that the CA asked about has issued (id-kp-OCSPSigning, id-pkix-ocsp-nocheck) and that
  // is renewed here. Serial numbers that were never issued are unknown. A nonce of 1 to 32 bytes comes back (RFC 8954).
  [[nodiscard]] Published answer_ocsp(storage::Database& database, ByteView request) const;

  // What is at `path`, for GET: /ca/NAME.cer, /crl/NAME.crl, and /ocsp/ followed by a request in base64, URL-encoded (RFC 6960,
  // appendix A.1). Nothing if it is none of these. Fault::kNotFound for names that do not exist.
  [[nodiscard]] Result<std::optional<Published>> get(storage::Database& database, std::string_view path) const;

  // Renews what is due: CRLs and responder certificates of all keys. For a service's background work.
  [[nodiscard]] Result<> refresh(storage::Database& database) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// The path and the media types of OCSP over HTTP (RFC 6960, appendix A).
inline constexpr std::string_view kOcspPath = "/ocsp";
inline constexpr std::string_view kOcspRequestType = "application/ocsp-request";

}  // namespace airtight::ca
