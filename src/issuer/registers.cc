// Whom operators register before they enrol: devices, each for somebody, and clients that enrol without a person.
#include <algorithm>

#include "ca/audit.h"
#include "crypto/certificate.h"
#include "crypto/certificate_builder.h"
#include "issuer/enrolment.h"
#include "issuer/enrolment_subject.h"
#include "issuer/internal/open_sessions.h"
#include "issuer/issuer.h"
#include "issuer/operator_line.h"
#include "provenance/verdict.h"
#include "storage/files.h"

namespace airtight::issuer {
namespace {

using storage::Database;

constexpr std::string_view kPemBegin = "-----BEGIN";
constexpr std::size_t kMaxCertificateFile = 256U << 10;

// Ends what is under way; a line of the audit log for each session.
Result<std::string> end_and_list(Database& database, const Clock& clock, const std::vector<OpenSession>& sessions, std::string sentence) {
  std::string lines;
  for (const std::string& id : TRY(end_sessions(database, clock, sessions, {"registration.removed", std::move(sentence)})))
    lines += "aborted: " + id + "\n";
  return lines;
}

Result<const Profile*> profile_of_devices(const Configuration& configuration, std::string_view name) {
  const Profile* profile = TRY(configuration.find_profile(name));
  if (profile->enrolment.listed_devices) return profile;
  return fail(Fault::kRefused, "the profile '" + profile->name + "' does not look at the list of devices",
              "write devices = \"listed\" in [profiles." + profile->name + ".enrolment]");
}

// `device` as an ID, or as PEM whose first certificate is the device's.
Result<ListedDevice> identify(std::string_view device) {
  ListedDevice listed;
  if (device.find(kPemBegin) == std::string_view::npos) {
    listed.device_id = TRY(read_device_id(device));
    return listed;
  }
  const std::vector<crypto::Certificate> path = TRY(crypto::certificates_from_pem(device));
  if (path.front().is_ca())
    return fail(Fault::kBadInput, "the first certificate is not a device's: " + path.front().subject() + " is a CA");
  listed.device_id = provenance::device_id(path.front());
  listed.fingerprint = to_bytes(ByteView(path.front().sha256()));
  return listed;
}

Result<ListedDevice> make_entry(const Profile& profile, std::string_view device, const std::string& subject, Instant now) {
  ListedDevice listed = TRY(identify(device));
  listed.profile = profile.name;
  listed.subject = subject;
  listed.added_at = now;
  if (subject.empty() && !profile.subject)
    return fail(Fault::kBadInput, "the profile '" + profile.name + "' has no subject of its own", "say whom the device is for");
  const std::string whole = TRY(fill_subject(subject.empty() ? *profile.subject : subject, profile, {.device_id = listed.device_id}));
  TRY(check_templates(profile, whole, {}));
  return listed;
}

// The entry of one line of a list, whose device may be a file in `folder`.
Result<ListedDevice> read_entry(const Profile& profile, const DeviceLine& line, const std::filesystem::path& folder, Instant now) {
  if (provenance::is_device_id(line.device)) return make_entry(profile, line.device, line.subject, now);
  const std::filesystem::path file = folder / line.device;
  Result<Bytes> pem = Bytes();
  if (const Result<> regular = storage::refuse_special_file(file); !regular) pem = Failure(regular.error());
  if (pem) pem = storage::read_file(file, kMaxCertificateFile);
  if (!pem) return fail(pem.error().fault, "'" + line.device + "' is neither a device ID nor a file that can be read", pem.error().message);
  const std::string text = to_text(*pem);
  if (text.find(kPemBegin) == std::string::npos) return fail(Fault::kBadInput, "there is no certificate in " + line.device);
  return make_entry(profile, text, line.subject, now);
}

Result<> insert(Database& database, const ListedDevice& device) {
  if (TRY(insert_device(database, device))) return {};
  return fail(Fault::kRefused, "the device " + device.device_id + " is registered for the profile '" + device.profile + "' already",
              "remove it first: 'airtight issuer devices remove'");
}

std::string lines_of(const ListedDevice& device) {
  return "device: " + device.device_id + "\nprofile: " + device.profile + "\nsubject: " + device.subject + "\n";
}

Error in_line(std::size_t line, Error error) { return std::move(error).in("line " + std::to_string(line)); }

}  // namespace

Result<ListedDevice> Issuer::add_device(std::string_view profile_name, std::string_view device, const std::string& subject,
                                        std::string_view by) {
  const Profile* profile = TRY(profile_of_devices(configuration_, profile_name));
  const ListedDevice entry = TRY(make_entry(*profile, device, subject, clock_->now()));
  const DatabasePool::Lease database = TRY(pool_.take());
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  TRY(insert(*database, entry));
  TRY(ca::record(*database, *clock_, "device.registered", lines_of(entry) + operator_line(by)));
  TRY(transaction.commit());
  return entry;
}

Result<std::size_t> Issuer::import_devices(std::string_view profile_name, std::string_view csv, const std::filesystem::path& folder,
                                           std::string_view by) {
  const Profile* profile = TRY(profile_of_devices(configuration_, profile_name));
  const std::vector<DeviceLine> lines = TRY(read_device_lines(csv));
  // All files are read before the database is locked: a slow disk keeps nobody else from writing.
  std::vector<ListedDevice> entries;
  entries.reserve(lines.size());
  for (const DeviceLine& line : lines) {
    Result<ListedDevice> entry = read_entry(*profile, line, folder, clock_->now());
    if (!entry) return Failure(in_line(line.line, std::move(entry.error())));
    entries.push_back(std::move(*entry));
  }
  const DatabasePool::Lease database = TRY(pool_.take());
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (Result<> inserted = insert(*database, entries[i]); !inserted) return Failure(in_line(lines[i].line, std::move(inserted.error())));
    TRY(ca::record(*database, *clock_, "device.registered", lines_of(entries[i]) + operator_line(by)));
  }
  TRY(transaction.commit());
  return lines.size();
}

