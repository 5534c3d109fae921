// The check itself: code that leaks, written here, is reported. Were it not, the silence about the product would say nothing.
#include <array>

#include "tests/constant_time/marking.h"

namespace airtight {
namespace {

using testing::hidden;
using testing::reported_leaks;

class NegativeControl : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_GT(reported_leaks(), before_) << "a leak has not been reported"; }

 private:
  const unsigned before_ = reported_leaks();
};

// Out of line and opaque, so that what the compiler knows of the caller's bytes does not help it.
__attribute__((noinline)) bool equal_up_to_the_first_difference(ByteView a, ByteView b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

__attribute__((noinline)) unsigned looked_up(std::byte secret) {
  static const std::array<unsigned, 256> kTable = [] {
    std::array<unsigned, 256> table{};
    for (unsigned i = 0; i < table.size(); ++i) table[i] = i * i;
    return table;
  }();
  return declassified(kTable[std::to_integer<std::size_t>(secret)]);
}

TEST_F(NegativeControl, AComparisonThatStopsAtTheFirstDifferenceIsReported) {
  EXPECT_FALSE(declassified(equal_up_to_the_first_difference(hidden("1234").expose_secret(), bytes_of("1235"))));
}

TEST_F(NegativeControl, MemcmpIsReported) { EXPECT_FALSE(equal(hidden("a MAC of sixteen").expose_secret(), bytes_of("a MAC of sixteeN"))); }

TEST_F(NegativeControl, ATableIsReported) { EXPECT_EQ(looked_up(hidden("A").expose_secret()[0]), 65U * 65U); }

TEST_F(NegativeControl, AVerdictThatNobodyPublishedIsReported) {
  EXPECT_TRUE(equal_in_constant_time(hidden("1234").expose_secret(), bytes_of("1234")));
}

TEST_F(NegativeControl, APaddingThatIsReadFromItsEndIsReported) {
  const SecretBytes block = hidden("text\x03\x03\x03");
  std::size_t size = block.size();
  const auto count = std::to_integer<std::size_t>(block.expose_secret()[size - 1]);
  while (size > 0 && std::to_integer<std::size_t>(block.expose_secret()[size - 1]) == count) --size;
  EXPECT_EQ(declassified(size), 4U);
}

}  // namespace
}  // namespace airtight
