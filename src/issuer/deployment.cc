#include "issuer/internal/deployment.h"

#include <algorithm>

#include "base/encoding.h"
#include "ca/audit.h"
#include "crypto/certificate_builder.h"
#include "issuer/enrolment.h"
#include "issuer/texts.h"
#include "issuer/verdict_record.h"

namespace airtight::issuer {
namespace {

using keygen2::CertifiedPublicKey;
using keygen2::GeneratedPublicKey;

Bytes to_bytes_of(const crypto::Sha256Value& value) { return to_bytes(ByteView(value)); }

Result<crypto::PrivateKey> generate(const std::variant<RsaKey, EcKey>& algorithm) {
  if (const auto* ec = std::get_if<EcKey>(&algorithm)) return crypto::PrivateKey::generate(crypto::EcSpec{ec->curve});
  const RsaKey& rsa = std::get<RsaKey>(algorithm);
  return crypto::PrivateKey::generate(rsa.exponent ? crypto::RsaSpec{rsa.size, *rsa.exponent} : crypto::RsaSpec{rsa.size});
}

}  // namespace

Result<crypto::Certificate> issue_certificate(storage::Database& database, const Turn& turn, const KeyProfile& profile,
                                              const crypto::PublicKey& key, const provenance::Verdict& verdict) {
  ca::Subject subject;
  subject.name_der = TRY(crypto::name_from_text(turn.session.subject));
  ca::Facts facts;
  TRY(facts.add_subject(subject.name_der));
  const auto addresses = facts.values("subject.emailaddress");
  std::vector<std::string> emails(addresses.begin(), addresses.end());
  const std::string& reached = turn.session.email;
  if (!reached.empty() && std::ranges::find(emails, reached) == emails.end()) emails.push_back(reached);
  for (const std::string& email : emails) TRY(facts.add("email", email));
  TRY(facts.add("key_id", profile.id));
  TRY(facts.add("profile", turn.profile.name));
  if (!turn.session.device_id.empty()) TRY(facts.add("device_id", turn.session.device_id));
  return turn.environment.authority.issue(database, profile.certificate, subject, key, verdict, facts);
}

Bytes Deployment::mac(std::string_view method, std::span<const ByteView> data) {
  ++turn_.session.session_key_uses;
  return to_bytes_of(sks::method_mac(method, session_key_, turn_.session.mac_sequence_counter++, data));
}

Bytes Deployment::encrypt(ByteView plain) {
  ++turn_.session.session_key_uses;
  return sks::encrypt(session_key_, plain, turn_.environment.random);
}

Verified<SecretBytes> Deployment::private_key_for(const KeyProfile& profile) const {
  if (profile.source == KeySource::kIssuer) {
    const crypto::PrivateKey key = TRY(generate(profile.algorithm));
    return TRY(key.pkcs8());
  }
  std::optional<KeptKey> kept =
      TRY(find_kept_private_key(database_, turn_.environment.master_key, turn_.session.subject, profile.restored_key));
  if (!kept) return refuse(kConflict, "key.no-backup", "There is no backup of an earlier key " + profile.restored_key + " of this subject");
  TRY(ca::record(database_, turn_.environment.clock, "private-key.restored",
                 "session: " + turn_.session.server_session_id + "\nkey: " + profile.id +
                     "\ncredential: " + std::to_string(kept->credential_id) + "\ndevice: " + turn_.session.device_id + "\n"));
  return std::move(kept->value);
}

Verified<std::optional<SeedOffer>> Deployment::seed_for(const KeyProfile& profile) const {
  if (!profile.symmetric_key || !profile.symmetric_key->seed_pool) return std::optional<SeedOffer>();
  const bool updates = std::ranges::any_of(targets_, [&](const Target& target) { return target.key_id == profile.id; });
  const SeedWish wish = TRY(wish_of(turn_.profile, profile, turn_.session.subject, updates, turn_.now));
  std::optional<SeedOffer> offer = TRY(find_seed(database_, wish));
  if (!offer) return Refused(no_seed());
  return offer;
}

Verified<Deployment::Issued> Deployment::issue(const KeyProfile& profile, const GeneratedPublicKey& made) {
  const Environment& environment = turn_.environment;
  const Session& session = turn_.session;
  SecretBytes private_key;
  crypto::PublicKey public_key = made.public_key;
  if (profile.source != KeySource::kDevice) {
    private_key = TRY(private_key_for(profile));
    const crypto::PrivateKey key = TRY(crypto::PrivateKey::from_pkcs8(private_key.expose_secret()));
    public_key = key.public_key();
  }
  const provenance::Verdict verdict = TRY(verdict_from_json(session.verdict));
  const std::optional<SeedOffer> offer = TRY(seed_for(profile));
  KeyProfile certified = profile;
  if (offer) certified.certificate.latest_end = offer->not_after;
  const Result<crypto::Certificate> issued = issue_certificate(database_, turn_, certified, public_key, verdict);
  if (!issued && issued.error().fault == Fault::kRefused)
    return refuse(kConflict, "certificate.refused", "The certificate cannot be issued: " + issued.error().message);
  const crypto::Certificate certificate = TRY(issued);
  Credential credential;
  credential.session_id = session.id;
  credential.key_id = profile.id;
  credential.key_usage = profile.usage;
  credential.updatable = profile.updatable && session.updatable;
  credential.certificate = certificate.der();
  credential.fingerprint = to_bytes_of(certificate.sha256());
  credential.serial = hex_encode(certificate.serial());
  credential.issued_at = turn_.now;
  credential.not_after = certificate.not_after();
  const std::int64_t id = TRY(insert_credential(database_, credential));
  if (!private_key.empty())
    TRY(keep_key(database_, environment.master_key, id, KeptKind::kMade, private_key, turn_.now, environment.random));
  if (made.private_key) {
    const SecretBytes backup = TRY(sks::decrypt(session_key_, *made.private_key));
    TRY(keep_key(database_, environment.master_key, id, KeptKind::kBackup, backup, turn_.now, environment.random));
  }
  ca::Facts facts = TRY(facts_of_subject(session.subject, session.email));
  for (const auto& [name, value] : {std::pair<std::string_view, std::string>{"profile", turn_.profile.name},
                                    {"key_id", profile.id},
                                    {"device_id", session.device_id},
                                    {"server_session_id", session.server_session_id},
                                    {"client_session_id", session.client_session_id},
                                    {"serial", credential.serial},
                                    {"issued", format_time(certificate.not_before())},
                                    {"expires", format_time(certificate.not_after())}})
    TRY(facts.add(name, value));
  std::optional<Seed> seed;
  if (offer) {
    seed = TRY(take_seed(database_, environment.master_key, offer->id, id));
    TRY(add_facts(seed->description, facts));
  }
  return Issued{profile, made, certificate, id, std::move(private_key), std::move(seed), credential.serial, std::move(facts)};
}

// Data = End-Entity Certificate || DecryptedKey || EndorsedAlgorithm...
Verified<keygen2::SymmetricKey> Deployment::symmetric_key_for(Issued& issued) {
  const Environment& environment = turn_.environment;
  const SymmetricKeyProfile& profile = *issued.profile.symmetric_key;
  SecretBytes value;
  keygen2::SymmetricKey key;
  key.endorsed_algorithms = profile.endorsed_algorithms;
  if (issued.seed) {
    value = std::move(issued.seed->value);
    if (!issued.seed->description.algorithm.empty()) key.endorsed_algorithms = {issued.seed->description.algorithm};
  } else {
    value = environment.random.secret(profile.length);
    TRY(keep_key(database_, environment.master_key, issued.credential_id, KeptKind::kSymmetric, value, turn_.now, environment.random));
  }
  std::vector<ByteView> data = {issued.certificate.der(), value.expose_secret()};
  for (const std::string& algorithm : key.endorsed_algorithms) data.push_back(bytes_of(algorithm));
  key.encrypted_value = encrypt(value.expose_secret());
  key.mac = mac("setSymmetricKey", data);
  return key;
}

Verified<CertifiedPublicKey::Import> Deployment::import_for(Issued& issued) {
  if (issued.profile.symmetric_key) return CertifiedPublicKey::Import(TRY(symmetric_key_for(issued)));
  if (issued.private_key.empty()) return CertifiedPublicKey::Import();
  // Data = End-Entity Certificate || DecryptedKey
  keygen2::RestoredPrivateKey key;
  key.encrypted_value = encrypt(issued.private_key.expose_secret());
  key.mac = mac("restorePrivateKey", {issued.certificate.der(), issued.private_key.expose_secret()});
  return CertifiedPublicKey::Import(std::move(key));
}

// Data = End-Entity Certificate || BaseType || Qualifier || ExtensionData || ExtensionType
Bytes Deployment::extension_mac(const Issued& issued, ExtensionBaseType base, std::string_view qualifier, ByteView data,
                                std::string_view type) {
  const Bytes base_type = {static_cast<std::byte>(base)};
  return mac("addExtensionData", {issued.certificate.der(), base_type, bytes_of(qualifier), data, bytes_of(type)});
}

keygen2::Extension Deployment::plain_extension(const Issued& issued, std::string_view type, ByteView data, bool encrypted) {
  keygen2::Extension out;
  out.type = type;
  out.encrypted = encrypted;
  out.data = encrypted ? encrypt(data) : to_bytes(data);
  out.mac = extension_mac(issued, encrypted ? ExtensionBaseType::kEncryptedExtension : ExtensionBaseType::kExtension, {}, data, type);
  return out;
}

Result<keygen2::ExtensionObject> Deployment::property_bag(const Issued& issued, keygen2::PropertyBag bag) {
  bag.canonical = TRY(keygen2::canonical_property_bag(bag.type, bag.properties));
  bag.mac = extension_mac(issued, ExtensionBaseType::kPropertyBag, {}, bag.canonical, bag.type);
  return keygen2::ExtensionObject(std::move(bag));
}

Result<std::optional<keygen2::ExtensionObject>> Deployment::seed_bag(const Issued& issued) {
  if (!issued.seed || !issued.seed->description.parameters) return std::optional<keygen2::ExtensionObject>();
  const otp::Parameters& parameters = *issued.seed->description.parameters;
  keygen2::PropertyBag bag;
  bag.type = otp::bag_type(parameters);
  const bool is_written = std::ranges::any_of(issued.profile.extensions, [&](const ExtensionObjectProfile& one) {
    return std::visit([&](const auto& object) { return object.type == bag.type; }, one);
  });
  if (is_written) return std::optional<keygen2::ExtensionObject>();
  for (const otp::Property& property : TRY(otp::properties_for(parameters))) {
    bag.properties.push_back({property.name, property.value, property.writable ? std::optional(true) : std::nullopt});
  }
  return std::optional(TRY(property_bag(issued, std::move(bag))));
}

Verified<keygen2::ExtensionObject> Deployment::extension(const Issued& issued, const ExtensionObjectProfile& profile) {
  const auto filled = [&](std::string_view text) -> Verified<std::string> {
    Result<std::string> value = fill_text(text, issued.facts);
    if (!value) return Refused(no_value(value.error()));
    return *std::move(value);
  };
  if (const auto* logotype = std::get_if<LogotypeProfile>(&profile)) {
    keygen2::Logotype out{logotype->type, logotype->mime_type, logotype->image, {}};
    out.mac = extension_mac(issued, ExtensionBaseType::kLogotype, logotype->mime_type, logotype->image, logotype->type);
    return keygen2::ExtensionObject(std::move(out));
  }
  if (const auto* bag = std::get_if<PropertyBagProfile>(&profile)) {
    keygen2::PropertyBag out;
    out.type = bag->type;
    for (const PropertyProfile& property : bag->properties)
      out.properties.push_back({property.name, TRY(filled(property.value)), property.writable});
    return TRY(property_bag(issued, std::move(out)));
  }
  const ExtensionProfile& plain = std::get<ExtensionProfile>(profile);
  if (const auto* bytes = std::get_if<Bytes>(&plain.data))
    return keygen2::ExtensionObject(plain_extension(issued, plain.type, *bytes, plain.encrypted));
  const std::string text = TRY(filled(std::get<std::string>(plain.data)));
  return keygen2::ExtensionObject(plain_extension(issued, plain.type, bytes_of(text), plain.encrypted));
}

// postProvisioningUpdateKey: Data = Post Provisioning MAC || End-Entity Certificate of the new key; postProvisioningDeleteKey: Data = Post
// Provisioning MAC. What discovery found is looked at again: another session may have been faster.
Verified<keygen2::TargetKey> Deployment::target_key(const Target& target, const crypto::Certificate* new_certificate) {
  const std::optional<Credential> credential = TRY(find_credential(database_, target.credential_id));
  const std::optional<Session> owner = TRY(find_session(database_, target.owner_id));
  if (!credential || !owner || owner->sealed_session_key.empty() || (credential->ended_at && !credential->withdrawn)) {
    return refuse(kConflict, "target.moved", "A credential that was to be updated or deleted was changed by another session meanwhile");
  }
  if (!TRY(count_session_key_use(database_, owner->id))) {
    return refuse(kConflict, "target.session-key-spent", "The session key of a credential that was to be updated or deleted is used up");
  }
  const SecretBytes owner_key = TRY(open_session_key(turn_.environment, *owner));
  const crypto::Sha256Value proof = sks::post_provisioning_mac(owner_key, credential->certificate);
  keygen2::TargetKey key;
  key.client_session_id = owner->client_session_id;
  key.server_session_id = owner->server_session_id;
  key.certificate_fingerprint = credential->fingerprint;
  key.mac = new_certificate != nullptr ? mac("postProvisioningUpdateKey", {ByteView(proof), new_certificate->der()})
                                       : mac("postProvisioningDeleteKey", {ByteView(proof)});
  return key;
}

Verified<CertifiedPublicKey> Deployment::certify(const GeneratedPublicKey& made) {
  const KeyProfile* profile = turn_.profile.find_key(made.id);
  if (profile == nullptr) return Refused(Refusal(fail(Fault::kInternal, "the session's profile has no key " + made.id).error()));
  Issued issued = TRY(issue(*profile, made));
  CertifiedPublicKey certified;
  certified.id = made.id;
  certified.certificate_path = TRY(turn_.environment.authority.path_of(issued.certificate));
  // Data = KeyHandle.GeneratedPublicKey || KeyHandle.ID || X509Certificate...
  std::vector<ByteView> data = {made.public_key.spki(), bytes_of(made.id)};
  for (const crypto::Certificate& certificate : certified.certificate_path) data.emplace_back(certificate.der());
  certified.mac = mac("setCertificatePath", data);
  certified.import = TRY(import_for(issued));
  for (const ExtensionObjectProfile& one : profile->extensions) certified.extensions.push_back(TRY(extension(issued, one)));
  std::optional<keygen2::ExtensionObject> bag = TRY(seed_bag(issued));
  if (bag) certified.extensions.push_back(*std::move(bag));
  if (profile->renewable) {
    const std::string url = renewal_url(base_of_session_url(turn_.session.url), issued.serial);
    certified.extensions.emplace_back(plain_extension(issued, keygen2::kRenewalUrlExtension, bytes_of(url), false));
  }
  const auto update = std::ranges::find(targets_, made.id, &Target::key_id);
  if (update != targets_.end()) certified.update = TRY(target_key(*update, &issued.certificate));
  return certified;
}

Verified<Bytes> Deployment::make(const std::vector<GeneratedPublicKey>& keys) {
  Session& session = turn_.session;
  targets_ = TRY(find_targets(database_, session.id));
  keygen2::CredentialDeploymentRequest request;
  request.id = session.server_session_id;
  request.client_session_id = session.client_session_id;
  request.issuer_uri = submit_url(session);
  request.server_time = session.server_time;
  request.submit_url = request.issuer_uri;
  for (const GeneratedPublicKey& key : keys) request.keys.push_back(TRY(certify(key)));
  for (const Target& target : targets_) {
    if (target.operation == TargetOperation::kDelete) request.delete_keys.push_back(TRY(target_key(target, nullptr)));
  }
  if (request.keys.empty() && request.delete_keys.empty())
    return refuse(kConflict, "discovery.nothing-found", "There is nothing to do: no credential was found that can be deleted");
  // Data = ClientSessionID || ServerSessionID || IssuerURI
  request.close_session_mac = mac("closeProvisioningSession",
                                  {bytes_of(session.client_session_id), bytes_of(session.server_session_id), bytes_of(request.issuer_uri)});
  return TRY(request_text(turn_, std::move(request)));
}

}  // namespace airtight::issuer
