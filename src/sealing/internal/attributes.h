// Templates of PKCS #11 attributes, and how objects are found by them.
#pragma once

#include <p11-kit/p11-kit.h>

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "sealing/internal/token.h"

namespace airtight::sealing::internal {

// The values live as long as this object, which does not move.
class Template {
 public:
  Template() { attributes_.reserve(kMost); }
  Template(const Template&) = delete;
  Template& operator=(const Template&) = delete;

  Template& flag(CK_ATTRIBUTE_TYPE type, bool value) {
    static std::array<CK_BBOOL, 2> values = {0, 1};
    attributes_.push_back({type, &values.at(value ? 1 : 0), sizeof(CK_BBOOL)});
    return *this;
  }
  Template& number(CK_ATTRIBUTE_TYPE type, CK_ULONG& value) {
    attributes_.push_back({type, &value, sizeof value});
    return *this;
  }
  Template& bytes(CK_ATTRIBUTE_TYPE type, std::span<std::byte> value) {
    attributes_.push_back({type, value.data(), value.size()});
    return *this;
  }
  CK_ATTRIBUTE* data() { return attributes_.data(); }
  [[nodiscard]] CK_ULONG size() const { return attributes_.size(); }

 private:
  static constexpr std::size_t kMost = 16;
  std::vector<CK_ATTRIBUTE> attributes_;
};

// The first objects that match `wanted`, at most eight.
[[nodiscard]] Result<std::vector<CK_OBJECT_HANDLE>> find_objects(TokenSession& session, Template& wanted);

// As the C interface wants it.
[[nodiscard]] inline unsigned char* data_of(std::span<std::byte> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

}  // namespace airtight::sealing::internal
