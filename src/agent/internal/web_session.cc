#include "agent/internal/web_session.h"

#include <algorithm>
#include <boost/json.hpp>
#include <span>
#include <utility>

#include "agent/printable.h"
#include "keygen2/messages.h"

namespace airtight::agent {
namespace {

constexpr int kMaxRedirects = 5;
constexpr std::size_t kMaxCookies = 50;
constexpr std::size_t kMaxCookieSize = 4096;
constexpr std::string_view kProblemType = "application/problem+json";

bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// Cuts what stands before `separator` off the front of `rest`.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

struct Parameter {
  std::string_view name;
  std::string_view value;
};

Parameter parameter_of(std::string_view text) {
  std::string_view value = text;
  const std::string_view name = trimmed(take_until(value, '='));
  value = trimmed(value);
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  return {name, value};
}

std::string_view path_of(const http::Url& url) { return std::string_view(url.target).substr(0, url.target.find('?')); }

// RFC 6265 section 5.1.4.
std::string_view default_cookie_path(const http::Url& url) {
  const std::string_view path = path_of(url);
  const std::size_t last = path.rfind('/');
  return last == 0 || last == std::string_view::npos ? "/" : path.substr(0, last);
}

bool path_matches(std::string_view path, std::string_view cookie_path) {
  if (!path.starts_with(cookie_path)) return false;
  return path.size() == cookie_path.size() || cookie_path.ends_with('/') || path[cookie_path.size()] == '/';
}

// The issuer's own words in a problem document, if that is what the body is.
std::string words_of(const http::Response& response) {
  if (response.media_type() != kProblemType) return {};
  boost::system::error_code error;
  const boost::json::value problem = boost::json::parse(text_of(response.body), error);
  if (error || !problem.is_object()) return {};
  for (const char* member : {"detail", "title"}) {
    if (const auto* text = problem.as_object().if_contains(member); text != nullptr && text->is_string()) {
      return printable(std::string_view(text->as_string().data(), text->as_string().size()));
    }
  }
  return {};
}

// What a user does about a refusal with `status` (RFC 9110, section 15; RFC 6585, section 4).
std::string next_step(int status) {
  constexpr int kUnauthorized = 401;
  constexpr int kTooManyRequests = 429;
  constexpr int kServiceUnavailable = 503;
  switch (status) {
    case kUnauthorized: return "say who you are by --token-file or --client-cert, as the issuer registered you";
    case kTooManyRequests:
    case kServiceUnavailable: return "try again later";
    default: return "ask the issuer for a new enrolment URL";
  }
}

http::Request request_of(std::string_view method) {
  http::Request request;
  request.method = method;
  return request;
}

}  // namespace

bool Reply::is_message() const { return response.status >= 200 && response.status < 300 && response.media_type() == keygen2::kMediaType; }

Result<Reply> WebSession::get(std::string_view text) {
  http::Url url = TRY(place_.permitted(text));
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    Reply reply = TRY(send(url, request_of("GET")));
    if (!is_redirect(reply.response.status)) {
      place_.host = reply.url.host;
      return checked(std::move(reply));
    }
    const auto location = reply.response.headers.get("Location");
    if (!location) return fail(Fault::kRefused, url.host + " redirects without saying where to");
    http::Url next = TRY(url.resolve(*location));
    if (next.host != url.host) {
      return fail(Fault::kRefused, url.host + " redirects to another host, " + next.host, "if you trust that host, start at its own URL");
    }
    if (place_.was_https && next.scheme != "https") return fail(Fault::kRefused, url.host + " redirects from HTTPS to plain HTTP");
    url = std::move(next);
  }
  return fail(Fault::kRefused, url.host + " redirects in circles");
}

Result<Reply> WebSession::post(const http::Url& url, ByteView message) {
  http::Request request = request_of("POST");
  request.body = to_bytes(message);
  request.headers.set("Content-Type", keygen2::kMediaType);
  Reply reply = TRY(send(url, std::move(request)));
  if (is_redirect(reply.response.status)) return fail(Fault::kRefused, url.host + " redirects a POST, which KeyGen2 forbids");
  return checked(std::move(reply));
}

