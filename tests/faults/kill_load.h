// The load of the kill test: a process that uses a key store from many threads, and a journal in shared memory that survives it. A thread
// notes a call before it makes it, and the answer before it goes on.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "crypto/certificate.h"
#include "sks/client.h"

namespace airtight::faults {

inline constexpr std::size_t kPublicKeySize = 91;  // of P-256, as SubjectPublicKeyInfo

struct JournalEntry {
  std::uint8_t method = 0;
  bool right = true;           // the PIN, PUK or MAC in it
  sks::Handle subject = 0;     // the handle that the request begins with
  std::uint64_t sent = 0;      // when, by the journal's clock
  std::uint64_t answered = 0;  // 0: not
  sks::Status status = sks::Status::kOk;
  sks::Handle made = 0;             // the handle that the answer ends with
  std::array<char, 120> refusal{};  // ErrorString, as far as there is room
  std::array<std::byte, kPublicKeySize> public_key{};
};

// What one thread has done.
class Lane {
 public:
  void reset() { count_ = 0; }
  [[nodiscard]] std::span<const JournalEntry> entries() const { return std::span(entries_).first(count_); }
  // Null once it is full.
  [[nodiscard]] JournalEntry* begin(const JournalEntry& entry) {
    if (count_ == entries_.size()) return nullptr;
    entries_[count_] = entry;
    return &entries_[count_++];  // a kill between the two loses a call that was not made
  }

 private:
  std::atomic<std::uint32_t> count_{0};
  std::array<JournalEntry, 2048> entries_;
};

class Journal {
 public:
  static constexpr std::size_t kLanes = 5;
  // In memory that processes share; unmapped at the end of the program.
  [[nodiscard]] static Journal& make();
  void reset();
  [[nodiscard]] std::uint64_t tick() { return ++clock_; }
  [[nodiscard]] Lane& lane(std::size_t number) { return lanes_.at(number); }

 private:
  std::atomic<std::uint64_t> clock_{0};
  std::array<Lane, kLanes> lanes_;
};

// What the load works with.
struct LoadPlan {
  std::filesystem::path folder;  // of the store
  crypto::Certificate device;
  std::vector<sks::Handle> pin_keys;   // to be used with right and wrong PINs
  std::vector<sks::Handle> free_keys;  // to be used without
  std::vector<sks::Handle> victims;    // to be deleted
  std::uint32_t seed = 0;
  std::chrono::microseconds span{0};  // then it stops in order
};

// Two threads make sessions with keys, two use keys, one deletes. 0 after an orderly stop.
int run_load(const LoadPlan& plan, Journal& journal);

// The PIN limit of a key is one of these; the PUKs'.
inline constexpr std::uint8_t kTightLimit = 3;
inline constexpr std::uint8_t kWideLimit = 40;
inline constexpr std::uint8_t kPukLimit = 200;

}  // namespace airtight::faults
