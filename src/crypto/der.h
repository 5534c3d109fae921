// DER (X.690), read by a cursor over borrowed bytes and written by a builder that patches lengths itself.
// Each read says whether it worked and does not move on failure; what is accepted re-encodes to the same bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace airtight::crypto::der {

// Identifier octet of the low-tag-number form, which is all that our formats use.
enum class Tag : std::uint8_t {
  kBoolean = 0x01,
  kInteger = 0x02,
  kBitString = 0x03,
  kOctetString = 0x04,
  kNull = 0x05,
  kObjectId = 0x06,
  kEnumerated = 0x0A,
  kUtf8String = 0x0C,
  kNumericString = 0x12,
  kPrintableString = 0x13,
  kTeletexString = 0x14,
  kIa5String = 0x16,
  kUtcTime = 0x17,
  kGeneralizedTime = 0x18,
  kUniversalString = 0x1C,
  kBmpString = 0x1E,
  kSequence = 0x30,
  kSet = 0x31,
};
// [n] primitive and [n] constructed, n at most 30.
[[nodiscard]] constexpr Tag context(unsigned n) { return static_cast<Tag>(0x80 | n); }
[[nodiscard]] constexpr Tag context_constructed(unsigned n) { return static_cast<Tag>(0xA0 | n); }
[[nodiscard]] constexpr bool is_constructed(Tag tag) { return (static_cast<std::uint8_t>(tag) & 0x20) != 0; }

struct Element {
  Tag tag;
  ByteView content;
  ByteView whole;  // identifier, length and content
};

struct Limits {
  std::size_t max_size = 1 << 20;  // of the outermost input, in bytes
  unsigned max_depth = 32;         // of nested constructed elements, for check_tree
};

class Reader {
 public:
  explicit Reader(ByteView input) : rest_(input) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::optional<Tag> peek_tag() const;
  [[nodiscard]] ByteView rest() const { return rest_; }

  // The next element, whatever it is.
  [[nodiscard]] Result<Element> element();
  // The next element, which has to have `tag`.
  [[nodiscard]] Result<Element> element(Tag tag);
  // The next element if it has `tag`; nothing, and no move, otherwise. A malformed one is an error.
  [[nodiscard]] Result<std::optional<Element>> optional_element(Tag tag);
  // A cursor into the content of the next element of `tag` (constructed).
  [[nodiscard]] Result<Reader> enter(Tag tag);

  [[nodiscard]] Result<bool> boolean();
  // Content of an INTEGER: minimal two's complement.
  [[nodiscard]] Result<ByteView> integer();
  // A non-negative INTEGER without its sign octet.
  [[nodiscard]] Result<ByteView> unsigned_integer();
  // A non-negative INTEGER of at most 63 bits.
  [[nodiscard]] Result<std::uint64_t> small_integer();
  // BIT STRING with no unused bits.
  [[nodiscard]] Result<ByteView> bit_string();
  [[nodiscard]] Result<ByteView> octet_string();
  // OBJECT IDENTIFIER in dotted form.
  [[nodiscard]] Result<std::string> object_id();
  [[nodiscard]] Result<> null();

  // Fails unless everything was read.
  [[nodiscard]] Result<> expect_end() const;

 private:
  ByteView rest_;
};

// Reads exactly one element that fills `input`; strict DER down to primitive universal types, within `limits`.
[[nodiscard]] Result<Element> read_one(ByteView input, const Limits& limits);

class Writer {
 public:
  void element(Tag tag, ByteView content);
  void raw(ByteView der);  // an element encoded elsewhere
  void boolean(bool value);
  void integer(std::uint64_t value);
  // INTEGER from big-endian magnitude; leading zeros are dropped, a sign octet added where needed.
  void unsigned_integer(ByteView magnitude);
  void bit_string(ByteView bytes);
  void octet_string(ByteView bytes);
  void object_id(std::string_view dotted);  // well-formed by the caller
  void null();
  void utf8_string(std::string_view text);
  // Writes `tag` around what `body` writes.
  void nested(Tag tag, const std::function<void(Writer&)>& body);
  void sequence(const std::function<void(Writer&)>& body) { nested(Tag::kSequence, body); }
  // SET OF, sorted as DER wants.
  void set_of(std::vector<Bytes> elements);

  [[nodiscard]] const Bytes& bytes() const { return out_; }
  [[nodiscard]] Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

}  // namespace airtight::crypto::der
