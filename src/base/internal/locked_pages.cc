#include "base/internal/locked_pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <mutex>
#include <new>
#include <vector>

namespace airtight::internal {
namespace {

constexpr std::size_t kSmallest = 32;
constexpr std::size_t kLargestShared = 4096;
constexpr std::size_t kClasses = 8;  // 32, 64, ... 4096
constexpr std::size_t kSlab = 64 * 1024;

std::atomic<bool> g_locking_works{true};

std::byte* map_pages(std::size_t size) {
  void* pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  if (::mlock(pages, size) != 0) g_locking_works.store(false, std::memory_order_relaxed);
  ::madvise(pages, size, MADV_DONTDUMP);
  ::madvise(pages, size, MADV_WIPEONFORK);
  return static_cast<std::byte*>(pages);
}

std::size_t round_to_pages(std::size_t size) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

// Free lists of one process. Like malloc's arena it is never torn down: secrets may outlive any static object.
class Arena {
 public:
  Block take(std::size_t size) {
    const std::size_t capacity = std::bit_ceil(size < kSmallest ? kSmallest : size);
    auto& free = free_[class_of(capacity)];
    std::lock_guard lock(mutex_);
    if (free.empty()) {
      std::byte* slab = map_pages(kSlab);
      free.reserve(free.capacity() + kSlab / capacity);
      for (std::size_t at = 0; at < kSlab; at += capacity) free.push_back(slab + at);
    }
    std::byte* data = free.back();
    free.pop_back();
    return {data, capacity};
  }

  void give_back(Block block) noexcept {
    std::lock_guard lock(mutex_);
    free_[class_of(block.capacity)].push_back(block.data);  // within the capacity reserved by take()
  }

 private:
  static std::size_t class_of(std::size_t capacity) {
    return static_cast<std::size_t>(std::countr_zero(capacity) - std::countr_zero(kSmallest));
  }

  std::mutex mutex_;
  std::array<std::vector<std::byte*>, kClasses> free_;
};

Arena& arena() {
  static Arena* const kArena = new Arena;
  return *kArena;
}

}  // namespace

Block allocate_locked(std::size_t size) {
  if (size <= kLargestShared) return arena().take(size);
  const std::size_t capacity = round_to_pages(size);
  return {map_pages(capacity), capacity};
}

void free_locked(Block block) noexcept {
  if (block.capacity <= kLargestShared) {
    arena().give_back(block);
  } else {
    ::munmap(block.data, block.capacity);
  }
}

bool locking_works() noexcept { return g_locking_works.load(std::memory_order_relaxed); }

}  // namespace airtight::internal
