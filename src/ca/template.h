// Text with placeholders, such as "CN={subject.cn},O=Example Bank": what a profile says about names in its certificates and texts beside
// them, before an enrolment says the rest. Values go in as values; nothing in them is ever read as the syntax of a name.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace airtight::ca {

// Which facts the templates of one kind may name, and what kind of text they are. It outlives all templates and facts made with it.
struct Vocabulary {
  std::span<const std::string_view> names;
  std::string_view prefix = {};  // what begins with it is a name too; empty: nothing else
  // Text of any length and number of lines, and facts likewise; otherwise of 1 to 1024 bytes without control characters.
  bool is_prose = false;

  [[nodiscard]] bool has(std::string_view name) const;
};

// What templates of every kind call the attributes of a subject.
inline constexpr auto kSubjectNames = std::to_array<std::string_view>(
    {"subject.cn", "subject.o", "subject.ou", "subject.c", "subject.l", "subject.st", "subject.serialnumber", "subject.emailaddress",
     "subject.dc", "subject.uid", "subject.sn", "subject.gn", "subject.title", "subject.street"});

// Lists of names one behind the other.
template <std::size_t... kSizes>
[[nodiscard]] consteval auto join(const std::array<std::string_view, kSizes>&... lists) {
  std::array<std::string_view, (kSizes + ...)> all{};
  auto end = all.begin();
  ((end = std::ranges::copy(lists, end).out), ...);
  return all;
}

// Of certificates: subject.cn and the other attribute types of names in lower case (o, ou, c, l, st, serialnumber, emailaddress, dc, uid,
// sn, gn, title, street); email, upn, dns, ip, uri, user_id, device_id, key_id, profile; and serial, which is the certificate's serial
// number in hex and is filled in by the authority.
[[nodiscard]] const Vocabulary& certificate_vocabulary();

// What is known when templates are filled in, by the names that they use.
class Facts {
 public:
  Facts() : Facts(certificate_vocabulary()) {}
  explicit Facts(const Vocabulary& vocabulary) : vocabulary_(&vocabulary) {}
  [[nodiscard]] const Vocabulary& vocabulary() const { return *vocabulary_; }

  // One more value of `name`. Fault::kBadInput for a name that the vocabulary does not have, and, unless it is of prose, for a value that
  // is empty, longer than 1024 bytes, not UTF-8, or holds control characters.
  [[nodiscard]] Result<> add(std::string_view name, std::string_view value);
  // Each attribute of a Name in DER as subject.<type>, in its order; attributes of unnamed types are left out.
  [[nodiscard]] Result<> add_subject(ByteView name_der);
  // The values of `name`; none if nothing was added.
  [[nodiscard]] std::span<const std::string> values(std::string_view name) const;

 private:
  const Vocabulary* vocabulary_;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// {name} stands for the fact of that name; "{{" and "}}" for braces themselves. Immutable once read.
class Template {
 public:
  // UTF-8 of the kind that the vocabulary says. Fault::kBadInput says at which character what is wrong, and for a name that does not exist
  // lists those that do.
  [[nodiscard]] static Result<Template> parse(std::string_view text, const Vocabulary& vocabulary = certificate_vocabulary());

  // The names in it, in their order.
  [[nodiscard]] std::vector<std::string> names() const;

  // The text with its values in place. Fault::kRefused names a fact that the enrolment does not have, or of which it has several.
  [[nodiscard]] Result<std::string> expand(const Facts& facts) const;
  // The same where one of the facts may have several values: one text for each. Fault::kRefused if two of them have.
  [[nodiscard]] Result<std::vector<std::string>> expand_all(const Facts& facts) const;

  [[nodiscard]] const std::string& text() const { return text_; }
  // True without placeholders: it expands to its text, whatever the facts are.
  [[nodiscard]] bool is_constant() const { return std::ranges::none_of(pieces_, &Piece::is_fact); }

 private:
  friend class NameTemplate;
  struct Piece {
    bool is_fact;
    std::string text;  // literal, or the fact's name
  };
  enum class Writing : unsigned char { kPlain, kEscaped };  // values as they are, or each as RFC 4514 text that stands for itself
  [[nodiscard]] Result<std::vector<std::string>> expand(const Facts& facts, Writing writing) const;

  std::string text_;
  std::vector<Piece> pieces_;
};

// A distinguished name with placeholders in its values.
class NameTemplate {
 public:
  // RFC 4514 text (crypto::name_from_text) whose values may hold placeholders; a placeholder anywhere else is Fault::kBadInput.
  [[nodiscard]] static Result<NameTemplate> parse(std::string_view text);

  // The Name in DER. Faults as Template::expand; Fault::kBadInput for values that their attribute does not allow (RFC 5280, appendix A.1:
  // upper bounds and character sets).
  [[nodiscard]] Result<Bytes> expand(const Facts& facts) const;

  [[nodiscard]] const std::string& text() const { return template_.text(); }

 private:
  explicit NameTemplate(Template text) : template_(std::move(text)) {}
  Template template_;
};

}  // namespace airtight::ca
