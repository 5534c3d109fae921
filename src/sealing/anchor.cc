#include "sealing/anchor.h"

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "sealing/internal/counters.h"
#include "sealing/internal/lines.h"
#include "sealing/internal/tpm.h"
#include "storage/files.h"

namespace airtight::sealing {
namespace {

using internal::add_line;
using internal::Lines;

constexpr std::size_t kLargestNote = 8192;
constexpr std::size_t kIdSize = 16;
constexpr std::string_view kVersionName = "airtight-anchor";

// What a note says: where the counter is, and the identifier that tells it from every other counter of the same store.
struct Note {
  Bytes id;
  AnchorChoice choice;
};

// The text without its MAC.
std::string body_of(const Note& note) {
  std::string out;
  add_line(out, kVersionName, "1");
  add_line(out, "id", hex_encode(note.id));
  add_line(out, "anchor", name_of(note.choice));
  if (const auto* tpm2 = std::get_if<Tpm2Anchor>(&note.choice)) add_line(out, "tcti", tpm2->tcti);
  return out;
}

std::string write_note(const Note& note, const MasterKey& master_key) {
  std::string out = body_of(note);
  const SecretBytes key = master_key.derive_key("anchor note");
  add_line(out, "mac", hex_encode(crypto::hmac_sha256(key.expose_secret(), {bytes_of(out)})));
  return out;
}

Result<Note> read_lines(std::string_view text) {
  Lines lines(text);
  Note note;
  TRY(lines.value(kVersionName));
  note.id = TRY(lines.hex("id"));
  const std::string_view name = TRY(lines.value("anchor"));
  const std::string tcti = lines.next_is("tcti") ? std::string(TRY(lines.value("tcti"))) : std::string();
  note.choice = TRY(parse_anchor(name, tcti));
  return note;
}

// Nothing if there is no such note.
Result<std::optional<Note>> read_note(const std::filesystem::path& path, const MasterKey& master_key) {
  TRY(storage::refuse_special_file(path));
  auto text = storage::read_file(path, kLargestNote);
  if (!text && text.error().fault == Fault::kNotFound) return std::nullopt;
  if (!text) return Failure(std::move(text.error()));
  auto note = read_lines(text_of(*text));
  if (note && equal_in_constant_time(bytes_of(write_note(*note, master_key)), *text)) return *std::move(note);
  return fail(Fault::kRefused, path.native() + " was changed, or belongs to another store", "restore the file from the newest backup");
}

SecretBytes counter_key(const Note& note, const MasterKey& master_key) {
  return master_key.derive_key("anchor counter " + hex_encode(note.id));
}

Result<std::unique_ptr<Counter>> open_counter(const Note& note, const MasterKey& master_key) {
  SecretBytes key = counter_key(note, master_key);
  if (const auto* file = std::get_if<FileAnchor>(&note.choice)) return internal::file_counter(file->path, std::move(key));
  if (const auto* tpm2 = std::get_if<Tpm2Anchor>(&note.choice)) {
    return internal::tpm2_counter(internal::tcti_or_default(tpm2->tcti), tpm2->index.value_or(0), std::move(key));
  }
  return nullptr;
}

Result<> make_counter(const Note& note, const MasterKey& master_key) {
  const SecretBytes key = counter_key(note, master_key);
  if (const auto* file = std::get_if<FileAnchor>(&note.choice)) return internal::make_file_counter(file->path, key);
  if (const auto* tpm2 = std::get_if<Tpm2Anchor>(&note.choice)) {
    return internal::make_tpm2_counter(internal::tcti_or_default(tpm2->tcti), tpm2->index.value_or(0), key);
  }
  return {};
}

Result<> remove_counter(const Note& note, const MasterKey& master_key) {
  SecretBytes key = counter_key(note, master_key);
  if (const auto* file = std::get_if<FileAnchor>(&note.choice)) return internal::remove_file_counter(file->path, std::move(key));
  if (const auto* tpm2 = std::get_if<Tpm2Anchor>(&note.choice)) {
    return internal::remove_tpm2_counter(internal::tcti_or_default(tpm2->tcti), tpm2->index.value_or(0), std::move(key));
  }
  return {};
}

Result<std::unique_ptr<Counter>> open_noted(const std::filesystem::path& path, const MasterKey& master_key) {
  const std::optional<Note> note = TRY(read_note(path, master_key));
  if (!note) return nullptr;
  return open_counter(*note, master_key);
}

Failure bad_anchor(std::string_view text) {
  return fail(Fault::kBadInput, "\"" + std::string(text) + "\" is no kind of anchor", "use none, file:PATH, tpm2 or tpm2:INDEX");
}

Result<std::uint32_t> parse_index(std::string_view text) {
  std::uint32_t index = 0;
  const auto failure = [&] {
    return fail(Fault::kBadInput, "\"" + std::string(text) + "\" is no index for a counter", "use one from 0x01800000 to 0x01bfffff");
  };
  if (!text.starts_with("0x")) return failure();
  const auto [end, code] = std::from_chars(text.data() + 2, text.data() + text.size(), index, 16);
  if (code != std::errc{} || end != text.data() + text.size()) return failure();
  if (index < internal::kFirstIndex || index > internal::kLastIndex) return failure();
  return index;
}

// A counter in the folder would be put back with it; under the name of a note it would take the note's place.
Result<> require_elsewhere(const std::filesystem::path& counter, const std::filesystem::path& folder) {
  std::error_code error;
  const std::filesystem::path store = std::filesystem::weakly_canonical(folder, error);
  const std::filesystem::path place = std::filesystem::weakly_canonical(counter.parent_path(), error);
  if (std::ranges::mismatch(store, place).in1 != store.end()) return {};
  return fail(Fault::kBadInput, "the anchor " + counter.native() + " would be in the key store's own folder",
              "name a file on another disk: who puts back an old copy of the folder must not put back the anchor with it");
}

// Whether a new counter can be made there at all, as far as that shows before anything is written.
Result<> require_place(const AnchorChoice& choice, const std::filesystem::path& folder) {
  if (const auto* file = std::get_if<FileAnchor>(&choice)) return require_elsewhere(file->path, folder);
  if (const auto* tpm2 = std::get_if<Tpm2Anchor>(&choice)) TRY(internal::Tpm::connect(internal::tcti_or_default(tpm2->tcti)));
  return {};
}

// An index that is rarely in use: away from where others begin to count.
std::uint32_t some_index(RandomSource& random) {
  const Bytes drawn = random.bytes(2);
  return internal::kFirstIndex | 0x8A0000U | std::to_integer<std::uint32_t>(drawn[0]) << 8 | std::to_integer<std::uint32_t>(drawn[1]);
}

}  // namespace

Result<AnchorChoice> parse_anchor(std::string_view text, const std::string& tcti) {
  constexpr std::string_view kFile = "file:";
  constexpr std::string_view kTpm2 = "tpm2:";
  if (text == "none") return NoAnchor{};
  if (text.starts_with(kFile) && text.size() > kFile.size()) {
    const bool is_line = std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' '; });
    if (!is_line || text.size() > 4000) return fail(Fault::kBadInput, "the anchor's path is too long or has control characters");
    return FileAnchor{std::filesystem::absolute(text.substr(kFile.size())).lexically_normal()};
  }
  if (text != "tpm2" && !text.starts_with(kTpm2)) return bad_anchor(text);
  Tpm2Anchor anchor{.index = {}, .tcti = tcti};
  if (!tcti.empty()) TRY(internal::check_tcti(tcti));
  if (!internal::fits_a_line(tcti, 256)) return fail(Fault::kBadInput, "the TCTI is too long or no plain text", "use a shorter one");
  if (text.starts_with(kTpm2)) anchor.index = TRY(parse_index(text.substr(kTpm2.size())));
  return anchor;
}

