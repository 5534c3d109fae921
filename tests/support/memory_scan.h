// Looks through this process's own memory for a secret, as whoever gets a core dump would: all that is readable, but for the pages that the
// kernel leaves out of core dumps (MADV_DONTDUMP), where secrets may be.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/secret_bytes.h"

namespace airtight::tests {

// A secret that the test knows without having a copy of it: its bytes are computed one by one.
class KnownSecret {
 public:
  KnownSecret(std::uint32_t number, std::size_t size) : number_(number), size_(size) {}
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::byte at(std::size_t i) const {
    std::uint32_t x = (number_ * 2654435761U) ^ static_cast<std::uint32_t>(i * 40503U + 12345U);
    for (int round = 0; round < 3; ++round) {
      x ^= x >> 15;
      x *= 0x2C1B3C6DU;
      x ^= x >> 12;
    }
    return static_cast<std::byte>(x >> 8);
  }
  // The same as a printable text without spaces: a passphrase, a PIN.
  [[nodiscard]] std::byte letter_at(std::size_t i) const { return static_cast<std::byte>('a' + std::to_integer<unsigned>(at(i)) % 26); }

  [[nodiscard]] SecretBytes bytes() const {
    return made_of([this](std::size_t i) { return at(i); });
  }
  [[nodiscard]] SecretBytes letters() const {
    return made_of([this](std::size_t i) { return letter_at(i); });
  }

 private:
  [[nodiscard]] SecretBytes made_of(const std::function<std::byte(std::size_t)>& byte) const {
    SecretBytes out(size_);
    for (std::size_t i = 0; i < size_; ++i) out.expose_secret_for_writing()[i] = byte(i);
    return out;
  }
  std::uint32_t number_;
  std::size_t size_;
};

// Randomness whose every draw is a KnownSecret: draw n is KnownSecret(first + n, its size).
class KnownRandom final : public RandomSource {
 public:
  explicit KnownRandom(std::uint32_t first) : next_(first) {}
  void fill(std::span<std::byte> out) override {
    const KnownSecret secret(next_++, out.size());
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = secret.at(i);
    drawn_.push_back(secret);
  }
  [[nodiscard]] const std::vector<KnownSecret>& drawn() const { return drawn_; }

 private:
  std::uint32_t next_;
  std::vector<KnownSecret> drawn_;
};

class MemoryScan {
 public:
  // Looks at the memory as it is now.
  MemoryScan() : memory_(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC)) {
    window_ = static_cast<std::byte*>(::mmap(nullptr, kWindow, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (memory_ < 0 || window_ == MAP_FAILED) throw std::runtime_error("this process cannot look at its own memory");
    read_mappings();
  }
  MemoryScan(const MemoryScan&) = delete;
  MemoryScan& operator=(const MemoryScan&) = delete;
  ~MemoryScan() {
    ::munmap(window_, kWindow);
    ::close(memory_);
  }

  // Where the secret, or the first 16 bytes of it, is found: the mappings' lines. Empty if it is nowhere.
  [[nodiscard]] std::vector<std::string> find(const KnownSecret& secret) const {
    return find(secret.size(), [&](std::size_t i) { return secret.at(i); });
  }
  [[nodiscard]] std::vector<std::string> find_letters(const KnownSecret& secret) const {
    return find(secret.size(), [&](std::size_t i) { return secret.letter_at(i); });
  }
  // Of a secret that the test holds in memory that is not dumped.
  [[nodiscard]] std::vector<std::string> find(const SecretBytes& secret) const {
    return find(secret.size(), [&](std::size_t i) { return secret.expose_secret()[i]; });
  }
  [[nodiscard]] std::size_t bytes_scanned() const { return bytes_; }

 private:
  struct Mapping {
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    std::string line;
    bool is_dumped = true;
  };
  static constexpr std::size_t kWindow = 1U << 20;

  void read_mappings() {
    std::ifstream file("/proc/self/smaps");
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      Mapping mapping;
      char dash = 0;
      std::string mode;
      if (words >> std::hex >> mapping.first >> dash >> mapping.last >> mode && dash == '-') {
        mapping.line = line;
        const bool own =
            reinterpret_cast<std::uintptr_t>(window_) >= mapping.first && reinterpret_cast<std::uintptr_t>(window_) < mapping.last;
        // What cannot be written holds what files hold; the window holds what is looked at.
        mapping.is_dumped = mode.starts_with("rw") && !own;
        mappings_.push_back(mapping);
      } else if (line.starts_with("VmFlags:") && !mappings_.empty()) {
        if (line.find(" dd") != std::string::npos) mappings_.back().is_dumped = false;
      }
    }
    for (const Mapping& mapping : mappings_) bytes_ += mapping.is_dumped ? mapping.last - mapping.first : 0;
  }

  template <typename ByteAt>
  [[nodiscard]] std::vector<std::string> find(std::size_t whole, ByteAt byte_at) const {
    const std::size_t size = std::min<std::size_t>(whole, 16);
    std::vector<std::string> found;
    for (const Mapping& mapping : mappings_) {
      if (!mapping.is_dumped) continue;
      for (std::uintptr_t at = mapping.first; at < mapping.last; at += kWindow - size) {
        const ssize_t count = ::pread(memory_, window_, std::min<std::size_t>(kWindow, mapping.last - at), static_cast<off_t>(at));
        if (count < static_cast<ssize_t>(size)) break;
        for (std::size_t i = 0; i + size <= static_cast<std::size_t>(count); ++i) {
          std::size_t same = 0;
          while (same < size && window_[i + same] == byte_at(same)) ++same;
          if (same == size) found.push_back(std::to_string(at + i) + " in " + mapping.line);
        }
      }
    }
    return found;
  }

  int memory_;
  std::byte* window_;
  std::vector<Mapping> mappings_;
  std::size_t bytes_ = 0;
};

}  // namespace airtight::tests
