#include "ca/internal/responder.h"

#include <algorithm>

#include "ca/register.h"

namespace airtight::ca {
namespace {

using crypto::OcspRefusal;
using crypto::OcspStatus;
using storage::Database;
using storage::Row;

constexpr std::string_view kResponseType = "application/ocsp-response";
constexpr std::size_t kMostReady = 4096;

Published refusal(OcspRefusal why) { return {std::string(kResponseType), crypto::write_ocsp_refusal(why), {}}; }

// What a fault of ours is to those who ask (RFC 6960, section 2.3).
OcspRefusal refusal_for(Fault fault) {
  switch (fault) {
    case Fault::kBadInput: return OcspRefusal::kMalformedRequest;
    case Fault::kRefused:
    case Fault::kNotFound: return OcspRefusal::kUnauthorized;
    case Fault::kUnavailable:
    case Fault::kStorage: return OcspRefusal::kTryLater;
    case Fault::kInternal: break;
  }
  return OcspRefusal::kInternalError;
}

bool names(const crypto::OcspCertId& id, const crypto::Certificate& issuer) {
  if (!id.digest) return false;
  const auto hashes = crypto::ocsp_issuer_hashes(*id.digest, issuer);
  return hashes && equal(hashes->name, id.issuer_name_hash) && equal(hashes->key, id.issuer_key_hash);
}

bool same(const OcspStatus& a, const OcspStatus& b) {
  if (a.index() != b.index()) return false;
  const auto* left = std::get_if<crypto::OcspRevoked>(&a);
  const auto* right = std::get_if<crypto::OcspRevoked>(&b);
  return left == nullptr || (left->at == right->at && left->reason == right->reason);
}

// Unknown: never issued by this key (section 2.2).
Result<OcspStatus> status_of(Database& database, ByteView serial, const AuthorityKeyRow& key) {
  const auto found =
      TRY(storage::query_one(database, "SELECT status, revoked_at, reason FROM ca_certificates WHERE serial = ?1 AND issuer_key = ?2",
                             {serial, std::string_view(key.name)}, [](const Row& row) -> OcspStatus {
                               if (row.text(0) == name_of(CertificateStatus::kValid)) return crypto::OcspGood{};
                               return crypto::OcspRevoked{Instant{row.integer(1)}, static_cast<std::uint8_t>(row.integer(2))};
                             }));
  return found.value_or(OcspStatus(crypto::OcspUnknown{}));
}

std::string delegate_place(std::string_view key) { return "ca_responders.sealed_pkcs8/" + std::string(key); }

}  // namespace

Published Responder::answer(Database& database, ByteView request) {
  const auto parsed = crypto::read_ocsp_request(request);
  if (!parsed || parsed->certificates.size() > options_.max_requests) return refusal(OcspRefusal::kMalformedRequest);
  auto answered = answer_request(database, *parsed);
  if (!answered) return refusal(refusal_for(answered.error().fault));
  return std::move(*answered);
}

// One responder signs, and it speaks for one CA: the first that is asked about and is ours.
Result<KeyPointer> Responder::issuer_of(const crypto::OcspRequest& request) const {
  KeyPointer issuer;
  const std::shared_ptr<const KeySet> keys = authority_.keys();
  for (const crypto::OcspCertId& id : request.certificates) {
    for (const KeyPointer& key : keys->all) {
      if (!names(id, key->certificate) || key == issuer) continue;
      if (issuer != nullptr) return fail(Fault::kRefused, "the OCSP request asks about the certificates of two CAs");
      issuer = key;
    }
  }
  if (issuer == nullptr) return fail(Fault::kRefused, "the OCSP request asks about the certificates of other CAs");
  return issuer;
}

Result<Published> Responder::answer_request(Database& database, const crypto::OcspRequest& request) {
  const KeyPointer issuer = TRY(issuer_of(request));
  crypto::OcspAnswer answer;
  for (const crypto::OcspCertId& id : request.certificates) {
    const bool ours = names(id, issuer->certificate);
    answer.singles.push_back({id.der, ours ? TRY(status_of(database, id.serial, *issuer)) : OcspStatus(crypto::OcspUnknown{})});
  }
  const crypto::OcspSingle& first = answer.singles.front();
  const bool reusable = answer.singles.size() == 1 && !request.nonce;
  if (reusable) {
    if (auto ready = ready_answer(first.cert_id, first.status)) return std::move(*ready);
  }
  const Delegate delegate = TRY(delegate_of(database, *issuer));
  const Instant now = authority_.clock.now().whole_seconds();
  answer.produced_at = now;
  answer.this_update = now;
  answer.next_update = std::min(now.plus(options_.ocsp_validity), delegate.certificate.not_after());
  answer.nonce = request.nonce;
  answer.by_name = options_.responder_id == PublisherOptions::ResponderId::kByName;
  Published out{std::string(kResponseType), TRY(crypto::sign_ocsp_answer(answer, delegate.certificate, *delegate.signer)), {}};
  if (reusable) {
    out.max_age = options_.ocsp_reuse;
    keep(first.cert_id, {first.status, now, out.body});
  }
  return out;
}

std::optional<Published> Responder::ready_answer(const Bytes& cert_id, const OcspStatus& status) {
  const std::lock_guard lock(mutex_);
  const auto found = ready_.find(text_of(cert_id));
  if (found == ready_.end()) return std::nullopt;
  const Ready& ready = found->second;
  const Instant end = ready.made_at.plus(options_.ocsp_reuse);
  const Instant now = authority_.clock.now();
  if (!same(ready.status, status) || now >= end || now < ready.made_at) return std::nullopt;
  const std::chrono::milliseconds left(end.milliseconds - now.milliseconds);
  return Published{std::string(kResponseType), ready.body, std::chrono::duration_cast<std::chrono::seconds>(left)};
}

void Responder::keep(const Bytes& cert_id, Ready ready) {
  const std::lock_guard lock(mutex_);
  if (ready_.size() >= kMostReady) ready_.clear();
  ready_.insert_or_assign(std::string(text_of(cert_id)), std::move(ready));
}

bool Responder::is_fresh(const Delegate& delegate) const {
  const std::chrono::milliseconds notice = std::chrono::duration_cast<std::chrono::milliseconds>(options_.responder_days) / 3;
  return authority_.clock.now().plus(notice) < delegate.certificate.not_after();
}

Result<> Responder::refresh(Database& database, const AuthorityKeyRow& key) {
  TRY(delegate_of(database, key));
  return {};
}

Result<Responder::Delegate> Responder::delegate_of(Database& database, const AuthorityKeyRow& key) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = delegates_.find(key.name);
    if (known != delegates_.end() && is_fresh(known->second)) return known->second;
  }
  std::optional<Delegate> stored = TRY(stored_delegate(database, key));
  if (!stored || !is_fresh(*stored)) {
    auto made = new_delegate(database, key);
    // The old one serves to its end where the CA cannot sign now.
    if (made) {
      stored = std::move(*made);
    } else if (!stored || authority_.clock.now() >= stored->certificate.not_after()) {
      return Failure(std::move(made).error());
    }
  }
  const std::lock_guard lock(mutex_);
  delegates_.insert_or_assign(key.name, *stored);
  return *stored;
}

