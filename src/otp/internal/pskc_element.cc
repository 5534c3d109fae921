#include "otp/internal/pskc_element.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/encoding.h"

namespace airtight::otp::internal {
namespace {

constexpr std::size_t kLongestText = 1024;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kWhiteSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

}  // namespace

Failure malformed(std::string what) { return fail(Fault::kBadInput, "the key container " + std::move(what)); }
Failure not_taken(std::string why) { return fail(Fault::kRefused, std::move(why)); }

std::optional<xml::Element> Sequence::take(std::string_view name, std::string_view space) {
  if (at_ == children_.size() || !children_[at_].is(space, name)) return std::nullopt;
  return children_[at_++];
}

Result<xml::Element> Sequence::require(std::string_view name, std::string_view space) {
  if (auto element = take(name, space)) return *element;
  return malformed("has no " + quoted(name) + " where " + quoted(parent_.name()) + " needs one");
}

void Sequence::skip(std::string_view name) {
  while (take(name)) {
  }
}

std::optional<xml::Element> Sequence::next() {
  if (at_ == children_.size()) return std::nullopt;
  return children_[at_++];
}

Result<> Sequence::end() const {
  if (at_ == children_.size()) return {};
  return malformed("has a " + quoted(children_[at_].name()) + " in " + quoted(parent_.name()) + ", where it does not belong");
}

Result<> only_attributes(xml::Element element, std::initializer_list<std::string_view> names) {
  for (const std::string& name : element.attribute_names()) {
    if (!name.starts_with('{') && std::ranges::find(names, name) == names.end()) {
      return malformed("has an attribute " + quoted(name) + " in " + quoted(element.name()) + ", where it does not belong");
    }
  }
  return {};
}

Result<std::string> text_of_element(const std::optional<xml::Element>& element) {
  if (!element) return std::string();
  if (!element->children().empty()) return malformed("has elements in " + quoted(element->name()) + ", which is text");
  const std::string text = element->text();
  const std::string_view content = trimmed(text);
  if (content.size() > kLongestText) return malformed("has more than 1024 bytes in " + quoted(element->name()));
  return std::string(content);
}

Result<std::uint64_t> number_in_text(std::string_view name, std::string_view text, std::uint64_t largest) {
  const std::string_view digits = trimmed(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || value > largest) {
    return malformed("has a " + quoted(name) + " that is no number from 0 to " + std::to_string(largest));
  }
  return value;
}

Result<SecretBytes> secret_in_base64(xml::Element element) {
  std::string text = element.text();
  auto decoded = base64_decode(text, Whitespace::kXml);
  wipe(std::as_writable_bytes(std::span(text)));
  if (!decoded) return malformed("has a " + quoted(element.name()) + " that is not base64");
  SecretBytes secret = SecretBytes::copy_of(*decoded);
  wipe(*decoded);
  return secret;
}

Result<Bytes> bytes_in_base64(xml::Element element) {
  auto decoded = base64_decode(element.text(), Whitespace::kXml);
  if (!decoded) return malformed("has a " + quoted(element.name()) + " that is not base64");
  return std::move(*decoded);
}

}  // namespace airtight::otp::internal
