#include "mail/mail.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <span>

#include "base/bytes.h"
#include "base/c_handle.h"
#include "base/encoding.h"
#include "base/text.h"

namespace airtight::mail {
namespace {

constexpr std::size_t kMaxLocalPart = 64;  // RFC 5321 section 4.5.3.1
constexpr std::size_t kMaxDomain = 255;
constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxSubject = 200;
constexpr std::size_t kMaxText = 64U << 10;
constexpr std::size_t kBase64Line = 76;  // RFC 2045 section 6.8
constexpr std::size_t kEncodedWord =
    39;  // bytes in one encoded word, so that "Subject: " fits before it into 76 characters (RFC 2047 section 2)
constexpr std::size_t kMessageIdSize = 16;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
// RFC 5322 section 3.2.3.
bool is_atom_character(char c) { return is_alphanumeric(c) || std::strchr("!#$%&'*+-/=?^_`{|}~", c) != nullptr; }

// Parts between dots, none of them empty, each all of `is_good` characters.
bool is_dotted(std::string_view text, std::size_t max_part, bool (*is_good)(char)) {
  for (;;) {
    const std::string_view part = text.substr(0, text.find('.'));
    if (part.empty() || part.size() > max_part || !std::ranges::all_of(part, is_good)) return false;
    if (part.size() == text.size()) return true;
    text.remove_prefix(part.size() + 1);
  }
}

bool is_domain(std::string_view text) {
  const auto is_good = [](char c) { return is_alphanumeric(c) || c == '-'; };
  return text.size() <= kMaxDomain && is_dotted(text, kMaxLabel, is_good) && text.find("-.") == std::string_view::npos &&
         text.find(".-") == std::string_view::npos && text.front() != '-' && text.back() != '-';
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// What somebody else wrote, fit for one line of ours.
std::string plain(std::string_view text) {
  constexpr std::size_t kLongest = 300;
  std::string out(text.substr(0, kLongest));
  std::ranges::replace_if(out, [](char c) { return is_control(c) || static_cast<unsigned char>(c) >= 0x80; }, '?');
  return out;
}

// RFC 5322 section 3.3.
std::string date_of(Instant now) {
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = static_cast<std::time_t>(now.milliseconds / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  const auto two = [](int number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return std::string(kDays[static_cast<std::size_t>(parts.tm_wday)]) + ", " + two(parts.tm_mday) + " " +
         kMonths[static_cast<std::size_t>(parts.tm_mon)] + " " + std::to_string(parts.tm_year + 1900) + " " + two(parts.tm_hour) + ":" +
         two(parts.tm_min) + ":" + two(parts.tm_sec) + " +0000";
}

// RFC 2047: words of whole characters, each on a line of its own. Plain ASCII stays as it is.
std::string header_text(std::string_view text) {
  if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; }) && text.size() <= kEncodedWord) {
    return std::string(text);
  }
  std::string out;
  while (!text.empty()) {
    std::size_t size = std::min(kEncodedWord, text.size());
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80) --size;
    out += (out.empty() ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?") + base64_encode(bytes_of(text.substr(0, size))) + "?=";
    text.remove_prefix(size);
  }
  return out;
}

std::string base64_lines(std::string_view text) {
  std::string wire;  // lines of mail end with CRLF
  for (const char c : text) wire += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const std::string encoded = base64_encode(bytes_of(wire));
  std::string out;
  for (std::size_t at = 0; at < encoded.size(); at += kBase64Line) out += encoded.substr(at, kBase64Line) + "\r\n";
  return out;
}

// ---- libcurl ----------------------------------------------------------------------------------------------------------------------------

using Handle = CHandle<CURL, curl_easy_cleanup>;
using List = CHandle<curl_slist, curl_slist_free_all>;

// Once a process, and never undone: other threads may be using it.
bool library_is_ready() {
  static const bool kReady = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return kReady;
}

std::size_t read_text(char* out, std::size_t size, std::size_t count, void* text) {
  auto& rest = *static_cast<std::string_view*>(text);
  const std::size_t taken = std::min(size * count, rest.size());
  std::memcpy(out, rest.data(), taken);
  rest.remove_prefix(taken);
  return taken;
}

// Keeps the server's last line that refuses something (RFC 5321, section 4.2.1); libcurl says QUIT after it.
std::size_t keep_line(char* line, std::size_t size, std::size_t count, void* kept) {
  std::string text(line, size * count);
  while (!text.empty() && is_control(text.back())) text.pop_back();
  if (text.starts_with('4') || text.starts_with('5')) *static_cast<std::string*>(kept) = std::move(text);
  return size * count;
}

// Called about once a second, whatever the server does; anything but 0 ends the transfer.
int end_if_asked(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

// Collects what libcurl says no to, so that options can be set in a row.
class Options {
 public:
  explicit Options(CURL* handle) : handle_(handle) {}
  template <typename T>
  void set(CURLoption option, T value) {
    ok_ = ok_ && curl_easy_setopt(handle_, option, value) == CURLE_OK;
  }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  CURL* handle_;
  bool ok_ = true;
};

// Host and port as URLs have them.
std::string place_of(const Server& server) {
  const bool is_ipv6 = server.host.contains(':');
  return (is_ipv6 ? "[" + server.host + "]" : server.host) + ":" + std::to_string(server.port);
}

Error refusal(const Server& server, CURLcode code, const std::string& last_line) {
  const std::string place = place_of(server);
  const std::string words = last_line.empty() ? std::string(curl_easy_strerror(code)) : "it said: " + plain(last_line);
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      return {Fault::kUnavailable, "the mail server " + place + " had not taken the mail when the program was stopped", "send it again"};
    case CURLE_LOGIN_DENIED:
      return {Fault::kUnavailable, "the mail server " + place + " does not know the user or the password; " + words,
              "check user and password_file of [mail]"};
    case CURLE_USE_SSL_FAILED:
      return {Fault::kUnavailable, "the mail server " + place + " does not offer TLS",
              "set encryption of [mail] to \"tls\", or to \"none\" for a server on this machine"};
    case CURLE_PEER_FAILED_VERIFICATION:
      return {Fault::kUnavailable, "the TLS certificate of the mail server " + place + " is not accepted: " + curl_easy_strerror(code),
              "name the CA that issued it by ca_file of [mail]"};
    default: return {Fault::kUnavailable, "the mail was not taken by the mail server " + place + ": " + words, "check [mail]"};
  }
}

}  // namespace

bool is_address(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) return false;
  const std::string_view local = text.substr(0, at);
  return local.size() <= kMaxLocalPart && is_dotted(local, kMaxLocalPart, is_atom_character) && is_domain(text.substr(at + 1));
}

