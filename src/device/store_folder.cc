#include "device/store_folder.h"

#include <array>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "device/internal/anchoring.h"
#include "storage/database.h"
#include "storage/files.h"

namespace airtight::device {
namespace {

// The note: written first with kBeingMadeNote and last with kCompleteNote.
constexpr std::string_view kNoteFile = "store.state";
constexpr std::string_view kBeingMadeNote = "airtight key store 1: being made\n";
constexpr std::string_view kCompleteNote = "airtight key store 1: complete\n";
constexpr std::size_t kLongestNote = 4096;

constexpr std::string_view kDatabaseFile = "sks.db";
constexpr std::string_view kRestoredFile = "sks.db.restored";  // until it takes the other's place
constexpr std::array<std::string_view, 9> kStoreFiles = {kDatabaseFile,
                                                         "sks.db-wal",
                                                         "sks.db-shm",
                                                         "sks.db-journal",
                                                         sealing::kSealFile,
                                                         sealing::kSealKeyFile,
                                                         sealing::kNewSealKeyFile,
                                                         sealing::kAnchorFile,
                                                         sealing::kNewAnchorFile};

enum class StoreState : std::uint8_t { kAbsent, kBeingMade, kComplete, kForeign };

Result<StoreState> state_of(const std::filesystem::path& folder) {
  const Result<Bytes> note = storage::read_file(folder / kNoteFile, kLongestNote);
  if (note) {
    if (text_of(*note) == kBeingMadeNote) return StoreState::kBeingMade;
    return text_of(*note) == kCompleteNote ? StoreState::kComplete : StoreState::kForeign;
  }
  if (note.error().fault != Fault::kNotFound) return Failure(note.error());
  for (const std::string_view file : kStoreFiles) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / file, ignored)) return StoreState::kForeign;
  }
  return StoreState::kAbsent;
}

// Whoever may write in the folder may put another store there.
Result<> require_folder_of_its_owner(const std::filesystem::path& folder) {
  std::error_code error;
  const auto permissions = std::filesystem::status(folder, error).permissions();
  constexpr auto kOthersWrite = std::filesystem::perms::group_write | std::filesystem::perms::others_write;
  if (error || permissions == std::filesystem::perms::unknown || (permissions & kOthersWrite) == std::filesystem::perms::none) return {};
  return fail(Fault::kRefused, "others than its owner may write in the folder " + folder.string(),
              "take that away with 'chmod go-w " + folder.string() + "', after a look at what is in it");
}

Failure foreign(const std::filesystem::path& folder) {
  return fail(Fault::kRefused, folder.string() + " holds files that are not a complete key store of this version",
              "name another folder, or look at what these files are and move them away");
}

Result<> remove_half_made(const std::filesystem::path& folder) {
  for (const std::string_view file : kStoreFiles) {
    std::error_code error;
    std::filesystem::remove(folder / file, error);
    if (error) return fail(Fault::kStorage, "cannot remove " + (folder / file).string() + ": " + error.message());
  }
  return {};
}

Result<crypto::PrivateKey> generate(AttestationKeyKind kind) {
  if (kind == AttestationKeyKind::kRsa2048) return crypto::PrivateKey::generate(crypto::RsaSpec{.bits = 2048});
  return crypto::PrivateKey::generate(crypto::EcSpec{.curve = crypto::Curve::kP256});
}

Result<> require_complete(const std::filesystem::path& folder) {
  TRY(require_folder_of_its_owner(folder));
  switch (TRY(state_of(folder))) {
    case StoreState::kAbsent:
      return fail(Fault::kNotFound, "there is no key store in " + folder.string(),
                  "make one with 'airtight device create --store " + folder.string() + " --maker DIR'");
    case StoreState::kBeingMade:
      return fail(Fault::kRefused, "the key store in " + folder.string() + " was never finished",
                  "run 'airtight device create' on it again: it starts over");
    case StoreState::kForeign: return foreign(folder);
    case StoreState::kComplete: break;
  }
  return {};
}

Result<std::unique_ptr<storage::Database>> open_database(const std::filesystem::path& folder) {
  return storage::open_sqlite(folder / kDatabaseFile, {.exclusive = true});
}

}  // namespace

Result<std::vector<crypto::Certificate>> create_device(const NewDevice& device, const CertifyAttestationKey& certify,
                                                       const sealing::PassphrasePrompt& prompt, RandomSource& random) {
  TRY(require_folder_of_its_owner(device.folder));
  switch (TRY(state_of(device.folder))) {
    case StoreState::kComplete:
      return fail(Fault::kRefused, "there is a key store in " + device.folder.string() + " already", "name another folder");
    case StoreState::kForeign: return foreign(device.folder);
    case StoreState::kAbsent:
    case StoreState::kBeingMade: break;
  }
  TRY(storage::make_private_folder(device.folder));
  TRY(storage::write_file(device.folder / kNoteFile, bytes_of(kBeingMadeNote), storage::FileMode::kPrivate));
  TRY(remove_half_made(device.folder));

  const crypto::PrivateKey attestation_key = TRY(generate(device.attestation_key));
  std::vector<crypto::Certificate> path = TRY(certify(attestation_key.public_key()));
  {
    const sealing::MasterKey master_key = TRY(sealing::create_master_key(device.folder, device.seal, prompt, random));
    std::unique_ptr<storage::Database> database =
        TRY(storage::open_sqlite(device.folder / kDatabaseFile, {.exclusive = true, .create = true}));
    TRY(sks::KeyStore::create(
        *database, master_key,
        {.vendor_name = device.vendor, .vendor_description = device.model, .certificate_path = path, .options = device.options},
        attestation_key, random));
    if (sealing::name_of(device.anchor) != sealing::name_of(sealing::NoAnchor{})) {
      const SystemClock clock;
      sks::SleepingPause pause;
      const auto store = TRY(sks::KeyStore::open(std::move(database), master_key, sks::Platform{clock, random, pause}));
      TRY(internal::bind_to_anchor(*store, device.folder, device.anchor, master_key, random));
    }
  }
  TRY(storage::write_file(device.folder / kNoteFile, bytes_of(kCompleteNote), storage::FileMode::kPrivate));
  return path;
}

