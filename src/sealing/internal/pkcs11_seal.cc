#include "sealing/internal/pkcs11_seal.h"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "sealing/internal/attributes.h"
#include "sealing/internal/token.h"

namespace airtight::sealing::internal {
namespace {

constexpr std::size_t kKeyIdSize = 16;
constexpr CK_ULONG kBits = 3072;
constexpr CK_ULONG kBitsOfSmallTokens = 2048;
constexpr std::size_t kLargestModulus = 1024;  // bytes: 8192 bits
constexpr std::string_view kDefaultLabel = "airtight seal";

struct OaepMechanism {
  explicit OaepMechanism(OaepDigest digest) {
    parameters.hashAlg = digest == OaepDigest::kSha256 ? CKM_SHA256 : CKM_SHA_1;
    parameters.mgf = digest == OaepDigest::kSha256 ? CKG_MGF1_SHA256 : CKG_MGF1_SHA1;
    parameters.source = CKZ_DATA_SPECIFIED;
    mechanism = {CKM_RSA_PKCS_OAEP, &parameters, sizeof parameters};
  }
  CK_RSA_PKCS_OAEP_PARAMS parameters = {};
  CK_MECHANISM mechanism = {};
};

// A key pair in a token; destroyed with this object unless it is kept.
class NewPair {
 public:
  NewPair(TokenSession& session, CK_OBJECT_HANDLE public_key, CK_OBJECT_HANDLE private_key)
      : session_(&session), public_(public_key), private_(private_key) {}
  NewPair(NewPair&& other) noexcept : session_(std::exchange(other.session_, nullptr)), public_(other.public_), private_(other.private_) {}
  NewPair& operator=(NewPair&&) = delete;
  ~NewPair() {
    if (session_ == nullptr) return;
    session_->functions().C_DestroyObject(session_->handle(), public_);
    session_->functions().C_DestroyObject(session_->handle(), private_);
  }
  void keep() { session_ = nullptr; }
  [[nodiscard]] CK_OBJECT_HANDLE public_key() const { return public_; }
  [[nodiscard]] CK_OBJECT_HANDLE private_key() const { return private_; }

 private:
  TokenSession* session_;
  CK_OBJECT_HANDLE public_;
  CK_OBJECT_HANDLE private_;
};

Result<CK_ULONG> bits_for(TokenSession& session) {
  CK_MECHANISM_INFO info{};
  const auto can = [&](CK_MECHANISM_TYPE type, CK_FLAGS flag) {
    return session.functions().C_GetMechanismInfo(session.slot(), type, &info) == CKR_OK && (info.flags & flag) != 0;
  };
  if (!can(CKM_RSA_PKCS_OAEP, CKF_DECRYPT) || !can(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR) ||
      info.ulMaxKeySize < kBitsOfSmallTokens) {
    return fail(Fault::kRefused, "the token '" + session.label() + "' cannot make RSA keys of 2048 bits, or decrypt with OAEP",
                "use another token or another kind of seal");
  }
  return info.ulMaxKeySize >= kBits ? kBits : kBitsOfSmallTokens;
}

Result<NewPair> generate_pair(TokenSession& session, Bytes& key_id, const std::string& label) {
  CK_ULONG bits = TRY(bits_for(session));
  std::array exponent = {std::byte{1}, std::byte{0}, std::byte{1}};
  Bytes label_bytes = to_bytes(label.empty() ? kDefaultLabel : std::string_view(label));
  Template public_template;
  public_template.flag(CKA_TOKEN, true).flag(CKA_ENCRYPT, true).flag(CKA_VERIFY, false).flag(CKA_WRAP, false);
  public_template.number(CKA_MODULUS_BITS, bits).bytes(CKA_PUBLIC_EXPONENT, exponent);
  public_template.bytes(CKA_LABEL, label_bytes).bytes(CKA_ID, key_id);
  Template private_template;
  private_template.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false);
  private_template.flag(CKA_DECRYPT, true).flag(CKA_SIGN, false).flag(CKA_UNWRAP, false);
  private_template.bytes(CKA_LABEL, label_bytes).bytes(CKA_ID, key_id);
  CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
  TRY(check_token(session.functions().C_GenerateKeyPair(session.handle(), &mechanism, public_template.data(), public_template.size(),
                                                        private_template.data(), private_template.size(), &public_key, &private_key),
                  "make a key pair"));
  return NewPair(session, public_key, private_key);
}

Result<Bytes> encrypt(TokenSession& session, CK_OBJECT_HANDLE key, OaepDigest digest, const SecretBytes& plain) {
  OaepMechanism oaep(digest);
  SecretBytes input = plain.clone();
  Bytes out(kLargestModulus);
  CK_ULONG size = out.size();
  TRY(check_token(session.functions().C_EncryptInit(session.handle(), &oaep.mechanism, key), "encrypt"));
  TRY(check_token(
      session.functions().C_Encrypt(session.handle(), data_of(input.expose_secret_for_writing()), input.size(), data_of(out), &size),
      "encrypt"));
  out.resize(std::min<std::size_t>(out.size(), size));
  return out;
}

Result<SecretBytes> decrypt(TokenSession& session, CK_OBJECT_HANDLE key, OaepDigest digest, ByteView encrypted) {
  OaepMechanism oaep(digest);
  Bytes input = to_bytes(encrypted);
  SecretBytes out(kLargestModulus);
  CK_ULONG size = out.size();
  TRY(check_token(session.functions().C_DecryptInit(session.handle(), &oaep.mechanism, key), "decrypt"));
  const CK_RV code =
      session.functions().C_Decrypt(session.handle(), data_of(input), input.size(), data_of(out.expose_secret_for_writing()), &size);
  if (code == CKR_DEVICE_REMOVED || code == CKR_TOKEN_NOT_PRESENT || code == CKR_DEVICE_ERROR) return token_failure(code, "decrypt");
  if (code != CKR_OK) return fail(Fault::kInternal, "the seal was changed: the token cannot decrypt it", "restore it from a backup");
  out.truncate(size);
  return out;
}

Result<> destroy_pair(TokenSession& session, Bytes key_id) {
  TRY(session.allow_writing());
  Template wanted;
  wanted.bytes(CKA_ID, key_id);
  for (const CK_OBJECT_HANDLE object : TRY(find_objects(session, wanted))) {
    TRY(check_token(session.functions().C_DestroyObject(session.handle(), object), "destroy the key of the old seal"));
  }
  return {};
}

}  // namespace

