// A SessionRecord as JSON text.
#include <algorithm>
#include <boost/json.hpp>
#include <limits>

#include "agent/session_memory.h"
#include "base/encoding.h"
#include "keygen2/state_machines.h"

namespace airtight::agent {
namespace {

namespace json = boost::json;

constexpr int kVersion = 1;

json::string text_value(std::string_view text) { return json::string(text.data(), text.size()); }

void put(json::object& object, const char* name, const std::optional<crypto::Certificate>& certificate) {
  if (certificate) object[name] = base64_encode(certificate->der());
}

json::array cookies_as_json(const std::vector<WebCookie>& cookies) {
  json::array array;
  for (const WebCookie& cookie : cookies) {
    array.push_back(json::object{{"name", cookie.name}, {"value", cookie.value}, {"path", cookie.path}, {"secure", cookie.secure}});
  }
  return array;
}

Failure unreadable(std::string_view what) {
  return fail(Fault::kBadInput, "this is no record of a session: " + std::string(what) + " cannot be read");
}

// Takes the members of one object; a member that is not of its type is an error that names it.
class Members {
 public:
  explicit Members(const json::object& object) : object_(object) {}

  Result<std::string> text(const char* name) const {
    const json::value* value = object_.if_contains(name);
    if (value == nullptr || !value->is_string()) return unreadable(name);
    return std::string(value->as_string());
  }
  Result<std::optional<std::string>> optional_text(const char* name) const {
    if (!object_.contains(name)) return std::optional<std::string>();
    return std::optional<std::string>(TRY(text(name)));
  }
  Result<bool> flag(const char* name) const {
    const json::value* value = object_.if_contains(name);
    if (value == nullptr || !value->is_bool()) return unreadable(name);
    return value->as_bool();
  }
  Result<std::uint32_t> number(const char* name) const {
    const json::value* value = object_.if_contains(name);
    if (value == nullptr || !value->is_int64() || value->as_int64() < 0 || value->as_int64() > std::numeric_limits<std::uint32_t>::max()) {
      return unreadable(name);
    }
    return static_cast<std::uint32_t>(value->as_int64());
  }
  Result<Bytes> bytes(const char* name) const {
    const std::string encoded = TRY(text(name));
    Result<Bytes> decoded = base64_decode(encoded);
    if (!decoded) return unreadable(name);
    return decoded;
  }
  Result<std::optional<crypto::Certificate>> certificate(const char* name) const {
    if (!object_.contains(name)) return std::optional<crypto::Certificate>();
    const Bytes der = TRY(bytes(name));
    Result<crypto::Certificate> parsed = crypto::Certificate::parse(der);
    if (!parsed) return unreadable(name);
    return std::optional(std::move(*parsed));
  }
  [[nodiscard]] bool has(const char* name) const { return object_.contains(name); }

 private:
  const json::object& object_;
};

Result<std::vector<WebCookie>> cookies_from(const json::object& object) {
  std::vector<WebCookie> cookies;
  const json::value* array = object.if_contains("cookies");
  if (array == nullptr || !array->is_array()) return unreadable("cookies");
  for (const json::value& value : array->as_array()) {
    if (!value.is_object()) return unreadable("cookies");
    const Members members(value.as_object());
    WebCookie cookie;
    cookie.name = TRY(members.text("name"));
    cookie.value = TRY(members.text("value"));
    cookie.path = TRY(members.text("path"));
    cookie.secure = TRY(members.flag("secure"));
    cookies.push_back(std::move(cookie));
  }
  return cookies;
}

Result<keygen2::ClientState> state_named(std::string_view name) {
  for (std::size_t i = 0; i < keygen2::kClientStates; ++i) {
    const auto state = static_cast<keygen2::ClientState>(i);
    if (keygen2::name_of(state) == name) return state;
  }
  return unreadable("state");
}

}  // namespace

Bytes to_json(const SessionRecord& record) {
  json::object object{{"version", kVersion},
                      {"server_session_id", record.server_session_id},
                      {"client_session_id", record.client_session_id},
                      {"issuer_uri", record.issuer_uri},
                      {"state", text_value(keygen2::name_of(record.state))},
                      {"files", record.transport == Transport::kFiles},
                      {"host", record.place.host},
                      {"https", record.place.was_https},
                      {"cookies", cookies_as_json(record.place.cookies)},
                      {"submit_url", record.submit_url},
                      {"life_time", record.life_time},
                      {"updatable", record.updatable},
                      {"deferred_certification", record.deferred_certification},
                      {"retry_after", record.retry_after},
                      {"at_work", record.at_work},
                      {"delivered", record.delivered},
                      {"response", base64_encode(record.response)}};
  if (record.abort_url) object["abort_url"] = *record.abort_url;
  if (record.resume_url) object["resume_url"] = *record.resume_url;
  if (record.renews) object["renews"] = *record.renews;
  if (record.answered) object["answered"] = base64_encode(*record.answered);
  put(object, "signer", record.signer);
  put(object, "origin", record.origin);
  return to_bytes(json::serialize(object) + "\n");
}

Result<SessionRecord> record_from_json(ByteView text) {
  boost::system::error_code error;
  const json::value value = json::parse(text_of(text), error);
  if (error || !value.is_object()) return unreadable("it");
  const json::object& object = value.as_object();
  const Members members(object);
  if (TRY(members.number("version")) != kVersion) return unreadable("its version");
  SessionRecord record;
  record.server_session_id = TRY(members.text("server_session_id"));
  record.client_session_id = TRY(members.text("client_session_id"));
  record.issuer_uri = TRY(members.text("issuer_uri"));
  const std::string state = TRY(members.text("state"));
  record.state = TRY(state_named(state));
  record.transport = TRY(members.flag("files")) ? Transport::kFiles : Transport::kWeb;
  record.place.host = TRY(members.text("host"));
  record.place.was_https = TRY(members.flag("https"));
  record.place.cookies = TRY(cookies_from(object));
  record.submit_url = TRY(members.text("submit_url"));
  record.abort_url = TRY(members.optional_text("abort_url"));
  record.signer = TRY(members.certificate("signer"));
  record.origin = TRY(members.certificate("origin"));
  record.life_time = TRY(members.number("life_time"));
  record.updatable = TRY(members.flag("updatable"));
  record.deferred_certification = TRY(members.flag("deferred_certification"));
  record.resume_url = TRY(members.optional_text("resume_url"));
  record.retry_after = TRY(members.text("retry_after"));
  if (members.has("renews")) record.renews = TRY(members.number("renews"));
  record.at_work = TRY(members.flag("at_work"));
  record.delivered = TRY(members.flag("delivered"));
  if (members.has("answered")) {
    const Bytes answered = TRY(members.bytes("answered"));
    if (answered.size() != crypto::Sha256Value().size()) return unreadable("answered");
    std::ranges::copy(answered, record.answered.emplace().begin());
  }
  record.response = TRY(members.bytes("response"));
  return record;
}

}  // namespace airtight::agent
