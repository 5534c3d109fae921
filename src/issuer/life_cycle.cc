#include "issuer/life_cycle.h"

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "base/text.h"
#include "ca/audit.h"
#include "ca/revocation.h"
#include "issuer/credential_store.h"
#include "issuer/device_list.h"
#include "issuer/enrolment.h"
#include "issuer/internal/open_sessions.h"
#include "issuer/operator_line.h"
#include "issuer/session_store.h"
#include "storage/database.h"

namespace airtight::issuer {
namespace {

using storage::Database;
using storage::Row;

constexpr std::size_t kMaxReason = 1000;  // bytes

struct Chosen {
  std::int64_t id;
  std::string serial;  // hex
};
Chosen chosen_from(const Row& row) { return {row.integer(0), row.text(1)}; }

// The words by which the audit log knows a choice.
std::string_view kind_of(Whose whose) {
  switch (whose) {
    case Whose::kSerial: return "certificate";
    case Whose::kSession: return "session";
    case Whose::kDevice: break;
  }
  return "device";
}

Failure nothing_there(const Choice& choice) {
  return fail(Fault::kNotFound, "there is no credential of the " + std::string(kind_of(choice.whose)) + " " + choice.name,
              "'airtight issuer credentials' and 'airtight issuer sessions' show those there are");
}

// A serial number as people write it, as the database has it.
Result<std::string> serial_of(Database& database, std::string_view name) {
  const ca::IssuedCertificate issued = TRY(ca::find_named(database, name));
  return hex_encode(issued.serial);
}

Result<std::vector<Chosen>> credentials_of(Database& database, const Choice& choice) {
  switch (choice.whose) {
    case Whose::kSerial: {
      const std::string serial = TRY(serial_of(database, choice.name));
      return storage::query_all(database, "SELECT id, serial FROM issuer_credentials WHERE serial = ?", {std::string_view(serial)},
                                chosen_from);
    }
    case Whose::kSession:
      return storage::query_all(database,
                                "SELECT c.id, c.serial FROM issuer_credentials c JOIN issuer_sessions s ON s.id = c.session_id WHERE "
                                "s.server_session_id = ? ORDER BY c.id",
                                {std::string_view(choice.name)}, chosen_from);
    case Whose::kDevice: break;
  }
  return storage::query_all(database,
                            "SELECT c.id, c.serial FROM issuer_credentials c JOIN issuer_sessions s ON s.id = c.session_id WHERE "
                            "s.device_id = ? ORDER BY c.id",
                            {std::string_view(choice.name)}, chosen_from);
}

Result<std::vector<OpenSession>> open_sessions_of(Database& database, const Choice& choice, const std::vector<Chosen>& credentials) {
  std::vector<OpenSession> out;
  if (choice.whose == Whose::kSession) {
    out = TRY(storage::query_all(database, "SELECT id, server_session_id FROM issuer_sessions WHERE is_open = 1 AND server_session_id = ?",
                                 {std::string_view(choice.name)}, open_session_from));
  } else if (choice.whose == Whose::kDevice) {
    out = TRY(storage::query_all(database, "SELECT id, server_session_id FROM issuer_sessions WHERE is_open = 1 AND device_id = ?",
                                 {std::string_view(choice.name)}, open_session_from));
  }
  for (const Chosen& credential : credentials) {
    const std::vector<OpenSession> more = TRY(storage::query_all(
        database,
        "SELECT s.id, s.server_session_id FROM issuer_sessions s WHERE s.is_open = 1 AND (s.renews = ?1 OR s.id = (SELECT c.session_id "
        "FROM issuer_credentials c WHERE c.id = ?1))",
        {credential.id}, open_session_from));
    out.insert(out.end(), more.begin(), more.end());
  }
  std::set<std::int64_t> seen;
  std::erase_if(out, [&](const OpenSession& session) { return !seen.insert(session.id).second; });
  return out;
}

// Whether a certificate can go from its status to what is wished.
bool applies(ca::CertificateStatus status, StatusChange change) {
  switch (change) {
    case StatusChange::kRevoke: return status != ca::CertificateStatus::kRevoked;
    case StatusChange::kHold: return status == ca::CertificateStatus::kValid;
    case StatusChange::kRelease: break;
  }
  return status == ca::CertificateStatus::kSuspended;
}

Result<> change_one(Database& database, const Clock& clock, ByteView serial, const StatusWish& wish) {
  switch (wish.change) {
    case StatusChange::kRevoke: return ca::revoke(database, clock, serial, wish.reason, wish.note);
    case StatusChange::kHold: return ca::hold(database, clock, serial, wish.note);
    case StatusChange::kRelease: break;
  }
  return ca::release(database, clock, serial, wish.note);
}

std::string_view event_of(StatusChange change) {
  switch (change) {
    case StatusChange::kRevoke: return "credentials.revoked";
    case StatusChange::kHold: return "credentials.held";
    case StatusChange::kRelease: break;
  }
  return "credentials.released";
}

std::string_view already(StatusChange change) {
  switch (change) {
    case StatusChange::kRevoke: return "revoked already, which is final";
    case StatusChange::kHold: return "on hold or revoked already";
    case StatusChange::kRelease: break;
  }
  return "not on hold";
}

bool is_reason(std::string_view text) {
  return text.find_first_not_of(' ') != std::string_view::npos && text.size() <= kMaxReason && is_line(text);
}

// The ID of the PUK policy that stands above the PIN of the key, as its session asked for it.
Result<std::string> puk_policy_of(Database& database, const Credential& credential) {
  const std::optional<Credential> protecting = TRY(find_credential(database, credential.protection_id.value_or(credential.id)));
  const std::optional<Session> session = protecting ? TRY(find_session(database, protecting->session_id)) : std::optional<Session>();
  if (!session) return fail(Fault::kInternal, "the credential has no session");
  const std::string snapshot = TRY(find_profile_snapshot(database, session->profile_digest));
  const Profile profile = TRY(read_snapshot(snapshot));
  const KeyProfile* key = profile.find_key(protecting->key_id);
  const PinPolicy* pin = key != nullptr && key->pin_policy ? profile.find_pin_policy(*key->pin_policy) : nullptr;
  if (pin == nullptr || !pin->puk_policy)
    return fail(Fault::kRefused, "the key " + credential.key_id + " of " + credential.serial + " has no PUK",
                "a PIN without a PUK that is locked stays locked: issue a new credential");
  return *pin->puk_policy;
}

}  // namespace

Result<Changed> change_status(Issuer& issuer, const Operator& who, const Choice& wanted, const StatusWish& wish) {
  Choice choice = wanted;
  if (choice.whose == Whose::kDevice) choice.name = TRY(read_device_id(wanted.name));
  const DatabasePool::Lease database = TRY(issuer.database());
  const Clock& clock = issuer.clock();
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  const std::vector<Chosen> credentials = TRY(credentials_of(*database, choice));
  std::vector<OpenSession> sessions;
  if (wish.change != StatusChange::kRelease) sessions = TRY(open_sessions_of(*database, choice, credentials));
  if (credentials.empty() && sessions.empty()) return nothing_there(choice);
  Changed done;
  for (const Chosen& credential : credentials) {
    const Bytes serial = TRY(hex_decode(credential.serial));
    const std::optional<ca::IssuedCertificate> issued = TRY(ca::find(*database, serial));
    if (!issued || !applies(issued->status, wish.change)) continue;
    TRY(change_one(*database, clock, serial, wish));
    done.serials.push_back(credential.serial);
  }
  done.sessions = TRY(
      end_sessions(*database, clock, sessions, {"session.taken-back", "the issuer's operator has taken back what the session is about"}));
  if (done.serials.empty() && done.sessions.empty()) {
    return fail(Fault::kRefused, "what is chosen by the " + std::string(kind_of(choice.whose)) + " " + choice.name + " is " +
                                     std::string(already(wish.change)));
  }
  std::string detail = operator_line(who.name) + std::string(kind_of(choice.whose)) + ": " + choice.name + "\n";
  for (const std::string& serial : done.serials) detail += "serial: " + serial + "\n";
  for (const std::string& session : done.sessions) detail += "aborted: " + session + "\n";
  TRY(ca::record(*database, clock, event_of(wish.change), detail));
  TRY(transaction.commit());
  return done;
}

Result<std::string> renewal_url_of(Issuer& issuer, std::string_view serial) {
  const DatabasePool::Lease database = TRY(issuer.database());
  const std::string number = TRY(serial_of(*database, serial));
  const std::optional<Credential> credential = TRY(find_credential_by_serial(*database, number));
  if (!credential) return nothing_there({Whose::kSerial, number});
  if (!TRY(can_be_renewed(*database, *credential))) {
    return fail(
        Fault::kRefused,
        "the credential " + number + " cannot be renewed: it is not updatable, not confirmed, not valid, or not in its device any more",
        "'airtight issuer credentials' shows its state; enrol the user again");
  }
  const std::optional<Session> session = TRY(find_session(*database, credential->session_id));
  if (!session) return fail(Fault::kInternal, "the credential has no session");
  const std::string snapshot = TRY(find_profile_snapshot(*database, session->profile_digest));
  const Profile before = TRY(read_snapshot(snapshot));
  const Profile* now = TRY(issuer.configuration().find_profile(before.name));
  const Bytes number_bytes = TRY(hex_decode(number));
  const Result<Profile> part = renewal_of(*now, credential->key_id, number_bytes);
  if (!part) {
    return fail(Fault::kRefused, part.error().message, "set renewable = true for the key " + credential->key_id + " in issuer.toml");
  }
  const std::string base = TRY(issuer.base_url(*database));
  return renewal_url(base, number);
}

Result<ReleasedPuk> release_puk(Issuer& issuer, const Operator& who, std::string_view serial, std::string_view reason,
                                const sealing::PassphrasePrompt& prompt) {
  if (!is_reason(reason))
    return fail(Fault::kRefused, "a PUK is released for a reason alone, which goes on record",
                "say why in one line: --reason 'called, PIN forgotten'");
  const DatabasePool::Lease database = TRY(issuer.database());
  const std::string number = TRY(serial_of(*database, serial));
  const std::optional<Credential> credential = TRY(find_credential_by_serial(*database, number));
  if (!credential) return nothing_there({Whose::kSerial, number});
  if (credential->ended_at && !credential->withdrawn) {
    return fail(Fault::kRefused, "the credential " + number + " was updated or deleted in its device",
                "'airtight issuer credentials' shows what the device has now");
  }
  const std::string policy = TRY(puk_policy_of(*database, *credential));
  const sealing::MasterKey master_key = TRY(issuer.unseal(prompt));
  std::vector<Passphrase> passphrases = TRY(open_passphrases(*database, master_key, credential->id));
  const auto puk =
      std::ranges::find_if(passphrases, [&](const Passphrase& one) { return one.kind == PassphraseKind::kPuk && one.name == policy; });
  const std::optional<Session> session = TRY(find_session(*database, credential->session_id));
  if (puk == passphrases.end() || !session) return fail(Fault::kInternal, "the PUK " + policy + " is not in the database");
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  TRY(ca::record(*database, issuer.clock(), "puk.released",
                 operator_line(who.name) + "reason: " + std::string(reason) + "\nserial: " + number + "\nkey: " + credential->key_id +
                     "\npuk: " + policy + "\nsubject: " + session->subject + "\ndevice: " + session->device_id + "\n"));
  TRY(transaction.commit());
  return ReleasedPuk{number, session->subject, session->device_id, credential->key_id, std::move(*puk)};
}

}  // namespace airtight::issuer
