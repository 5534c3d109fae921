#include "ca/publisher.h"

#include <algorithm>

#include "base/encoding.h"
#include "ca/internal/responder.h"
#include "ca/internal/revocation_list.h"
#include "ca/internal/state.h"
#include "http/message.h"

namespace airtight::ca {
namespace {

using storage::Database;

constexpr std::string_view kCertificateType = "application/pkix-cert";
constexpr std::string_view kCrlType = "application/pkix-crl";
constexpr std::chrono::hours kCertificateAge{24};
constexpr std::chrono::hours kCrlAge{1};
constexpr std::size_t kMaxGetRequest = 4096;  // characters of a request in a URL

// What stands between `before` and `after` in `path`; nothing if it is not of that form.
std::optional<std::string_view> between(std::string_view path, std::string_view before, std::string_view after) {
  if (path.size() < before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after)) return std::nullopt;
  return path.substr(before.size(), path.size() - before.size() - after.size());
}

Failure no_key(std::string_view name) {
  return fail(Fault::kNotFound, "the authority has no key \"" + std::string(name) + "\"", "'airtight ca show DIR' lists its keys");
}

}  // namespace

struct Publisher::State {
  State(std::shared_ptr<AuthorityState> state, const PublisherOptions& how)
      : authority(std::move(state)), options(how), responder(*authority, how) {}

  // An unknown name may be that of a key which another process made since.
  [[nodiscard]] Result<KeyPointer> find(Database& database, std::string_view name) const {
    KeyPointer key = authority->keys()->find(name);
    if (key != nullptr) return key;
    TRY(authority->reload(database));
    key = authority->keys()->find(name);
    if (key == nullptr) return no_key(name);
    return key;
  }
  [[nodiscard]] CrlTerms terms_of(const AuthorityKeyRow& key) const {
    if (key.role == kRootRole) return {options.root_crl_validity, options.root_crl_interval};
    return {options.crl_validity, options.crl_interval};
  }
  [[nodiscard]] Result<PublishedCrl> crl(Database& database, std::string_view name, CrlWish wish) const {
    const KeyPointer key = TRY(find(database, name));
    return crl_of(database, *authority, *key, terms_of(*key), wish);
  }
  [[nodiscard]] Result<Bytes> certificate(Database& database, std::string_view name) const {
    for (const CrossRow& cross : authority->keys()->crosses) {
      if (cross.name == name) return cross.certificate.der();
    }
    const Result<KeyPointer> key = find(database, name);
    if (key) return (*key)->certificate.der();
    for (const CrossRow& cross : authority->keys()->crosses) {
      if (cross.name == name) return cross.certificate.der();
    }
    return Failure(key.error());
  }

  std::shared_ptr<AuthorityState> authority;
  PublisherOptions options;
  Responder responder;
};

Publisher::Publisher(const Authority& authority, const PublisherOptions& options)
    : state_(std::make_shared<State>(authority.state_, options)) {}

std::vector<std::string> Publisher::keys() const {
  std::vector<std::string> out;
  for (const KeyPointer& key : state_->authority->keys()->all) out.push_back(key->name);
  return out;
}

Result<PublishedCrl> Publisher::crl(Database& database, std::string_view name) const {
  return state_->crl(database, name, CrlWish::kCurrent);
}

Result<PublishedCrl> Publisher::new_crl(Database& database, std::string_view name) const {
  return state_->crl(database, name, CrlWish::kNew);
}

Published Publisher::answer_ocsp(Database& database, ByteView request) const { return state_->responder.answer(database, request); }

Result<std::optional<Published>> Publisher::get(Database& database, std::string_view path) const {
  if (const auto name = between(path, "/ca/", ".cer")) {
    return Published{std::string(kCertificateType), TRY(state_->certificate(database, *name)), kCertificateAge};
  }
  if (const auto name = between(path, "/crl/", ".crl")) {
    PublishedCrl list = TRY(crl(database, *name));
    const std::chrono::milliseconds left(list.next_update.milliseconds - state_->authority->clock.now().milliseconds);
    const auto age = std::min(std::chrono::duration_cast<std::chrono::seconds>(left), std::chrono::seconds(kCrlAge));
    return Published{std::string(kCrlType), std::move(list.der), age};
  }
  if (const auto encoded = between(path, std::string(kOcspPath) + "/", "")) {
    const auto text = encoded->size() <= kMaxGetRequest ? http::percent_decode(*encoded) : std::nullopt;
    const Bytes request = text ? base64_decode(*text).value_or(Bytes()) : Bytes();  // what cannot be read is malformed to the responder too
    return answer_ocsp(database, request);
  }
  return std::optional<Published>();
}

Result<> Publisher::refresh(Database& database) const {
  TRY(state_->authority->reload(database));
  Result<> out;
  const Instant now = state_->authority->clock.now();
  for (const KeyPointer& key : state_->authority->keys()->all) {
    if (now >= key->certificate.not_after()) continue;
    const auto list = crl(database, key->name);
    const Result<> responder = state_->responder.refresh(database, *key);
    // One key's trouble does not keep the others from being refreshed.
    if (out && !list) out = Failure(list.error());
    if (out && !responder) out = Failure(responder.error());
  }
  return out;
}

}  // namespace airtight::ca
