// The byte form of SKS calls ("Data Types" of the document, sks.md section 1): one cursor that reads them, one builder that writes them,
// and the encoder and decoder that both walk a type's field list.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "sks/methods.h"

namespace airtight::sks::wire {

inline constexpr std::size_t kMaxMessage = 1U << 20;  // of a framed request or response, in bytes

// Reads; each get says whether it worked and does not move on failure.
class Reader {
 public:
  explicit Reader(ByteView input) : rest_(input) {}
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }

  // A big-endian unsigned integer of `size` bytes, at most 8.
  [[nodiscard]] std::optional<std::uint64_t> integer(std::size_t size) {
    const auto bytes = take(size);
    if (!bytes) return std::nullopt;
    std::uint64_t value = 0;
    for (std::byte b : *bytes) value = (value << 8) | std::to_integer<std::uint64_t>(b);
    return value;
  }
  // Bytes behind a length of `length_size` bytes.
  [[nodiscard]] std::optional<ByteView> array(std::size_t length_size) {
    Reader ahead(rest_);
    const auto length = ahead.integer(length_size);
    if (!length) return std::nullopt;
    const auto bytes = ahead.take(static_cast<std::size_t>(*length));
    if (bytes) *this = ahead;
    return bytes;
  }

 private:
  std::optional<ByteView> take(std::size_t size) {
    if (rest_.size() < size) return std::nullopt;
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  ByteView rest_;
};

// Writes, either for real or only to count: an encoding is measured first and then written into secret memory of just that size.
class Writer {
 public:
  Writer() = default;                                                    // counts
  explicit Writer(std::span<std::byte> out) : out_(out), real_(true) {}  // writes; `out` is large enough
  [[nodiscard]] std::size_t size() const { return size_; }

  void integer(std::uint64_t value, std::size_t size) {
    for (std::size_t i = size; i-- > 0;) put(static_cast<std::byte>((value >> (8 * i)) & 0xFF));
  }
  void array(ByteView bytes, std::size_t length_size) {
    integer(bytes.size(), length_size);
    for (std::byte b : bytes) put(b);
  }

 private:
  void put(std::byte b) {
    if (real_) out_[size_] = b;
    ++size_;
  }
  std::span<std::byte> out_;
  std::size_t size_ = 0;
  bool real_ = false;
};

template <typename T>
concept Fielded = requires { T::fields(); };
template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <Fielded T>
[[nodiscard]] bool read_fields(Reader& reader, T& out);
template <Fielded T>
void write_fields(Writer& writer, const T& value);

// One overload of read and write a wire type.
template <typename T>
  requires std::is_unsigned_v<T> && (!std::is_same_v<T, bool>)
[[nodiscard]] bool read(Reader& reader, T& out) {
  const auto value = reader.integer(sizeof(T));
  if (value) out = static_cast<T>(*value);
  return value.has_value();
}
template <typename T>
  requires std::is_unsigned_v<T> && (!std::is_same_v<T, bool>)
void write(Writer& writer, T value) {
  writer.integer(value, sizeof(T));
}

[[nodiscard]] inline bool read(Reader& reader, bool& out) {
  const auto value = reader.integer(1);
  if (!value || *value > 1) return false;
  out = *value == 1;
  return true;
}
inline void write(Writer& writer, bool value) { writer.integer(value ? 1 : 0, 1); }

[[nodiscard]] inline bool read(Reader& reader, Bytes& out) {
  const auto bytes = reader.array(2);
  if (bytes) out = to_bytes(*bytes);
  return bytes.has_value();
}
inline void write(Writer& writer, const Bytes& value) { writer.array(value, 2); }

[[nodiscard]] inline bool read(Reader& reader, SecretBytes& out) {
  const auto bytes = reader.array(2);
  if (bytes) out = SecretBytes::copy_of(*bytes);
  return bytes.has_value();
}
inline void write(Writer& writer, const SecretBytes& value) { writer.array(value.expose_secret(), 2); }

[[nodiscard]] inline bool read(Reader& reader, Blob& out) {
  const auto bytes = reader.array(4);
  if (bytes) out.value = to_bytes(*bytes);
  return bytes.has_value();
}
inline void write(Writer& writer, const Blob& blob) { writer.array(blob.value, 4); }

[[nodiscard]] inline bool read(Reader& reader, SecretBlob& out) {
  const auto bytes = reader.array(4);
  if (bytes) out.value = SecretBytes::copy_of(*bytes);
  return bytes.has_value();
}
inline void write(Writer& writer, const SecretBlob& blob) { writer.array(blob.value.expose_secret(), 4); }

[[nodiscard]] inline bool read(Reader& reader, std::string& out) {
  const auto bytes = reader.array(2);
  if (bytes) out = to_text(*bytes);
  return bytes.has_value();
}
inline void write(Writer& writer, const std::string& value) { writer.array(bytes_of(value), 2); }

[[nodiscard]] inline bool read(Reader& reader, Id& out) { return read(reader, out.value); }
inline void write(Writer& writer, const Id& id) { write(writer, id.value); }

template <std::size_t N>
[[nodiscard]] bool read(Reader& reader, std::array<std::byte, N>& out) {
  Reader ahead = reader;
  const auto bytes = ahead.array(2);
  if (!bytes || bytes->size() != N) return false;
  std::ranges::copy(*bytes, out.begin());
  reader = ahead;
  return true;
}
template <std::size_t N>
void write(Writer& writer, const std::array<std::byte, N>& value) {
  writer.array(value, 2);
}

[[nodiscard]] inline bool read(Reader& reader, Time& out) {
  std::array<std::byte, 8> bytes{};
  if (!read(reader, bytes)) return false;
  out.milliseconds = *Reader(bytes).integer(8);
  return true;
}
inline void write(Writer& writer, const Time& value) {
  writer.integer(8, 2);
  writer.integer(value.milliseconds, 8);
}

// `count_size` bytes of count, then as many elements.
template <typename T>
[[nodiscard]] bool read_list(Reader& reader, std::vector<T>& out, std::size_t count_size) {
  const auto count = reader.integer(count_size);
  if (!count) return false;
  out.clear();
  for (std::uint64_t i = 0; i < *count; ++i) {
    T item{};
    if (!read(reader, item)) return false;
    out.push_back(std::move(item));
  }
  return true;
}
template <typename T>
void write_list(Writer& writer, const std::vector<T>& values, std::size_t count_size) {
  writer.integer(values.size(), count_size);
  for (const T& value : values) write(writer, value);
}

template <typename T>
[[nodiscard]] bool read(Reader& reader, std::vector<T>& out)
  requires std::is_same_v<T, Bytes> || std::is_same_v<T, std::uint16_t>
{
  return read_list(reader, out, 1);
}
template <typename T>
void write(Writer& writer, const std::vector<T>& value)
  requires std::is_same_v<T, Bytes> || std::is_same_v<T, std::uint16_t>
{
  write_list(writer, value, 1);
}

[[nodiscard]] inline bool read(Reader& reader, LongList& out) { return read_list(reader, out.values, 2); }
inline void write(Writer& writer, const LongList& list) { write_list(writer, list.values, 2); }

// A byte that says which alternative follows; another value cannot be read on.
template <typename... Ts>
[[nodiscard]] bool read(Reader& reader, std::variant<Ts...>& out) {
  const auto which = reader.integer(1);
  if (!which || *which >= sizeof...(Ts)) return false;
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return (... || (*which == I && read_fields(reader, out.template emplace<I>())));
  }(std::index_sequence_for<Ts...>());
}
template <typename... Ts>
void write(Writer& writer, const std::variant<Ts...>& value) {
  writer.integer(value.index(), 1);
  std::visit([&](const auto& alternative) { write_fields(writer, alternative); }, value);
}

