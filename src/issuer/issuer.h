// An issuer's folder, opened: makes enrolment URLs, shows sessions and credentials, and builds the service that `airtight issuer serve`
// runs. Any number of processes may have it open at once.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "issuer/client_list.h"
#include "issuer/configuration.h"
#include "issuer/credential_store.h"
#include "issuer/database_pool.h"
#include "issuer/device_list.h"
#include "issuer/invitation.h"
#include "issuer/server.h"
#include "sealing/seal.h"

namespace airtight::issuer {

// A session for people.
struct SessionSummary {
  std::string server_session_id;
  std::string client_session_id;  // empty before the device has answered
  std::string state;              // a name of keygen2::ServerState
  std::string profile;
  std::string subject;
  std::string device_id;   // empty before the device is known
  std::string refusal_id;  // why it was aborted or failed; empty otherwise
  std::string refusal;
  Instant created_at;
  Instant updated_at;
  Instant expires_at;
};

// A credential for people.
struct CredentialSummary {
  std::int64_t id;
  std::string server_session_id;
  std::string key_id;
  std::string serial;  // hex
  std::string subject;
  std::string profile;
  std::string device_id;  // empty without provenance: the basic profile's
  std::string ended;      // "updated" or "deleted" in its device, "withdrawn" because it was never confirmed; empty otherwise
  Instant issued_at;
  Instant not_after;
  std::optional<Instant> confirmed_at;  // absent: not confirmed
  // A session that was to update or delete it in its device went silent at its end: the device may have done so.
  bool in_doubt = false;
  std::string status = {};                   // of its certificate: "valid", "suspended", "revoked"
  std::string kept_key = {};                 // "backup" or "made": the issuer has the private key too; only a later session restores it
  std::vector<Passphrase> passphrases = {};  // filled by add_passphrases
};

// A session that waits for an operator's approval.
struct WaitingSession {
  std::string server_session_id;
  std::string profile;
  std::string subject;
  std::string email;  // that it was reached at; empty otherwise
  std::string device_id;
  std::string device;        // subject of its certificate
  std::string device_class;  // of its issuer's
  std::string vendor;        // of the vendor's root; empty where unknown
  bool device_id_wanted;     // the profile lets nobody approve without it
  Instant since;
  Instant expires_at;
};

// A client to be registered.
struct NewClient {
  std::string name;
  std::string profile;
  std::string subject = {};          // empty: the profile's
  std::string email = {};            // empty: none
  std::string certificate_pem = {};  // empty: it gets a token
};

// Who decides, and what he was read out.
struct Decision {
  std::string_view by = {};         // for the audit log
  std::string_view device_id = {};  // as a person typed it; empty: none
};

class Issuer {
 public:
  // Reads the configuration and brings the database up to date. Fault::kRefused for a folder whose init was interrupted, kNotFound where
  // there is no issuer. `clock` and `random` outlive the issuer.
  [[nodiscard]] static Result<std::unique_ptr<Issuer>> open(const std::filesystem::path& folder, const Clock& clock, RandomSource& random);

  [[nodiscard]] const Configuration& configuration() const { return configuration_; }
  // The configuration as it is in the folder now; this issuer keeps the one that it was opened with.
  [[nodiscard]] Result<Configuration> read_configuration_again() const;
  // The profiles of the configuration that no server has read as they are now; none while no server has ever run here.
  [[nodiscard]] Result<std::vector<std::string>> unread_profiles();
  [[nodiscard]] const Clock& clock() const { return *clock_; }
  [[nodiscard]] RandomSource& random() const { return *random_; }
  // A connection, for the parts of an issuer's care that stand in files of their own: seeds.h.
  [[nodiscard]] Result<DatabasePool::Lease> database() { return pool_.take(); }

  // A new one-time enrolment URL for `profile`. The subject is RFC 4514 text; without it the profile's. Its base is the configuration's
  // url, else what was bound last, else the configured listen address.
  [[nodiscard]] Result<std::string> make_url(std::string_view profile, const std::optional<std::string>& subject);

  // Mails a one-time URL to `address`, by `send` or as the configuration says (invitations.cc). Fault::kBadInput for what is no address,
  // kRefused for a profile without "mail" and for a domain that it does not take; what the mail server says. A mail that was not sent
  // leaves no URL behind.
  [[nodiscard]] Result<> invite(std::string_view profile, std::string_view address, const std::optional<std::string>& subject,
                                const SendMail& send = {});

