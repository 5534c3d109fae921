#include "xml/internal/markup.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/text.h"
#include "xml/internal/characters.h"

namespace airtight::xml::internal {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

bool is_space(char c) { return kSpace.contains(c); }

// string_view::find_first_of, at the speed of one look-up a byte.
template <char... kWanted>
std::size_t find_any(std::string_view text, std::size_t from) {
  static constexpr auto kIsWanted = [] {
    std::array<bool, 256> table{};
    ((table[static_cast<unsigned char>(kWanted)] = true), ...);
    return table;
  }();
  while (from < text.size() && !kIsWanted[static_cast<unsigned char>(text[from])]) ++from;
  return from < text.size() ? from : std::string_view::npos;
}

std::string_view without_leading_space(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

class MarkupCheck {
 public:
  MarkupCheck(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {}

  Result<> run() {
    if (text_.size() > limits_.max_bytes) {
      return fail(Fault::kBadInput, "the document has " + std::to_string(text_.size()) + " bytes, more than the limit of " +
                                        std::to_string(limits_.max_bytes));
    }
    TRY(check_characters());
    TRY(check_declaration());
    while ((at_ = text_.find('<', at_)) != std::string_view::npos) TRY(check_construct());
    return {};
  }

 private:
  Failure refuse(std::size_t at, std::string_view what, std::string hint = {}) const {
    const auto line = 1 + std::ranges::count(text_.substr(0, at), '\n');
    return fail(Fault::kBadInput, "line " + std::to_string(line) + ": " + std::string(what), std::move(hint));
  }

  // XML 1.0 section 2.2.
  Result<> check_characters() const {
    const std::string hint = "Documents are XML 1.0 in UTF-8.";
    if (!is_utf8(bytes_of(text_))) {
      std::size_t line = 0;
      while (is_utf8(bytes_of(text_.substr(line, text_.find('\n', line) - line)))) line = text_.find('\n', line) + 1;
      return refuse(line, "the text is not UTF-8", hint);
    }
    const std::size_t forbidden = find_forbidden(text_);
    if (forbidden != std::string_view::npos) return refuse(forbidden, "a character that XML does not allow", hint);
    return {};
  }

  // XML 1.0 section 2.8, production 23. Its grammar is left to libxml2, which is told to ignore the encoding.
  Result<> check_declaration() {
    if (!text_.starts_with("<?xml") || text_.size() < 6 || !is_space(text_[5])) return {};
    const std::size_t end = text_.find("?>");
    if (end == std::string_view::npos) return refuse(0, "the XML declaration does not end");
    std::string_view rest = text_.substr(5, end - 5);
    while (!(rest = without_leading_space(rest)).empty()) {
      const std::size_t equals = std::min(rest.find('='), rest.size());
      const std::string_view name = rest.substr(0, std::min(rest.find_first_of(kSpace), equals));
      rest = without_leading_space(rest.substr(std::min(equals + 1, rest.size())));
      const std::size_t close = rest.empty() ? std::string_view::npos : rest.find(rest.front(), 1);
      if (close == std::string_view::npos) return refuse(0, "the XML declaration is malformed");
      const std::string_view value = rest.substr(1, close - 1);
      rest.remove_prefix(close + 1);
      if (name == "version" && value != "1.0") return refuse(0, "the XML version is not 1.0");
      if (name == "encoding" && !equal_ignoring_case(value, "UTF-8")) return refuse(0, "the declared encoding is not UTF-8");
    }
    at_ = end + 2;
    return {};
  }

  // One construct that starts with '<' at at_, which moves behind it.
  Result<> check_construct() {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("<!--")) return check_comment();
    if (rest.starts_with("<![CDATA[") && !namespaces_.empty()) return skip_to("]]>", "a CDATA section that does not end");
    if (rest.starts_with("<!")) {
      return refuse(at_, "a document type or other declaration, which is not allowed", "Send the document without <!DOCTYPE ...>.");
    }
    if (rest.starts_with("<?")) return check_instruction();
    if (rest.starts_with("</")) return check_end_tag();
    return check_start_tag();
  }

  Result<> skip_to(std::string_view end, std::string_view otherwise) {
    const std::size_t found = text_.find(end, at_);
    if (found == std::string_view::npos) return refuse(at_, otherwise);
    at_ = found + end.size();
    return {};
  }

  Result<> check_comment() {
    const std::size_t start = at_;
    at_ += 4;
    TRY(skip_to("--", "a comment that does not end"));
    if (!text_.substr(at_).starts_with('>')) return refuse(start, "a comment with two hyphens inside");
    return {};
  }

  // Processing instructions mean nothing here; they are kept as they are.
  Result<> check_instruction() {
    const std::size_t target = at_ + 2;
    const std::size_t end = find_any<' ', '\t', '\r', '\n', '?'>(text_, target);
    if (end == std::string_view::npos || !is_ncname(text_.substr(target, end - target))) {
      return refuse(at_, "a processing instruction without a proper name");
    }
    return skip_to("?>", "a processing instruction that does not end");
  }

  Result<> check_end_tag() {
    const std::size_t end = find_any<'<', '>'>(text_, at_ + 1);
    if (end == std::string_view::npos || text_[end] == '<') return refuse(at_, "an end tag that does not end");
    if (namespaces_.empty()) return refuse(at_, "an end tag without its start tag");
    namespaces_.pop_back();
    at_ = end + 1;
    return {};
  }

  Result<> check_start_tag() {
    std::size_t attributes = 0;
    std::size_t namespaces = namespaces_.empty() ? 0 : namespaces_.back();
    const std::size_t start = at_;
    std::size_t name =
        std::min(find_any<' ', '\t', '\r', '\n', '/', '>'>(text_, start), text_.size());  // of the element, then of each attribute
    for (std::size_t i = name; true; ++i) {
      i = find_any<'<', '>', '"', '\''>(text_, i);
      if (i == std::string_view::npos || text_[i] == '<') return refuse(start, "a tag that does not end");
      if (text_[i] == '>') {
        at_ = i + 1;
        break;
      }
      if (without_leading_space(text_.substr(name, i - name)).starts_with("xmlns")) ++namespaces;
      const std::size_t close = text_.find(text_[i], i + 1);
      if (close == std::string_view::npos || text_.substr(i, close - i).contains('<')) return refuse(i, "an attribute that does not end");
      ++attributes;
      i = close;
      name = close + 1;
    }
    // libxml2 compares each attribute of an element with each other, and looks for each prefix among all that are in scope.
    if (attributes > limits_.max_attributes) return refuse(start, "more than " + std::to_string(limits_.max_attributes) + " attributes");
    if (namespaces > limits_.max_namespaces) return refuse(start, "more than " + std::to_string(limits_.max_namespaces) + " namespaces");
    if (namespaces_.size() >= limits_.max_depth) {
      return refuse(start, "elements are nested more than " + std::to_string(limits_.max_depth) + " levels deep");
    }
    if (text_[at_ - 2] != '/') namespaces_.push_back(namespaces);
    return {};
  }

  std::string_view text_;
  const Limits& limits_;
  std::size_t at_ = 0;
  std::vector<std::size_t> namespaces_;  // for each open element, the declarations in scope
};

}  // namespace

Result<> check_markup(std::string_view text, const Limits& limits) { return MarkupCheck(text, limits).run(); }

}  // namespace airtight::xml::internal