Result<std::optional<Responder::Delegate>> Responder::stored_delegate(Database& database, const AuthorityKeyRow& key) const {
  const auto row =
      TRY(storage::query_one(database, "SELECT certificate, sealed_pkcs8 FROM ca_responders WHERE key_name = ?1",
                             {std::string_view(key.name)}, [](const Row& found) { return std::pair(found.blob(0), found.blob(1)); }));
  if (!row) return std::optional<Delegate>();
  crypto::PrivateKey private_key = TRY(open_private_key(authority_.master_key, delegate_place(key.name), row->second));
  return std::optional(
      Delegate{TRY(crypto::Certificate::parse(row->first)), std::make_shared<const crypto::KeySigner>(std::move(private_key))});
}

Result<Responder::Delegate> Responder::new_delegate(Database& database, const AuthorityKeyRow& key) const {
  const auto ca_signer = TRY(signer_of(authority_.master_key, key));
  const crypto::PrivateKey private_key = TRY(generate_key(KeyKind::kP256));
  storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
  if (std::optional<Delegate> other = TRY(stored_delegate(database, key)); other && is_fresh(*other)) return std::move(*other);
  crypto::CertificateContent content = TRY(content_under(
      key.certificate, {private_key.public_key().spki(), authority_.clock.now(), options_.responder_days}, authority_.random));
  const std::string organization = key.certificate.organization_name();
  const std::string common_name = "OCSP Responder " + key.name;
  content.subject_der = TRY(crypto::name_from_attributes({{"O", organization}, {"CN", common_name}}));
  content.key_usage = bits({crypto::KeyUsageBit::kDigitalSignature});
  content.extended_key_usage = {std::string(kOcspSigningId)};
  content.ocsp_no_check = true;
  Delegate out{TRY(crypto::sign_certificate(content, *ca_signer)), std::make_shared<const crypto::KeySigner>(private_key)};
  const Bytes sealed = TRY(seal_private_key(authority_.master_key, delegate_place(key.name), private_key, authority_.random));
  TRY(
      database.execute("INSERT INTO ca_responders (key_name, certificate, sealed_pkcs8) VALUES (?1, ?2, ?3) "
                       "ON CONFLICT (key_name) DO UPDATE SET certificate = excluded.certificate, sealed_pkcs8 = excluded.sealed_pkcs8",
                       {std::string_view(key.name), ByteView(out.certificate.der()), ByteView(sealed)}));
  TRY(enter(database, authority_.clock, out.certificate, {"ocsp", key.name}));
  TRY(transaction.commit());
  return out;
}

}  // namespace airtight::ca