std::string_view name_of(OaepDigest digest) { return digest == OaepDigest::kSha256 ? "sha256" : "sha1"; }

Result<OaepDigest> parse_oaep_digest(std::string_view text) {
  for (const OaepDigest digest : {OaepDigest::kSha256, OaepDigest::kSha1}) {
    if (name_of(digest) == text) return digest;
  }
  return fail(Fault::kBadInput, "\"" + std::string(text) + "\" is no digest of OAEP");
}

Result<> check_token_uri(const std::string& uri) {
  TRY(TokenUri::parse(uri));
  return {};
}

Result<TokenBlob> token_seal(const std::string& uri, const SecretBytes& key, const PassphrasePrompt& prompt, RandomSource& random) {
  const TokenUri parsed = TRY(TokenUri::parse(uri));
  const auto session = TRY(TokenSession::open(parsed, TokenSession::Access::kWrite));
  TRY(session->log_in(prompt));
  TokenBlob blob;
  blob.key_id = random.bytes(kKeyIdSize);
  NewPair pair = TRY(generate_pair(*session, blob.key_id, parsed.object_label()));
  for (const OaepDigest digest : {OaepDigest::kSha256, OaepDigest::kSha1}) {
    const auto encrypted = encrypt(*session, pair.public_key(), digest, key);
    if (!encrypted) continue;
    // Some tokens encrypt what they cannot decrypt.
    const auto decrypted = decrypt(*session, pair.private_key(), digest, *encrypted);
    if (!decrypted || !equal_in_constant_time(decrypted->expose_secret(), key.expose_secret())) continue;
    pair.keep();
    blob.oaep = digest;
    blob.encrypted = *encrypted;
    return blob;
  }
  return fail(Fault::kRefused, "the token '" + session->label() + "' cannot encrypt and decrypt with RSA-OAEP",
              "use another token or another kind of seal");
}

Result<TokenKey> token_unseal(const std::string& uri, const TokenBlob& blob, const PassphrasePrompt& prompt) {
  const TokenUri parsed = TRY(TokenUri::parse(uri));
  const std::shared_ptr<TokenSession> session = TRY(TokenSession::open(parsed, TokenSession::Access::kRead));
  TRY(session->log_in(prompt));
  CK_ULONG private_key = CKO_PRIVATE_KEY;
  Bytes key_id = blob.key_id;
  Template wanted;
  wanted.number(CKA_CLASS, private_key).bytes(CKA_ID, key_id);
  const auto found = TRY(find_objects(*session, wanted));
  if (found.size() != 1) {
    return fail(Fault::kNotFound, "the token '" + session->label() + "' does not hold the key of this seal",
                "insert the token that the seal was made with; a token of the same name is not enough");
  }
  SecretBytes key = TRY(decrypt(*session, found.front(), blob.oaep, blob.encrypted));
  return TokenKey{std::move(key), [session, id = blob.key_id] { return destroy_pair(*session, id); }};
}

}  // namespace airtight::sealing::internal
