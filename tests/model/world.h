// A key store that scripts of calls are run against: a database in memory, a clock that is set, waits that take no time, and the keys and
// certificates of issuers and peers. It can be stopped and killed, and goes on from what was on disk.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/key.h"
#include "crypto/random.h"
#include "sealing/master_key.h"
#include "sks/key_store.h"
#include "sks/wire.h"
#include "tests/model/model.h"
#include "tests/support/temporary_folder.h"

namespace airtight::sks::model {

// What all worlds of a process share, because it is slow to make: keys, certificates, and a device that was just born.
class Workshop {
 public:
  Workshop();
  [[nodiscard]] static Workshop& instance();

  [[nodiscard]] const Device& device() const { return device_; }
  [[nodiscard]] const sealing::MasterKey& master_key() const { return master_key_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }  // of the newborn device
  [[nodiscard]] const crypto::PrivateKey& server_key() const { return server_key_; }    // ServerEphemeralKey of every session
  // Keys that issuers have backups of, and peers agree with: P-256, RSA-1024, RSA-2048.
  [[nodiscard]] const std::vector<crypto::PrivateKey>& pool();
  // One of each kind, without making the rest, which takes time.
  [[nodiscard]] const crypto::PrivateKey& ec_key() const { return pool_[0]; }
  [[nodiscard]] const crypto::PrivateKey& rsa_key() const { return pool_[3]; }
  [[nodiscard]] std::vector<crypto::PrivateKey> known_keys() const;
  [[nodiscard]] const crypto::PrivateKey* pool_key(ByteView spki) const;

  // A new certificate for the key, by CA 0, or by CA 1, which nothing else ties to CA 0.
  [[nodiscard]] Bytes certify(ByteView spki, unsigned ca = 0);
  // The certificate of a CA, and of the root above it.
  [[nodiscard]] const Bytes& ca(unsigned which) const { return cas_[which].der; }
  [[nodiscard]] const Bytes& root() const { return root_; }

 private:
  struct Ca {
    crypto::PrivateKey key;
    std::string name;
    Bytes der;
  };
  [[nodiscard]] Bytes sign(std::string_view subject, ByteView spki, std::string_view issuer, const crypto::PrivateKey& key, bool is_ca);

  crypto::SystemRandom random_;
  tests::TemporaryFolder folder_;
  sealing::MasterKey master_key_;
  crypto::PrivateKey server_key_;
  std::vector<crypto::PrivateKey> pool_;
  std::vector<Ca> cas_;
  Bytes root_;
  Device device_;
  std::uint64_t serial_ = 1;
};

class World {
 public:
  // Waits by `pause`, or takes no time over it.
  explicit World(Pause* pause = nullptr);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Bytes in, bytes out.
  [[nodiscard]] Bytes exchange(ByteView request);
  // Throws Difference if the answer cannot be read, or not written back as the same bytes.
  template <typename Request>
  [[nodiscard]] Answer<Request> call(const Request& request);

  [[nodiscard]] Instant now() const { return clock_.now(); }
  void pass(std::chrono::milliseconds span) { clock_.instant = clock_.instant.plus(span); }
  // How long the store wanted to wait since this was called last.
  [[nodiscard]] std::chrono::milliseconds waited();

  void reopen();  // after a clean stop
  void kill();    // what is on disk is all there is
  [[nodiscard]] std::vector<Finding> findings();
  // What is on disk, by the names of the files.
  [[nodiscard]] std::map<std::string, std::string> files() const;
  [[nodiscard]] KeyStore& store() { return *store_; }

 private:
  struct SetClock final : Clock {
    Instant instant{1268911409000};
    [[nodiscard]] Instant now() const override { return instant; }
  };
  struct NoPause final : Pause {
    std::chrono::milliseconds total{0};
    void wait(std::chrono::milliseconds span) override { total += span; }
  };
  void open();
  [[nodiscard]] std::filesystem::path place() const { return folder_.path() / std::to_string(generation_); }

  tests::TemporaryFolder folder_;
  unsigned generation_ = 0;
  SetClock clock_;
  NoPause no_pause_;
  Pause& pause_;
  crypto::SystemRandom random_;
  std::unique_ptr<KeyStore> store_;
};

template <typename Request>
Answer<Request> World::call(const Request& request) {
  const Bytes bytes = exchange(wire::encode(method_of<Request>().number, request).expose_secret());
  if (bytes.empty()) throw Difference("an empty answer");
  Answer<Request> answer;
  answer.status = static_cast<Status>(bytes[0]);
  const ByteView rest = ByteView(bytes).subspan(1);
  if (answer.status == Status::kOk) {
    answer.response = wire::decode<typename Request::Response>(rest);
    if (!answer.response) throw Difference("an answer that cannot be read");
    if (!equal(wire::encode(0, *answer.response).expose_secret(), bytes)) throw Difference("an answer that reads as another");
    return answer;
  }
  wire::Reader reader(rest);
  const auto text = reader.array(2);
  if (!text || reader.remaining() != 0 || !is_utf8(*text) || text->empty()) throw Difference("an ErrorString that cannot be read");
  return answer;
}

}  // namespace airtight::sks::model
