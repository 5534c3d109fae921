// The OCSP responder: the key and certificate with which each CA has answers signed in its name, and the answers (RFC 6960).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "ca/internal/state.h"
#include "ca/publisher.h"
#include "crypto/ocsp.h"
#include "storage/database.h"

namespace airtight::ca {

class Responder {
 public:
  // `authority` outlives the responder.
  Responder(const AuthorityState& authority, const PublisherOptions& options) : authority_(authority), options_(options) {}

  // As Publisher::answer_ocsp().
  [[nodiscard]] Published answer(storage::Database& database, ByteView request);

  // Makes or renews the responder certificate of `key` if it is due.
  [[nodiscard]] Result<> refresh(storage::Database& database, const AuthorityKeyRow& key);

 private:
  // A delegated responder (section 4.2.2.2).
  struct Delegate {
    crypto::Certificate certificate;
    std::shared_ptr<const crypto::Signer> signer;
  };
  // An answer about one certificate without a nonce.
  struct Ready {
    crypto::OcspStatus status;
    Instant made_at;
    Bytes body;
  };

  [[nodiscard]] Result<Published> answer_request(storage::Database& database, const crypto::OcspRequest& request);
  [[nodiscard]] Result<KeyPointer> issuer_of(const crypto::OcspRequest& request) const;
  [[nodiscard]] Result<Delegate> delegate_of(storage::Database& database, const AuthorityKeyRow& key);
  [[nodiscard]] Result<std::optional<Delegate>> stored_delegate(storage::Database& database, const AuthorityKeyRow& key) const;
  [[nodiscard]] Result<Delegate> new_delegate(storage::Database& database, const AuthorityKeyRow& key) const;
  [[nodiscard]] bool is_fresh(const Delegate& delegate) const;
  [[nodiscard]] std::optional<Published> ready_answer(const Bytes& cert_id, const crypto::OcspStatus& status);
  void keep(const Bytes& cert_id, Ready ready);

  const AuthorityState& authority_;
  PublisherOptions options_;
  std::mutex mutex_;
  std::map<std::string, Delegate> delegates_;        // by the name of the CA's key
  std::map<std::string, Ready, std::less<>> ready_;  // by the bytes of their CertID
};

}  // namespace airtight::ca
