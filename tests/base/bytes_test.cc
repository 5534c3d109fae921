#include "base/bytes.h"

#include <gtest/gtest.h>

#include <string>

#include "base/encoding.h"

namespace airtight {
namespace {

TEST(ByteStrings, AreTextAndBack) {
  const std::string text("a\0\xFF", 3);
  EXPECT_EQ(to_text(to_bytes(text)), text);
  EXPECT_EQ(text_of(bytes_of(text)), text);
  EXPECT_EQ(bytes_of(text).data(), static_cast<const void*>(text.data())) << "a view copies nothing";
}

TEST(ByteStrings, AreJoinedInOrder) {
  EXPECT_EQ(to_text(concat({bytes_of("one"), {}, bytes_of("two")})), "onetwo");
  EXPECT_TRUE(concat({}).empty());
  Bytes out = to_bytes("one");
  append(out, bytes_of("two"));
  append(out, {});
  EXPECT_EQ(to_text(out), "onetwo");
}

TEST(ByteStrings, AreEqualByContent) {
  EXPECT_TRUE(equal(bytes_of("abc"), to_bytes("abc")));
  EXPECT_TRUE(equal({}, bytes_of("")));
  EXPECT_FALSE(equal(bytes_of("abc"), bytes_of("abd")));
  EXPECT_FALSE(equal(bytes_of("abc"), bytes_of("ab")));
}

TEST(BigEndian, HasTheMostSignificantByteFirst) {
  EXPECT_EQ(hex_encode(big_endian(0x0102, 2)), "0102");
  EXPECT_EQ(hex_encode(big_endian(0x0102, 4)), "00000102");
  EXPECT_EQ(hex_encode(big_endian(~std::uint64_t{0}, 8)), "ffffffffffffffff");
  EXPECT_EQ(hex_encode(big_endian(5, 9)), "000000000000000005");
  EXPECT_EQ(hex_encode(big_endian(0, 0)), "");
}

}  // namespace
}  // namespace airtight
