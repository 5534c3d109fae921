// Whether time tells what it must not: two classes of inputs in random order, and Welch's t over the times that they take, as dudect has it
// (Reparaz, Balasch, Verbauwhede: "Dude, is my code constant time?", 2017). tests/constant_time proves the same without a clock.
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <cmath>
#include <functional>
#include <memory>
#include <string>

#include "base/c_handle.h"
#include "base/constant_time.h"
#include "bench/local_issuer.h"
#include "bench/measure.h"
#include "sealing/master_key.h"
#include "sks/key_store.h"
#include "storage/database.h"

namespace {

using namespace airtight;
using bench::LocalIssuer;
using bench::must;
using bench::wall;

constexpr double kSuspicious = 4.5;
constexpr double kLeak = 10;

struct Question {
  const char* what;
  int samples;
  std::function<void(bool)> prepare;  // for a sample of the first class or the second, before the clock starts
  std::function<void()> run;
};

// Sums of one class, for its mean and variance.
struct Sums {
  double count = 0;
  double sum = 0;
  double squares = 0;
  void add(double value) {
    ++count;
    sum += value;
    squares += value * value;
  }
  [[nodiscard]] double mean() const { return sum / count; }
  [[nodiscard]] double variance() const { return (squares - sum * sum / count) / (count - 1); }
};

struct Comparison {
  double t = 0;
  double difference = 0;  // of the means, in microseconds
};

struct Sample {
  bool second;
  double time;
};

Comparison welch(const std::vector<Sample>& samples, double limit, double base) {
  std::array<Sums, 2> classes;
  for (const Sample& sample : samples) {
    if (sample.time <= limit) classes[sample.second ? 1 : 0].add(sample.time - base);
  }
  const auto& [a, b] = classes;
  if (a.count < 100 || b.count < 100) return {};
  const double deviation = std::sqrt(a.variance() / a.count + b.variance() / b.count);
  if (deviation == 0) return {};
  return {(a.mean() - b.mean()) / deviation, a.mean() - b.mean()};
}

// Slow samples are those that something else has disturbed: t is taken over all of them and over the fastest parts, and the largest counts.
Comparison largest_t(const std::vector<Sample>& samples) {
  std::vector<double> times;
  for (const Sample& sample : samples) times.push_back(sample.time);
  std::ranges::sort(times);
  Comparison largest;
  for (const double part : {1.0, 0.99, 0.95, 0.9, 0.8, 0.7, 0.5}) {
    const double limit = times[static_cast<std::size_t>(part * static_cast<double>(times.size() - 1))];
    const Comparison one = welch(samples, limit, times[times.size() / 2]);
    if (std::abs(one.t) > std::abs(largest.t)) largest = one;
  }
  return largest;
}

const char* verdict(double t) {
  if (std::abs(t) > kLeak) return "LEAKS";
  return std::abs(t) > kSuspicious ? "suspicious" : "nothing seen";
}

Comparison ask(const Question& question, RandomSource& random) {
  constexpr int kWarmUp = 200;
  const Bytes coins = random.bytes(static_cast<std::size_t>(question.samples + kWarmUp));
  std::vector<Sample> samples;
  samples.reserve(coins.size());
  for (const std::byte coin : coins) {
    const bool second = (coin & std::byte{1}) != std::byte{0};
    question.prepare(second);
    const double begun = wall();
    question.run();
    samples.push_back({second, wall() - begun});
  }
  samples.erase(samples.begin(), samples.begin() + kWarmUp);
  return largest_t(samples);
}

// What is suspicious is asked again, and the smaller of the two counts: a leak is there each time, what else the machine does is not.
void answer(const Question& question, RandomSource& random) {
  Comparison found = ask(question, random);
  if (std::abs(found.t) > kSuspicious) {
    const Comparison again = ask(question, random);
    if (std::abs(again.t) < std::abs(found.t)) found = again;
  }
  std::printf("  %-62s %7d %8.2f %9.1f ns  %s\n", question.what, question.samples, found.t, found.difference * 1000, verdict(found.t));
  std::fflush(stdout);
}

class NoPause final : public sks::Pause {
 public:
  void wait(std::chrono::milliseconds /*span*/) override {}
};

// A key store in memory, so that no disk adds its noise. After a right value one attempt stays charged ahead: the wrong value that is timed
// next writes nothing, and is undone by another right one.
class World {
 public:
  World() {
    auto database = must(storage::open_sqlite_in_memory());
    device_ = bench::create_device(*database, master_key_, random);
    store_ = must(sks::KeyStore::open(std::move(database), master_key_, {clock_, random, pause_}));
    issuer_ = std::make_unique<LocalIssuer>(*store_, device_);
    issuer_->open();
    const auto made = issuer_->create(LocalIssuer::p256(), issuer_->pin_policy(issuer_->puk_policy()));
    issuer_->certify(made);
    issuer_->close();
    key_ = made.key_handle;
  }
  [[nodiscard]] LocalIssuer& issuer() { return *issuer_; }
  [[nodiscard]] bool call(const SecretBytes& request) { return must(store_->call(request)).expose_secret()[0] == std::byte{0}; }

