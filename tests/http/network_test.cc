// Which addresses are taken for those of one customer.
#include "http/network.h"

#include <gtest/gtest.h>

namespace airtight::http {
namespace {

TEST(NetworkOf, AnIpv4AddressIsTheAddress) { EXPECT_EQ(network_of("192.0.2.7"), "192.0.2.7"); }

TEST(NetworkOf, AnIpv6AddressIsItsFirst64Bits) {
  EXPECT_EQ(network_of("2001:db8:0:1:aaaa:bbbb:cccc:dddd"), "2001:db8:0:1::/64");
  EXPECT_EQ(network_of("2001:db8:0:1::7"), network_of("2001:db8:0:1:ffff::"));
  EXPECT_NE(network_of("2001:db8:0:1::7"), network_of("2001:db8:0:2::7"));
  EXPECT_EQ(network_of("::1"), "::/64");
}

TEST(NetworkOf, AnIpv4AddressWithinIpv6IsThatAddress) {
  EXPECT_EQ(network_of("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_NE(network_of("::ffff:192.0.2.7"), network_of("::ffff:192.0.2.8"));
}

TEST(NetworkOf, WhatIsNoAddressIsItself) {
  EXPECT_EQ(network_of("unknown"), "unknown");
  EXPECT_EQ(network_of(""), "");
}

}  // namespace
}  // namespace airtight::http
