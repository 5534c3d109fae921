// The names and bytes of the SKS document's tables ("Key Policy Attributes", "PIN Pattern Control", "Key Usage"), typed from there.
#include "base/key_attributes.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace airtight {
namespace {

struct TableRow {
  std::string_view name;
  std::uint8_t byte;
};

// Exactly the rows of the document's table: each name has its byte, and there is no other name or byte.
template <typename E>
void expect_table(const std::vector<TableRow>& table) {
  std::set<std::uint8_t> known;
  for (const TableRow& row : table) {
    const auto value = value_named<E>(row.name);
    ASSERT_TRUE(value) << row.name;
    EXPECT_EQ(std::to_underlying(*value), row.byte) << row.name;
    EXPECT_EQ(name_of(*value), row.name);
    EXPECT_EQ(value_of_byte<E>(row.byte), value);
    known.insert(row.byte);
  }
  EXPECT_EQ(kNames<E>.size(), table.size());
  for (unsigned byte = 0; byte <= 0xFF; ++byte) {
    const auto small = static_cast<std::uint8_t>(byte);
    EXPECT_EQ(value_of_byte<E>(small).has_value(), known.contains(small)) << byte;
    EXPECT_EQ(name_of(static_cast<E>(small)).empty(), !known.contains(small)) << byte;
  }
  for (const std::string_view name : {"", "NONE", "none ", "unknown"}) EXPECT_EQ(value_named<E>(name), std::nullopt) << name;
}

TEST(KeyAttributes, OfExportPolicyAreTheDocuments) {
  expect_table<ExportPolicy>({{"non-exportable", 0x00}, {"pin", 0x01}, {"puk", 0x02}, {"none", 0x03}});
}

TEST(KeyAttributes, OfInputMethodAreTheDocuments) {
  expect_table<InputMethod>({{"any", 0x00}, {"programmatic", 0x01}, {"trusted-gui", 0x02}});
}

TEST(KeyAttributes, OfGroupingAreTheDocuments) {
  expect_table<Grouping>({{"none", 0x00}, {"shared", 0x01}, {"signature+standard", 0x02}, {"unique", 0x03}});
}

TEST(KeyAttributes, OfPatternRestrictionsAreTheDocuments) {
  expect_table<PatternRestriction>(
      {{"two-in-a-row", 0x01}, {"three-in-a-row", 0x02}, {"sequence", 0x04}, {"repeated", 0x08}, {"missing-group", 0x10}});
  unsigned all = 0;
  for (const auto& entry : kNames<PatternRestriction>) all |= std::to_underlying(entry.value);
  EXPECT_EQ(all, kAllPatternRestrictions);
}

TEST(KeyAttributes, OfPassphraseFormatAreTheDocuments) {
  expect_table<PassphraseFormat>({{"numeric", 0x00}, {"alphanumeric", 0x01}, {"string", 0x02}, {"binary", 0x03}});
}

TEST(KeyAttributes, OfDeletePolicyAreTheDocuments) { expect_table<DeletePolicy>({{"none", 0x00}, {"pin", 0x01}, {"puk", 0x02}}); }

TEST(KeyAttributes, OfBiometricProtectionAreTheDocuments) {
  expect_table<BiometricProtection>({{"none", 0x00}, {"alternative", 0x01}, {"combined", 0x02}, {"exclusive", 0x03}});
}

TEST(KeyAttributes, OfKeyUsageAreTheDocuments) {
  expect_table<KeyUsage>({{"signature", 0x00},
                          {"authentication", 0x01},
                          {"encryption", 0x02},
                          {"universal", 0x03},
                          {"transport", 0x04},
                          {"symmetric-key", 0x05}});
}

}  // namespace
}  // namespace airtight
