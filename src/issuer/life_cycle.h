// What an operator does to credentials after they were issued: takes them back for good or for a while, and helps a user who has locked a
// PIN. Each act is one transaction with its record in the audit log, which says who did it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ca/register.h"
#include "issuer/issuer.h"
#include "sealing/seal.h"

namespace airtight::issuer {

// Who acts: the system's user, for the audit log.
struct Operator {
  std::string name;
};

// Which credentials are meant: one, those of a session, or those of a device.
enum class Whose : std::uint8_t { kSerial, kSession, kDevice };
struct Choice {
  Whose whose = Whose::kSerial;
  std::string name;  // hex serial number, ServerSessionID, device ID
};

enum class StatusChange : std::uint8_t { kRevoke, kHold, kRelease };
struct StatusWish {
  StatusChange change = StatusChange::kRevoke;
  ca::RevocationReason reason = ca::RevocationReason::kUnspecified;  // of a revocation
  std::string note = {};                                             // why, in words
};

struct Changed {
  std::vector<std::string> serials;   // of the certificates whose status changed
  std::vector<std::string> sessions;  // ServerSessionIDs of those that were open and are aborted
};

// Changes the status of what is chosen, for the CRL and OCSP to follow. Taking back also ends the open sessions that made what is chosen,
// that renew it, or that run on the device, and withdraws what they have issued. What has the status already, or is beyond it, is left
// as it is; Fault::kRefused if that is all, kNotFound if nothing is there.
[[nodiscard]] Result<Changed> change_status(Issuer& issuer, const Operator& who, const Choice& choice, const StatusWish& wish);

// The address at which a device renews the credential, with what the profile says now. Fault::kNotFound if there is no such credential;
// kRefused, with why, if it cannot be renewed.
[[nodiscard]] Result<std::string> renewal_url_of(Issuer& issuer, std::string_view serial);

// The PUK that unlocks the key of a credential, and what it is for.
struct ReleasedPuk {
  std::string serial;
  std::string subject;
  std::string device_id;
  std::string key_id;
  Passphrase puk;
};
// Opens it once its release is on record, with `reason`, which has to be given. Fault::kNotFound if there is no such credential, kRefused
// if its key has no PUK, it has ended in its device, or there is no reason.
[[nodiscard]] Result<ReleasedPuk> release_puk(Issuer& issuer, const Operator& who, std::string_view serial, std::string_view reason,
                                              const sealing::PassphrasePrompt& prompt);

}  // namespace airtight::issuer
