// Secrets for these tests are bytes that valgrind takes for undefined, so that it reports whatever they decide. classify() and declassify()
// of base/constant_time.h do that here.
#pragma once

#include <gtest/gtest.h>

#include "base/constant_time.h"
#include "base/secret_bytes.h"

namespace airtight::testing {

// How often a secret has decided something since the program began.
[[nodiscard]] unsigned reported_leaks();

// A secret with these bytes.
[[nodiscard]] SecretBytes hidden(ByteView bytes);
[[nodiscard]] inline SecretBytes hidden(std::string_view text) { return hidden(bytes_of(text)); }

// Whether all of them are still secret.
[[nodiscard]] bool is_hidden(ByteView bytes);

// For assertions, which branch on what they look at.
[[nodiscard]] inline ByteView revealed(ByteView bytes) {
  declassify(bytes);
  return bytes;
}

// Nothing in the test may be decided by a secret.
class ConstantTime : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(reported_leaks(), before_) << "a secret decided something; valgrind says above where"; }

 private:
  const unsigned before_ = reported_leaks();
};

}  // namespace airtight::testing
