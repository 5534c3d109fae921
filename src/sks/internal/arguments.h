// What several provisioning methods ask of their arguments.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/key_attributes.h"
#include "base/result.h"
#include "base/text.h"
#include "sks/state.h"
#include "sks/status.h"

namespace airtight::sks::internal {

inline constexpr std::size_t kMaxPassphrase = 100;  // bytes of a PIN or PUK

// The value of a byte, or ERROR_OPTION.
template <typename E>
[[nodiscard]] Result<E> enumerated(std::uint8_t byte, std::string_view name) {
  const auto value = value_of_byte<E>(byte);
  if (!value) return fail(Status::kOption, std::string(name) + " has no such value");
  return *value;
}

// An id that is new in its name space: `existing` (sks.md section 1). ERROR_OPTION.
template <typename Named>
[[nodiscard]] Result<> check_new_id(const Id& id, const std::vector<Ref<Named>>& existing, std::string_view what) {
  if (!is_sks_id(id.value)) return fail(Status::kOption, std::string(what) + " ID is no NCName of 1 to 32 bytes");
  if (std::ranges::any_of(existing, [&](const Ref<Named>& other) { return other->id == id.value; })) {
    return fail(Status::kOption, "there is already a " + std::string(what) + " with the ID " + id.value);
  }
  return {};
}

}  // namespace airtight::sks::internal