Result<> Issuer::remove_device(std::string_view profile, std::string_view device_id, std::string_view by) {
  const std::string id = TRY(read_device_id(device_id));
  const DatabasePool::Lease database = TRY(pool_.take());
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  if (!TRY(issuer::remove_device(*database, profile, id)))
    return fail(Fault::kNotFound, "the device " + id + " is not registered for the profile '" + std::string(profile) + "'",
                "'airtight issuer devices list' shows those that are");
  const std::vector<OpenSession> sessions = TRY(open_sessions_of_device(*database, profile, id));
  const std::string ended = TRY(end_and_list(*database, *clock_, sessions, "the device is not registered any more"));
  TRY(ca::record(*database, *clock_, "device.removed",
                 "device: " + id + "\nprofile: " + std::string(profile) + "\n" + operator_line(by) + ended));
  return transaction.commit();
}

Result<std::vector<ListedDevice>> Issuer::devices() {
  const DatabasePool::Lease database = TRY(pool_.take());
  return list_devices(*database);
}

Result<std::optional<std::string>> Issuer::add_client(const NewClient& wanted, std::string_view by) {
  const Profile* profile = TRY(configuration_.find_profile(wanted.profile));
  if (!profile->enrolment.client) {
    return fail(Fault::kRefused, "no client enrols with the profile '" + profile->name + "' by itself",
                "add \"client\" to 'by' in [profiles." + profile->name + ".enrolment]");
  }
  if (!is_plain_name(wanted.name))
    return fail(Fault::kBadInput, "'" + wanted.name + "' is not a client's name", "write 1 to 64 letters, digits, '.', '-' and '_'");
  RegisteredClient client{.name = wanted.name, .profile = profile->name, .subject = wanted.subject, .added_at = clock_->now()};
  if (!wanted.email.empty()) client.email = TRY(read_address(wanted.email));
  if (wanted.subject.empty() && !profile->subject && !profile->clones() && !profile->enrolment.listed_devices)
    return fail(Fault::kBadInput, "the profile '" + profile->name + "' has no subject of its own", "say whom the client is for");
  const KnownFacts facts{.email = client.email, .client = client.name};
  const Result<std::string> subject = wanted.subject.empty() ? subject_at_first(profile->subject.value_or(""), *profile, facts)
                                                             : given_subject(wanted.subject, *profile, facts);
  if (!subject) return Failure(subject.error());
  std::optional<std::string> shown;
  if (wanted.certificate_pem.empty()) {
    Token token = make_token(*random_);
    client.token_hash = to_bytes(ByteView(token.hash));
    shown = std::move(token.text);
  } else {
    const std::vector<crypto::Certificate> certificates = TRY(crypto::certificates_from_pem(wanted.certificate_pem));
    client.fingerprint = to_bytes(ByteView(certificates.front().sha256()));
  }
  const DatabasePool::Lease database = TRY(pool_.take());
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  if (!TRY(insert_client(*database, client)))
    return fail(Fault::kRefused, "a client of this name or with this certificate is registered already",
                "remove it first: 'airtight issuer clients remove'");
  TRY(ca::record(*database, *clock_, "client.registered",
                 "client: " + client.name + "\nprofile: " + client.profile + "\nsubject: " + client.subject + "\n" + operator_line(by)));
  TRY(transaction.commit());
  return shown;
}

Result<> Issuer::remove_client(std::string_view name, std::string_view by) {
  const DatabasePool::Lease database = TRY(pool_.take());
  storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
  if (!TRY(issuer::remove_client(*database, name)))
    return fail(Fault::kNotFound, "there is no client '" + std::string(name) + "'", "'airtight issuer clients list' shows those there are");
  const std::vector<OpenSession> sessions = TRY(open_sessions_of_client(*database, name));
  const std::string ended = TRY(end_and_list(*database, *clock_, sessions, "the client is not registered any more"));
  TRY(ca::record(*database, *clock_, "client.removed", "client: " + std::string(name) + "\n" + operator_line(by) + ended));
  return transaction.commit();
}

Result<std::vector<RegisteredClient>> Issuer::clients() {
  const DatabasePool::Lease database = TRY(pool_.take());
  return list_clients(*database);
}

}  // namespace airtight::issuer
