#include "agent/session_memory.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "agent/key_list.h"
#include "base/encoding.h"
#include "storage/files.h"

namespace airtight::agent {
namespace {

constexpr std::size_t kLargestRecord = 12U << 20;  // a message of 4 MiB in base64, and what stands beside it
constexpr std::string_view kSuffix = ".session";

bool can_go_on(const SessionRecord& record, const std::vector<SessionEntry>& sessions) {
  if (record.client_session_id.empty() || record.state == keygen2::ClientState::kDeployed) return true;
  return std::ranges::any_of(sessions, [&](const SessionEntry& entry) {
    return (entry.session.is_open || record.at_work) && entry.session.client_session_id.value == record.client_session_id;
  });
}

}  // namespace

Result<http::Url> WebPlace::permitted(std::string_view text) const {
  http::Url url = TRY(http::Url::parse(text));
  if (!host.empty() && url.host != host) {
    return fail(Fault::kRefused, "the issuer at " + host + " wants messages to be sent to another host, " + url.host);
  }
  if (was_https && url.scheme != "https") {
    return fail(Fault::kRefused, "the issuer at " + url.host + " wants messages to be sent over plain HTTP");
  }
  return url;
}

std::filesystem::path FolderMemory::file_of(std::string_view server_session_id) const {
  // The ID is the issuer's: it is not fit to be a file's name.
  return folder_ / (hex_encode(crypto::sha256(bytes_of(server_session_id))).substr(0, 32) + std::string(kSuffix));
}

Result<std::vector<SessionRecord>> FolderMemory::all() {
  std::vector<SessionRecord> records;
  std::error_code error;
  if (!std::filesystem::exists(folder_, error)) return records;
  std::filesystem::directory_iterator entries(folder_, error);
  if (error) {
    return fail(Fault::kRefused, "cannot read " + folder_.string() + ": " + error.message(),
                "the sessions that are under way are noted there");
  }
  for (const auto& entry : entries) {
    if (entry.path().extension() != kSuffix) continue;
    const SecretBytes text = TRY(storage::read_secret_file(entry.path(), kLargestRecord));
    Result<SessionRecord> record = record_from_json(text.expose_secret());
    if (!record) {
      return Failure(
          std::move(record.error()).in(entry.path().string()).with_hint("remove that file; 'airtight device abort' ends its session"));
    }
    records.push_back(std::move(*record));
  }
  return records;
}

Result<> FolderMemory::keep(const SessionRecord& record) {
  TRY(storage::make_private_folder(folder_));
  return storage::write_file(file_of(record.server_session_id), to_json(record), storage::FileMode::kPrivate);
}

Result<> FolderMemory::forget(std::string_view server_session_id) {
  const std::filesystem::path file = file_of(server_session_id);
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return {};
  return storage::remove_file(file);
}

Result<std::vector<SessionRecord>> sessions_under_way(SessionMemory& memory, sks::Channel& key_store) {
  std::vector<SessionRecord> records = TRY(memory.all());
  std::erase_if(records, [](const SessionRecord& record) { return record.delivered; });
  if (records.empty()) return records;
  const std::vector<SessionEntry> sessions = TRY(list_sessions(key_store));
  for (const SessionRecord& record : records) {
    if (!can_go_on(record, sessions)) TRY(memory.forget(record.server_session_id));
  }
  std::erase_if(records, [&](const SessionRecord& record) { return !can_go_on(record, sessions); });
  return records;
}

Result<> forget_delivered(SessionMemory& memory) {
  for (const SessionRecord& record : TRY(memory.all())) {
    if (record.delivered) TRY(memory.forget(record.server_session_id));
  }
  return {};
}

}  // namespace airtight::agent
