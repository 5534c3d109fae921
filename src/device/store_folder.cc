#include "device/store_folder.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "device/internal/anchoring.h"
#include "device/internal/store_lock.h"
#include "storage/database.h"
#include "storage/files.h"

namespace airtight::device {
namespace {

using internal::kStateFile;
using internal::StoreLock;

// The note in kStateFile: written first with kBeingMadeNote and last with kCompleteNote.
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
  TRY(storage::refuse_special_file(folder / kStateFile));
  const Result<Bytes> note = storage::read_file(folder / kStateFile, kLongestNote);
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

// What people are shown as it is.
Result<> require_text(std::string_view name, std::string_view what) {
  if (std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; })) return {};
  return fail(Fault::kBadInput, "the name of the " + std::string(what) + " has control characters", "write it in one line of plain text");
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

// The store in `database`, which is that of `folder`, with its anchor.
Result<std::unique_ptr<sks::KeyStore>> open_store(const std::filesystem::path& folder, std::unique_ptr<storage::Database> database,
                                                  const sealing::MasterKey& master_key, const sks::Platform& platform) {
  const internal::OpenDatabase again = [&folder] { return open_database(folder); };
  return internal::open_anchored(folder, std::move(database), again, master_key, platform);
}

}  // namespace

Result<std::vector<crypto::Certificate>> create_device(const NewDevice& device, const CertifyAttestationKey& certify,
                                                       const sealing::PassphrasePrompt& prompt, RandomSource& random) {
  TRY(require_text(device.vendor, "vendor"));
  TRY(require_text(device.model, "model"));
  TRY(sealing::require_owner(device.folder));
  TRY(require_folder_of_its_owner(device.folder));
  switch (TRY(state_of(device.folder))) {
    case StoreState::kComplete:
      return fail(Fault::kRefused, "there is a key store in " + device.folder.string() + " already", "name another folder");
    case StoreState::kForeign: return foreign(device.folder);
    case StoreState::kAbsent:
    case StoreState::kBeingMade: break;
  }
  TRY(storage::make_private_folder(device.folder));
  TRY(storage::write_file(device.folder / kStateFile, bytes_of(kBeingMadeNote), storage::FileMode::kPrivate));
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
  TRY(storage::write_file(device.folder / kStateFile, bytes_of(kCompleteNote), storage::FileMode::kPrivate));
  return path;
}

namespace {

// A copy on its way into the store's place; whatever of it is not there at the end goes.
class RestoredCopy {
 public:
  explicit RestoredCopy(const std::filesystem::path& folder) : folder_(folder) { clear(); }
  RestoredCopy(const RestoredCopy&) = delete;
  RestoredCopy& operator=(const RestoredCopy&) = delete;
  ~RestoredCopy() { clear(); }
  [[nodiscard]] std::filesystem::path path() const { return folder_ / kRestoredFile; }

 private:
  // Also of a restoration that was cut short.
  void clear() const {
    const std::string unfinished = "." + std::string(kRestoredFile) + ".";
    std::error_code ignored;
    std::vector<std::filesystem::path> left;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, ignored)) {
      if (entry.path().filename().native().starts_with(unfinished)) left.push_back(entry.path());
    }
    for (const std::filesystem::path& file : left) std::filesystem::remove(file, ignored);
    static_cast<void>(storage::remove_sqlite(path()));
  }

  std::filesystem::path folder_;
};

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
  const StoreLock lock = TRY(StoreLock::share(folder));
  // The database comes first: nobody types a passphrase for a store that another process owns.
  std::unique_ptr<storage::Database> database = TRY(open_database(folder));
  const sealing::MasterKey master_key = TRY(sealing::open_master_key(folder, prompt));
  // Each count in a file is a new file.
  const auto anchor = sealing::anchor_of(folder, master_key);
  if (anchor && std::holds_alternative<sealing::FileAnchor>(*anchor)) TRY(sealing::require_owner(folder));
  return open_store(folder, std::move(database), master_key, platform);
}

