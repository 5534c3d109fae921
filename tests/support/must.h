// must(result): what a result holds, for the steps of a test that are not its subject; an error fails the test with its message.
#pragma once

#include <stdexcept>
#include <type_traits>
#include <utility>

#include "base/result.h"

namespace airtight::tests {

template <typename T>
auto must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace airtight::tests
