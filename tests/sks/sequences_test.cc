// The store and a model of it, which was written from the documents alone, given the same sequences of calls (tests/model/script.h). The
// scripts are random, but the same ones each time; AIRTIGHT_SEQUENCES_SEED and AIRTIGHT_SEQUENCES_COUNT choose others.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <set>

#include "tests/model/script.h"

namespace airtight::sks::model {
namespace {

unsigned from_environment(const char* name, unsigned otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(value, nullptr, 10));
}

// Runs `count` scripts of `length` bytes, and says what was answered.
Script::Answers run_scripts(unsigned first_seed, unsigned count, std::size_t length) {
  Script::Answers answers;
  for (unsigned seed = first_seed; seed < first_seed + count; ++seed) {
    std::mt19937 generator(seed);
    Bytes input(length);
    for (std::byte& byte : input) byte = static_cast<std::byte>(generator() & 0xFF);
    Script script(input);
    try {
      script.run();
    } catch (const std::exception& difference) {
      ADD_FAILURE() << "seed " << seed << ", " << length << " bytes: the store " << difference.what();
      break;
    }
    for (const auto& [what, times] : script.answers()) answers[what] += times;
  }
  return answers;
}

TEST(Sequences, ManyShortOnesAreAnsweredAsTheModelDoes) {
  const unsigned seed = from_environment("AIRTIGHT_SEQUENCES_SEED", 1);
  EXPECT_FALSE(run_scripts(seed, from_environment("AIRTIGHT_SEQUENCES_COUNT", 100), 400).empty());
}

TEST(Sequences, LongOnesAreAnsweredAsTheModelDoes) {
  const unsigned seed = from_environment("AIRTIGHT_SEQUENCES_SEED", 1) + 1000000;
  EXPECT_FALSE(run_scripts(seed, from_environment("AIRTIGHT_SEQUENCES_COUNT", 100) / 20, 6000).empty());
}

// A script generator that only ever fails proves little.
TEST(Sequences, ReachEveryMethodAndEveryStatus) {
  std::set<std::string_view> succeeded;
  std::set<Status> statuses;
  for (const auto& [what, times] : run_scripts(1, 12, 6000)) {
    if (what.second == Status::kOk) succeeded.insert(what.first);
    statuses.insert(what.second);
  }
  const auto expect_success = [&](std::string_view method) { EXPECT_TRUE(succeeded.contains(method)) << method; };
  std::apply([&](const auto&... method) { (expect_success(method.name), ...); }, kMethods);
  EXPECT_EQ(statuses, (std::set{Status::kOk, Status::kAuthorization, Status::kNotAllowed, Status::kMac, Status::kCrypto, Status::kNoSession,
                                Status::kSessionVerify, Status::kNoKey, Status::kAlgorithm, Status::kOption}));
}

}  // namespace
}  // namespace airtight::sks::model