  [[nodiscard]] SecretBytes sign(std::string_view pin) const {
    sks::SignHashedData request;
    request.key_handle = key_;
    request.signature_algorithm = uri::kEcdsaSha256;
    request.pin = SecretBytes::copy_of(bytes_of(pin));
    request.hashed_data = Bytes(32);
    return sks::wire::encode(sks::method_of<sks::SignHashedData>().number, request);
  }
  [[nodiscard]] SecretBytes unlock(std::string_view puk) const {
    sks::UnlockKey request;
    request.key_handle = key_;
    request.authorization = SecretBytes::copy_of(bytes_of(puk));
    return sks::wire::encode(sks::method_of<sks::UnlockKey>().number, request);
  }

  crypto::SystemRandom random;

 private:
  SystemClock clock_;
  NoPause pause_;
  sealing::MasterKey master_key_{SecretBytes(32)};
  Bytes device_;
  std::unique_ptr<sks::KeyStore> store_;
  std::unique_ptr<LocalIssuer> issuer_;
  sks::Handle key_ = 0;
};

// Puts the input of a class where it is run from. Both inputs are read, and without a branch: nothing but the bytes is to differ for what
// is timed next, neither addresses nor caches nor what the branch predictor has seen last.
void load(std::span<std::byte> place, ByteView first, ByteView second, bool is_second) {
  const constant_time::Mask mask = 0 - static_cast<std::uint32_t>(is_second);
  for (std::size_t i = 0; i < place.size(); ++i) {
    const auto chosen = constant_time::choose(mask, std::to_integer<std::uint32_t>(second[i]), std::to_integer<std::uint32_t>(first[i]));
    place[i] = static_cast<std::byte>(chosen);
  }
}

void ask_value(World& world, const char* what, int samples, const SecretBytes& right, const SecretBytes& first, const SecretBytes& last) {
  SecretBytes request = first.clone();
  answer({what, samples,
          [&](bool second) {
            must(world.call(right), "a call with a right PIN or PUK");
            load(request.expose_secret_for_writing(), first.expose_secret(), last.expose_secret(), second);
          },
          [&] { must(!world.call(request), "the refusal of a wrong PIN or PUK"); }},
         world.random);
}

void ask_mac(World& world) {
  SecretBytes request;
  answer({"MAC of closeProvisioningSession: first or last byte wrong", 10000,
          [&](bool second) {
            world.issuer().open();
            auto closing = world.issuer().closing();
            closing.mac[31 * static_cast<std::size_t>(second)] ^= std::byte{1};
            request = sks::wire::encode(sks::method_of<sks::CloseProvisioningSession>().number, closing);
          },
          [&] { must(!world.call(request), "the refusal of a wrong MAC"); }},
         world.random);
}

// What setSymmetricKey does with its data. A padding that is right leaves another length than a wrong one: once the same number of blocks
// to the MAC, once another.
void ask_padding(RandomSource& random, const char* what, std::size_t certificate_size) {
  const SecretBytes session_key = random.secret(32);
  const sks::MethodUse use{"setSymmetricKey", 0};
  const Bytes certificate(certificate_size, std::byte{7});
  const sks::MacInput before = ByteView(certificate);
  const Bytes good = sks::encrypt(session_key, use, Bytes(16, std::byte{1}), random);
  Bytes bad = good;
  bad[bad.size() - 17] ^= std::byte{0x40};
  Bytes input = good;
  answer({what, 40000, [&](bool second) { load(input, good, bad, second); },
          [&] {
            const auto opened = sks::open_under_mac(session_key, use, {.before = {&before, 1}, .encrypted = input, .after = {}}, {});
            must(!opened, "the refusal of a wrong MAC");
          }},
         random);
}

// RSA without padding, which the public key alone can do.
Bytes encrypt_block(const crypto::PublicKey& key, ByteView block) {
  const Bytes& spki = key.spki();
  const auto* at = reinterpret_cast<const unsigned char*>(spki.data());
  const CHandle<EVP_PKEY, EVP_PKEY_free> pkey(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  const CHandle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(pkey.get(), nullptr));
  must(context && EVP_PKEY_encrypt_init(context.get()) == 1 && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1, "RSA");
  Bytes out(block.size());
  std::size_t size = out.size();
  must(EVP_PKEY_encrypt(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                        reinterpret_cast<const unsigned char*>(block.data()), block.size()) == 1,
       "RSA");
  return out;
}

// Messages of the same lengths in both classes, because lengths do show.
void ask_rsa(RandomSource& random) {
  constexpr std::size_t kPool = 64;
  const auto key = must(crypto::PrivateKey::generate(crypto::RsaSpec{2048}));
  std::vector<Bytes> right;
  std::vector<Bytes> wrong;
  for (std::size_t i = 0; i < kPool; ++i) {
    Bytes block = random.bytes(256);
    for (std::byte& b : block) b |= std::byte{1};  // no zero
    block[0] = std::byte{0};
    block[1] = std::byte{1};
    wrong.push_back(encrypt_block(key.public_key(), block));
    const std::size_t length = must(key.decrypt(crypto::RsaEncryption::kPkcs1, wrong.back())).size();
    block[1] = std::byte{2};
    block[block.size() - length - 1] = std::byte{0};
    right.push_back(encrypt_block(key.public_key(), block));
    must(must(key.decrypt(crypto::RsaEncryption::kPkcs1, right.back())).size() == length, "RSA decryption");
  }
  Bytes input = right.front();
  answer({"rsa-1_5, RSA-2048: padding right or wrong", 12000,
          [&](bool second) {
            const std::size_t i = std::to_integer<std::size_t>(random.bytes(1)[0]) % kPool;
            load(input, right[i], wrong[i], second);
          },
          [&] { static_cast<void>(must(key.decrypt(crypto::RsaEncryption::kPkcs1, input))); }},
         random);
}

// Out of line and opaque, as a comparison elsewhere would be.
__attribute__((noinline)) bool equal_up_to_the_first_difference(ByteView a, ByteView b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

// That a leak is seen where there is one, and none where both classes are the same.
void ask_controls(RandomSource& random) {
  const Bytes secret = random.bytes(32);
  Bytes first = secret;
  Bytes last = secret;
  first[0] ^= std::byte{1};
  last[31] ^= std::byte{1};
  Bytes input = secret;
  answer({"control: a comparison that stops at the first difference", 200000, [&](bool second) { load(input, first, last, second); },
          [&] { must(!equal_up_to_the_first_difference(secret, input), "a comparison"); }},
         random);
  answer({"control: the same, with both classes alike", 200000, [&](bool second) { load(input, last, last, second); },
          [&] { must(!equal_up_to_the_first_difference(secret, input), "a comparison"); }},
         random);
  answer({"comparison in constant time: first or last byte wrong", 200000, [&](bool second) { load(input, first, last, second); },
          [&] { must(!equal_in_constant_time(secret, input), "a comparison"); }},
         random);
}

}  // namespace

int main() {
  std::printf("Two classes of inputs: samples, t, difference of the means. |t| above %.1f is suspicious, above %.0f a leak.\n", kSuspicious,
              kLeak);
  World world;
  ask_controls(world.random);
  ask_value(world, "PIN of signHashedData: first or last byte wrong", 60000, world.sign("1357"), world.sign("0357"), world.sign("1350"));
  ask_value(world, "PUK of unlockKey: first or last byte wrong", 40000, world.unlock("0123456789"), world.unlock("9123456789"),
            world.unlock("0123456780"));
  ask_mac(world);
  ask_padding(world.random, "encrypted data under a MAC: padding right or wrong", 400);
  ask_padding(world.random, "the same where a block of the MAC depends on it", 408);
  ask_rsa(world.random);
  return 0;
}