namespace {

// Removes a database that is no store, with what SQLite puts beside it.
Result<> remove_database(const std::filesystem::path& file) {
  for (const std::string_view suffix : {"", "-wal", "-shm", "-journal"}) {
    std::error_code error;
    const std::filesystem::path part = file.string() + std::string(suffix);
    std::filesystem::remove(part, error);
    if (error) return fail(Fault::kStorage, "cannot remove " + part.string() + ": " + error.message());
  }
  return {};
}

// A full disk keeps the log of a database that is closed; the next database of that name would be changed by it.
Result<> require_no_log(const std::filesystem::path& database) {
  std::filesystem::path log = database;
  log += "-wal";
  std::error_code error;
  if (!std::filesystem::exists(log, error) && !error) return {};
  return fail(Fault::kStorage, database.string() + " could not be completed on this disk", "make room on the disk, then try again");
}

}  // namespace

Result<std::unique_ptr<sks::KeyStore>> open_device(const std::filesystem::path& folder, const sealing::PassphrasePrompt& prompt,
                                                   const sks::Platform& platform) {
  TRY(require_complete(folder));
  // The database comes first: nobody types a passphrase for a store that another process owns.
  std::unique_ptr<storage::Database> database = TRY(open_database(folder));
  const sealing::MasterKey master_key = TRY(sealing::open_master_key(folder, prompt));
  const internal::OpenDatabase again = [&folder] { return open_database(folder); };
  return internal::open_anchored(folder, std::move(database), again, master_key, platform);
}

Result<sealing::AnchorChoice> anchor_of_device(const std::filesystem::path& folder, const sealing::PassphrasePrompt& prompt) {
  TRY(require_complete(folder));
  const sealing::MasterKey master_key = TRY(sealing::open_master_key(folder, prompt));
  return sealing::anchor_of(folder, master_key);
}

Result<sealing::AnchorChange> change_device_anchor(const std::filesystem::path& folder, const sealing::AnchorChoice& anchor,
                                                   const sealing::PassphrasePrompt& prompt, const sks::Platform& platform) {
  TRY(require_complete(folder));
  std::unique_ptr<storage::Database> database = TRY(open_database(folder));
  const sealing::MasterKey master_key = TRY(sealing::open_master_key(folder, prompt));
  const internal::OpenDatabase again = [&folder] { return open_database(folder); };
  const auto store = TRY(internal::open_anchored(folder, std::move(database), again, master_key, platform));
  return internal::bind_to_anchor(*store, folder, anchor, master_key, platform.random);
}

Result<sks::RestoreReport> restore_device(const std::filesystem::path& folder, const std::filesystem::path& copy, PresentStore present,
                                          const sealing::PassphrasePrompt& prompt, const sks::Platform& platform) {
  TRY(require_complete(folder));
  const std::filesystem::path place = folder / kDatabaseFile;
  const std::filesystem::path restored = folder / kRestoredFile;
  std::unique_ptr<storage::Database> owned;
  if (present == PresentStore::kWhole) owned = TRY(open_database(folder));
  const sealing::MasterKey master_key = TRY(sealing::open_master_key(folder, prompt));
  // The copy is bound to what the store's anchor shows now.
  sks::Platform anchored = platform;
  std::unique_ptr<sks::RollbackAnchor> anchor;
  std::unique_ptr<sks::KeyStore> now;
  if (owned) {
    const internal::OpenDatabase again = [&folder] { return open_database(folder); };
    now = TRY(internal::open_anchored(folder, std::move(owned), again, master_key, platform));
    if (now->kept_anchor() != nullptr) anchored.anchor = now->kept_anchor();
  } else if (platform.anchor == nullptr) {
    anchor = TRY(internal::anchor_in(folder, master_key));
    anchored.anchor = anchor.get();
  }

  TRY(remove_database(restored));  // of a restoration that a crash cut short
  TRY(storage::copy_new_file(copy, restored));
  std::unique_ptr<storage::Database> database = TRY(storage::open_sqlite(restored, {.exclusive = true}));
  sks::RestoreReport report = TRY(sks::KeyStore::restore(std::move(database), master_key, now.get(), anchored));
  now.reset();  // and with it what SQLite has beside its file
  TRY(require_no_log(restored));
  if (present == PresentStore::kWhole) TRY(require_no_log(place));
  if (present == PresentStore::kLost) TRY(remove_database(place));
  TRY(storage::rename_file(restored, place));
  return report;
}

}  // namespace airtight::device
