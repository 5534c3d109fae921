// What every benchmark needs: clocks, medians, and giving up.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"

namespace airtight::bench {

template <typename T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "benchmark: %s\n", result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
inline void must(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "benchmark: %s failed\n", what);
  std::exit(1);
}

inline double microseconds(const timespec& t) { return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3; }
inline double clock_us(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return microseconds(t);
}
inline double process_cpu() { return clock_us(CLOCK_PROCESS_CPUTIME_ID); }
inline double thread_cpu() { return clock_us(CLOCK_THREAD_CPUTIME_ID); }
inline double wall() { return clock_us(CLOCK_MONOTONIC); }

inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values.empty() ? 0 : values[values.size() / 2];
}

}  // namespace airtight::bench
