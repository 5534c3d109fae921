// Key containers: whatever is taken out of one is within the rules, and its parameters survive a property bag; a container that opens says
// the same when it is read again and when it is written again, and another key opens none that is encrypted.
#include "otp/pskc.h"

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "crypto/random.h"

namespace {

using namespace airtight;
using namespace airtight::otp;

constexpr Instant kNow{1268911409000};
constexpr PskcLimits kLimits{.max_bytes = 1U << 20, .max_keys = 16, .max_iterations = 2000};

// What opens the containers of the corpus: figures 6 and 7 of RFC 6030.
constexpr unsigned char kKey[16] = {0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12};
PskcOpener key(unsigned char change) {
  SecretBytes bytes = SecretBytes::copy_of(std::as_bytes(std::span(kKey)));
  bytes.expose_secret_for_writing()[0] ^= std::byte{change};
  return PreSharedKey{std::move(bytes)};
}
PskcOpener passphrase() { return Passphrase{SecretBytes::copy_of(bytes_of("qwerty"))}; }

void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "pskc: " << what << '\n';
  std::abort();
}

bool same(const Seed& a, const Seed& b) {
  return a.id == b.id && a.manufacturer == b.manufacturer && a.serial == b.serial && a.issuer == b.issuer && a.user_id == b.user_id &&
         a.digest == b.digest && a.parameters == b.parameters && equal(a.secret.expose_secret(), b.secret.expose_secret());
}

void check(const Seed& seed) {
  require(!seed.id.empty(), "a seed without an Id");
  require(seed.secret.size() >= 16 && seed.secret.size() <= 128, "a secret of a size that is not allowed");
  require(!seed.not_after || *seed.not_after > kNow, "an expired seed");
  const auto properties = properties_for(seed.parameters);
  require(properties.has_value(), "parameters that make no property bag");
  require(parameters_in(bag_type(seed.parameters), *properties) == seed.parameters, "a property bag that says something else");
  require(hmac_algorithm(seed.digest).has_value() == (seed.digest != crypto::Digest::kSha512), "a digest without a name");
  if (!seed.pin_policy) return;
  const SeedPinPolicy& pin = *seed.pin_policy;
  require(!pin.min_length || !pin.max_length || *pin.min_length <= *pin.max_length, "a PIN that no length is right for");
}

// What was read is written, encrypted, and read again. A container may hold what cannot be written: one Id for two devices.
void check_writing(const std::vector<Seed>& seeds) {
  crypto::SystemRandom random;
  const PskcOpener opener = key(0);
  const auto text = write_pskc(seeds, opener, random);
  if (!text) return;
  const auto again = read_pskc(text->expose_secret(), opener, kNow, {});
  require(again && again->refused.empty() && again->seeds.size() == seeds.size(), "a container of ours that does not open");
  for (std::size_t i = 0; i < seeds.size(); ++i) require(same(again->seeds[i], seeds[i]), "a seed that changed when it was written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView text = std::as_bytes(std::span(data, size));
  const PskcOpener openers[] = {PskcOpener(), key(0), passphrase()};
  int opened = 0;
  for (const PskcOpener& opener : openers) {
    const auto container = read_pskc(text, opener, kNow, kLimits);
    if (!container) {
      require(!container.error().message.empty(), "a refusal without a reason");
      continue;
    }
    ++opened;
    require(container->seeds.size() + container->refused.size() <= kLimits.max_keys, "more keys than allowed");
    for (const Seed& seed : container->seeds) check(seed);
    check_writing(container->seeds);
    for (const RefusedKey& key : container->refused) require(!key.id.empty() && !key.reason.empty(), "a key refused without a reason");
    const auto again = read_pskc(text, opener, kNow, kLimits);
    require(again && again->seeds.size() == container->seeds.size(), "another answer the second time");
    for (std::size_t i = 0; i < again->seeds.size(); ++i)
      require(same(again->seeds[i], container->seeds[i]), "another seed the second time");
  }
  require(opened <= 1, "a container that opens in two ways");
  const auto with_another_key = read_pskc(text, key(1), kNow, kLimits);
  require(!with_another_key || with_another_key->seeds.empty(), "a seed under another key");
  return 0;
}
