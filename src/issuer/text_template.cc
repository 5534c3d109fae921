#include "issuer/text_template.h"

#include <algorithm>
#include <array>
#include <functional>

#include "crypto/certificate_builder.h"

namespace airtight::issuer {
namespace {

constexpr std::array kNames = std::to_array<std::string_view>(
    {"subject", "email", "profile", "key", "device_id", "server_session_id", "client_session_id", "serial", "issued", "expires"});
constexpr std::string_view kSubjectPrefix = "subject.";
constexpr std::string_view kSeedPrefix = "seed.";

bool can_be_known(std::string_view name) {
  const bool prefixed = (name.starts_with(kSubjectPrefix) && name.size() > kSubjectPrefix.size()) ||
                        (name.starts_with(kSeedPrefix) && name.size() > kSeedPrefix.size());
  return prefixed || std::ranges::find(kNames, name) != kNames.end();
}

std::string names_that_can_be_known() {
  std::string all;
  for (const std::string_view name : kNames) all.append(name).append(", ");
  return all + "subject.CN and the like, seed.NAME";
}

// Hands the pieces of `text` to `literal` and `name` in their order.
Result<> for_each_piece(std::string_view text, const std::function<void(std::string_view)>& literal,
                        const std::function<Result<>(std::string_view)>& name) {
  while (!text.empty()) {
    const std::size_t brace = text.find_first_of("{}");
    literal(text.substr(0, brace));
    if (brace == std::string_view::npos) return {};
    text.remove_prefix(brace);
    if (text.size() > 1 && text[1] == text[0]) {
      literal(text.substr(0, 1));
      text.remove_prefix(2);
      continue;
    }
    const std::size_t end = text.find('}');
    if (text[0] == '}' || end == std::string_view::npos) {
      return fail(Fault::kBadInput, "a brace in the text stands alone", "write {name} for a value, and {{ or }} for a brace");
    }
    TRY(name(text.substr(1, end - 1)));
    text.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> names_in_text(std::string_view text) {
  std::vector<std::string> names;
  TRY(for_each_piece(
      text, [](std::string_view) {},
      [&](std::string_view name) -> Result<> {
        names.emplace_back(name);
        return {};
      }));
  return names;
}

Result<std::vector<std::string>> template_names(std::string_view text) {
  std::vector<std::string> names = TRY(names_in_text(text));
  for (const std::string& name : names) {
    if (!can_be_known(name)) return fail(Fault::kBadInput, "there is nothing called {" + name + "}", "known: " + names_that_can_be_known());
  }
  return names;
}

Result<std::string> fill_template(std::string_view text, const TemplateValues& values) {
  std::string out;
  TRY(for_each_piece(
      text, [&](std::string_view literal) { out += literal; },
      [&](std::string_view name) -> Result<> {
        const auto found = values.find(name);
        if (found == values.end()) return fail(Fault::kNotFound, "this enrolment does not know {" + std::string(name) + "}");
        out += found->second;
        return {};
      }));
  return out;
}

Result<TemplateValues> subject_values(std::string_view subject) {
  TemplateValues values;
  values.emplace("subject", subject);
  const Bytes encoded = TRY(crypto::name_from_text(subject));
  for (const crypto::NameText& attribute : TRY(crypto::name_attributes(encoded)))
    values.emplace(std::string(kSubjectPrefix).append(attribute.type), attribute.value);
  if (const auto email = values.find("subject.emailAddress"); email != values.end()) values.emplace("email", email->second);
  return values;
}

}  // namespace airtight::issuer
