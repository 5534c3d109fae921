// DER by X.690: what is not the one encoding of a value is refused.
#include "crypto/der.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace airtight::crypto::der {
namespace {

Bytes unhex(std::string_view text) { return hex_decode(text).value(); }
bool accepts(std::string_view hex) { return read_one(unhex(hex), Limits{}).has_value(); }

TEST(DerReader, AcceptsDefiniteMinimalForms) {
  for (std::string_view good : {"0500", "0101ff", "010100", "020100", "02017f", "02020080", "0201ff", "0202ff7f", "3000", "3100", "0400",
                                "030100", "030206c0", "06032a0304", "a003020101", "8000", "30060201010201ff"}) {
    EXPECT_TRUE(accepts(good)) << good;
  }
}

TEST(DerReader, RefusesWhatIsNoDer) {
  for (std::string_view bad :
       {"",         "05",       "0501",   "050000", "0101",         "010101",       "0200",     "02020001", "0202ffff",
        "0202ff80", "0300",     "030108", "030101", "0302013f01",   "0302063f",     "3080",     "30800000", "048100",
        "04817f",   "0482007f", "1f8101", "0000",   "240404020000", "100404020000", "30030201", "a0020201"}) {
    EXPECT_FALSE(accepts(bad)) << bad;
  }
}

TEST(DerReader, RefusesDataBeyondItsLimits) {
  EXPECT_FALSE(read_one(unhex("300430023000"), Limits{.max_size = 5, .max_depth = 32}));
  EXPECT_FALSE(read_one(unhex("300430023000"), Limits{.max_size = 6, .max_depth = 2}));
  EXPECT_TRUE(read_one(unhex("300430023000"), Limits{.max_size = 6, .max_depth = 3}));
}

TEST(DerReader, DoesNotMoveOnFailure) {
  const Bytes data = unhex("020101");
  Reader reader(data);
  EXPECT_FALSE(reader.boolean());
  EXPECT_FALSE(reader.enter(Tag::kSequence));
  EXPECT_FALSE(reader.optional_element(Tag::kBoolean).value().has_value());
  EXPECT_EQ(reader.small_integer().value(), 1U);
  EXPECT_TRUE(reader.expect_end());
}

TEST(DerReader, ReadsIntegers) {
  const auto small = [](std::string_view hex) {
    const Bytes data = unhex(hex);
    return Reader(data).small_integer();
  };
  EXPECT_EQ(small("02087fffffffffffffff").value(), 0x7FFFFFFFFFFFFFFFU);
  EXPECT_FALSE(small("0209008000000000000000"));
  EXPECT_FALSE(small("0201ff"));
}

TEST(DerReader, ReadsObjectIdentifiers) {
  const auto oid = [](std::string_view hex) {
    const Bytes data = unhex(hex);
    return Reader(data).object_id();
  };
  EXPECT_EQ(oid("06082a8648ce3d030107").value(), "1.2.840.10045.3.1.7");
  EXPECT_EQ(oid("0603883703").value(), "2.999.3");
  EXPECT_EQ(oid("060127").value(), "0.39");
  EXPECT_FALSE(oid("0600"));
  EXPECT_FALSE(oid("06022a80"));
  EXPECT_FALSE(oid("06032a8001"));
}

TEST(DerWriter, WritesTheShortestForms) {
  Writer writer;
  writer.integer(0);
  writer.integer(127);
  writer.integer(128);
  writer.unsigned_integer(unhex("0000ff"));
  writer.boolean(true);
  writer.null();
  writer.object_id("1.2.840.10045.3.1.7");
  writer.sequence([](Writer& inner) { inner.octet_string(Bytes(128)); });
  const std::string hex = hex_encode(writer.bytes());
  EXPECT_EQ(hex.substr(0, 72),
            "02010002017f020200800202"
            "00ff0101ff050006082a8648ce3d030107308183048180"
            "00");
}

TEST(DerWriter, SortsSetsOf) {
  Writer writer;
  writer.set_of({unhex("020102"), unhex("0101ff"), unhex("020101")});
  EXPECT_EQ(hex_encode(writer.bytes()), "31090101ff020101020102");
}

}  // namespace
}  // namespace airtight::crypto::der
