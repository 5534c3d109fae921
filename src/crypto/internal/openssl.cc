#include "crypto/internal/openssl.h"

#include <openssl/err.h>

#include <array>
#include <stdexcept>
#include <string>

namespace airtight::crypto {
namespace {

std::string drain() {
  std::string first;
  while (const unsigned long code = ERR_get_error()) {
    if (!first.empty()) continue;
    std::array<char, 256> text{};
    ERR_error_string_n(code, text.data(), text.size());
    first = text.data();
  }
  return first.empty() ? "no reason given" : first;
}

}  // namespace

Failure openssl_failure(Fault fault, std::string_view what) { return airtight::fail(fault, std::string(what) + ": " + drain()); }

void forget_openssl_errors() { ERR_clear_error(); }

void require(bool ok, std::string_view what) {
  if (!ok) [[unlikely]]
    throw std::runtime_error(std::string(what) + ": " + drain());
}

}  // namespace airtight::crypto
