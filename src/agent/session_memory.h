// What an agent remembers of a session between two messages, so that it can go on in another process: after an interruption, at a resume
// URL, from file to file. The keys and their secrets are the key store's; this is the conversation around them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/user_interface.h"
#include "base/bytes.h"
#include "base/result.h"
#include "crypto/certificate.h"
#include "crypto/digest.h"
#include "http/message.h"
#include "keygen2/state_machines.h"
#include "sks/client.h"

namespace airtight::agent {

struct WebCookie {
  std::string name;
  std::string value;
  std::string path;
  bool secure = false;

  friend bool operator==(const WebCookie&, const WebCookie&) = default;
};

// Where the messages of a session may go: to one host, over HTTPS once it was HTTPS (keygen2.md section 6).
struct WebPlace {
  std::string host = {};  // empty: not known yet
  bool was_https = false;
  std::vector<WebCookie> cookies = {};

  // `text` as a URL to which this session may send. Fault::kRefused for another host, and for plain HTTP after HTTPS.
  [[nodiscard]] Result<http::Url> permitted(std::string_view text) const;

  friend bool operator==(const WebPlace&, const WebPlace&) = default;
};

struct SessionRecord {
  std::string server_session_id = {};
  std::string client_session_id = {};  // empty before there is a session of the key store
  std::string issuer_uri = {};
  keygen2::ClientState state = keygen2::ClientState::kStart;
  Transport transport = Transport::kWeb;
  WebPlace place = {};
  std::string submit_url = {};  // where the last response goes
  std::optional<std::string> abort_url = {};
  std::optional<crypto::Certificate> signer = {};
  std::optional<crypto::Certificate> origin = {};  // of the connection by which the last request came
  std::uint32_t life_time = 0;                     // seconds
  bool updatable = false;
  bool deferred_certification = false;
  std::optional<std::string> resume_url = {};
  std::string retry_after = {};
  std::optional<std::uint32_t> renews = {};  // handle of the key whose renewal this is
  // True while the key store is at work for a request: a process that finds this so does not know how far it came.
  bool at_work = false;
  // True once the last response of a session by files is safe in its file: it has ended, and its response may be wanted once more.
  bool delivered = false;
  std::optional<crypto::Sha256Value> answered = {};  // SHA-256 of the last request that was answered
  Bytes response = {};                               // to it; empty: none yet

  friend bool operator==(const SessionRecord&, const SessionRecord&) = default;
};

// The record as JSON text, and back. Fault::kBadInput for anything else.
[[nodiscard]] Bytes to_json(const SessionRecord& record);
[[nodiscard]] Result<SessionRecord> record_from_json(ByteView text);

class SessionMemory {
 public:
  virtual ~SessionMemory() = default;
  // Every record, in no order.
  [[nodiscard]] virtual Result<std::vector<SessionRecord>> all() = 0;
  // Puts `record` in the place of an earlier one of its server's session. Durable when it returns.
  [[nodiscard]] virtual Result<> keep(const SessionRecord& record) = 0;
  // Nothing happens if there is none.
  [[nodiscard]] virtual Result<> forget(std::string_view server_session_id) = 0;
};

// One private file (0600) a session in `folder`, which is made when it is needed. In the folder of a key store the records go with the
// store to another computer.
class FolderMemory final : public SessionMemory {
 public:
  explicit FolderMemory(std::filesystem::path folder) : folder_(std::move(folder)) {}
  [[nodiscard]] Result<std::vector<SessionRecord>> all() override;
  [[nodiscard]] Result<> keep(const SessionRecord& record) override;
  [[nodiscard]] Result<> forget(std::string_view server_session_id) override;

 private:
  [[nodiscard]] std::filesystem::path file_of(std::string_view server_session_id) const;
  std::filesystem::path folder_;
};

// The records whose sessions can still go on: those with an open session of the key store or none yet, and those whose last message the
// issuer may not have. The others, which the key store has dropped (expired, aborted), are forgotten; those whose last response was
// delivered are left out.
[[nodiscard]] Result<std::vector<SessionRecord>> sessions_under_way(SessionMemory& memory, sks::Channel& key_store);

// Drops the responses that were kept for a repetition after their sessions had ended.
[[nodiscard]] Result<> forget_delivered(SessionMemory& memory);

}  // namespace airtight::agent