  // All of them, the oldest first.
  [[nodiscard]] Result<std::vector<SessionSummary>> sessions();
  enum class Which : std::uint8_t { kAll, kUnconfirmed };  // unconfirmed: those in doubt too
  [[nodiscard]] Result<std::vector<CredentialSummary>> credentials(Which which = Which::kAll);

  // Opens the PUKs of `credentials` and the PINs that were set for them; needs the seal. That it was done, and that the operator `by` did
  // it, is in the audit log.
  [[nodiscard]] Result<> add_passphrases(std::vector<CredentialSummary>& credentials, std::string_view by,
                                         const sealing::PassphrasePrompt& prompt);

  // Approves the certificates of a session with deferred certification: its resume URL gives them from now on (approval.cc).
  // Fault::kNotFound if there is no such session, kRefused if it does not wait for that; if its profile wants the device ID and it is not
  // given; and if the one that is given is not that of the session's device, which is in the audit log then. Fault::kBadInput for what is
  // no device ID.
  [[nodiscard]] Result<> approve(std::string_view server_session_id, const Decision& decision = {});
  // Ends a session that waits for its approval; `why` is what its user will be told: one line of UTF-8, at most 500 bytes. Faults as above.
  [[nodiscard]] Result<> deny(std::string_view server_session_id, std::string_view why, const Decision& decision = {});
  // Who waits for an approval, the oldest first.
  [[nodiscard]] Result<std::vector<WaitingSession>> waiting();

  // Devices that were registered before they enrol (registers.cc). `device` is a device ID or a certificate in PEM. Fault::kNotFound for a
  // profile that there is not, kRefused for one without devices = "listed" and for a device that it has already.
  [[nodiscard]] Result<ListedDevice> add_device(std::string_view profile, std::string_view device, const std::string& subject,
                                                std::string_view by);
  // All lines of a CSV file (device_list.h) or none; PEM files in it are relative to `folder`. An error says which line. How many.
  [[nodiscard]] Result<std::size_t> import_devices(std::string_view profile, std::string_view csv, const std::filesystem::path& folder,
                                                   std::string_view by);
  // Fault::kNotFound if it is not there.
  [[nodiscard]] Result<> remove_device(std::string_view profile, std::string_view device_id, std::string_view by);
  [[nodiscard]] Result<std::vector<ListedDevice>> devices();

  // The configuration's url, else what was bound last, else the configured listen address. Fault::kRefused if none of these is known.
  [[nodiscard]] Result<std::string> base_url(storage::Database& database) const;
  // Clients that enrol without a person. What comes back is the bearer token of one without a certificate, which is shown this once.
  // Fault::kNotFound for a profile that there is not; kRefused for one without "client", and for a name or certificate that is registered.
  [[nodiscard]] Result<std::optional<std::string>> add_client(const NewClient& client, std::string_view by);
  [[nodiscard]] Result<> remove_client(std::string_view name, std::string_view by);  // Fault::kNotFound if it is not there
  [[nodiscard]] Result<std::vector<RegisteredClient>> clients();

  // Records the base URL under which this issuer now is reached.
  [[nodiscard]] Result<> remember_base_url(std::string_view base_url);
  // For the server that calls remember_base_url(), as long as it runs; nothing if there is one.
  [[nodiscard]] Result<std::optional<Descriptor>> try_to_lead() const;

  [[nodiscard]] Result<sealing::MasterKey> unseal(const sealing::PassphrasePrompt& prompt) const;

  // Certifies the TLS key anew if its certificate came from init and has less than a month left; whether it did.
  [[nodiscard]] Result<bool> renew_tls_certificate(const sealing::MasterKey& master_key);

  // The service. `log` and this issuer outlive it.
  struct ServiceAddress {
    std::string base_url;
    std::optional<crypto::Sha256Value> tls_fingerprint;
    sealing::PassphrasePrompt prompt = {};  // for CA keys outside of the database
    SendMail send_mail = {};                // instead of as the configuration says
  };
  [[nodiscard]] Result<std::unique_ptr<IssuerService>> make_service(ServiceAddress address, sealing::MasterKey master_key, const Log& log);

 private:
  Issuer(std::filesystem::path folder, Configuration configuration, const Clock& clock, RandomSource& random);

  std::filesystem::path folder_;
  Configuration configuration_;
  DatabasePool pool_;
  const Clock* clock_;
  RandomSource* random_;
};

}  // namespace airtight::issuer
