// The types that SKS calls are made of, beside plain C++ ones: "Data Types" of the document. Integers are byte, short and int; bool is
// bool; Bytes, SecretBytes and std::string are byte[]; std::vector<Bytes> is a byte count and then byte[] each.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/secret_bytes.h"

namespace airtight::sks {

using Handle = std::uint32_t;
inline constexpr Handle kNoHandle = 0xFFFFFFFF;         // starts and ends an enumeration
inline constexpr Handle kDevicePinHandle = 0xFFFFFFFF;  // as PINPolicyHandle: the device PIN

struct Id {
  std::string value;
};  // id
struct Time {
  std::uint64_t milliseconds = 0;
};  // byte[8]
using Bytes32 = std::array<std::byte, 32>;  // byte[32]
struct LongList {
  std::vector<std::string> values;
};  // a short count and then byte[] each
struct Blob {
  Bytes value;
};  // blob
struct SecretBlob {
  SecretBytes value;
};  // blob, of something secret

template <typename Owner, typename Member>
struct Field {
  std::string_view name;  // as the document spells it
  Member Owner::* member;
};
template <typename Owner, typename Member>
Field(const char*, Member Owner::*) -> Field<Owner, Member>;

struct Nothing {
  static constexpr auto fields() { return std::tuple(); }
};

}  // namespace airtight::sks
