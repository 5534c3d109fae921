#include "sealing/internal/key_file.h"

#include "crypto/digest.h"
#include "storage/files.h"

namespace airtight::sealing::internal {
namespace {

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kTextSize = 2 * kKeySize + 1;  // with the line's end

// Hex for secrets: base/encoding.h would leave copies in memory that is not wiped.
std::byte digit(unsigned value) { return static_cast<std::byte>(value < 10 ? '0' + value : 'a' + value - 10); }

SecretBytes to_line(const SecretBytes& key) {
  SecretBytes line(kTextSize);
  const auto out = line.expose_secret_for_writing();
  std::size_t at = 0;
  for (const std::byte byte : key.expose_secret()) {
    out[at++] = digit(std::to_integer<unsigned>(byte) >> 4);
    out[at++] = digit(std::to_integer<unsigned>(byte) & 0xF);
  }
  out[at] = std::byte{'\n'};
  return line;
}

// 0 to 15, or 16 for anything that is no digit of ours.
unsigned value_of(std::byte character) {
  const auto c = std::to_integer<unsigned>(character);
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return 16;
}

Result<SecretBytes> from_line(const SecretBytes& line) {
  const auto malformed = [] { return fail(Fault::kRefused, "it does not hold 64 hex digits and the end of a line"); };
  const ByteView text = line.expose_secret();
  if (text.size() != kTextSize || text.back() != std::byte{'\n'}) return malformed();
  SecretBytes key(kKeySize);
  const auto out = key.expose_secret_for_writing();
  for (std::size_t i = 0; i < kKeySize; ++i) {
    const unsigned high = value_of(text[2 * i]);
    const unsigned low = value_of(text[2 * i + 1]);
    if (high > 15 || low > 15) return malformed();
    out[i] = static_cast<std::byte>(high * 16 + low);
  }
  return key;
}

}  // namespace

Result<SecretBytes> read_key_file(const std::filesystem::path& path) {
  const std::string restore = "restore " + path.native() + " from a backup: without it nothing that it seals can be opened";
  auto line = storage::read_secret_file(path, kTextSize);
  if (!line && line.error().fault == Fault::kNotFound) {
    return fail(Fault::kNotFound, "the key file " + path.native() + " is missing", restore);
  }
  if (!line && line.error().fault != Fault::kBadInput) return Failure(std::move(line.error()));
  auto key = line ? from_line(*line) : Result<SecretBytes>(Failure(std::move(line.error())));
  if (!key) return fail(Fault::kRefused, "the key file " + path.native() + " is damaged: " + key.error().message, restore);
  return key;
}

Result<SecretBytes> read_or_make_key_file(const std::filesystem::path& path, RandomSource& random) {
  auto found = read_key_file(path);
  if (found || found.error().fault != Fault::kNotFound) return found;
  SecretBytes key = random.secret(kKeySize);
  TRY(storage::write_new_file(path, to_line(key).expose_secret(), storage::FileMode::kPrivate));
  return key;
}

Bytes key_id(const SecretBytes& key) {
  const auto value = crypto::hmac_sha256(key.expose_secret(), {bytes_of("airtight seal key: identifier")});
  return to_bytes(ByteView(value).first(16));
}

SecretBytes wrapping_key(const SecretBytes& key) {
  return crypto::hmac_sha256_key(key.expose_secret(), {bytes_of("airtight seal key: wrapping")});
}

}  // namespace airtight::sealing::internal
