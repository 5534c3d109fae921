// The allocator behind SecretBytes: blocks in locked pages that never reach a core dump or swap, and that a forked process finds full of
// zeros. Small blocks share pages by size class; large ones get pages of their own.
#pragma once

#include <cstddef>

namespace airtight::internal {

struct Block {
  std::byte* data;
  std::size_t capacity;
};

// A block of at least `size` bytes (size > 0). Throws std::bad_alloc when there is no memory.
[[nodiscard]] Block allocate_locked(std::size_t size);

// Returns a block, already wiped.
void free_locked(Block block) noexcept;

// False once mlock has failed.
[[nodiscard]] bool locking_works() noexcept;

}  // namespace airtight::internal
