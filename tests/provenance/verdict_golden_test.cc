// Verdicts as text, against the files of tests/vectors/provenance. A file says what is judged ("path:", "accept:" and "time:" lines with
// the names of certificates that OpenSSL made), then an empty line, then the verdict to the letter.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "provenance/verdict.h"
#include "tests/support/must.h"

namespace airtight::provenance {
namespace {

namespace fs = std::filesystem;
using crypto::Certificate;
using tests::must;

const fs::path kFolder = fs::path(AIRTIGHT_SOURCE_DIR) / "tests/vectors/provenance";
constexpr std::size_t kCases = 14;

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  EXPECT_TRUE(in.is_open()) << file;
  return {std::istreambuf_iterator<char>(in), {}};
}

Certificate certificate_named(const std::string& name) {
  return must(crypto::certificates_from_pem(content_of(kFolder / "certificates" / (name + ".pem")))).front();
}

Level level_named(std::string_view name) {
  for (Level level : {Level::kVendor, Level::kDeviceClass, Level::kDevice}) {
    if (name_of(level) == name) return level;
  }
  throw std::runtime_error("a vector names a level that does not exist: " + std::string(name));
}

struct Case {
  std::vector<Certificate> path;
  DevicePolicy policy;
  Instant time;
  std::string verdict;
};

Case read_case(const fs::path& file) {
  Case read;
  std::istringstream in(content_of(file));
  std::string line;
  while (std::getline(in, line) && !line.empty()) {
    std::istringstream words(line);
    std::string key, word;
    words >> key;
    if (key == "path:") {
      while (words >> word) read.path.push_back(certificate_named(word));
    } else if (key == "time:") {
      words >> word;
      read.time = must(parse_time(word));
    } else if (line == "accept: any") {
      read.policy.accept_any = true;
    } else if (key == "accept:") {
      std::string name;
      words >> word >> name;
      read.policy.accepted.push_back({level_named(word), name, certificate_named(name)});
    } else {
      throw std::runtime_error("a vector has a line that means nothing: " + line);
    }
  }
  read.verdict.assign(std::istreambuf_iterator<char>(in), {});
  return read;
}

TEST(VerdictText, IsToTheLetterWhatTheFilesSay) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".txt") continue;
    const Case expected = read_case(entry.path());
    EXPECT_EQ(appraise_device(expected.path, expected.policy, expected.time).to_text(), expected.verdict) << entry.path();
    ++count;
  }
  EXPECT_EQ(count, kCases);
}

}  // namespace
}  // namespace airtight::provenance
