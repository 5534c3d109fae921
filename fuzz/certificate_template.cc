// Templates of subjects: what is read expands to a name whose values are those that were put in, whatever they are. And of prose, which has
// them in it.
#include <cstdint>
#include <cstdlib>

#include "ca/template.h"
#include "crypto/certificate_builder.h"

namespace {

using namespace airtight;

void require(bool ok) {
  if (!ok) std::abort();
}

constexpr std::string_view kProseNames[] = {"url", "subject.cn"};
constexpr ca::Vocabulary kProse{.names = kProseNames, .prefix = "seed.", .is_prose = true};

void check_prose(std::string_view text, std::string_view value) {
  const auto prose = ca::Template::parse(text, kProse);
  if (!prose) return;
  ca::Facts facts(kProse);
  for (const std::string& name : prose->names()) {
    if (facts.values(name).empty()) require(facts.add(name, value).has_value());
  }
  const auto filled = prose->expand(facts);
  require(filled && (prose->names().empty() || filled->contains(value)));
}

}  // namespace

// The input is a template, and after a line end a value for every fact.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = text_of(std::as_bytes(std::span(data, size)));
  const std::size_t end = input.find('\n');
  const std::string_view text = input.substr(0, end);
  const std::string_view value = end == std::string_view::npos ? std::string_view("value") : input.substr(end + 1);
  check_prose(text, value);
  ca::Facts facts;
  ca::Facts plain;
  for (const std::string_view name : ca::certificate_vocabulary().names) {
    if (!facts.add(name, value)) return 0;
    require(plain.add(name, name == "subject.c" ? "XX" : "x").has_value());
  }
  const auto as_text = ca::Template::parse(text);
  if (as_text) require(as_text->text() == text && as_text->expand(facts).has_value());
  const auto as_name = ca::NameTemplate::parse(text);
  if (!as_name) return 0;
  require(as_text.has_value());
  const auto probe = as_name->expand(plain);
  const auto name = as_name->expand(facts);
  require(probe.has_value());
  if (!name) return 0;  // too long, or not of its attribute's character set
  // The same attributes whatever the value is.
  const auto before = crypto::name_attributes(*probe);
  const auto after = crypto::name_attributes(*name);
  require(before && after && before->size() == after->size());
  return 0;
}