std::string name_of(const AnchorChoice& choice) {
  if (const auto* file = std::get_if<FileAnchor>(&choice)) return "file:" + file->path.native();
  const auto* tpm2 = std::get_if<Tpm2Anchor>(&choice);
  if (tpm2 == nullptr) return "none";
  return tpm2->index ? "tpm2:0x" + hex_encode(big_endian(*tpm2->index, 4)) : "tpm2";
}

Result<AnchorChoice> anchor_of(const std::filesystem::path& folder, const MasterKey& master_key) {
  const std::optional<Note> note = TRY(read_note(folder / kAnchorFile, master_key));
  if (!note) return NoAnchor{};
  return note->choice;
}

Result<std::unique_ptr<Counter>> open_anchor(const std::filesystem::path& folder, const MasterKey& master_key) {
  return open_noted(folder / kAnchorFile, master_key);
}

Result<std::unique_ptr<Counter>> prepare_anchor(const std::filesystem::path& folder, const AnchorChoice& choice,
                                                const MasterKey& master_key, RandomSource& random) {
  constexpr int kAttempts = 16;  // to find a free index
  TRY(require_place(choice, folder));
  // Of a change that was cut short. Where its counter is out of reach now, that stays behind, bound to nothing.
  if (has_new_anchor(folder)) static_cast<void>(drop_new_anchor(folder, master_key));
  const auto* tpm2 = std::get_if<Tpm2Anchor>(&choice);
  const bool any_index = tpm2 != nullptr && !tpm2->index;
  for (int attempt = 1;; ++attempt) {
    Note note{.id = random.bytes(kIdSize), .choice = choice};
    if (any_index) std::get<Tpm2Anchor>(note.choice).index = some_index(random);
    // The note comes first: a counter without a note would stay for ever.
    TRY(storage::write_file(folder / kNewAnchorFile, bytes_of(write_note(note, master_key)), storage::FileMode::kPrivate));
    const auto made = make_counter(note, master_key);
    if (made) return open_counter(note, master_key);
    static_cast<void>(drop_new_anchor(folder, master_key));  // the reason is what counts; whoever opens the store tries again
    if (!any_index || made.error().fault != Fault::kRefused || attempt == kAttempts) return Failure(made.error());
  }
}

bool has_new_anchor(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder / kNewAnchorFile, ignored);
}

Result<std::unique_ptr<Counter>> open_new_anchor(const std::filesystem::path& folder, const MasterKey& master_key) {
  return open_noted(folder / kNewAnchorFile, master_key);
}

Result<AnchorChange> adopt_anchor(const std::filesystem::path& folder, const MasterKey& master_key) {
  const auto old = read_note(folder / kAnchorFile, master_key);
  TRY(storage::rename_file(folder / kNewAnchorFile, folder / kAnchorFile));
  AnchorChange change;
  if (old && !*old) return change;
  auto removed = old ? remove_counter(**old, master_key) : Result<>(Failure(old.error()));
  if (!removed) change.leftover = std::move(removed.error());
  return change;
}

Result<> drop_new_anchor(const std::filesystem::path& folder, const MasterKey& master_key) {
  const std::optional<Note> note = TRY(read_note(folder / kNewAnchorFile, master_key));
  if (note) TRY(remove_counter(*note, master_key));
  return storage::remove_file(folder / kNewAnchorFile);
}

}  // namespace airtight::sealing
