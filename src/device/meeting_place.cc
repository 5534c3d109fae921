#include "device/meeting_place.h"

#include <string>
#include <system_error>

#include "storage/files.h"

namespace airtight::device {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNote = "daemon.socket";
constexpr std::size_t kLongestNote = 4096;

}  // namespace

Result<MeetingPlace> MeetingPlace::note(const fs::path& folder, const fs::path& socket) {
  std::error_code error;
  const fs::path file = folder / kNote;
  if (socket == fs::absolute(folder / kSksSocket) || fs::equivalent(socket, folder / kSksSocket, error)) {
    fs::remove(file, error);  // of a daemon that was killed
    return MeetingPlace(fs::path());
  }
  TRY(storage::write_file(file, bytes_of(socket.native()), storage::FileMode::kPrivate));
  return MeetingPlace(file);
}

MeetingPlace::~MeetingPlace() {
  std::error_code ignored;
  if (!file_.empty()) fs::remove(file_, ignored);
}

Result<fs::path> sks_socket_of(const fs::path& folder) {
  std::error_code error;
  if (fs::is_socket(folder, error)) return folder;
  const Result<Bytes> note = storage::read_file(folder / kNote, kLongestNote);
  if (note && !note->empty()) return fs::path(std::string(text_of(*note)));
  if (!note && note.error().fault != Fault::kNotFound) return Failure(note.error());
  return folder / kSksSocket;
}

}  // namespace airtight::device
