// Verdicts come out of the database as they went in.
#include "issuer/verdict_record.h"

#include <gtest/gtest.h>

#include "tests/support/must.h"

namespace airtight::issuer {
namespace {

provenance::Verdict example() {
  return {.decision = provenance::Decision::kAllow,
          .rule = "vendor \"Example\"",
          .device = "CN=Device",
          .device_class = "CN=Card One",
          .vendor = "CN=Maker Root",
          .device_id = "ABCD-EFGH-IJKL-MNOP-Q",
          .findings = {{"device-path.ok", "CN=Device", "It \u2713 verifies."}, {"policy.entry", "CN=Maker Root", "Accepted."}}};
}

TEST(VerdictRecord, ReadsBackWhatItWrote) {
  const provenance::Verdict verdict = tests::must(verdict_from_json(verdict_to_json(example())));
  EXPECT_EQ(verdict.decision, provenance::Decision::kAllow);
  EXPECT_EQ(verdict.rule, example().rule);
  EXPECT_EQ(verdict.device_id, example().device_id);
  ASSERT_EQ(verdict.findings.size(), 2U);
  EXPECT_EQ(verdict.findings[0].sentence, example().findings[0].sentence);
  EXPECT_EQ(verdict.to_text(), example().to_text());
}

TEST(VerdictRecord, NeverMakesADenialAnAllowance) {
  provenance::Verdict denied = example();
  denied.decision = provenance::Decision::kDeny;
  EXPECT_EQ(tests::must(verdict_from_json(verdict_to_json(denied))).decision, provenance::Decision::kDeny);
}

TEST(VerdictRecord, RefusesWhatItDidNotWrite) {
  for (const char* text : {"", "{}", "[]", "null", "{\"decision\":\"allow\"}", "{\"decision\":1}"})
    EXPECT_FALSE(verdict_from_json(text).has_value()) << text;
}

}  // namespace
}  // namespace airtight::issuer