template <typename T>
[[nodiscard]] bool read(Reader& reader, std::optional<T>& out) {
  out.emplace();
  if constexpr (Fielded<T>) {
    return read_fields(reader, *out);
  } else {
    return read(reader, *out);
  }
}
template <typename T>
void write(Writer& writer, const std::optional<T>& value) {
  if (!value) return;
  if constexpr (Fielded<T>) {
    write_fields(writer, *value);
  } else {
    write(writer, *value);
  }
}

// An optional field is there if more is left than what must follow it; only integers follow one in SKS, or nothing.
template <typename T, std::size_t Index>
[[nodiscard]] constexpr std::size_t size_after() {
  constexpr auto kFields = T::fields();
  std::size_t size = 0;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((size += I > Index ? sizeof(std::declval<T>().*(std::get<I>(kFields).member)) : 0), ...);
  }(std::make_index_sequence<std::tuple_size_v<decltype(kFields)>>());
  return size;
}

template <Fielded T>
[[nodiscard]] bool read_fields(Reader& reader, T& out) {
  constexpr auto kFields = T::fields();
  const auto read_one = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    auto& member = out.*(std::get<I>(kFields).member);
    if constexpr (kIsOptional<std::remove_reference_t<decltype(member)>>) {
      if (reader.remaining() == size_after<T, I>()) {
        member.reset();
        return true;
      }
    }
    return read(reader, member);
  };
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return (true && ... && read_one(std::integral_constant<std::size_t, I>()));
  }(std::make_index_sequence<std::tuple_size_v<decltype(kFields)>>());
}

template <Fielded T>
void write_fields(Writer& writer, const T& value) {
  std::apply([&](const auto&... field) { (write(writer, value.*(field.member)), ...); }, T::fields());
}

// `lead` (method or status) and the fields of `value`.
template <Fielded T>
[[nodiscard]] SecretBytes encode(std::uint8_t lead, const T& value) {
  Writer measure;
  measure.integer(lead, 1);
  write_fields(measure, value);
  SecretBytes out(measure.size());
  Writer writer(out.expose_secret_for_writing());
  writer.integer(lead, 1);
  write_fields(writer, value);
  return out;
}

// The fields of T, to exactly the last byte; nothing otherwise.
template <Fielded T>
[[nodiscard]] std::optional<T> decode(ByteView bytes) {
  Reader reader(bytes);
  T out{};
  if (!read_fields(reader, out) || reader.remaining() != 0) return std::nullopt;
  return out;
}

}  // namespace airtight::sks::wire
