// Every method given its request cut at every byte, with every byte changed, and with every field at its bounds and beyond. What cannot be
// read is ERROR_OPTION and changes nothing; everything else is answered as the model has it (tests/model/); and afterwards the store is
// whole.
#include <gtest/gtest.h>

#include "base/algorithms.h"
#include "tests/model/stage.h"

namespace airtight::sks::model {
namespace {

// Values of a type at its bounds and beyond, and near `value`.
std::vector<bool> alternatives(bool value) { return {!value}; }
std::vector<std::uint8_t> alternatives(std::uint8_t /*value*/) {
  return {0, 1, 2, 3, 4, 5, 6, 0x10, 0x1F, 0x20, 99, 100, 101, 0x7F, 0x80, 0xFE, 0xFF};
}
std::vector<std::uint16_t> alternatives(std::uint16_t /*value*/) { return {0, 1, 0x7FFF, 0x8000, 0xFFFF}; }
std::vector<std::uint32_t> alternatives(std::uint32_t value) {
  return {0, 1, value - 1, value + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF};
}
std::vector<Time> alternatives(const Time& /*value*/) { return {{0}, {1}, {0x7FFFFFFFFFFFFFFF}, {0xFFFFFFFFFFFFFFFF}}; }
std::vector<Bytes32> alternatives(const Bytes32& /*value*/) {
  Bytes32 ones;
  ones.fill(std::byte{0xFF});
  return {Bytes32{}, ones};
}
std::vector<Bytes> alternatives(const Bytes& value) {
  std::vector<Bytes> out;
  for (const std::size_t size : {0U, 1U, 31U, 32U, 33U, 100U, 101U, 1024U, 1025U, 65535U}) out.emplace_back(size, std::byte{'a'});
  out.push_back(concat({value, bytes_of("\xff")}));
  out.push_back(concat({value, bytes_of("\xc0\x80")}));
  if (!value.empty()) out.emplace_back(value.begin(), value.end() - 1);
  return out;
}
std::vector<std::string> alternatives(const std::string& value) {
  std::vector<std::string> out;
  for (const Bytes& bytes : alternatives(to_bytes(value))) out.push_back(to_text(bytes));
  return out;
}
std::vector<Id> alternatives(const Id& value) {
  std::vector<Id> out = {{"1"}, {"a b"}, {"a:b"}, {"Device"}};
  for (const std::string& text : alternatives(value.value)) out.push_back({text});
  return out;
}
std::vector<SecretBytes> alternatives(const SecretBytes& value) {
  std::vector<SecretBytes> out;
  for (const Bytes& bytes : alternatives(to_bytes(value.expose_secret()))) out.push_back(SecretBytes::copy_of(bytes));
  return out;
}
std::vector<Blob> alternatives(const Blob& value) {
  std::vector<Blob> out;
  for (const Bytes& bytes : alternatives(value.value)) out.push_back({bytes});
  for (const std::size_t size : {65536U, 65537U, 500000U}) out.push_back({Bytes(size, std::byte{'a'})});
  return out;
}
std::vector<SecretBlob> alternatives(const SecretBlob& value) {
  std::vector<SecretBlob> out;
  for (const Blob& blob : alternatives(Blob{to_bytes(value.value.expose_secret())})) out.push_back({SecretBytes::copy_of(blob.value)});
  return out;
}
std::vector<std::vector<Bytes>> alternatives(const std::vector<Bytes>& value) {
  std::vector<std::vector<Bytes>> out = {{}, {Bytes()}, {to_bytes("a")}, std::vector<Bytes>(255, value.empty() ? Bytes() : value[0])};
  out.push_back(value);
  std::ranges::reverse(out.back());
  for (std::size_t i = 0; i < value.size(); ++i) {
    out.push_back(value);
    out.back().push_back(value[i]);
    out.push_back(value);
    out.back().erase(out.back().begin() + static_cast<std::ptrdiff_t>(i));
  }
  return out;
}
using KeyAlgorithm = decltype(CreateKeyPair::key_algorithm);
std::vector<KeyAlgorithm> alternatives(const KeyAlgorithm& /*value*/) {
  return {RsaKeySpec{0, 0},
          RsaKeySpec{1023, 0},
          RsaKeySpec{1025, 0},
          RsaKeySpec{65535, 0},
          RsaKeySpec{1024, 1},
          RsaKeySpec{1024, 2},
          RsaKeySpec{1024, 0xFFFFFFFE},
          RsaKeySpec{1024, 3},
          EccKeySpec{""},
          EccKeySpec{"urn:oid:1.3.132.0.34"},
          EccKeySpec{std::string(uri::kP256) + "\xff"},
          EccKeySpec{std::string(65535, 'a')}};
}
// A MAC where sk1 has none: the request is too long by that.
std::vector<std::optional<Bytes32>> alternatives(const std::optional<Bytes32>& /*value*/) { return {Bytes32{}}; }

template <typename Method>
class HostileBytes : public ::testing::Test {
 protected:
  using Request = typename Method::Request;