Result<sealing::AnchorChoice> anchor_of_device(const std::filesystem::path& folder, const sealing::PassphrasePrompt& prompt) {
  TRY(require_complete(folder));
  const sealing::MasterKey master_key = TRY(sealing::open_master_key(folder, prompt));
  return sealing::anchor_of(folder, master_key);
}

Result<sealing::AnchorChange> change_device_anchor(const std::filesystem::path& folder, const sealing::AnchorChoice& anchor,
                                                   const sealing::PassphrasePrompt& prompt, const sks::Platform& platform) {
  TRY(require_complete(folder));
  TRY(sealing::require_owner(folder));
  const StoreLock lock = TRY(StoreLock::share(folder));
  std::unique_ptr<storage::Database> database = TRY(open_database(folder));
  const sealing::MasterKey master_key = TRY(sealing::open_master_key(folder, prompt));
  const auto store = TRY(open_store(folder, std::move(database), master_key, platform));
  return internal::bind_to_anchor(*store, folder, anchor, master_key, platform.random);
}

namespace {

// The anchor of a store that is lost, if it can be read.
Result<std::unique_ptr<sks::RollbackAnchor>> readable_anchor(const std::filesystem::path& folder, const sealing::MasterKey& master_key) {
  std::unique_ptr<sks::RollbackAnchor> anchor = TRY(internal::anchor_in(folder, master_key));
  if (anchor != nullptr) TRY(anchor->read());
  return anchor;
}

// Has a process the store, whatever it is like?
Result<> require_nobody_has(const std::filesystem::path& folder) {
  const auto database = open_database(folder);
  if (!database && database.error().fault == Fault::kUnavailable) return Failure(database.error());
  return {};
}

}  // namespace

Result<Restoration> restore_device(const std::filesystem::path& folder, const std::filesystem::path& copy, PresentStore present,
                                   const sealing::PassphrasePrompt& prompt, const sks::Platform& platform) {
  TRY(require_complete(folder));
  TRY(sealing::require_owner(folder));
  const StoreLock lock = TRY(StoreLock::take(folder));  // until the copy is in its place
  const std::filesystem::path place = folder / kDatabaseFile;
  std::unique_ptr<storage::Database> owned;
  if (present == PresentStore::kWhole) owned = TRY(open_database(folder));
  if (present == PresentStore::kLost) TRY(require_nobody_has(folder));
  const sealing::MasterKey master_key = TRY(sealing::open_master_key(folder, prompt));
  // The copy is bound to what the store's anchor shows now.
  Restoration done;
  sks::Platform anchored = platform;
  std::unique_ptr<sks::RollbackAnchor> anchor;
  std::unique_ptr<sks::KeyStore> now;
  if (owned) {
    now = TRY(open_store(folder, std::move(owned), master_key, platform));
    if (now->kept_anchor() != nullptr) anchored.anchor = now->kept_anchor();
  } else if (platform.anchor == nullptr) {
    auto found = readable_anchor(folder, master_key);
    if (!found) done.lost_anchor = std::move(found.error());
    if (found) anchor = *std::move(found);
    anchored.anchor = anchor.get();
  }

  const RestoredCopy restored(folder);
  TRY(storage::copy_new_file(copy, restored.path()));
  std::unique_ptr<storage::Database> database = TRY(storage::open_sqlite(restored.path(), {.exclusive = true}));
  done.report = TRY(sks::KeyStore::restore(std::move(database), master_key, now.get(), anchored));
  now.reset();  // and with it what SQLite has beside its file
  TRY(require_no_log(restored.path()));
  if (present == PresentStore::kWhole) TRY(require_no_log(place));
  if (present == PresentStore::kLost) TRY(storage::remove_sqlite(place));
  // All PINs come back locked, so an anchor that nobody can read any more protects nothing that is to be had.
  if (done.lost_anchor) TRY(sealing::prepare_anchor(folder, sealing::NoAnchor{}, master_key, platform.random));
  TRY(storage::rename_file(restored.path(), place));
  if (done.lost_anchor) TRY(sealing::adopt_anchor(folder, master_key));
  return done;
}

}  // namespace airtight::device
