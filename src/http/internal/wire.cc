#include "http/internal/wire.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include "http/internal/text.h"

namespace airtight::http::internal {
namespace {

using Reason = std::pair<int, std::string_view>;
constexpr std::array kReasons = {
    Reason{200, "OK"},
    Reason{201, "Created"},
    Reason{202, "Accepted"},
    Reason{204, "No Content"},
    Reason{301, "Moved Permanently"},
    Reason{302, "Found"},
    Reason{303, "See Other"},
    Reason{304, "Not Modified"},
    Reason{307, "Temporary Redirect"},
    Reason{308, "Permanent Redirect"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{406, "Not Acceptable"},
    Reason{408, "Request Timeout"},
    Reason{409, "Conflict"},
    Reason{410, "Gone"},
    Reason{411, "Length Required"},
    Reason{412, "Precondition Failed"},
    Reason{413, "Content Too Large"},
    Reason{414, "URI Too Long"},
    Reason{415, "Unsupported Media Type"},
    Reason{417, "Expectation Failed"},
    Reason{422, "Unprocessable Content"},
    Reason{428, "Precondition Required"},
    Reason{429, "Too Many Requests"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{502, "Bad Gateway"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
    Reason{505, "HTTP Version Not Supported"},
};

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!is_alpha(c) && !is_digit(c) && !std::string_view("!#$%&'*+-.^_`|~").contains(c)) return false;
  }
  return !text.empty();
}

// RFC 9110 section 5.5: no control characters but tabs, no white space around it.
bool is_field_value(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7F) return false;
  }
  return trim(text).size() == text.size();
}

bool is_framing(std::string_view name) {
  return equal_ignoring_case(name, "Content-Length") || equal_ignoring_case(name, "Transfer-Encoding") ||
         equal_ignoring_case(name, "Connection");
}

void put(Bytes& out, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) append(out, bytes_of(part));
}

// Writes the fields that are not ours to write, nor `other`'s.
Result<> put_fields(Bytes& out, const Headers& headers, std::string_view other) {
  for (const auto& [name, value] : headers.all()) {
    if (!is_token(name)) return fail(Fault::kBadInput, "a header field has a name that HTTP does not allow");
    if (!is_field_value(value)) return fail(Fault::kBadInput, "the header field " + name + " has a value that HTTP does not allow");
    if (!is_framing(name) && !equal_ignoring_case(name, other)) put(out, {name, ": ", value, "\r\n"});
  }
  return {};
}

constexpr std::size_t kRoomForHeader = 512;

}  // namespace

std::string_view reason_phrase(int status) {
  for (const auto& [code, phrase] : kReasons) {
    if (code == status) return phrase;
  }
  return "Status";
}

std::string http_date(Instant instant) {
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(instant.milliseconds)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::array<char, 64> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[std::chrono::weekday(day).c_encoding()],
      static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

Result<Bytes> write_response(const Response& response, Persistence persistence, BodyPart body, Instant now) {
  if (response.status < 200 || response.status > 599) return fail(Fault::kBadInput, "the response's status is not between 200 and 599");
  // RFC 9110 section 6.4.1: these have no content, and 204 has no length either.
  const bool bodiless = response.status == 204 || response.status == 304;
  const bool send_body = body == BodyPart::kSent && !bodiless;
  Bytes out;
  out.reserve(kRoomForHeader + (send_body ? response.body.size() : 0));
  put(out, {"HTTP/1.1 ", std::to_string(response.status), " ", reason_phrase(response.status), "\r\n"});
  TRY(put_fields(out, response.headers, "Date"));
  put(out, {"Date: ", http_date(now), "\r\n"});
  if (!bodiless) put(out, {"Content-Length: ", std::to_string(response.body.size()), "\r\n"});
  put(out, {persistence == Persistence::kClose ? "Connection: close\r\n\r\n" : "Connection: keep-alive\r\n\r\n"});
  if (send_body) append(out, response.body);
  return out;
}

Result<Bytes> write_request(const Request& request, const Url& url) {
  if (!is_token(request.method)) return fail(Fault::kBadInput, "the request's method is not one of HTTP");
  TRY(Url::parse(url.to_text()));  // a Url put together by hand must not smuggle a line end either
  Bytes out;
  out.reserve(kRoomForHeader + url.target.size() + request.body.size());
  put(out, {request.method, " ", url.target, " HTTP/1.1\r\nHost: ", url.authority(), "\r\n"});
  TRY(put_fields(out, request.headers, "Host"));
  if (!request.headers.get("User-Agent")) put(out, {"User-Agent: airtight\r\n"});
  const bool has_body = !request.body.empty() || (request.method != "GET" && request.method != "HEAD");
  if (has_body) put(out, {"Content-Length: ", std::to_string(request.body.size()), "\r\n"});
  put(out, {"\r\n"});
  append(out, request.body);
  return out;
}

}  // namespace airtight::http::internal
