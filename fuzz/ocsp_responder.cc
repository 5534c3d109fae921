// The OCSP responder: whatever is asked, the answer is a whole OCSPResponse; what is malformed to the reader is malformedRequest, and what
// the reader takes comes back as it was read.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "ca/publisher.h"
#include "crypto/der.h"
#include "crypto/ocsp.h"
#include "crypto/random.h"

namespace {

using namespace airtight;

void require(bool ok) {
  if (!ok) std::abort();
}

class SteadyClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override { return {1767225600000}; }
};

struct World {
  World() {
    database = storage::open_sqlite_in_memory().value();
    require(ca::Authority::create(*database, master_key, {.organization = "Example"}, clock, random).has_value());
    publisher = std::make_unique<ca::Publisher>(ca::Authority::open(*database, master_key, clock, random).value());
  }
  SteadyClock clock;
  crypto::SystemRandom random;
  sealing::MasterKey master_key{random.secret(32)};
  std::unique_ptr<storage::Database> database;
  std::unique_ptr<ca::Publisher> publisher;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  const ByteView input = std::as_bytes(std::span(data, size));
  const auto request = crypto::read_ocsp_request(input);
  const ca::Published answer = world.publisher->answer_ocsp(*world.database, input);
  const auto whole = crypto::der::read_one(answer.body, {});
  require(whole.has_value());
  crypto::der::Reader fields(whole->content);
  const auto status = fields.element(crypto::der::Tag::kEnumerated);
  require(status.has_value() && status->content.size() == 1);
  const int code = std::to_integer<int>(status->content[0]);
  require(request || code == 1);
  require(code == 0 ? !fields.at_end() : fields.at_end());
  if (!request) return 0;
  require(!request->certificates.empty() && (!request->nonce || (!request->nonce->empty() && request->nonce->size() <= 32)));
  for (const crypto::OcspCertId& id : request->certificates) require(crypto::der::read_one(id.der, {}).has_value());
  return 0;
}
