#include "tests/model/describe.h"

#include "base/encoding.h"
#include "sks/wire.h"

namespace airtight::sks::model {
namespace {

template <wire::Fielded T>
std::string text(const T& value);

std::string text(ByteView bytes) {
  constexpr std::size_t kMost = 24;
  if (bytes.size() <= kMost) return hex_encode(bytes);
  return hex_encode(bytes.first(kMost)) + "...(" + std::to_string(bytes.size()) + " bytes)";
}
std::string text(const Bytes& bytes) { return text(ByteView(bytes)); }
std::string text(const Bytes32& bytes) { return text(ByteView(bytes)); }
std::string text(const SecretBytes& bytes) { return text(bytes.expose_secret()); }
std::string text(const SecretBlob& blob) { return text(blob.value.expose_secret()); }
std::string text(const Blob& blob) { return text(ByteView(blob.value)); }
std::string text(const std::string& value) { return "'" + value + "'"; }
std::string text(const Id& id) { return text(id.value); }
std::string text(const Time& time) { return std::to_string(time.milliseconds); }
std::string text(bool value) { return value ? "true" : "false"; }
template <typename T>
  requires std::is_unsigned_v<T> && (!std::is_same_v<T, bool>)
std::string text(T value) {
  return std::to_string(value);
}
std::string text(const std::vector<Bytes>& list) {
  std::string out;
  for (const Bytes& item : list) out += (out.empty() ? "" : ", ") + text(item);
  return "[" + out + "]";
}
template <typename T>
std::string text(const std::optional<T>& value) {
  return value ? text(*value) : "absent";
}
template <typename... Ts>
std::string text(const std::variant<Ts...>& value) {
  return std::visit([](const auto& alternative) { return text(alternative); }, value);
}

template <wire::Fielded T>
std::string text(const T& value) {
  std::string out;
  std::apply([&](const auto&... field) { ((out += " " + std::string(field.name) + "=" + text(value.*(field.member))), ...); }, T::fields());
  return out;
}

template <typename Request>
bool describe_as(const Method<Request>& method, ByteView request, std::string& out) {
  if (request.empty() || std::to_integer<std::uint8_t>(request[0]) != method.number) return false;
  const auto decoded = wire::decode<Request>(request.subspan(1));
  out = std::string(method.name) + (decoded ? text(*decoded) : " unreadable " + hex_encode(request));
  return true;
}

}  // namespace

std::string describe(ByteView request) {
  std::string out;
  const bool known = std::apply([&](const auto&... method) { return (... || describe_as(method, request, out)); }, kMethods);
  return known ? out : "unknown " + hex_encode(request);
}

}  // namespace airtight::sks::model