Result<> check(const Message& message) {
  for (const std::string* address : {&message.from, &message.to}) {
    if (!is_address(*address)) return fail(Fault::kBadInput, "this is no e-mail address: " + plain(*address));
  }
  if (message.subject.size() > kMaxSubject || !is_line(message.subject)) {
    return fail(Fault::kBadInput, "the subject of a mail has to be one line of UTF-8 of at most 200 bytes");
  }
  const auto is_bad = [](char c) { return is_control(c) && c != '\n' && c != '\t'; };
  if (message.text.size() > kMaxText || !is_utf8(bytes_of(message.text)) || std::ranges::any_of(message.text, is_bad)) {
    return fail(Fault::kBadInput, "the text of a mail has to be UTF-8 of at most 64 KiB without control characters");
  }
  return {};
}

Result<std::string> compose(const Message& message, Instant now, RandomSource& random) {
  TRY(check(message));
  const std::string domain = message.from.substr(message.from.find('@') + 1);
  return "Date: " + date_of(now) + "\r\nFrom: <" + message.from + ">\r\nTo: <" + message.to + ">\r\nMessage-ID: <" +
         hex_encode(random.bytes(kMessageIdSize)) + "@" + domain + ">\r\nSubject: " + header_text(message.subject) +
         "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
         // RFC 3834: nobody's holiday responder shall answer.
         "Auto-Submitted: auto-generated\r\n\r\n" +
         base64_lines(message.text);
}

Result<> send(const Server& server, const Message& message, Instant now, RandomSource& random, const std::stop_token& stop) {
  const std::string text = TRY(compose(message, now, random));
  const Handle handle(library_is_ready() ? curl_easy_init() : nullptr);
  if (!handle) return fail(Fault::kInternal, "libcurl cannot be used");
  const bool is_tls = server.encryption == Encryption::kTls;
  const std::string url = (is_tls ? "smtps://" : "smtp://") + place_of(server);
  const std::string from = "<" + message.from + ">";
  const List recipients(curl_slist_append(nullptr, ("<" + message.to + ">").c_str()));
  SecretBytes password(server.password.size() + 1);  // ends with a zero byte
  std::ranges::copy(server.password.expose_secret(), password.expose_secret_for_writing().begin());
  std::string_view rest = text;
  std::string last_line;

  Options options(handle.get());
  options.set(CURLOPT_URL, url.c_str());
  options.set(CURLOPT_PROTOCOLS_STR, is_tls ? "smtps" : "smtp");
  options.set(CURLOPT_PROXY, "");  // no variable of the environment decides where mail goes
  options.set(CURLOPT_NOSIGNAL, 1L);
  options.set(CURLOPT_TIMEOUT_MS, static_cast<long>(server.timeout.count()));
  options.set(CURLOPT_USE_SSL, static_cast<long>(server.encryption == Encryption::kNone ? CURLUSESSL_NONE : CURLUSESSL_ALL));
  options.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!server.ca_file.empty()) options.set(CURLOPT_CAINFO, server.ca_file.c_str());
  if (!server.user.empty()) {
    options.set(CURLOPT_USERNAME, server.user.c_str());
    options.set(CURLOPT_PASSWORD, reinterpret_cast<const char*>(password.expose_secret().data()));
  }
  options.set(CURLOPT_MAIL_FROM, from.c_str());
  options.set(CURLOPT_MAIL_RCPT, recipients.get());
  options.set(CURLOPT_UPLOAD, 1L);
  options.set(CURLOPT_READFUNCTION, &read_text);
  options.set(CURLOPT_READDATA, static_cast<void*>(&rest));
  options.set(CURLOPT_HEADERFUNCTION, &keep_line);
  options.set(CURLOPT_HEADERDATA, static_cast<void*>(&last_line));
  std::stop_token end = stop;
  options.set(CURLOPT_NOPROGRESS, 0L);
  options.set(CURLOPT_XFERINFOFUNCTION, &end_if_asked);
  options.set(CURLOPT_XFERINFODATA, static_cast<void*>(&end));
  if (!options.ok() || !recipients) return fail(Fault::kInternal, "libcurl cannot send mail");
  const CURLcode code = curl_easy_perform(handle.get());
  if (code != CURLE_OK) return Failure(refusal(server, code, last_line));
  return {};
}

}  // namespace airtight::mail
