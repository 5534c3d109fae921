#include "sealing/internal/seal_file.h"

#include <bit>
#include <charconv>

#include "base/encoding.h"
#include "crypto/digest.h"

namespace airtight::sealing::internal {
namespace {

constexpr std::string_view kVersionName = "airtight-seal";
constexpr unsigned kVersion = 1;

void add_line(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += " = ";
  out += value;
  out += '\n';
}

Failure damaged() { return fail(Fault::kInternal, "the seal is damaged", "restore the file from a backup"); }

// The lines of a seal file, taken one by one in their order.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  // The value of the next line, which must have this name.
  [[nodiscard]] Result<std::string_view> value(std::string_view name) {
    const std::size_t end = rest_.find('\n');
    if (end == std::string_view::npos) return damaged();
    std::string_view line = rest_.substr(0, end);
    if (!line.starts_with(name)) return damaged();
    line.remove_prefix(name.size());
    if (!line.starts_with(" = ")) return damaged();
    rest_.remove_prefix(end + 1);
    return line.substr(3);
  }

  [[nodiscard]] Result<Bytes> hex(std::string_view name) { return hex_decode(TRY(value(name))); }

  template <typename Number>
  [[nodiscard]] Result<Number> number(std::string_view name) {
    const std::string_view text = TRY(value(name));
    Number out = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (code != std::errc{} || end != text.data() + text.size()) return damaged();
    return out;
  }

 private:
  std::string_view rest_;
};

Result<Lock> read_lock(Lines& lines) {
  const std::string_view kind = TRY(lines.value("kind"));
  if (kind == name_of(SealKind::kFile)) return KeyFileLock{TRY(lines.hex("key-id"))};
  if (kind != name_of(SealKind::kPassphrase)) return damaged();
  PassphraseLock lock;
  lock.salt = TRY(lines.hex("salt"));
  lock.cost.n = TRY(lines.number<std::uint64_t>("scrypt-n"));
  lock.cost.r = TRY(lines.number<std::uint32_t>("scrypt-r"));
  lock.cost.p = TRY(lines.number<std::uint32_t>("scrypt-p"));
  return lock;
}

Result<SealFile> read_lines(std::string_view text) {
  Lines lines(text);
  const auto version = TRY(lines.number<unsigned>(kVersionName));
  if (version != kVersion) {
    return fail(Fault::kRefused,
                "the seal has version " + std::to_string(version) + ", and this program knows version " + std::to_string(kVersion),
                "use the version of the program that made the seal");
  }
  Lock lock = TRY(read_lock(lines));
  return SealFile{std::move(lock), TRY(lines.hex("wrapped"))};
}

}  // namespace

SealKind kind_of(const Lock& lock) { return std::holds_alternative<KeyFileLock>(lock) ? SealKind::kFile : SealKind::kPassphrase; }

std::string context_of(const Lock& lock) {
  std::string out;
  add_line(out, kVersionName, std::to_string(kVersion));
  add_line(out, "kind", name_of(kind_of(lock)));
  if (const auto* file = std::get_if<KeyFileLock>(&lock)) add_line(out, "key-id", hex_encode(file->key_id));
  if (const auto* passphrase = std::get_if<PassphraseLock>(&lock)) {
    add_line(out, "salt", hex_encode(passphrase->salt));
    add_line(out, "scrypt-n", std::to_string(passphrase->cost.n));
    add_line(out, "scrypt-r", std::to_string(passphrase->cost.r));
    add_line(out, "scrypt-p", std::to_string(passphrase->cost.p));
  }
  return out;
}

std::string write_seal(const SealFile& seal) {
  std::string out = context_of(seal.lock);
  add_line(out, "wrapped", hex_encode(seal.wrapped));
  add_line(out, "checksum", hex_encode(crypto::sha256(bytes_of(out))));
  return out;
}

Result<SealFile> read_seal(std::string_view text) {
  auto seal = read_lines(text);
  if (!seal) return seal.error().fault == Fault::kRefused ? std::move(seal) : damaged();
  if (write_seal(*seal) != text) return damaged();
  const auto* passphrase = std::get_if<PassphraseLock>(&seal->lock);
  if (passphrase != nullptr && !is_affordable(passphrase->cost)) {
    return fail(Fault::kRefused, "the seal asks for more memory or time than opening one may take", "restore the file from a backup");
  }
  return seal;
}

bool is_affordable(const crypto::ScryptCost& cost) {
  constexpr std::uint64_t kMostBlocks = 512U * 1024 * 1024 / 128;
  return std::has_single_bit(cost.n) && cost.n > 1 && cost.n <= kMostBlocks && cost.r >= 1 && cost.r <= kMostBlocks / cost.n &&
         cost.p >= 1 && cost.p <= 4;
}

}  // namespace airtight::sealing::internal
