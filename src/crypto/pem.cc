#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>
#include <optional>

#include "base/encoding.h"
#include "crypto/certificate.h"
#include "crypto/internal/openssl.h"

namespace airtight::crypto {
namespace {

constexpr std::size_t kMaxPem = 1 << 20;
constexpr std::size_t kLineSize = 64;
constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kCertificate = "CERTIFICATE";
constexpr std::string_view kPrivateKey = "PRIVATE KEY";
constexpr std::string_view kEncryptedPrivateKey = "ENCRYPTED PRIVATE KEY";

Failure bad(std::string what) { return fail(Fault::kBadInput, "the PEM text " + std::move(what)); }

std::string begin_line(std::string_view label) { return std::string(kBegin) + std::string(label) + "-----"; }
std::string end_line(std::string_view label) { return "-----END " + std::string(label) + "-----"; }

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  return line;
}

// What stands between the lines of the next block of `label`, with its line ends; `text` moves on behind it. Nothing if there are no more
// blocks. Blocks of other labels are refused by name.
Result<std::optional<std::string_view>> take_block(std::string_view& text, std::string_view label) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (!line.starts_with(kBegin)) continue;
    if (line != begin_line(label)) return bad("has something else than " + std::string(label) + " in it");
    const char* start = text.data();
    while (!text.empty()) {
      const char* here = text.data();
      if (take_line(text) == end_line(label)) return std::optional(std::string_view(start, static_cast<std::size_t>(here - start)));
    }
    return bad("ends inside of a block");
  }
  return std::optional<std::string_view>();
}

std::string to_block(std::string_view label, ByteView der) {
  const std::string text = base64_encode(der);
  std::string out = begin_line(label) + "\n";
  for (std::size_t at = 0; at < text.size(); at += kLineSize) out += text.substr(at, kLineSize) + "\n";
  return out + end_line(label) + "\n";
}

using Pkcs8 = CHandle<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;
using EncryptedPkcs8 = CHandle<X509_SIG, X509_SIG_free>;
using Algorithm = CHandle<X509_ALGOR, X509_ALGOR_free>;

// What guessing once takes: 16 MiB, the most that readers of this format allow by themselves, eight times over.
constexpr std::uint64_t kScryptN = 1U << 14;
constexpr std::uint64_t kScryptR = 8;
constexpr std::uint64_t kScryptP = 8;

}  // namespace

Result<std::vector<Certificate>> certificates_from_pem(std::string_view pem) {
  if (pem.size() > kMaxPem) return bad("is larger than 1 MiB");
  std::vector<Certificate> out;
  while (true) {
    const auto block = TRY(take_block(pem, kCertificate));
    if (!block) break;
    const Bytes der = TRY(base64_decode(*block, Whitespace::kXml));
    out.push_back(TRY(Certificate::parse(der)));
  }
  if (out.empty()) return bad("has no certificate in it");
  return out;
}

std::string to_pem(const Certificate& certificate) { return to_block(kCertificate, certificate.der()); }

Result<SecretBytes> to_pem(const PrivateKey& key) {
  const SecretBytes pkcs8 = TRY(key.pkcs8());
  const ByteView der = pkcs8.expose_secret();
  constexpr std::size_t kLineBytes = kLineSize / 4 * 3;
  const std::string head = begin_line(kPrivateKey) + "\n";
  const std::string tail = end_line(kPrivateKey) + "\n";
  const std::size_t lines = (der.size() + kLineBytes - 1) / kLineBytes;
  // EVP_EncodeBlock ends each line with a zero byte, where the line end goes.
  SecretBytes out(head.size() + lines * (kLineSize + 1) + tail.size());
  const std::span<std::byte> room = out.expose_secret_for_writing();
  std::size_t used = 0;
  const auto put = [&](std::string_view text) {
    std::ranges::copy(bytes_of(text), room.begin() + static_cast<std::ptrdiff_t>(used));
    used += text.size();
  };
  put(head);
  for (std::size_t at = 0; at < der.size(); at += kLineBytes) {
    const ByteView line = der.subspan(at, std::min(kLineBytes, der.size() - at));
    used += static_cast<std::size_t>(EVP_EncodeBlock(octets(room.subspan(used)), octets(line), static_cast<int>(line.size())));
    put("\n");
  }
  put(tail);
  out.truncate(used);
  return out;
}

