#include "tests/keygen2/samples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>

#include "tests/support/must.h"

namespace airtight::keygen2::testing {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(AIRTIGHT_SOURCE_DIR) / "tests" / "vectors" / "keygen2";

// Where the element that starts at `begin` ends.
std::size_t end_of(const std::string& text, std::size_t begin, std::string_view closing_tag) {
  const std::size_t end = text.find(closing_tag, begin);
  if (end == std::string::npos) throw std::runtime_error("no " + std::string(closing_tag));
  return end + closing_tag.size();
}

// Adds the attributes of the start tag at `begin` and returns its end.
std::size_t add_attributes(const std::string& text, std::size_t begin, std::vector<AttributePlace>& places) {
  static const std::regex attribute(R"re(\s+([A-Za-z0-9:]+)="([^"]*)")re");
  std::size_t at = text.find_first_of(" \n/>", begin);
  const std::string element = text.substr(begin + 1, at - begin - 1);
  std::smatch match;
  while (std::regex_search(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), match, attribute,
                           std::regex_constants::match_continuous)) {
    const auto position = [&](int group) { return at + static_cast<std::size_t>(match.position(static_cast<std::size_t>(group))); };
    if (!match.str(1).starts_with("xmlns")) places.push_back({element, match.str(1), at, position(2), position(2) + match.str(2).size()});
    at += static_cast<std::size_t>(match.length());
  }
  return at;
}

}  // namespace

const xml::Schema& schema() {
  static const xml::Schema compiled = tests::must(compile_schema());
  return compiled;
}

std::string sample(std::string_view name) {
  std::ifstream file(kFolder / (std::string(name) + ".xml"));
  if (!file) throw std::runtime_error("no sample " + std::string(name));
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string compact_sample(std::string_view name) {
  static const std::regex between_tags(">\\s+<");
  return std::regex_replace(sample(name), between_tags, "><");
}

std::vector<std::string> sample_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".xml") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

Result<Received> read(std::string_view text) { return read_message(bytes_of(text), schema()); }

Message read_sample(std::string_view name) { return tests::must(read(sample(name))).message; }

std::string with(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("the text has no " + std::string(from));
  return text.replace(at, from.size(), to);
}

std::vector<AttributePlace> attributes_in(const std::string& text) {
  std::vector<AttributePlace> places;
  std::size_t at = text.find("?>");
  while ((at = text.find('<', at)) != std::string::npos) {
    const std::string_view rest = std::string_view(text).substr(at);
    if (rest.starts_with("<ServerCookie")) {
      at = end_of(text, at, "</ServerCookie>");
    } else if (rest.starts_with("<ds:Signature")) {
      at = end_of(text, at, "</ds:Signature>");
    } else if (rest.starts_with("</") || rest.starts_with("<!")) {
      ++at;
    } else {
      at = add_attributes(text, at, places);
    }
  }
  return places;
}

std::string without(std::string text, const AttributePlace& place) { return text.erase(place.begin, place.value_end + 1 - place.begin); }

std::string with_value(std::string text, const AttributePlace& place, std::string_view value) {
  return text.replace(place.value_begin, place.value_end - place.value_begin, value);
}

void expect_refused(std::string_view text, ClientError error) {
  const auto received = read(text);
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().code_in(Protocol::kKeyGen2), static_cast<int>(error)) << received.error().message;
  EXPECT_FALSE(received.error().message.empty());
  EXPECT_FALSE(received.error().hint.empty());
}

void expect_accepted(std::string_view text) {
  const auto received = read(text);
  EXPECT_TRUE(received.has_value()) << (received ? "" : received.error().message);
}

}  // namespace airtight::keygen2::testing
