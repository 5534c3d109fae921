#include "ca/maker.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/descriptor.h"
#include "base/encoding.h"
#include "ca/internal/issuing.h"
#include "crypto/certificate_builder.h"
#include "storage/files.h"

namespace airtight::ca {
namespace {

namespace fs = std::filesystem;
using crypto::Certificate;

// Each lives longer than what it signs: makers do not renew what is in the field.
constexpr std::chrono::days kRootLife{50 * 365};
constexpr std::chrono::days kClassLife{40 * 365};
constexpr std::chrono::days kDeviceLife{20 * 365};
constexpr std::size_t kMaxFile = 64 * 1024;
constexpr std::size_t kMaxFileName = 200;
constexpr std::size_t kSerialBytes = 8;

// A signing key and the certificate that it signs under.
struct Identity {
  Certificate certificate;
  crypto::PrivateKey key;
};

// Holds the folder for one process (and thread) at a time, for as long as the descriptor is open.
Result<Descriptor> lock_folder(const fs::path& folder) {
  Descriptor file(::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  int status = file.is_open() ? 0 : -1;
  if (file.is_open()) {
    do status = ::flock(file.number(), LOCK_EX);
    while (status != 0 && errno == EINTR);
  }
  if (status < 0) return fail(Fault::kStorage, "cannot lock the maker's folder " + folder.string() + ": " + std::strerror(errno));
  return file;
}

Result<crypto::PrivateKey> new_key() { return crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256}); }

Result<std::string> file_name_of(std::string_view model) {
  std::string out;
  for (char c : model) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    out += plain ? std::string(1, c) : "%" + hex_encode(bytes_of({&c, 1}));
  }
  if (out.empty() || out.size() > kMaxFileName)
    return fail(Fault::kBadInput, "the model \"" + std::string(model) + "\" is empty or too long", "choose a shorter name");
  return out;
}

// The pair of files <stem>.key and <stem>.pem; nothing if the certificate, which is written last, is not there.
Result<std::optional<Identity>> load(const fs::path& stem) {
  const auto pem = storage::read_file(fs::path(stem).concat(".pem"), kMaxFile);
  if (!pem && pem.error().fault == Fault::kNotFound) return std::optional<Identity>();
  if (!pem) return std::unexpected(pem.error());
  const std::vector<Certificate> certificates = TRY(crypto::certificates_from_pem(text_of(*pem)));
  const SecretBytes key_pem = TRY(storage::read_secret_file(fs::path(stem).concat(".key"), kMaxFile));
  Identity signer{certificates.front(), TRY(crypto::private_key_from_pem(key_pem.expose_secret()))};
  if (certificates.size() != 1 || !equal(signer.certificate.spki(), signer.key.public_key().spki())) {
    return fail(Fault::kBadInput, stem.string() + ".pem and " + stem.string() + ".key do not belong together",
                "restore both from a backup");
  }
  return std::optional(std::move(signer));
}

// The key goes first: a crash in between leaves a key that signed nothing, and the next run replaces it.
Result<> save(const fs::path& stem, const Identity& signer) {
  const SecretBytes key_pem = TRY(crypto::to_pem(signer.key));
  TRY(storage::write_file(fs::path(stem).concat(".key"), key_pem.expose_secret(), storage::FileMode::kPrivate));
  return storage::write_file(fs::path(stem).concat(".pem"), bytes_of(crypto::to_pem(signer.certificate)), storage::FileMode::kPublic);
}

// One use of a maker's folder, which is locked.
class Maker {
 public:
  Maker(const fs::path& folder, const DeviceIdentity& identity, Instant now, RandomSource& random)
      : folder_(folder), identity_(identity), now_(now), random_(random) {}

  Result<Identity> root() {
    const fs::path stem = folder_ / "root";
    if (auto found = TRY(load(stem))) {
      const std::string vendor = found->certificate.organization_name();
      if (vendor == identity_.vendor) return std::move(*found);
      return fail(
          Fault::kRefused,
          "the maker's folder " + folder_.string() + " belongs to the vendor \"" + vendor + "\", not to \"" + identity_.vendor + "\"",
          "give the vendor's own folder, or the vendor \"" + vendor + "\"");
    }
    const Bytes subject = TRY(crypto::name_from_attributes({{"O", identity_.vendor}, {"CN", identity_.vendor + " Device Root"}}));
    const crypto::PrivateKey key = TRY(new_key());
    const CaPlan plan{.subject_der = subject, .life = kRootLife, .path_length = 1};
    Identity root{TRY(certify_root(plan, crypto::KeySigner(key), now_, random_)), key};
    TRY(save(stem, root));
    return root;
  }

  Result<Identity> device_class(const Identity& root) {
    const fs::path classes = folder_ / "classes";
    TRY(storage::make_private_folder(classes));
    const fs::path stem = classes / TRY(file_name_of(identity_.model));
    if (auto found = TRY(load(stem))) {
      TRY(found->certificate.verify_issued_by(root.certificate));
      return std::move(*found);
    }
    const Bytes subject = TRY(crypto::name_from_attributes({{"O", identity_.vendor}, {"CN", identity_.model}}));
    const crypto::PrivateKey key = TRY(new_key());
    const CaPlan plan{.subject_der = subject, .life = kClassLife, .path_length = 0};
    const crypto::KeySigner by(root.key);
    Identity device_class{TRY(certify_authority(plan, key.public_key().spki(), root.certificate, by, now_, random_)), key};
    TRY(save(stem, device_class));
    return device_class;
  }

  Result<Certificate> device(const Identity& device_class, const crypto::PublicKey& key, Bytes name) {
    crypto::CertificateContent content = TRY(content_under(device_class.certificate, {key.spki(), now_, kDeviceLife}, random_));
    content.subject_der = std::move(name);
    content.key_usage = bits({crypto::KeyUsageBit::kDigitalSignature});
    return crypto::sign_certificate(content, device_class.key);
  }

 private:
  const fs::path& folder_;
  const DeviceIdentity& identity_;
  Instant now_;
  RandomSource& random_;
};

// Fails before anything is made where vendor or model do not fit into a name.
Result<Bytes> device_name(const DeviceIdentity& identity, RandomSource& random) {
  const std::string serial = hex_encode(random.bytes(kSerialBytes));
  return crypto::name_from_attributes({{"O", identity.vendor}, {"CN", identity.model + " " + serial}, {"serialNumber", serial}});
}

Result<> check_attestation_key(const crypto::PublicKey& key) {
  const bool good = key.type() == KeyAlgorithmType::kRsa ? key.bits() >= 2048 : key.curve() == crypto::Curve::kP256;
  if (good) return {};
  return fail(Fault::kRefused, "the attestation key of a device has to be P-256 or RSA of at least 2048 bits");
}

}  // namespace

Result<std::vector<Certificate>> certify_device(const fs::path& maker_folder, const DeviceIdentity& identity,
                                                const crypto::PublicKey& attestation_key, const Clock& clock, RandomSource& random) {
  TRY(check_attestation_key(attestation_key));
  TRY(file_name_of(identity.model));
  Bytes name = TRY(device_name(identity, random));
  TRY(storage::make_private_folder(maker_folder));
  const Descriptor lock = TRY(lock_folder(maker_folder));
  Maker maker(maker_folder, identity, clock.now(), random);
  const Identity root = TRY(maker.root());
  const Identity device_class = TRY(maker.device_class(root));
  return std::vector<Certificate>{TRY(maker.device(device_class, attestation_key, std::move(name))), device_class.certificate};
}

}  // namespace airtight::ca
