#include "sealing/internal/seal_file.h"

#include <bit>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "sealing/internal/lines.h"
#include "sealing/internal/tpm.h"

namespace airtight::sealing::internal {
namespace {

constexpr std::string_view kVersionName = "airtight-seal";
constexpr unsigned kVersion = 1;

void add_hex(std::string& out, std::string_view name, ByteView value) { add_line(out, name, hex_encode(value)); }

void add_lock(std::string& out, const KeyFileLock& lock) { add_hex(out, "key-id", lock.key_id); }

void add_lock(std::string& out, const PassphraseLock& lock) {
  add_hex(out, "salt", lock.salt);
  add_line(out, "scrypt-n", std::to_string(lock.cost.n));
  add_line(out, "scrypt-r", std::to_string(lock.cost.r));
  add_line(out, "scrypt-p", std::to_string(lock.cost.p));
}

void add_lock(std::string& out, const Tpm2Lock& lock) {
  add_line(out, "tcti", lock.tcti);
  add_line(out, "pcrs", name_of(lock.pcrs));
  add_hex(out, "primary", lock.blob.primary);
  add_hex(out, "public", lock.blob.public_area);
  add_hex(out, "private", lock.blob.private_area);
  if (lock.passphrase) add_lock(out, *lock.passphrase);
}

void add_lock(std::string& out, const Pkcs11Lock& lock) {
  add_line(out, "uri", lock.uri);
  add_hex(out, "key-id", lock.blob.key_id);
  add_line(out, "oaep", name_of(lock.blob.oaep));
  add_hex(out, "encrypted", lock.blob.encrypted);
}

Result<PassphraseLock> read_passphrase_lock(Lines& lines) {
  PassphraseLock lock;
  lock.salt = TRY(lines.hex("salt"));
  lock.cost.n = TRY(lines.number<std::uint64_t>("scrypt-n"));
  lock.cost.r = TRY(lines.number<std::uint32_t>("scrypt-r"));
  lock.cost.p = TRY(lines.number<std::uint32_t>("scrypt-p"));
  return lock;
}

Result<Tpm2Lock> read_tpm2_lock(Lines& lines) {
  Tpm2Lock lock;
  lock.tcti = std::string(TRY(lines.value("tcti")));
  if (!fits_a_line(lock.tcti, kLongestTcti) || (!lock.tcti.empty() && !check_tcti(lock.tcti))) return Lines::damaged();
  const std::string_view pcrs = TRY(lines.value("pcrs"));
  lock.pcrs = TRY(parse_pcrs(pcrs));
  lock.blob.primary = TRY(lines.hex("primary"));
  lock.blob.public_area = TRY(lines.hex("public"));
  lock.blob.private_area = TRY(lines.hex("private"));
  if (lines.next_is("salt")) lock.passphrase = TRY(read_passphrase_lock(lines));
  return lock;
}

Result<Pkcs11Lock> read_pkcs11_lock(Lines& lines) {
  Pkcs11Lock lock;
  lock.uri = std::string(TRY(lines.value("uri")));
  if (!fits_a_line(lock.uri, kLongestUri)) return Lines::damaged();
  lock.blob.key_id = TRY(lines.hex("key-id"));
  const std::string_view oaep = TRY(lines.value("oaep"));
  lock.blob.oaep = TRY(parse_oaep_digest(oaep));
  lock.blob.encrypted = TRY(lines.hex("encrypted"));
  return lock;
}

Result<Lock> read_lock(Lines& lines) {
  const std::string_view name = TRY(lines.value("kind"));
  const SealKind kind = TRY(parse_seal_kind(name));
  switch (kind) {
    case SealKind::kFile: return KeyFileLock{TRY(lines.hex("key-id"))};
    case SealKind::kPassphrase: return TRY(read_passphrase_lock(lines));
    case SealKind::kTpm2: return TRY(read_tpm2_lock(lines));
    case SealKind::kPkcs11: return TRY(read_pkcs11_lock(lines));
  }
  return Lines::damaged();
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
  Bytes wrapped = TRY(lines.hex("wrapped"));
  return SealFile{std::move(lock), std::move(wrapped)};
}

// The passphrase of a seal that has one.
const PassphraseLock* passphrase_of(const Lock& lock) {
  if (const auto* tpm2 = std::get_if<Tpm2Lock>(&lock)) return tpm2->passphrase ? &*tpm2->passphrase : nullptr;
  return std::get_if<PassphraseLock>(&lock);
}

}  // namespace

SealKind kind_of(const Lock& lock) { return static_cast<SealKind>(lock.index()); }

std::string context_of(const Lock& lock) {
  std::string out;
  add_line(out, kVersionName, std::to_string(kVersion));
  add_line(out, "kind", name_of(kind_of(lock)));
  std::visit([&out](const auto& each) { add_lock(out, each); }, lock);
  return out;
}

std::string write_seal(const SealFile& seal) {
  std::string out = context_of(seal.lock);
  add_hex(out, "wrapped", seal.wrapped);
  add_hex(out, "checksum", crypto::sha256(bytes_of(out)));
  return out;
}

Result<SealFile> read_seal(std::string_view text) {
  auto seal = read_lines(text);
  if (!seal && seal.error().fault != Fault::kRefused) return Lines::damaged();
  if (!seal) return seal;
  if (write_seal(*seal) != text) return Lines::damaged();
  const PassphraseLock* passphrase = passphrase_of(seal->lock);
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
