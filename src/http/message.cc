#include "http/message.h"

#include <algorithm>

#include "http/internal/text.h"

namespace airtight::http {
namespace {

using internal::equal_ignoring_case;
using internal::take_until;
using internal::trim;

std::string media_type_of(const Headers& headers) {
  const auto value = headers.get("Content-Type");
  return value ? internal::lower_case(trim(value->substr(0, value->find(';')))) : std::string();
}

std::optional<std::string> form_decode(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return percent_decode(spaced);
}

std::optional<std::string> parameter_in(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    std::string_view value = take_until(form, '&');
    if (form_decode(take_until(value, '=')) == name) return form_decode(value);
  }
  return std::nullopt;
}

}  // namespace

void Headers::set(std::string_view name, std::string_view value) {
  std::erase_if(fields_, [&](const auto& field) { return equal_ignoring_case(field.first, name); });
  add(name, value);
}

void Headers::add(std::string_view name, std::string_view value) { fields_.emplace_back(name, value); }

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (equal_ignoring_case(field, name)) return value;
  }
  return std::nullopt;
}

std::string_view Request::path() const { return std::string_view(target).substr(0, target.find('?')); }

std::optional<std::string> Request::query_parameter(std::string_view name) const {
  const auto mark = target.find('?');
  if (mark == std::string::npos) return std::nullopt;
  return parameter_in(std::string_view(target).substr(mark + 1), name);
}

std::optional<std::string> Request::form_field(std::string_view name) const { return parameter_in(text_of(body), name); }

std::optional<std::string> Request::cookie(std::string_view name) const {
  for (const auto& [field, value] : headers.all()) {
    if (!equal_ignoring_case(field, "Cookie")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::string_view pair = trim(take_until(rest, ';'));
      const auto sign = pair.find('=');
      if (sign != std::string_view::npos && pair.substr(0, sign) == name) return std::string(pair.substr(sign + 1));
    }
  }
  return std::nullopt;
}

std::string Request::media_type() const { return media_type_of(headers); }
std::string Response::media_type() const { return media_type_of(headers); }

Response text_response(int status, std::string_view text, std::string_view content_type) {
  Response response{.status = status, .headers = {}, .body = to_bytes(text)};
  response.headers.set("Content-Type", content_type);
  return response;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = internal::hex_value(text[i + 1]);
    const int low = internal::hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace airtight::http
