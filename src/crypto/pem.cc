#include <openssl/evp.h>

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

std::string to_pem(const Certificate& certificate) {
  const std::string text = base64_encode(certificate.der());
  std::string out = begin_line(kCertificate) + "\n";
  for (std::size_t at = 0; at < text.size(); at += kLineSize) out += text.substr(at, kLineSize) + "\n";
  return out + end_line(kCertificate) + "\n";
}

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

}  // namespace airtight::crypto
