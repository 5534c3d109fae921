#include "tests/e2e/seeds.h"

#include <sstream>

#include "agent/one_time_password.h"
#include "base/encoding.h"
#include "issuer/seeds.h"
#include "tests/support/must.h"

namespace airtight::e2e {
namespace {

using tests::must;

constexpr std::string_view kPool = "tokens";
constexpr std::string_view kSecret = "12345678901234567890";

}  // namespace

void add_seeds(issuer::Issuer& issuer, const std::string& names) {
  std::string container = R"(<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc">)";
  std::istringstream words(names);
  for (std::string name; words >> name;) {
    container += "<KeyPackage><Key Id=\"" + name +
                 "\" Algorithm=\"urn:ietf:params:xml:ns:keyprov:pskc:hotp\"><AlgorithmParameters><ResponseFormat Length=\"6\" "
                 "Encoding=\"DECIMAL\"/></AlgorithmParameters><Data><Secret><PlainValue>" +
                 base64_encode(bytes_of(kSecret)) +
                 "</PlainValue></Secret><Counter><PlainValue>0</PlainValue></Counter></Data></Key></KeyPackage>";
  }
  must(issuer::import_seeds(issuer, kPool, bytes_of(container + "</KeyContainer>"), {}, "e2e", {}));
}

std::string seeds_left(issuer::Issuer& issuer) {
  const auto database = must(issuer.database());
  std::string names;
  for (const issuer::SeedSummary& seed : must(issuer::list_seeds(*database, kPool))) {
    if (seed.serial.empty()) names += (names.empty() ? "" : " ") + seed.description.name;
  }
  return names;
}

std::string next_password(sks::Channel& store, const agent::KeyEntry& key, Instant now) {
  return must(agent::next_one_time_password(store, key, SecretBytes(), now)).digits;
}

}  // namespace airtight::e2e
