// URLs (RFC 3986), as strictly as issuers and agents need them: what two programs could read in two ways is refused.
#include <arpa/inet.h>

#include <array>
#include <charconv>

#include "http/internal/text.h"
#include "http/message.h"

namespace airtight::http {
namespace {

using internal::is_alpha;
using internal::is_digit;

constexpr std::size_t kMaxUrl = 2048;

Failure bad_url(std::string why) {
  return fail(Fault::kBadInput, "the URL is malformed: " + std::move(why), "write it as https://host[:port]/path");
}

// unreserved, reserved and "%" of RFC 3986 section 2, without the brackets, which only an IPv6 host may have.
constexpr bool is_url_char(char c) { return is_alpha(c) || is_digit(c) || std::string_view("-._~:/?#@!$&'()*+,;=%").contains(c); }

bool is_address(int family, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(family, host.c_str(), address.data()) == 1;
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
  for (const char c : label) {
    if (!is_alpha(c) && !is_digit(c) && c != '-' && c != '_') return false;
  }
  return true;
}

// A DNS name, or an IPv4 address in its one canonical form: a name whose last label is a number would be an address to some.
bool is_name_or_ipv4(const std::string& host) {
  if (host.empty() || host.size() > 253 || host.back() == '.') return false;
  std::string_view rest = host;
  std::string_view label;
  while (!rest.empty()) {
    label = internal::take_until(rest, '.');
    if (!is_label(label)) return false;
  }
  const bool number = label.find_first_not_of("0123456789") == std::string_view::npos || label.starts_with("0x");
  return !number || is_address(AF_INET, host);
}

Result<unsigned short> parse_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.size() > 5 || error != std::errc() || end != text.data() + text.size() || value == 0 || value > 65535) {
    return bad_url("the port is not a number from 1 to 65535");
  }
  return static_cast<unsigned short>(value);
}

// Reads host[:port] into `url`.
Result<> parse_authority(std::string_view authority, Url& url) {
  if (authority.contains('@')) return bad_url("it has user info before the host");
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return bad_url("the bracket of the IPv6 address is not closed");
    url.host = internal::lower_case(authority.substr(1, end - 1));
    if (!is_address(AF_INET6, url.host)) return bad_url("what is in brackets is not an IPv6 address");
    port = authority.substr(end + 1);
  } else {
    url.host = internal::lower_case(authority.substr(0, authority.find(':')));
    if (!is_name_or_ipv4(url.host)) return bad_url("the host is neither a name nor an address");
    port = authority.substr(url.host.size());
  }
  if (port.empty()) return {};
  if (port.front() != ':') return bad_url("something follows the host");
  url.port = TRY(parse_port(port.substr(1)));
  return {};
}

unsigned short default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

// RFC 3986 section 5.2.4.
std::string remove_dot_segments(std::string_view path) {
  std::string out;
  path.remove_prefix(1);  // it starts with "/"
  for (bool more = true; more;) {
    more = path.contains('/');
    const std::string_view segment = internal::take_until(path, '/');
    if (segment == "..") out.erase(out.empty() ? 0 : out.rfind('/'));
    const bool dots = segment == "." || segment == "..";
    if (!dots) (out += '/') += segment;
    if (dots && !more) out += '/';
  }
  return out;
}

// True if `reference` starts with a scheme (RFC 3986 section 3.1).
bool has_scheme(std::string_view reference) {
  const auto end = reference.find_first_of(":/?#");
  return end != std::string_view::npos && reference[end] == ':';
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > kMaxUrl) return bad_url("it is longer than 2048 bytes");
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return bad_url("it does not start with http:// or https://");
  Url url;
  url.scheme = internal::lower_case(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") return bad_url("its scheme is neither http nor https");
  url.port = default_port(url.scheme);

  std::string_view rest = text.substr(colon + 3);
  const auto end = rest.find_first_of("/?#");
  const std::string_view authority = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (!is_url_char(rest[i])) return bad_url("it has a character that must be percent-encoded");
    const bool escape = rest[i] == '%';
    if (escape && (i + 2 >= rest.size() || internal::hex_value(rest[i + 1]) < 0 || internal::hex_value(rest[i + 2]) < 0)) {
      return bad_url("a percent sign is not followed by two hex digits");
    }
  }
  TRY(parse_authority(authority, url));
  rest = rest.substr(0, rest.find('#'));
  url.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  return url;
}

std::string Url::authority() const {
  std::string out = host.contains(':') ? "[" + host + "]" : host;
  if (port != default_port(scheme)) out += ":" + std::to_string(port);
  return out;
}

std::string Url::to_text() const { return scheme + "://" + authority() + target; }

Result<Url> Url::resolve(std::string_view reference) const {
  std::string absolute;
  const std::string_view own_path = std::string_view(target).substr(0, target.find('?'));
  if (has_scheme(reference)) {
    absolute = reference;
  } else if (reference.starts_with("//")) {
    absolute = scheme + ":" + std::string(reference);
  } else {
    absolute = scheme + "://" + authority();
    if (reference.starts_with('/')) {
      absolute += reference;
    } else if (reference.starts_with('?')) {
      (absolute += own_path) += reference;
    } else if (reference.empty() || reference.starts_with('#')) {
      absolute += target;
    } else {
      (absolute += own_path.substr(0, own_path.rfind('/') + 1)) += reference;
    }
  }
  Url url = TRY(parse(absolute));
  const auto query = url.target.find('?');
  std::string path = remove_dot_segments(std::string_view(url.target).substr(0, query));
  url.target = query == std::string::npos ? std::move(path) : path + url.target.substr(query);
  return url;
}

}  // namespace airtight::http
