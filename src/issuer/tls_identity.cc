#include "issuer/tls_identity.h"

#include <algorithm>
#include <cctype>

#include "storage/files.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kMaxFile = 256U << 10;

bool is_ip_v4(std::string_view text) {
  int fields = 0;
  while (fields < 4) {
    const std::size_t dot = text.find('.');
    const std::string_view field = text.substr(0, dot);
    unsigned value = 0;
    for (const char c : field) value = c >= '0' && c <= '9' ? value * 10 + static_cast<unsigned>(c - '0') : 1000;
    if (field.empty() || field.size() > 3 || value > 255) return false;
    ++fields;
    if (dot == std::string_view::npos) return fields == 4;
    text.remove_prefix(dot + 1);
  }
  return false;
}

bool is_ip_v6(std::string_view text) {
  return text.find(':') != std::string_view::npos &&
         std::ranges::all_of(text, [](char c) { return c == ':' || c == '.' || std::isxdigit(static_cast<unsigned char>(c)) != 0; });
}

bool is_dns_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && text.front() != '.' && text.front() != '-' && text.find("..") == std::string_view::npos &&
         std::ranges::all_of(text, [](char c) { return c == '.' || c == '-' || std::isalnum(static_cast<unsigned char>(c)) != 0; });
}

}  // namespace

Result<TlsIdentity> read_tls_identity(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  const std::string chain_pem = to_text(TRY(storage::read_file(certificate, kMaxFile)));
  Result<std::vector<crypto::Certificate>> chain = crypto::certificates_from_pem(chain_pem);
  if (!chain) return Failure(std::move(chain).error().in(certificate.string()));
  if (chain->empty()) return fail(Fault::kBadInput, certificate.string() + " holds no certificate");
  SecretBytes key_pem = TRY(storage::read_secret_file(key, kMaxFile));
  Result<crypto::PrivateKey> private_key = crypto::private_key_from_pem(key_pem.expose_secret());
  if (!private_key) return Failure(std::move(private_key).error().in(key.string()));
  if (!equal(private_key->public_key().spki(), chain->front().spki())) {
    return fail(Fault::kBadInput, "the key " + key.string() + " does not belong to the certificate " + certificate.string(),
                "the server's own certificate comes first in its file");
  }
  return TlsIdentity{chain_pem, std::move(key_pem), chain->front()};
}

Result<TlsHosts> tls_hosts(const std::vector<std::string>& hosts) {
  TlsHosts out{{"localhost"}, {"127.0.0.1", "::1"}};
  for (const std::string& host : hosts) {
    std::vector<std::string>* list = is_ip_v4(host) || is_ip_v6(host) ? &out.ip_addresses : &out.dns_names;
    if (list == &out.dns_names && !is_dns_name(host)) return fail(Fault::kBadInput, "'" + host + "' is neither a DNS name nor an address");
    if (std::ranges::find(*list, host) == list->end()) list->push_back(host);
  }
  return out;
}

Result<> write_tls_certificate(const std::filesystem::path& file, storage::Database& database, const ca::Authority& authority,
                               const crypto::PublicKey& key, const TlsHosts& hosts) {
  storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
  const crypto::Certificate certificate = TRY(authority.issue_tls_server(database, key, hosts.dns_names, hosts.ip_addresses));
  TRY(transaction.commit());
  return storage::write_file(file, bytes_of(crypto::to_pem(certificate)), storage::FileMode::kPublic);
}

std::string trust_anchor_pem(const std::vector<crypto::Certificate>& chain) {
  const crypto::Certificate& last = chain.back();
  return last.verify_issued_by(last) ? crypto::to_pem(last) : std::string();
}

}  // namespace airtight::issuer
