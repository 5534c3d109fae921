#include "base/secret_bytes.h"

#include <string.h>

#include <algorithm>
#include <utility>

#include "base/internal/locked_pages.h"

namespace airtight {

SecretBytes::SecretBytes(std::size_t size) : size_(size) {
  if (size == 0) return;
  const internal::Block block = internal::allocate_locked(size);
  data_ = block.data;
  capacity_ = block.capacity;
  std::fill_n(data_, size, std::byte{0});
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)), capacity_(std::exchange(other.capacity_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  return *this;
}

SecretBytes::~SecretBytes() {
  if (data_ == nullptr) return;
  wipe({data_, capacity_});
  internal::free_locked({data_, capacity_});
}

SecretBytes SecretBytes::copy_of(ByteView bytes) {
  SecretBytes out(bytes.size());
  std::ranges::copy(bytes, out.data_);
  return out;
}

void SecretBytes::truncate(std::size_t size) {
  if (size >= size_) return;
  wipe({data_ + size, size_ - size});
  size_ = size;
}

bool equal_in_constant_time(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | std::to_integer<unsigned char>(a[i] ^ b[i]));
  }
  return difference == 0;
}

void wipe(std::span<std::byte> memory) {
  if (!memory.empty()) ::explicit_bzero(memory.data(), memory.size());  // which may not be given a null pointer
}

bool secrets_are_locked() { return internal::locking_works(); }

}  // namespace airtight
