#include "ca/template.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "crypto/certificate_builder.h"

namespace airtight::ca {
namespace {

constexpr std::size_t kMaxTemplate = 1024;  // bytes
constexpr std::size_t kMaxValue = 1024;     // bytes
constexpr std::string_view kSubjectPrefix = "subject.";

constexpr auto kNames =
    join(kSubjectNames,
         std::to_array<std::string_view>({"email", "upn", "dns", "ip", "uri", "user_id", "device_id", "key_id", "profile", "serial"}));
constexpr Vocabulary kCertificateVocabulary{.names = kNames};

std::string all_names(const Vocabulary& vocabulary) {
  std::string out;
  for (const std::string_view name : vocabulary.names) out += (out.empty() ? "" : ", ") + std::string(name);
  return vocabulary.prefix.empty() ? out : out + ", " + std::string(vocabulary.prefix) + "NAME";
}

Failure unknown(std::string what, std::string_view name, const Vocabulary& vocabulary) {
  return fail(Fault::kBadInput, std::move(what) + "there is no fact \"" + std::string(name) + "\"", "use one of " + all_names(vocabulary));
}

}  // namespace

const Vocabulary& certificate_vocabulary() { return kCertificateVocabulary; }

bool Vocabulary::has(std::string_view name) const {
  if (!prefix.empty() && name.starts_with(prefix) && name.size() > prefix.size()) return true;
  return std::ranges::find(names, name) != names.end();
}

Result<> Facts::add(std::string_view name, std::string_view value) {
  if (!vocabulary_->has(name)) return unknown("", name, *vocabulary_);
  const std::string shown(name);
  if (vocabulary_->is_prose) {
    values_[shown].emplace_back(value);
    return {};
  }
  if (value.empty()) return fail(Fault::kBadInput, "the fact " + shown + " is empty");
  if (value.size() > kMaxValue)
    return fail(Fault::kBadInput, "the fact " + shown + " is longer than " + std::to_string(kMaxValue) + " bytes");
  if (!is_line(value)) {
    return fail(Fault::kBadInput, "the fact " + shown + " is not UTF-8, or has a control character in it");
  }
  values_[shown].emplace_back(value);
  return {};
}

Result<> Facts::add_subject(ByteView name_der) {
  for (const crypto::NameText& attribute : TRY(crypto::name_attributes(name_der))) {
    std::string name(kSubjectPrefix);
    for (const char c : attribute.type) name.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    TRY(add(name, attribute.value));
  }
  return {};
}

std::span<const std::string> Facts::values(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return {};
  return found->second;
}

Result<Template> Template::parse(std::string_view text, const Vocabulary& vocabulary) {
  const auto bad = [&](std::size_t at, std::string what) {
    return fail(
        Fault::kBadInput,
        "the template \"" + std::string(text.substr(0, 80)) + "\" is wrong at character " + std::to_string(at + 1) + ": " + std::move(what),
        "write {name} for what the enrolment knows, and {{ or }} for a brace");
  };
  if (vocabulary.is_prose && !is_utf8(bytes_of(text))) return fail(Fault::kBadInput, "a text has to be UTF-8");
  if (!vocabulary.is_prose && (text.empty() || text.size() > kMaxTemplate || !is_line(text))) {
    return fail(Fault::kBadInput,
                "a template has to be of 1 to " + std::to_string(kMaxTemplate) + " bytes of UTF-8 without control characters");
  }
  Template out;
  out.text_ = text;
  std::string literal;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const bool doubled = at + 1 < text.size() && text[at + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      literal.push_back(c);
      at += 2;
    } else if (c == '}') {
      return bad(at, "a \"}\" that closes nothing");
    } else if (c == '{') {
      const std::size_t end = text.find('}', at);
      if (end == std::string_view::npos) return bad(at, "a \"{\" that is not closed");
      const std::string_view name = text.substr(at + 1, end - at - 1);
      if (!vocabulary.has(name)) {
        return unknown("the template \"" + std::string(text.substr(0, 80)) + "\" is wrong at character " + std::to_string(at + 1) + ": ",
                       name, vocabulary);
      }
      if (!literal.empty()) out.pieces_.push_back({false, std::exchange(literal, {})});
      out.pieces_.push_back({true, std::string(name)});
      at = end + 1;
    } else {
      literal.push_back(c);
      ++at;
    }
  }
  if (!literal.empty()) out.pieces_.push_back({false, std::move(literal)});
  return out;
}

std::vector<std::string> Template::names() const {
  std::vector<std::string> out;
  for (const Piece& piece : pieces_) {
    if (piece.is_fact) out.push_back(piece.text);
  }
  return out;
}

Result<std::vector<std::string>> Template::expand(const Facts& facts, Writing writing) const {
  std::string_view several;  // the fact that makes more than one text
  std::size_t count = 1;
  for (const Piece& piece : pieces_) {
    if (!piece.is_fact) continue;
    const std::size_t values = facts.values(piece.text).size();
    if (values == 0) {
      return fail(Fault::kRefused, "the template \"" + text_ + "\" wants the fact " + piece.text + ", which the enrolment does not have",
                  "give it with the enrolment, or change the profile");
    }
    if (values == 1 || piece.text == several) continue;
    if (!several.empty()) {
      return fail(Fault::kRefused, "the enrolment has several values for both " + std::string(several) + " and " + piece.text +
                                       ", so that the template \"" + text_ + "\" could mean many things");
    }
    several = piece.text;
    count = values;
  }
  std::vector<std::string> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (const Piece& piece : pieces_) {
      if (!piece.is_fact) {
        out[i] += piece.text;
        continue;
      }
      const std::span<const std::string> values = facts.values(piece.text);
      const std::string& value = values.size() == 1 ? values.front() : values[i];
      out[i] += writing == Writing::kEscaped ? crypto::escape_name_value(value) : value;
    }
  }
  return out;
}

Result<std::vector<std::string>> Template::expand_all(const Facts& facts) const { return expand(facts, Writing::kPlain); }

Result<std::string> Template::expand(const Facts& facts) const {
  std::vector<std::string> all = TRY(expand_all(facts));
  if (all.size() == 1) return std::move(all.front());
  return fail(Fault::kRefused, "the template \"" + text_ + "\" wants one value for each fact, and the enrolment has several");
}

Result<NameTemplate> NameTemplate::parse(std::string_view text) {
  NameTemplate out(TRY(Template::parse(text)));
  // A value in the place of a type, an escape or a hex string does not read as a name with this one, which is none of them.
  Facts probe;
  for (const std::string_view name : kNames) TRY(probe.add(name, name == "subject.c" ? "XX" : "x"));
  const std::vector<std::string> probed = TRY(out.template_.expand(probe, Template::Writing::kPlain));
  const auto name = crypto::name_from_text(probed.front());
  if (!name) {
    return fail(Fault::kBadInput, "the template \"" + out.text() + "\" makes no name: " + name.error().message,
                "write it as in \"CN={subject.cn},O=Example Bank,C=SE\"");
  }
  return out;
}

Result<Bytes> NameTemplate::expand(const Facts& facts) const {
  const std::vector<std::string> names = TRY(template_.expand(facts, Template::Writing::kEscaped));
  if (names.size() != 1) {
    return fail(Fault::kRefused, "the template \"" + text() + "\" wants one value for each fact, and the enrolment has several");
  }
  auto name = crypto::name_from_text(names.front());
  if (!name) return Failure(std::move(name).error().in("the subject \"" + text() + "\""));
  return name;
}

}  // namespace airtight::ca
