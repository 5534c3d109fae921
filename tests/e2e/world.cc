#include "tests/e2e/world.h"

#include <sstream>

#include "device/store_folder.h"
#include "issuer/init.h"
#include "issuer/tls_identity.h"
#include "keygen2/messages.h"
#include "storage/files.h"
#include "tests/support/must.h"

namespace airtight::e2e {
namespace {

using tests::must;

constexpr auto kAllParts = std::filesystem::copy_options::recursive;

// Makers of devices, one a name, for the life of the process.
const sks::testing::TestCa& maker(const std::string& name) {
  static std::map<std::string, sks::testing::TestCa> makers;
  return makers[name];
}

// An issuer or a device is made once, and each scenario begins with a copy.
const std::filesystem::path& prepared(const std::string& name, const std::function<void(const std::filesystem::path&)>& make) {
  static const tests::TemporaryFolder folder;
  static std::map<std::string, std::filesystem::path> made;
  const auto found = made.find(name);
  if (found != made.end()) return found->second;
  const std::filesystem::path path = folder / name;
  make(path);
  return made.emplace(name, path).first->second;
}

const std::filesystem::path& prepared_issuer(const std::string& name, const Clock& clock) {
  return prepared("issuer-" + name, [&](const std::filesystem::path& path) {
    crypto::SystemRandom random;
    issuer::InitOptions options;
    const bool is_bank = name == "issuer" || name == "namesake";  // whose CAs have one name, and keys of their own
    options.organization = is_bank ? "Example Bank" : name + " Bank";
    must(issuer::init_issuer(path, options, clock, random));
    must(storage::write_file(path / "maker.pem", bytes_of(crypto::to_pem(maker("maker").root())), storage::FileMode::kPublic));
  });
}

const std::filesystem::path& prepared_device(const DeviceSetup& setup) {
  const std::string name = "device-" + setup.maker + (setup.rsa_attestation ? "-rsa" : "") + (setup.p384 ? "-p384" : "") +
                           (setup.p521 ? "-p521" : "") + (setup.sk2 ? "-sk2" : "");
  return prepared(name, [&](const std::filesystem::path& path) {
    crypto::SystemRandom random;
    device::NewDevice device{.folder = path, .vendor = "Example Vendor", .model = "Example Model"};
    if (setup.rsa_attestation) device.attestation_key = device::AttestationKeyKind::kRsa2048;
    device.options = {.p384 = setup.p384, .p521 = setup.p521, .sk2 = setup.sk2};
    const auto certify = [&](const crypto::PublicKey& key) -> Result<std::vector<crypto::Certificate>> {
      return std::vector{maker(setup.maker).certify(key, "Device")};
    };
    static_cast<void>(must(device::create_device(device, certify, {}, random)));
  });
}

constexpr std::string_view kPlainProfile = R"(
[mail]
server = "localhost"
encryption = "none"
from = "enrolment@example.com"
[profiles.plain]
session_life_time = 600
devices = { accept_any = true }
[[profiles.plain.keys]]
id = "Plain.Key"
usage = "universal"
algorithm = "p-256"
)";

// issuer.toml with the profiles of a scenario, which accept the devices of the maker unless they say otherwise.
std::string configuration(const std::string& base_url, bool tls, const toml::table& profiles) {
  std::ostringstream text;
  text << "url = \"" << base_url << "\"\n";
  if (!tls) text << "tls = false\n";
  text << kPlainProfile;
  toml::table completed;
  for (const auto& [name, node] : profiles) {
    toml::table profile = *node.as_table();
    const bool basic = profile["basic"].value_or(false);
    if (!profile.contains("devices") && !basic) {
      profile.insert("devices", toml::table{{"accepted", toml::array{toml::table{{"level", "vendor"}, {"certificate", "maker.pem"}}}}});
    }
    if (!profile.contains("session_life_time")) profile.insert("session_life_time", 600);
    completed.insert(name.str(), profile);
  }
  text << toml::toml_formatter(toml::table{{"profiles", completed}}) << "\n";
  return text.str();
}

}  // namespace

class World::Approves final : public sks::Approver {
 public:
  [[nodiscard]] Result<bool> approve(const sks::ApprovalRequest&) override { return true; }
};

World::World(const Scenario& scenario) : scenario_(scenario), device_folder_(folder_ / "device") {
  if (scenario.device.approver) approver_ = std::make_unique<Approves>();
  std::filesystem::copy(prepared_device(scenario.device), device_folder_, kAllParts);
  reopen_store();
  if (!scenario.device.pin.empty()) {
    must(store_->set_device_pin(SecretBytes::copy_of(bytes_of(scenario.device.pin)), SecretBytes::copy_of(bytes_of(scenario.device.puk))));
  }
}

void World::reopen_store() {
  store_.reset();
  store_ = must(device::open_device(device_folder_, {}, sks::Platform{clock_, random_, pause_, approver_.get()}));
}

Site& World::site(const std::string& name) {
  const auto found = sites_.find(name);
  if (found != sites_.end()) return found->second;
  Site& site = sites_[name];
  site.folder = folder_ / name;
  site.base_url = (scenario_.tls ? "https://" : "http://") + name + ".example.com";
  std::filesystem::copy(prepared_issuer(name, clock_), site.folder, kAllParts);
  must(storage::write_file(site.folder / "issuer.toml", bytes_of(configuration(site.base_url, scenario_.tls, scenario_.profiles)),
                           storage::FileMode::kPrivate));
  if (scenario_.tls) {
    site.tls_certificate = must(issuer::read_tls_identity(site.folder / "tls/server.pem", site.folder / "tls/server.key")).certificate;
  }
  restart(site);
  return site;
}

Site* World::site_at(const std::string& host) {
  for (auto& [name, site] : sites_) {
    if (host == name + ".example.com") return &site;
  }
  return nullptr;
}

void World::restart(Site& site) {
  site.service.reset();
  site.issuer.reset();
  site.issuer = must(issuer::Issuer::open(site.folder, clock_, random_));
  issuer::Issuer::ServiceAddress address;
  address.base_url = site.base_url;
  if (site.tls_certificate) address.tls_fingerprint = site.tls_certificate->sha256();
  site.service = must(site.issuer->make_service(address, must(site.issuer->unseal({})), log_));
}

const xml::Schema& World::schema() {
  static const xml::Schema schema = must(keygen2::compile_schema());
  return schema;
}

}  // namespace airtight::e2e