Result<Reply> WebSession::send(const http::Url& url, http::Request request) {
  request.target = url.target;
  request.headers.set("Accept", std::string(keygen2::kMediaType) + ", " + std::string(kProblemType));
  if (const std::string cookies = cookies_for(url); !cookies.empty()) request.headers.set("Cookie", cookies);
  if (url.scheme == "https") place_.was_https = true;
  http::Exchange exchange = TRY(client_.send(url, std::move(request)));
  for (const auto& [name, value] : exchange.response.headers.all()) {
    if (equal_ignoring_case(name, "Set-Cookie")) keep_cookie(url, value);
  }
  Reply reply{.url = url, .response = std::move(exchange.response), .server_certificate = std::nullopt};
  if (exchange.server_certificate) reply.server_certificate = TRY(crypto::Certificate::parse(*exchange.server_certificate));
  return reply;
}

Result<Reply> WebSession::checked(Reply reply) {
  const int status = reply.response.status;
  if (status >= 200 && status < 300) return reply;
  refused_by_issuer_ = status >= 400 && status < 600;
  const std::string words = words_of(reply.response);
  Error error{Fault::kRefused, reply.url.host + " answered with status " + std::to_string(status) + (words.empty() ? "" : ": " + words),
              next_step(status), Answer{Protocol::kHttp, status}};
  return Failure(std::move(error));
}

std::string WebSession::cookies_for(const http::Url& url) const {
  std::string field;
  for (const WebCookie& cookie : place_.cookies) {
    if ((cookie.secure && url.scheme != "https") || !path_matches(path_of(url), cookie.path)) continue;
    field += (field.empty() ? "" : "; ") + cookie.name + '=' + cookie.value;
  }
  return field;
}

// Domain is ignored: a cookie goes back to the host that set it and nowhere else, and all of a session is one host.
void WebSession::keep_cookie(const http::Url& url, std::string_view field) {
  if (field.size() > kMaxCookieSize) return;
  const std::string_view pair = take_until(field, ';');
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return;
  WebCookie cookie{.name = std::string(trimmed(pair.substr(0, equals))),
                   .value = std::string(trimmed(pair.substr(equals + 1))),
                   .path = std::string(default_cookie_path(url))};
  bool expired = false;
  while (!field.empty()) {
    const Parameter attribute = parameter_of(take_until(field, ';'));
    if (equal_ignoring_case(attribute.name, "Path") && attribute.value.starts_with('/')) cookie.path = attribute.value;
    if (equal_ignoring_case(attribute.name, "Secure")) cookie.secure = true;
    if (equal_ignoring_case(attribute.name, "Max-Age")) expired = attribute.value.starts_with('-') || attribute.value == "0";
  }
  std::erase_if(place_.cookies, [&](const WebCookie& old) { return old.name == cookie.name && old.path == cookie.path; });
  if (!cookie.name.empty() && !expired && place_.cookies.size() < kMaxCookies) place_.cookies.push_back(std::move(cookie));
}

std::optional<http::Url> resume_link(const Reply& reply) {
  for (const auto& [name, value] : reply.response.headers.all()) {
    if (!equal_ignoring_case(name, "Link")) continue;
    std::string_view rest = value;
    const std::size_t open = rest.find('<');
    const std::size_t close = rest.find('>');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) continue;
    const std::string_view target = rest.substr(open + 1, close - open - 1);
    rest.remove_prefix(close + 1);
    while (!rest.empty()) {
      const Parameter parameter = parameter_of(take_until(rest, ';'));
      if (!equal_ignoring_case(parameter.name, "rel") || !equal_ignoring_case(parameter.value, "resume")) continue;
      if (Result<http::Url> url = reply.url.resolve(target)) return std::move(*url);
    }
  }
  return std::nullopt;
}

}  // namespace airtight::agent
