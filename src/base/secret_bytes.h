// SecretBytes: the only home of keys, PINs and other secrets. Its memory is locked, left out of core dumps, wiped when freed, and zeros in
// a forked process; it moves but does not copy, is compared in constant time, and cannot be printed.
#pragma once

#include <cstddef>

#include "base/bytes.h"

namespace airtight {

class SecretBytes {
 public:
  SecretBytes() = default;
  // `size` zero bytes.
  explicit SecretBytes(std::size_t size);
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  // A secret with a copy of `bytes`; wiping the original is the caller's business.
  [[nodiscard]] static SecretBytes copy_of(ByteView bytes);
  [[nodiscard]] SecretBytes clone() const { return copy_of(expose_secret()); }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  // The door: grep for expose_secret to find every place that reads a secret. The view lives as long as this object.
  [[nodiscard]] ByteView expose_secret() const { return {data_, size_}; }
  [[nodiscard]] std::span<std::byte> expose_secret_for_writing() { return {data_, size_}; }

  // Shortens to `size` bytes (at most size()); the rest is wiped.
  void truncate(std::size_t size);

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// True if equal; the time taken depends on the lengths alone.
[[nodiscard]] bool equal_in_constant_time(ByteView a, ByteView b);

// Overwrites memory in a way that the compiler keeps.
void wipe(std::span<std::byte> memory);

// False once the system has refused to lock a page of secrets (RLIMIT_MEMLOCK): callers may want to warn.
[[nodiscard]] bool secrets_are_locked();

}  // namespace airtight
