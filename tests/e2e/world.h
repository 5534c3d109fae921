// What a scenario plays in: issuers with their services and databases, a device with its key store, one clock for all, and nothing of a
// network but the names of hosts.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "crypto/certificate.h"
#include "crypto/random.h"
#include "http/client.h"
#include "issuer/issuer.h"
#include "issuer/server.h"
#include "sks/key_store.h"
#include "tests/e2e/scenario.h"
#include "tests/sks/device.h"
#include "tests/support/temporary_folder.h"
#include "xml/schema.h"

namespace airtight::e2e {

// An issuer: "issuer" at issuer.example.com, "other" at other.example.com and so on.
struct Site {
  std::filesystem::path folder;
  std::string base_url;
  std::optional<crypto::Certificate> tls_certificate;
  std::unique_ptr<issuer::Issuer> issuer;
  std::unique_ptr<issuer::IssuerService> service;
};

class World {
 public:
  explicit World(const Scenario& scenario);

  // The issuer `name`, made when it is first asked for. It offers the scenario's profiles, and "plain".
  [[nodiscard]] Site& site(const std::string& name);
  [[nodiscard]] std::map<std::string, Site>& sites() { return sites_; }
  // The site that answers for a host; null if there is none.
  [[nodiscard]] Site* site_at(const std::string& host);
  // Everything of the site opened again from its folder, as a restart does.
  void restart(Site& site);

  [[nodiscard]] sks::KeyStore& store() { return *store_; }
  void reopen_store();
  [[nodiscard]] const std::filesystem::path& device_folder() const { return device_folder_; }
  [[nodiscard]] sks::testing::FakeClock& clock() { return clock_; }
  [[nodiscard]] crypto::SystemRandom& random() { return random_; }
  [[nodiscard]] const Log& log() const { return log_; }
  [[nodiscard]] static const xml::Schema& schema();

 private:
  class Approves;

  const Scenario& scenario_;
  tests::TemporaryFolder folder_;
  std::filesystem::path device_folder_;
  sks::testing::FakeClock clock_;
  crypto::SystemRandom random_;
  sks::testing::FakePause pause_;
  std::unique_ptr<sks::Approver> approver_;
  Log log_ = Log::silent();
  std::map<std::string, Site> sites_;
  std::unique_ptr<sks::KeyStore> store_;
};

}  // namespace airtight::e2e
