// A certificate authority with a root and an issuing key: the one door through which certificates are made. Lives in the tables of its
// owner's database; every certificate is recorded (ca/register.h) and audited (ca/audit.h) in the transaction that issues it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "ca/key_storage.h"
#include "ca/profile.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "provenance/verdict.h"
#include "sealing/master_key.h"
#include "storage/database.h"

namespace airtight::ca {

struct AuthorityOptions {
  std::string organization;  // CN of the root is "<organization> Root CA", of the issuing CA "<organization> Issuing CA 1"
  KeyKind key = KeyKind::kP256;
  std::uint32_t root_days = 7305;
  std::uint32_t issuing_days = 3653;
  std::string publication_url = {};  // as OpenOptions::publication_url, for the certificate of the issuing CA
  KeyStorage root_storage = {};      // where the root's key and
  KeyStorage issuing_storage = {};   // the issuing key are kept; what storages other than the database need is in `access`
  KeyAccess access = {};
};

// The keys that an open authority may need a passphrase or PIN for. Those in the database need none.
enum class WhichKeys : std::uint8_t { kAllButRoot, kAll };

// How an authority that is open does its work.
struct OpenOptions {
  // What CRLs, CA certificates and OCSP are reached under, without a final slash: certificates point to <url>/crl/NAME.crl,
  // <url>/ca/NAME.cer and <url>/ocsp. Empty: certificates point nowhere. RFC 5280 section 8 advises against https here.
  std::string publication_url = {};
  KeyAccess access = {};
  WhichKeys keys = WhichKeys::kAllButRoot;  // kAll: to roll over, or to publish the root's CRL, where the root's key is not in the database
};

// An issuing CA as a signer of XML: `sign` is by the key of `certificate`, whatever is rolled over meanwhile. Fault::kUnavailable if that
// is closed. It may outlive the authority.
struct XmlSigner {
  crypto::Certificate certificate;
  std::string_view method;  // algorithm URI
  std::function<Result<Bytes>(ByteView message)> sign;
};

struct AuthorityState;  // ca/internal/state.h

// The certificates of the service's own TLS hang from a root of their own, so that no chain of the one kind passes for the other.
class Authority {
 public:
  // Makes root, issuing and TLS root key and certificates in `database` (whose ca tables are migrated first), in a transaction of its own.
  // Fault::kRefused if there is an authority already; Fault::kBadInput for an organization or validity that does not do; as
  // make_key() (ca/key_storage.h) where keys are kept elsewhere than in the database, sealed.
  [[nodiscard]] static Result<> create(storage::Database& database, const sealing::MasterKey& master_key, const AuthorityOptions& options,
                                       const Clock& clock, RandomSource& random);
  // Opens the keys; the root's own, where it is in the database, stays sealed until it is needed. `clock` and `random` have to outlive the
  // authority; an authority may be used by several threads at once where `random` may, each with a connection of its own.
  // Fault::kNotFound if create() was never called.
  [[nodiscard]] static Result<Authority> open(storage::Database& database, const sealing::MasterKey& master_key, const Clock& clock,
                                              RandomSource& random, const OpenOptions& options = {});

  // The certificates of the keys in use. Another process may roll the keys over: issue() notices.
  [[nodiscard]] crypto::Certificate root() const;
  [[nodiscard]] crypto::Certificate issuing() const;
  [[nodiscard]] crypto::Certificate tls_root() const;

  // `certificate`, which this authority issued, and the certificates of the CAs above it, without the root.
  [[nodiscard]] Result<std::vector<crypto::Certificate>> path_of(const crypto::Certificate& certificate) const;

  // Issues in the caller's open write transaction on `database`: fresh random 16-byte serial (unique by the table), one record in
  // ca_certificates, one in audit_log with the verdict. Valid from five minutes ago, for clocks that are late, and never longer than the
  // issuing CA. `subject` is what the enrolment asks for, and `facts` is what the profile's templates can draw on (both: make_subject()).
  // Refuses (Fault::kRefused) a verdict that does not allow, an RSA key below 2048 bits, facts that are missing, and to issue once the
  // issuing CA has expired; Fault::kBadInput for a profile that check_profile() does not take or that does not fit the key, and for
  // subjects that cannot be written.
  [[nodiscard]] Result<crypto::Certificate> issue(storage::Database& database, const CertificateProfile& profile, const Subject& subject,
                                                  const crypto::PublicKey& key, const provenance::Verdict& verdict,
                                                  const Facts& facts = {}) const;

  // A TLS server certificate for this authority's own service, by the TLS root, for 397 days; recorded alike. At least one name or address.
  [[nodiscard]] Result<crypto::Certificate> issue_tls_server(storage::Database& database, const crypto::PublicKey& key,
                                                             const std::vector<std::string>& dns_names,
                                                             const std::vector<std::string>& ip_addresses) const;

  // Signs as XML Signature has it in the name of the issuing CAs: discovery lookups and requests of KeyGen2. The one in use comes first;
  // then, the newest first, those that were in use before, unless they have expired or are closed.
  [[nodiscard]] std::vector<XmlSigner> xml_signers() const;

 private:
  explicit Authority(std::shared_ptr<AuthorityState> state) : state_(std::move(state)) {}
  friend class Publisher;  // ca/publisher.h: CRLs, OCSP
  friend class Rollover;   // ca/rollover.h: new keys
  std::shared_ptr<AuthorityState> state_;
};

}  // namespace airtight::ca
