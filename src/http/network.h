// Who stands behind an address, as far as a server can tell: limits count customers of a network, who have one IPv4 address, or 2^64 IPv6
// addresses from which to choose.
#pragma once

#include <string>
#include <string_view>

namespace airtight::http {

// An IPv4 address as it is, also where it travels in an IPv6 one (RFC 4291 section 2.5.5.2); of an IPv6 address the first 64 bits
// ("2001:db8:0:1::/64"). What is no address is given back.
[[nodiscard]] std::string network_of(const std::string& address);

}  // namespace airtight::http
