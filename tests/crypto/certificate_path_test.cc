#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "crypto/certificate.h"
#include "tests/support/certificates.h"

namespace airtight::crypto {
namespace {

using tests::Entity;
using tests::must;
using tests::new_ca;
using tests::new_leaf;
using tests::new_root;

void expect_no_path(std::vector<Certificate> certificates, std::string_view why) {
  const auto path = order_path(std::move(certificates));
  ASSERT_FALSE(path.has_value()) << why;
  EXPECT_EQ(path.error().fault, Fault::kBadInput);
  EXPECT_NE(path.error().message.find(why), std::string::npos) << path.error().message;
}

struct Family {
  Entity root = new_root("CN=Root");
  Entity middle = new_ca("CN=Middle", root);
  Entity issuing = new_ca("CN=Issuing", middle);
  Entity leaf = new_leaf("CN=Leaf", issuing);
};

TEST(OrderPath, PutsEveryOrderIntoIssuingOrder) {
  const Family family;
  const std::vector<Certificate> right = {family.leaf.certificate, family.issuing.certificate, family.middle.certificate,
                                          family.root.certificate};
  std::array<std::size_t, 4> order = {0, 1, 2, 3};
  do {
    std::vector<Certificate> shuffled;
    for (std::size_t i : order) shuffled.push_back(right[i]);
    EXPECT_EQ(must(order_path(std::move(shuffled))), right);
  } while (std::ranges::next_permutation(order).found);
}

TEST(OrderPath, TakesOneCertificateAsItIs) {
  const Family family;
  EXPECT_EQ(must(order_path({family.leaf.certificate})).size(), 1U);
  EXPECT_EQ(must(order_path({family.root.certificate})).size(), 1U);
}

TEST(OrderPath, RefusesNothing) { expect_no_path({}, "there are none"); }

TEST(OrderPath, RefusesAHole) {
  const Family family;
  expect_no_path({family.leaf.certificate, family.middle.certificate, family.root.certificate}, "was issued by none of the others");
}

TEST(OrderPath, RefusesABranch) {
  const Family family;
  const Entity sister = new_leaf("CN=Sister", family.issuing);
  expect_no_path({family.leaf.certificate, sister.certificate, family.issuing.certificate}, "");
}

TEST(OrderPath, RefusesAStranger) {
  const Family family;
  expect_no_path({family.leaf.certificate, family.issuing.certificate, new_root("CN=Stranger").certificate}, "");
}

TEST(OrderPath, RefusesTheSameCertificateTwice) {
  const Family family;
  expect_no_path({family.leaf.certificate, family.leaf.certificate, family.issuing.certificate}, "");
  expect_no_path({family.leaf.certificate, family.issuing.certificate, family.issuing.certificate}, "two issuers");
}

TEST(OrderPath, LetsSignaturesDecideBetweenIssuersOfOneName) {
  const Family family;
  const Entity impostor = new_ca("CN=Issuing", family.middle);
  expect_no_path({family.leaf.certificate, impostor.certificate, family.issuing.certificate}, "");
  const Entity renewed = tests::certify(family.issuing.key, "CN=Issuing", &impostor, tests::as_ca);
  EXPECT_EQ(must(order_path({impostor.certificate, family.leaf.certificate, renewed.certificate})),
            (std::vector<Certificate>{family.leaf.certificate, renewed.certificate, impostor.certificate}));
}

TEST(OrderPath, LeavesItToThoseWhoRelyOnThePathWhetherASoleIssuersSignatureVerifies) {
  const Family family;
  const Certificate impostor = new_ca("CN=Issuing", family.middle).certificate;
  EXPECT_EQ(must(order_path({impostor, family.leaf.certificate})), (std::vector<Certificate>{family.leaf.certificate, impostor}));
  EXPECT_FALSE(family.leaf.certificate.verify_issued_by(impostor));
}

TEST(OrderPath, RefusesACircle) {
  // Two CAs that certified each other.
  const Entity a = new_root("CN=A");
  const Entity b = new_ca("CN=B", a);
  const Entity a_by_b = tests::certify(a.key, "CN=A", &b, tests::as_ca);
  expect_no_path({a_by_b.certificate, b.certificate}, "circle");
}

TEST(OrderPath, RefusesACircleBesideAPath) {
  const Family family;
  const Entity a = new_root("CN=A");
  const Entity b = new_ca("CN=B", a);
  const Entity a_by_b = tests::certify(a.key, "CN=A", &b, tests::as_ca);
  expect_no_path({family.leaf.certificate, family.issuing.certificate, a_by_b.certificate, b.certificate}, "");
}

TEST(OrderPath, RefusesMoreThanSixteen) {
  const Family family;
  expect_no_path(std::vector<Certificate>(17, family.leaf.certificate), "more than 16");
}

}  // namespace
}  // namespace airtight::crypto
