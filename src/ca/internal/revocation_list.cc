#include "ca/internal/revocation_list.h"

#include <algorithm>
#include <optional>

#include "ca/audit.h"
#include "crypto/crl.h"

namespace airtight::ca {
namespace {

using storage::Database;
using storage::Row;

struct LastCrl {
  PublishedCrl published;
  bool stale;
};

Result<std::optional<LastCrl>> read_last(Database& database, const std::string& key) {
  return storage::query_one(database, "SELECT number, this_update, next_update, der, stale FROM ca_crls WHERE key_name = ?1",
                            {std::string_view(key)}, [&](const Row& row) {
                              return LastCrl{{key, row.integer(0), Instant{row.integer(1)}, Instant{row.integer(2)}, row.blob(3)},
                                             row.integer(4) != 0};
                            });
}

bool is_due(const LastCrl& last, Instant now, const CrlTerms& terms) { return now >= last.published.this_update.plus(terms.interval); }
bool is_current(const LastCrl& last, Instant now, const CrlTerms& terms) {
  return !last.stale && !is_due(last, now, terms) && now < last.published.next_update;
}

Result<std::vector<crypto::RevokedCertificate>> revoked_by(Database& database, const std::string& key) {
  return storage::query_all(database,
                            "SELECT serial, revoked_at, reason FROM ca_certificates "
                            "WHERE issuer_key = ?1 AND status != 'valid' AND left_crl = 0 ORDER BY id",
                            {std::string_view(key)}, [](const Row& row) {
                              return crypto::RevokedCertificate{row.blob(0), Instant{row.integer(1)},
                                                                static_cast<std::uint8_t>(row.integer(2))};
                            });
}

Result<> save(Database& database, const PublishedCrl& crl) {
  TRY(database.execute(
      "INSERT INTO ca_crls (key_name, number, this_update, next_update, der, stale) VALUES (?1, ?2, ?3, ?4, ?5, 0) "
      "ON CONFLICT (key_name) DO UPDATE SET number = excluded.number, this_update = excluded.this_update, "
      "next_update = excluded.next_update, der = excluded.der, stale = 0",
      {std::string_view(crl.key), crl.number, crl.this_update.milliseconds, crl.next_update.milliseconds, ByteView(crl.der)}));
  return {};
}

Result<PublishedCrl> issue(Database& database, const AuthorityState& authority, const AuthorityKeyRow& key, const CrlTerms& terms,
                           CrlWish wish) {
  const auto signer = TRY(signer_of(authority.master_key, key));
  storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
  const Instant now = authority.clock.now().whole_seconds();
  const std::optional<LastCrl> last = TRY(read_last(database, key.name));
  if (last && wish == CrlWish::kCurrent && is_current(*last, now, terms)) return last->published;  // another was faster
  if (now >= key.certificate.not_after()) {
    return fail(Fault::kRefused, "the key " + key.name + " of the authority expired at " + format_time(key.certificate.not_after()));
  }
  crypto::CrlContent content;
  content.issuer_der = to_bytes(key.certificate.subject_der());
  content.this_update = now;
  content.next_update = std::min(now.plus(terms.validity), key.certificate.not_after());
  content.number = last ? static_cast<std::uint64_t>(last->published.number) + 1 : 1;
  content.authority_key_id = TRY(crypto::key_identifier(key.certificate.spki()));
  content.revoked = TRY(revoked_by(database, key.name));
  PublishedCrl crl{key.name, static_cast<std::int64_t>(content.number), content.this_update, content.next_update, {}};
  crl.der = TRY(crypto::sign_crl(content, *signer));
  TRY(save(database, crl));
  // RFC 5280, section 3.3: an entry leaves after one regularly scheduled CRL beyond the certificate's end.
  if (!last || is_due(*last, now, terms)) {
    TRY(
        database.execute("UPDATE ca_certificates SET left_crl = 1 "
                         "WHERE issuer_key = ?1 AND status != 'valid' AND left_crl = 0 AND not_after < ?2",
                         {std::string_view(key.name), now.milliseconds}));
  }
  TRY(record(
      database, authority.clock, "crl.issued",
      "key: " + key.name + "\nnumber: " + std::to_string(crl.number) + "\ncertificates: " + std::to_string(content.revoked.size()) + "\n"));
  TRY(transaction.commit());
  return crl;
}

}  // namespace

Result<PublishedCrl> crl_of(Database& database, const AuthorityState& authority, const AuthorityKeyRow& key, const CrlTerms& terms,
                            CrlWish wish) {
  if (wish == CrlWish::kNew) return issue(database, authority, key, terms, wish);
  const Instant now = authority.clock.now();
  std::optional<LastCrl> last = TRY(read_last(database, key.name));
  if (last && is_current(*last, now, terms)) return std::move(last->published);
  auto issued = issue(database, authority, key, terms, wish);
  const bool serves = last && now < last->published.next_update;
  if (!issued && issued.error().fault == Fault::kUnavailable && serves) return std::move(last->published);
  return issued;
}

}  // namespace airtight::ca
