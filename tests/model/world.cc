#include "tests/model/world.h"

#include <fstream>
#include <iterator>

#include "crypto/certificate_builder.h"
#include "storage/database.h"
#include "tests/support/must.h"

namespace airtight::sks::model {
namespace {

using tests::must;

constexpr std::string_view kDatabase = "sks.sqlite";

crypto::PrivateKey new_ec_key() { return must(crypto::PrivateKey::generate(crypto::EcSpec{crypto::Curve::kP256})); }

std::unique_ptr<storage::Database> open_database(const std::filesystem::path& folder) {
  storage::SqliteOptions options;
  options.exclusive = true;
  options.create = true;
  return must(storage::open_sqlite(folder / kDatabase, options));
}

}  // namespace

Workshop::Workshop() : master_key_(random_.secret(32)), server_key_(new_ec_key()) {
  for (int i = 0; i < 3; ++i) pool_.push_back(new_ec_key());
  pool_.push_back(must(crypto::PrivateKey::generate(crypto::RsaSpec{1024})));

  const crypto::PrivateKey root = new_ec_key();
  root_ = sign("CN=Root", root.public_key().spki(), "CN=Root", root, true);
  for (const std::string name : {"CN=CA 0", "CN=CA 1"}) {
    const crypto::PrivateKey key = new_ec_key();
    cas_.push_back({key, name, sign(name, key.public_key().spki(), "CN=Root", root, true)});
  }

  const crypto::PrivateKey attestation_key = new_ec_key();
  device_ = {"Example Vendor", "Example Model", {certify(attestation_key.public_key().spki())}};
  const auto database = open_database(folder_.path());
  DeviceBirth birth;
  birth.vendor_name = device_.vendor_name;
  birth.vendor_description = device_.vendor_description;
  birth.certificate_path = {must(crypto::Certificate::parse(device_.certificate_path[0]))};
  must(KeyStore::create(*database, master_key_, birth, attestation_key, random_));
}

Workshop& Workshop::instance() {
  static Workshop workshop;
  return workshop;
}

const std::vector<crypto::PrivateKey>& Workshop::pool() {
  while (pool_.size() < 6) pool_.push_back(must(crypto::PrivateKey::generate(crypto::RsaSpec{pool_.size() == 5 ? 2048U : 1024U})));
  return pool_;
}

std::vector<crypto::PrivateKey> Workshop::known_keys() const {
  std::vector<crypto::PrivateKey> keys = pool_;
  keys.push_back(server_key_);
  return keys;
}

const crypto::PrivateKey* Workshop::pool_key(ByteView spki) const {
  for (const crypto::PrivateKey& key : pool_) {
    if (equal(key.public_key().spki(), spki)) return &key;
  }
  return nullptr;
}

Bytes Workshop::sign(std::string_view subject, ByteView spki, std::string_view issuer, const crypto::PrivateKey& key, bool is_ca) {
  crypto::CertificateContent content;
  content.serial = concat({Bytes{std::byte{1}}, big_endian(serial_++, 8)});
  content.subject_der = must(crypto::name_from_text(subject));
  content.issuer_der = must(crypto::name_from_text(issuer));
  content.not_before = Instant{1262304000000};
  content.not_after = Instant{4102444800000};
  content.spki = to_bytes(spki);
  content.ca = is_ca;
  return must(crypto::sign_certificate(content, key)).der();
}

Bytes Workshop::certify(ByteView spki, unsigned ca) { return sign("CN=User", spki, cas_[ca].name, cas_[ca].key, false); }

World::World(Pause* pause) : pause_(pause == nullptr ? no_pause_ : *pause) {
  std::filesystem::copy(Workshop::instance().folder(), place());
  open();
}

World::~World() = default;

void World::open() {
  store_ = must(KeyStore::open(open_database(place()), Workshop::instance().master_key(), Platform{clock_, random_, pause_}));
}

Bytes World::exchange(ByteView request) { return to_bytes(must(store_->call(SecretBytes::copy_of(request))).expose_secret()); }

std::chrono::milliseconds World::waited() { return std::exchange(no_pause_.total, std::chrono::milliseconds(0)); }

void World::reopen() {
  store_.reset();
  open();
}

void World::kill() {
  const std::filesystem::path before = place();
  ++generation_;
  std::filesystem::copy(before, place());
  store_.reset();  // what it writes now, it writes to the old place
  std::filesystem::remove_all(before);
  open();
}

std::map<std::string, std::string> World::files() const {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::directory_iterator(place())) {
    std::ifstream file(entry.path(), std::ios::binary);
    contents[entry.path().filename()] = {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  return contents;
}

std::vector<Finding> World::findings() { return must(store_->verify()).findings; }

}  // namespace airtight::sks::model