  Bytes valid_bytes() { return to_bytes(wire::encode(method_of<Request>().number, stage_.template valid<Request>()).expose_secret()); }

  // Nothing that was sent has harmed the store: it shows what the model has, a right request succeeds, and verify() finds nothing.
  void expect_whole() {
    stage_.compare_all();
    EXPECT_EQ(stage_.send(valid_bytes()), Status::kOk);
    for (const Finding& finding : stage_.world().findings()) ADD_FAILURE() << finding.id << ", " << finding.subject << ": " << finding.text;
  }

  template <typename Step>
  void run(const Step& step) {
    try {
      step();
      expect_whole();
    } catch (const Difference& difference) {
      FAIL() << difference.what();
    }
  }

  // The request with `field` at each of its alternatives: with the MAC that it had, and with the one that it would want.
  template <typename Member>
  void change_field(const Field<Request, Member>& field) {
    bool more = true;
    for (std::size_t i = 0; more; ++i) {
      for (const bool with_mac : {false, true}) {
        if (with_mac && !HasMac<Request>) continue;
        Request request = stage_.template valid<Request>();
        auto values = alternatives(request.*(field.member));
        more = i < values.size();
        if (!more) break;
        request.*(field.member) = std::move(values[i]);
        if constexpr (HasMac<Request>) {
          if (with_mac) request.mac = right_mac(stage_.model(), request);
        }
        last_ = std::string(field.name) + ", alternative " + std::to_string(i) + (with_mac ? " with a right MAC" : "");
        (void)stage_.send(wire::encode(method_of<Request>().number, request).expose_secret());
      }
    }
  }

  Stage stage_;
  std::string last_;
};

struct MethodNames {
  template <typename Method>
  static std::string GetName(int /*index*/) {
    return std::string(method_of<typename Method::Request>().name);
  }
};

template <typename Tuple>
struct TypesOf;
template <typename... Methods>
struct TypesOf<std::tuple<Methods...>> {
  using Types = ::testing::Types<Methods...>;
};
TYPED_TEST_SUITE(HostileBytes, TypesOf<std::remove_const_t<decltype(kMethods)>>::Types, MethodNames);

TYPED_TEST(HostileBytes, CutAtEveryByteAndOverLong) {
  this->run([&] {
    Bytes request = this->valid_bytes();
    for (std::size_t size = 0; size < request.size(); ++size) {
      EXPECT_EQ(this->stage_.send(ByteView(request).first(size)), Status::kOption) << size << " bytes";
    }
    request.push_back(std::byte{0});
    EXPECT_EQ(this->stage_.send(request), Status::kOption);
    request.pop_back();
    EXPECT_EQ(this->stage_.send(request), Status::kOk) << "nothing has changed meanwhile";
  });
}

TYPED_TEST(HostileBytes, EveryByteChanged) {
  std::size_t at = 0;
  this->run([&] {
    try {
      for (at = 0; at < this->valid_bytes().size(); ++at) {
        for (const std::byte change : {std::byte{0x01}, std::byte{0xFF}}) {
          Bytes request = this->valid_bytes();
          if (at >= request.size()) continue;  // the signatures in it have not always one length
          request[at] ^= change;
          (void)this->stage_.send(request);
        }
      }
    } catch (const Difference& difference) {
      throw Difference("byte " + std::to_string(at) + " changed: " + difference.what());
    }
  });
}

TYPED_TEST(HostileBytes, EveryFieldAtItsBoundsAndBeyond) {
  this->run([&] {
    try {
      std::apply([&](const auto&... field) { (this->change_field(field), ...); }, TypeParam::Request::fields());
    } catch (const Difference& difference) {
      throw Difference(this->last_ + ": " + difference.what());
    }
  });
}

}  // namespace
}  // namespace airtight::sks::model
