// Anchors against roll-back: a counter that only grows, kept where whoever restores an old copy of the store's folder does not restore it
// too: in a file on another disk, or in a TPM. The folder's file `anchor` says which; it is authenticated under the master key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/random.h"
#include "base/result.h"
#include "sealing/master_key.h"

namespace airtight::sealing {

// A counter that only grows. Its functions may be called from any thread, and need no system calls but those of files and of open
// connections, unless makes_connections() says so.
class Counter {
 public:
  virtual ~Counter() = default;
  // The count now. Fault::kRefused if it was tampered with, kNotFound if it is gone, kUnavailable if it cannot be reached.
  [[nodiscard]] virtual Result<std::uint64_t> read() = 0;
  // Adds one, durably, and returns the new count.
  [[nodiscard]] virtual Result<std::uint64_t> advance() = 0;
  // Each use connects to its host and port anew, as the simulators of a TPM want it.
  [[nodiscard]] virtual bool makes_connections() const { return false; }
};

// Where the counter is to be.
struct NoAnchor {
  friend bool operator==(const NoAnchor&, const NoAnchor&) = default;
};
struct FileAnchor {
  std::filesystem::path path;  // absolute
  friend bool operator==(const FileAnchor&, const FileAnchor&) = default;
};
struct Tpm2Anchor {
  std::optional<std::uint32_t> index;  // an NV index of the owner's range; none: one that is free
  std::string tcti;                    // as Tpm2Seal::tcti
  friend bool operator==(const Tpm2Anchor&, const Tpm2Anchor&) = default;
};
using AnchorChoice = std::variant<NoAnchor, FileAnchor, Tpm2Anchor>;

// "none", "file:PATH", "tpm2" or "tpm2:INDEX" (0x01800000 to 0x01bfffff); a relative path starts from the current folder.
// `tcti` is for tpm2. Fault::kBadInput otherwise.
[[nodiscard]] Result<AnchorChoice> parse_anchor(std::string_view text, const std::string& tcti = {});
[[nodiscard]] std::string name_of(const AnchorChoice& choice);

// The files that say where the counter is: now, and while that is being changed.
inline constexpr std::string_view kAnchorFile = "anchor";
inline constexpr std::string_view kNewAnchorFile = "anchor.new";

// The anchor that the folder names; none if it names none. Fault::kRefused if the file was not written by the owner of `master_key`.
[[nodiscard]] Result<AnchorChoice> anchor_of(const std::filesystem::path& folder, const MasterKey& master_key);

// Its counter; null if there is none. As anchor_of() and Counter::read().
[[nodiscard]] Result<std::unique_ptr<Counter>> open_anchor(const std::filesystem::path& folder, const MasterKey& master_key);

// A change of anchors has two steps, with the binding of the store to the new counter between them:
//   prepare_anchor() makes the counter and notes it in `anchor.new`; then the store is bound to what it shows;
//   adopt_anchor() puts that note in the place of `anchor`, and then removes the old counter, so that no copy of the old note opens.
// A crash in between leaves `anchor.new`, and the store is bound to one of the two: whoever opens it tries open_anchor() first, then
// open_new_anchor(), and ends with drop_new_anchor() or adopt_anchor(). The steps may be repeated.

// The new counter; null for NoAnchor. Fault::kRefused if the file or index is there already or the TPM says no, kBadInput if the file would
// be in `folder`, kUnavailable, with nothing written, if there is no TPM.
[[nodiscard]] Result<std::unique_ptr<Counter>> prepare_anchor(const std::filesystem::path& folder, const AnchorChoice& choice,
                                                              const MasterKey& master_key, RandomSource& random);
[[nodiscard]] bool has_new_anchor(const std::filesystem::path& folder);
[[nodiscard]] Result<std::unique_ptr<Counter>> open_new_anchor(const std::filesystem::path& folder, const MasterKey& master_key);
// An error in `leftover` alone: the old counter could not be removed, or the old note not be read.
struct AnchorChange {
  std::optional<Error> leftover;
};
[[nodiscard]] Result<AnchorChange> adopt_anchor(const std::filesystem::path& folder, const MasterKey& master_key);
[[nodiscard]] Result<> drop_new_anchor(const std::filesystem::path& folder, const MasterKey& master_key);

}  // namespace airtight::sealing