Result<PrivateKey> private_key_from_pem(ByteView pem) {
  if (pem.size() > kMaxPem) return bad("is larger than 1 MiB");
  std::string_view text = text_of(pem);
  const auto block = TRY(take_block(text, kPrivateKey));
  if (!block) return bad("has no private key in it");
  if (TRY(take_block(text, kPrivateKey))) return bad("has more than one private key in it");
  SecretBytes digits(block->size());
  const std::span<std::byte> room = digits.expose_secret_for_writing();
  std::size_t count = 0;
  for (char c : *block) {
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') room[count++] = static_cast<std::byte>(c);
  }
  const std::size_t padding = count >= 2 && room[count - 1] == std::byte{'='} ? (room[count - 2] == std::byte{'='} ? 2 : 1) : 0;
  SecretBytes der(count / 4 * 3);
  const int size = EVP_DecodeBlock(octets(der.expose_secret_for_writing()), octets(ByteView(room.first(count))), static_cast<int>(count));
  if (count == 0 || count % 4 != 0 || size < 0 || static_cast<std::size_t>(size) <= padding)
    return bad("has a private key that is not in base64");
  der.truncate(static_cast<std::size_t>(size) - padding);
  return PrivateKey::from_pkcs8(der.expose_secret());
}

Result<std::string> to_encrypted_pem(const PrivateKey& key, ByteView passphrase) {
  const SecretBytes plain = TRY(key.pkcs8());
  const unsigned char* at = octets(plain.expose_secret());
  const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(plain.size())));
  require(info != nullptr, "reading a private key");
  Algorithm algorithm(PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 0, nullptr, kScryptN, kScryptR, kScryptP));
  if (!algorithm) return openssl_failure(Fault::kInternal, "preparing to encrypt a private key");
  const EncryptedPkcs8 encrypted(
      PKCS8_set0_pbe(text_of(passphrase).data(), static_cast<int>(passphrase.size()), info.get(), algorithm.get()));
  if (!encrypted) return openssl_failure(Fault::kInternal, "encrypting a private key");
  static_cast<void>(algorithm.release());  // it belongs to `encrypted` now
  unsigned char* der = nullptr;
  const int size = i2d_X509_SIG(encrypted.get(), &der);
  require(size > 0, "writing a private key");
  std::string out = to_block(kEncryptedPrivateKey, std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return out;
}

Result<PrivateKey> private_key_from_encrypted_pem(std::string_view pem, ByteView passphrase) {
  if (pem.size() > kMaxPem) return bad("is larger than 1 MiB");
  const auto block = TRY(take_block(pem, kEncryptedPrivateKey));
  if (!block) return bad("has no encrypted private key in it");
  const Bytes der = TRY(base64_decode(*block, Whitespace::kXml));
  const unsigned char* at = octets(ByteView(der));
  const EncryptedPkcs8 encrypted(d2i_X509_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!encrypted || at != octets(ByteView(der)) + der.size()) {
    forget_openssl_errors();
    return bad("has an encrypted private key that cannot be read");
  }
  const Pkcs8 info(PKCS8_decrypt(encrypted.get(), text_of(passphrase).data(), static_cast<int>(passphrase.size())));
  if (!info) {
    forget_openssl_errors();
    return fail(Fault::kRefused, "the passphrase of the private key is wrong", "try again");
  }
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info.get(), nullptr);
  require(size > 0, "reading a private key");
  SecretBytes plain(static_cast<std::size_t>(size));
  unsigned char* out = octets(plain.expose_secret_for_writing());
  require(i2d_PKCS8_PRIV_KEY_INFO(info.get(), &out) == size, "reading a private key");
  return PrivateKey::from_pkcs8(plain.expose_secret());
}

}  // namespace airtight::crypto
