#include "base/encoding.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace airtight {
namespace {

using Vectors = std::vector<std::pair<std::string, std::string>>;

std::string decoded(std::string_view text, Whitespace whitespace = Whitespace::kRefuse) {
  const auto bytes = base64_decode(text, whitespace);
  return bytes ? to_text(*bytes) : "refused";
}

// RFC 4648 section 10.
TEST(Base64, PassesTheVectorsOfRfc4648) {
  for (const auto& [plain, text] : Vectors{
           {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(base64_encode(bytes_of(plain)), text);
    EXPECT_EQ(decoded(text), plain);
  }
}

TEST(Base64, UsesTheWholeAlphabet) {
  const std::string all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto bytes = base64_decode(all);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(base64_encode(*bytes), all);
}

TEST(Base64, RefusesForeignCharacters) {
  for (const std::string_view text : {"Zm9-", "Zm9_", "Zm 9", "Zm9v\n", "Zm9v!", "Zm\x80v", "Zg==Zg==", " "}) {
    EXPECT_EQ(decoded(text), "refused") << text;
  }
  EXPECT_EQ(decoded(std::string_view("Zm9\0", 4)), "refused");
}

TEST(Base64, RefusesWrongPadding) {
  for (const std::string_view text :
       {"Z", "Zg", "Zg=", "Zg===", "Zm8", "Zm8==", "Zm9v=", "Zm9v==", "Zm9v====", "=", "==", "====", "Z===", "Z=g=", "=Zg="}) {
    EXPECT_EQ(decoded(text), "refused") << text;
  }
}

TEST(Base64, RefusesSpareBitsThatAreNotZero) {
  for (const std::string_view text : {"Zh==", "Zv==", "Zm9=", "Zm+="}) EXPECT_EQ(decoded(text), "refused") << text;
}

// keygen2.md section 6: "Base64 may be wrapped with XML white space".
TEST(Base64, MayBeWrappedInXml) {
  EXPECT_EQ(decoded(" Zm9v\r\n\tYg =\n= ", Whitespace::kXml), "foob");
  EXPECT_EQ(decoded("", Whitespace::kXml), "");
  EXPECT_EQ(decoded(" \n", Whitespace::kXml), "");
  EXPECT_EQ(decoded("Zm9v\v", Whitespace::kXml), "refused");
  EXPECT_EQ(decoded("Zm9v\xC2\xA0", Whitespace::kXml), "refused");
}

TEST(Base64, OfAnyBytesComesBack) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 100; ++size) {
    Bytes bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::byte>(random());
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
  }
}

// Whatever is accepted has one spelling.
TEST(Base64, IsWrittenInOneWayOnly) {
  constexpr std::string_view kSome = "AQgw/=";
  std::string text(4, 'A');
  for (const char a : kSome) {
    for (const char b : kSome) {
      for (const char c : kSome) {
        for (const char d : kSome) {
          text = {a, b, c, d};
          const auto bytes = base64_decode(text);
          EXPECT_TRUE(!bytes || base64_encode(*bytes) == text) << text;
        }
      }
    }
  }
}

TEST(Base64Url, HasNoPaddingAndNoCharactersThatUrlsTreatSpecially) {
  EXPECT_EQ(base64url_encode(bytes_of("")), "");
  EXPECT_EQ(base64url_encode(bytes_of("f")), "Zg");
  EXPECT_EQ(base64url_encode(bytes_of("\xFB\xFF\xBF")), "-_-_");
}

// RFC 4648 section 10, without the padding.
TEST(Base32, PassesTheVectorsOfRfc4648) {
  for (const auto& [plain, text] : Vectors{
           {"", ""}, {"f", "MY"}, {"fo", "MZXQ"}, {"foo", "MZXW6"}, {"foob", "MZXW6YQ"}, {"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI"}}) {
    EXPECT_EQ(base32_encode(bytes_of(plain)), text);
  }
}

// RFC 4648 section 10; we write lower case and read both.
TEST(Hex, IsWrittenInLowerCaseAndReadInBoth) {
  EXPECT_EQ(hex_encode(bytes_of("foobar")), "666f6f626172");
  EXPECT_EQ(hex_encode(bytes_of("\xAB\xCD\xEF")), "abcdef");
  EXPECT_EQ(hex_decode("666F6f626172"), to_bytes("foobar"));
  EXPECT_EQ(hex_decode(""), Bytes());
}

TEST(Hex, RefusesWhatIsNoHex) {
  for (const std::string_view text : {"6", "666", "6g", "g6", "0x66", "66 66", "66\n", "\xFF\xFF", "+6", "-6"}) {
    const auto bytes = hex_decode(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().fault, Fault::kBadInput);
  }
}

}  // namespace
}  // namespace airtight
