#include "crypto/client_path.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/c_handle.h"
#include "crypto/internal/openssl.h"

namespace airtight::crypto {
namespace {

constexpr int kSecurityLevel = 2;  // OpenSSL's: 112 bits

using X509Handle = CHandle<X509, X509_free>;
using CrlHandle = CHandle<X509_CRL, X509_CRL_free>;
using StoreHandle = CHandle<X509_STORE, X509_STORE_free>;
using ContextHandle = CHandle<X509_STORE_CTX, X509_STORE_CTX_free>;
using BioHandle = CHandle<BIO, BIO_free_all>;
using NamesHandle = CHandle<GENERAL_NAMES, GENERAL_NAMES_free>;

X509Handle x509_of(const Certificate& certificate) {
  const unsigned char* at = octets(ByteView(certificate.der()));
  X509Handle handle(d2i_X509(nullptr, &at, static_cast<long>(certificate.der().size())));
  require(handle != nullptr, "reading a certificate again");
  return handle;
}

Failure unreadable() {
  forget_openssl_errors();
  return fail(Fault::kBadInput, "there is no CRL in it that can be read", "it holds one CRL in DER, or one or more in PEM");
}

Result<std::vector<CrlHandle>> crls_in(ByteView bytes) {
  std::vector<CrlHandle> crls;
  if (!bytes.empty() && bytes.front() == std::byte{0x30}) {  // a SEQUENCE, with which no PEM begins
    const unsigned char* at = octets(bytes);
    crls.emplace_back(d2i_X509_CRL(nullptr, &at, static_cast<long>(bytes.size())));
    if (crls.back() == nullptr || at != octets(bytes) + bytes.size()) return unreadable();
    return crls;
  }
  const BioHandle bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  require(bio != nullptr, "BIO_new_mem_buf");
  while (CrlHandle crl{PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)}) crls.push_back(std::move(crl));
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (crls.empty() || !at_end) return unreadable();
  forget_openssl_errors();
  return crls;
}

// What a path validator leaves open: a certificate without an extended key usage is for anything, and is not meant here.
Result<> check_purpose(X509* client) {
  const std::uint32_t flags = X509_get_extension_flags(client);
  if ((flags & EXFLAG_CA) != 0) return fail(Fault::kRefused, "the certificate is that of a CA");
  if ((flags & EXFLAG_XKUSAGE) == 0 || (X509_get_extended_key_usage(client) & XKU_SSL_CLIENT) == 0)
    return fail(Fault::kRefused, "the certificate does not say that it is for TLS clients (clientAuth)");
  return {};
}

}  // namespace

Result<> verify_tls_client(const Certificate& client, std::span<const Certificate> cas, std::optional<ByteView> crls, Instant now) {
  const StoreHandle store(X509_STORE_new());
  require(store != nullptr, "X509_STORE_new");
  for (const Certificate& ca : cas) require(X509_STORE_add_cert(store.get(), x509_of(ca).get()) == 1, "X509_STORE_add_cert");
  if (crls) {
    for (const CrlHandle& crl : TRY(crls_in(*crls))) require(X509_STORE_add_crl(store.get(), crl.get()) == 1, "X509_STORE_add_crl");
  }
  const X509Handle leaf = x509_of(client);
  const ContextHandle context(X509_STORE_CTX_new());
  require(context != nullptr && X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr) == 1, "X509_STORE_CTX_init");
  X509_VERIFY_PARAM* const rules = X509_STORE_CTX_get0_param(context.get());
  // Which CAs are good is what the list says, so that revocation is a question of the client's own certificate.
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN | (crls ? X509_V_FLAG_CRL_CHECK : 0UL));
  X509_VERIFY_PARAM_set_time(rules, static_cast<time_t>(now.milliseconds / 1000));
  X509_VERIFY_PARAM_set_auth_level(rules, kSecurityLevel);
  require(X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_CLIENT) == 1, "X509_STORE_CTX_set_purpose");
  const int verdict = X509_verify_cert(context.get());
  const int error = X509_STORE_CTX_get_error(context.get());
  forget_openssl_errors();
  if (verdict != 1) return fail(Fault::kRefused, std::string("the certificate is not accepted: ") + X509_verify_cert_error_string(error));
  return check_purpose(leaf.get());
}

Result<> check_crls(ByteView crls) {
  TRY(crls_in(crls));
  return {};
}

std::vector<std::string> alternative_names(const Certificate& certificate, AlternativeName kind) {
  const int wanted = kind == AlternativeName::kDns ? GEN_DNS : kind == AlternativeName::kEmail ? GEN_EMAIL : GEN_URI;
  const X509Handle handle = x509_of(certificate);
  const NamesHandle names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(handle.get(), NID_subject_alt_name, nullptr, nullptr)));
  forget_openssl_errors();
  std::vector<std::string> out;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    if (type != wanted) continue;
    const auto* text = static_cast<const ASN1_IA5STRING*>(value);
    out.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<std::size_t>(ASN1_STRING_length(text)));
  }
  return out;
}

}  // namespace airtight::crypto
