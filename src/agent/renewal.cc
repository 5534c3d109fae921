#include "agent/renewal.h"

#include <algorithm>
#include <utility>

#include "http/message.h"
#include "keygen2/messages.h"
#include "sks/methods.h"

namespace airtight::agent {
namespace {

// An earlier renewal of the key that its issuer has put off.
Result<std::optional<SessionRecord>> deferred_renewal_of(const KeyEntry& key, const EnrollmentTools& tools) {
  if (tools.memory == nullptr) return std::optional<SessionRecord>();
  for (SessionRecord& record : TRY(sessions_under_way(*tools.memory, tools.key_store))) {
    if (record.renews == key.handle && record.resume_url) return std::optional(std::move(record));
  }
  return std::optional<SessionRecord>();
}

Result<EnrollmentOutcome> enroll_for(const KeyEntry& key, const EnrollmentOptions& options, const EnrollmentTools& tools,
                                     http::Client& http) {
  std::optional<SessionRecord> deferred = TRY(deferred_renewal_of(key, tools));
  if (deferred) return continue_enrollment(std::move(*deferred), options, tools, http);
  return enroll(options, tools, http);
}

bool has_new_certificate(const KeyEntry& before, sks::Channel& key_store) {
  const Result<KeyEntry> now = find_key(key_store, std::to_string(before.handle));
  return now && now->is_usable() && !(now->path.front() == before.path.front());
}

}  // namespace

Result<std::optional<std::string>> renewal_url_of(sks::Channel& key_store, const KeyEntry& key) {
  const std::vector<std::string>& types = key.key.extension_types.values;
  if (std::ranges::find(types, keygen2::kRenewalUrlExtension) == types.end()) return std::optional<std::string>();
  const auto extension = TRY(
      sks::call(key_store, sks::GetExtensionObject{.key_handle = key.handle, .extension_type = to_bytes(keygen2::kRenewalUrlExtension)}));
  std::string text(text_of(extension.extension_data.value.expose_secret()));
  if (const Result<http::Url> url = http::Url::parse(text); !url) {
    return fail(Fault::kBadInput, "what key " + std::to_string(key.handle) + " says of its renewal is no URL: " + url.error().message,
                "name the URL of its issuer after the key");
  }
  return std::optional(std::move(text));
}

std::vector<KeyEntry> due_keys(std::vector<KeyEntry> keys, Instant now, std::chrono::days span) {
  const Instant limit = now.plus(span);
  std::erase_if(keys, [&](const KeyEntry& key) { return !key.is_usable() || key.path.front().not_after() > limit; });
  return keys;
}

Renewal renew(const KeyEntry& key, const std::string& url, EnrollmentOptions options, const EnrollmentTools& tools, http::Client& http) {
  Renewal renewal{.key = key};
  options.url = url;
  options.resume = false;
  options.renews = key.handle;
  Result<EnrollmentOutcome> outcome = enroll_for(key, options, tools, http);
  if (!outcome) {
    renewal.error = std::move(outcome.error());
    return renewal;
  }
  if (outcome->resume_url) {
    renewal.state = RenewalState::kDeferred;
  } else if (has_new_certificate(key, tools.key_store)) {
    renewal.state = RenewalState::kRenewed;
    renewal.error = outcome->unconfirmed;
  } else {
    renewal.error = Error{Fault::kRefused, "the enrolment ended well, but the issuer did not renew key " + std::to_string(key.handle),
                          "'airtight keys list' shows what it did; ask the issuer", std::nullopt};
  }
  renewal.outcome = std::move(*outcome);
  return renewal;
}

}  // namespace airtight::agent
