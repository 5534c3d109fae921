// BASE/enroll/PROFILE, the address of a profile: where a session begins without a one-time URL that somebody made before.
#include <algorithm>

#include "base/encoding.h"
#include "ca/audit.h"
#include "crypto/certificate.h"
#include "http/network.h"
#include "issuer/client_ca.h"
#include "issuer/client_list.h"
#include "issuer/enrolment_subject.h"
#include "issuer/internal/service_impl.h"
#include "issuer/pages.h"
#include "issuer/visits.h"

namespace airtight::issuer {
namespace {

using storage::Database;
using storage::Row;

constexpr std::string_view kFormType = "application/x-www-form-urlencoded";
constexpr std::string_view kAddressField = "email";
constexpr std::string_view kMailVisit = "mail";

Refusal unknown() { return {kNotFound, "enrolment.unknown", "This enrolment address is not known, or it has expired"}; }

Refusal unknown_client() {
  return {kUnauthorized, "client.unknown", "This address is for clients that prove who they are by a token or a TLS certificate"};
}

Refusal only_get() { return {kMethodNotAllowed, "method", "This address is fetched with GET"}; }

FormPage address_form(std::string_view sentence) {
  return {.title = "Enrolment", .sentence = sentence, .name = kAddressField, .label = "E-mail address:", .button = "Send"};
}

// A client that has proved who it is.
struct ProvedClient {
  std::string name;
  std::string subject = {};  // empty: the profile's
  std::string email = {};    // empty: none
  std::string record = {};   // for the audit log, of one that was never registered
};

std::optional<ProvedClient> registered_for(const std::optional<RegisteredClient>& client, const Profile& profile) {
  if (!client || client->profile != profile.name) return std::nullopt;
  return ProvedClient{client->name, client->subject, client->email};
}

// A client of a CA that the configuration names. A name that is registered belongs to whom it is registered for.
Result<std::optional<ProvedClient>> certified_for(Database& database, const ServiceParts& parts, const std::vector<ClientCa>& cas,
                                                  const crypto::Certificate& certificate, const Profile& profile) {
  for (const ClientCa& ca : cas) {
    if (std::ranges::find(ca.profiles, profile.name) == ca.profiles.end()) continue;
    const Result<std::string> name = client_named_by(ca, certificate, parts.clock.now());
    std::optional<RegisteredClient> namesake;
    if (name) namesake = TRY(find_client_by_name(database, *name));
    if (name && !namesake) {
      ProvedClient client{.name = *name,
                          .record = "client: " + *name + "\nca: " + ca.name + "\ncertificate: SHA-256 " + hex_encode(certificate.sha256()) +
                                    "\nprofile: " + profile.name + "\n"};
      if (ca.known_by == ClientNamePart::kEmail) client.email = *name;
      return std::optional(std::move(client));
    }
    parts.log.warning("a client is not accepted",
                      {{"ca", ca.name},
                       {"certificate", certificate.subject()},
                       {"reason", name ? "another client is registered under its name" : name.error().message}});
  }
  return std::optional<ProvedClient>();
}

// Who `request` says it is from, if that may enrol with `profile`. A token goes first, and where it is wrong no certificate helps.
Result<std::optional<ProvedClient>> client_of(Database& database, const ServiceParts& parts, const std::vector<ClientCa>& cas,
                                              const http::Request& request, const Profile& profile) {
  if (const auto authorization = request.headers.get("Authorization")) {
    const std::optional<std::string_view> token = bearer_token(*authorization);
    if (!token) return std::optional<ProvedClient>();
    const std::optional<RegisteredClient> client = TRY(find_client_by_token(database, hash_of_token(*token)));
    return registered_for(client, profile);
  }
  const Instant now = parts.clock.now();
  const Result<crypto::Certificate> certificate = crypto::Certificate::parse(*request.client_certificate);
  if (!certificate || now < certificate->not_before() || certificate->not_after() < now) return std::optional<ProvedClient>();
  const std::optional<RegisteredClient> registered = TRY(find_client_by_certificate(database, certificate->sha256()));
  if (std::optional<ProvedClient> client = registered_for(registered, profile)) return client;
  return certified_for(database, parts, cas, *certificate, profile);
}

Refusal too_many() {
  return {kTooMany, "enrolment.too-many", "There are too many enrolments from this address at the moment; try again later"};
}

// What keeps an open enrolment from filling the database: sessions that nobody goes on with end after a short time.
Verified<> admit_visitor(Database& database, const Profile& profile, const std::string& peer, Instant now) {
  if (!TRY(count_visit(database, "open", http::network_of(peer), profile.enrolment.visits_per_hour, now))) return Refused(too_many());
  const auto open =
      TRY(storage::query_one(database,
                             "SELECT COUNT(*) FROM issuer_sessions s JOIN issuer_enrolments e ON e.id = s.enrolment_id WHERE s.is_open = 1 "
                             "AND e.way = ? AND e.profile = ?",
                             {name_of(Way::kOpen), std::string_view(profile.name)}, [](const Row& row) { return row.integer(0); }));
  if (open.value_or(0) < profile.enrolment.open_sessions) return {};
  return refuse(kTooMany, "enrolment.busy", "The issuer has as many enrolments under way as it takes at a time; try again later");
}

}  // namespace

Verified<http::Response> IssuerService::Impl::enter(const http::Request& request, std::string_view profile_name) {
  const std::shared_ptr<const Configuration> configuration = offered();
  const Result<const Profile*> found = configuration->find_profile(profile_name);
  if (!found) return Refused(unknown());
  const Profile& profile = **found;
  const EnrolmentRules& rules = profile.enrolment;
  const DatabasePool::Lease database = TRY(parts.pool.take());
  const bool says_who = request.headers.get("Authorization") || request.client_certificate;
  if (rules.client && says_who) return enter_as_client(*database, request, profile, configuration->client_cas);
  if (rules.open) return enter_openly(*database, request, profile);
  if (rules.mail) return enter_by_mail(*database, request, profile);
  if (rules.client) return Refused(unknown_client());
  return Refused(unknown());
}

Verified<http::Response> IssuerService::Impl::enter_as_client(Database& database, const http::Request& request, const Profile& profile,
                                                              const std::vector<ClientCa>& cas) {
  if (request.method != "GET") return Refused(only_get());
  const std::optional<ProvedClient> client = TRY(client_of(database, parts, cas, request, profile));
  if (!client) return Refused(unknown_client());
  Beginning beginning{.profile = profile, .enrolment = {}, .admit = {}, .life_time = kFirstStepTime};
  Enrolment& enrolment = beginning.enrolment;
  enrolment.way = Way::kClient;
  enrolment.email = client->email;
  enrolment.client = client->name;
  const KnownFacts facts{.email = client->email, .client = client->name};
  const Result<std::string> subject = client->subject.empty() ? subject_at_first(profile.subject.value_or(""), profile, facts)
                                                              : given_subject(client->subject, profile, facts);
  if (!subject) return Refused(no_value(subject.error()));
  enrolment.subject = *subject;
  if (!client->record.empty())
    beginning.admit = [&](Database& writing) -> Verified<> {
      TRY(ca::record(writing, parts.clock, "client.admitted", client->record));
      return {};
    };
  return begin_at_once(database, request, beginning);
}

// The same is said whatever becomes of it, and at once: nobody learns here which addresses there are, or which may enrol.
Verified<http::Response> IssuerService::Impl::enter_by_mail(Database& database, const http::Request& request, const Profile& profile) {
  if (request.method != "POST") return form_page(200, address_form("Give your e-mail address. You get a link there with which you go on."));
  const auto site = request.headers.get("Sec-Fetch-Site");
  if (site && *site != "same-origin" && *site != "none") return refuse(kForbidden, "enrolment.cross-site", "Another site sent this form");
  if (request.media_type() != kFormType) return refuse(kUnsupportedMediaType, "message.media-type", "This address takes its own form");
  const Result<std::string> address = read_address(request.form_field(kAddressField).value_or(""));
  if (!address) return form_page(kBadMessage, address_form("This is not an e-mail address. Write it like jane.doe@example.com."));

  const Instant now = parts.clock.now();
  const std::string visitor = profile.name + "\n" + *address;
  const Token token = make_token(parts.random);
  Enrolment enrolment{.profile = profile.name, .way = Way::kMail, .email = *address, .created_at = now};
  enrolment.expires_at = now.plus(std::chrono::hours(offered()->url_validity_hours));
  const Result<std::string> subject = subject_at_first(profile.subject.value_or(""), profile, {.email = *address});
  if (subject) enrolment.subject = *subject;
  const Result<mail::Message> message =
      write_invitation(*parts.configuration.mail, {.address = *address,
                                                   .url = session_url(parts.base_url, token.hash) + "/" + token.text,
                                                   .profile = profile.name,
                                                   .expires = enrolment.expires_at});
  storage::Transaction transaction = TRY(storage::Transaction::begin(database, storage::Access::kWrite));
  if (!TRY(count_visit(database, "mail form", http::network_of(request.peer), profile.enrolment.visits_per_hour, now)))
    return Refused(too_many());
  const bool is_in_time = TRY(count_visit(database, kMailVisit, visitor, profile.enrolment.mails_per_hour, now));
  const bool is_sent = is_in_time && subject && message && takes_address(profile.enrolment, *address) && postman;
  if (is_sent) TRY(insert_enrolment(database, token.hash, enrolment));
  const std::int64_t id = is_sent ? database.last_insert_id() : 0;
  TRY(transaction.commit());
  if (is_sent) {
    send_invitation(*message, id, visitor);
  } else {
    parts.log.info("no invitation", {{"profile", profile.name},
                                     {"reason", !is_in_time ? "too many to this address"
                                                : !subject  ? subject.error().message
                                                : !message  ? message.error().message
                                                            : "the profile does not take this address"},
                                     {"peer", request.peer}});
  }
  return page(200, "Look into your mail",
              "If this address may enrol here, a link is on its way to it. If nothing comes within some minutes, try again.");
}

void IssuerService::Impl::send_invitation(mail::Message message, std::int64_t enrolment_id, const std::string& visitor) {
  const auto done = [this, enrolment_id, visitor](const Result<>& sent) {
    if (sent) {
      parts.log.info("invitation sent", {{"enrolment", std::to_string(enrolment_id)}});
      return;
    }
    parts.log.error("an invitation could not be sent", {{"reason", sent.error().message}});
    const auto withdrawn = [&]() -> Result<> {
      const DatabasePool::Lease database = TRY(parts.pool.take());
      storage::Transaction transaction = TRY(storage::Transaction::begin(*database, storage::Access::kWrite));
      TRY(remove_enrolment(*database, enrolment_id));
      TRY(forget_visit(*database, kMailVisit, visitor));
      return transaction.commit();
    }();
    if (!withdrawn) parts.log.error("an invitation could not be taken back", {{"reason", withdrawn.error().message}});
  };
  if (!postman->post({std::move(message), done})) done(fail(Fault::kUnavailable, "too many mails wait to be sent"));
}

Verified<http::Response> IssuerService::Impl::enter_openly(Database& database, const http::Request& request, const Profile& profile) {
  if (request.method != "GET") return Refused(only_get());
  Beginning beginning{.profile = profile, .enrolment = {}, .admit = {}, .life_time = kFirstStepTime};
  beginning.enrolment.way = Way::kOpen;
  beginning.enrolment.subject = TRY(subject_at_first(profile.subject.value_or(""), profile, {}));
  beginning.admit = [&](Database& writing) { return admit_visitor(writing, profile, request.peer, parts.clock.now()); };
  return begin_at_once(database, request, beginning);
}

}  // namespace airtight::issuer
