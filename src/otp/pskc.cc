#include "otp/pskc.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

#include "base/algorithms.h"
#include "otp/internal/pskc_element.h"
#include "otp/internal/pskc_names.h"
#include "otp/internal/pskc_protection.h"
#include "xml/document.h"

namespace airtight::otp {
namespace {

using internal::kHotpAlgorithm;
using internal::kSuites;
using internal::kTotpAlgorithm;
using internal::malformed;
using internal::not_taken;
using internal::number_in_text;
using internal::only_attributes;
using internal::Protection;
using internal::Sequence;
using internal::text_of_element;
using xml::Element;

constexpr std::size_t kShortestSecret = 16;  // RFC 4226, R6: 128 bits
constexpr std::size_t kLongestSecret = 128;  // the block of the largest hash
constexpr std::uint32_t kMostPinLength = 255;

// What a Key says before it is known what it is for.
struct Metadata {
  std::optional<Element> algorithm_parameters;
  std::optional<Element> data;
  std::optional<Element> policy;
  bool needs_more = false;  // a profile or a key that is somewhere else
};

Result<Metadata> read_metadata(Element key, Seed& seed) {
  TRY(only_attributes(key, {"Id", "Algorithm"}));
  Sequence parts(key);
  Metadata found;
  seed.issuer = TRY(text_of_element(parts.take("Issuer")));
  found.algorithm_parameters = parts.take("AlgorithmParameters");
  const bool has_profile = parts.take("KeyProfileId").has_value();
  const bool has_reference = parts.take("KeyReference").has_value();
  found.needs_more = has_profile || has_reference;
  seed.friendly_name = TRY(text_of_element(parts.take("FriendlyName")));
  found.data = parts.take("Data");
  const std::string user = TRY(text_of_element(parts.take("UserId")));
  if (!user.empty()) seed.user_id = user;
  found.policy = parts.take("Policy");
  parts.skip("Extensions");
  TRY(parts.end());
  return found;
}

Result<std::optional<Instant>> date_in(const std::optional<Element>& element) {
  if (!element) return std::optional<Instant>();
  const auto time = parse_time(TRY(text_of_element(element)));
  if (!time) return malformed("has a '" + std::string(element->name()) + "' that is no time in UTC from 1970 on");
  return std::optional(*time);
}

// The later beginning and the earlier end hold.
void narrow(Seed& seed, const std::optional<Instant>& start, const std::optional<Instant>& expiry) {
  if (start && (!seed.not_before || *start > *seed.not_before)) seed.not_before = start;
  if (expiry && (!seed.not_after || *expiry < *seed.not_after)) seed.not_after = expiry;
}

Result<crypto::Digest> suite_in(const std::optional<Element>& element) {
  if (!element) return crypto::Digest::kSha1;
  const std::string name = TRY(text_of_element(element));
  const auto suite = std::ranges::find(kSuites, name, &internal::Suite::name);
  if (suite == kSuites.end()) return not_taken("its Suite is none of HMAC-SHA1, HMAC-SHA256 and HMAC-SHA512");
  return suite->digest;
}

struct Format {
  crypto::Digest digest = crypto::Digest::kSha1;
  unsigned digits = 0;
};

Result<Format> read_algorithm_parameters(const std::optional<Element>& element) {
  if (!element) return not_taken("it has no ResponseFormat, which its algorithm needs");
  Sequence parts(*element);
  Format format;
  format.digest = TRY(suite_in(parts.take("Suite")));
  if (parts.take("ChallengeFormat")) return not_taken("it is for challenges and responses");
  const auto response = parts.take("ResponseFormat");
  if (!response) return not_taken("it has no ResponseFormat, which its algorithm needs");
  if (parts.take("Extensions")) return not_taken("its AlgorithmParameters have an extension");
  TRY(parts.end());
  TRY(only_attributes(*response, {"Encoding", "Length", "CheckDigits"}));
  if (response->attribute("Encoding") != "DECIMAL") return not_taken("its passwords are not decimal");
  const auto check_digits = response->attribute("CheckDigits");
  if (check_digits && check_digits != "false" && check_digits != "0") return not_taken("its passwords have check digits");
  const std::uint64_t length = TRY(number_in_text("Length", response->attribute("Length").value_or(""), 0xFFFFFFFF));
  if (length < kFewestDigits || length > kMostDigits) return not_taken("its passwords do not have 6 to 10 digits");
  format.digits = static_cast<unsigned>(length);
  return format;
}

// Section 5.1: PINs that the token itself compares are what a key store's PIN policies are about.
Result<SeedPinPolicy> read_pin_policy(Element element) {
  for (const std::string& name : element.attribute_names()) {
    constexpr std::array kKnown = {"PINUsageMode", "PINEncoding", "MaxFailedAttempts", "MinLength", "MaxLength"};
    if (name == "PINKeyId") return not_taken("its PIN is another key of the container");
    if (std::ranges::find(kKnown, name) == kKnown.end())
      return not_taken("its PINPolicy has an attribute that is not known: '" + name + "'");
  }
  if (element.attribute("PINUsageMode") != "Local") return not_taken("its PIN is not one that guards the key, but goes into the password");
  SeedPinPolicy policy;
  const std::string encoding = element.attribute("PINEncoding").value_or("DECIMAL");
  if (encoding == "ALPHANUMERIC") {
    policy.format = PassphraseFormat::kAlphanumeric;
  } else if (encoding != "DECIMAL") {
    return not_taken("its PIN is neither decimal nor alphanumeric");
  }
  const auto number = [&](std::string_view name, std::uint32_t largest) -> Result<std::optional<std::uint32_t>> {
    const auto text = element.attribute(name);
    if (!text) return std::optional<std::uint32_t>();
    const std::uint64_t value = TRY(number_in_text(name, *text, 0xFFFFFFFF));
    if (value == 0 || value > largest) return not_taken("its PINPolicy has a " + std::string(name) + " that cannot be kept");
    return std::optional(static_cast<std::uint32_t>(value));
  };
  policy.max_failed_attempts = TRY(number("MaxFailedAttempts", 0xFFFF));
  policy.min_length = TRY(number("MinLength", kMostPinLength));
  policy.max_length = TRY(number("MaxLength", kMostPinLength));
  if (policy.min_length > policy.max_length && policy.max_length) return not_taken("its PINPolicy has a MinLength above its MaxLength");
  return policy;
}

// Section 5: what is not understood of a policy forbids the use of the key.
Result<> read_policy(const std::optional<Element>& element, Seed& seed) {
  if (!element) return {};
  Sequence parts(*element);
  const auto start = TRY(date_in(parts.take("StartDate")));
  narrow(seed, start, TRY(date_in(parts.take("ExpiryDate"))));
  if (const auto pin = parts.take("PINPolicy")) seed.pin_policy = TRY(read_pin_policy(*pin));
  bool has_usage = false;
  bool for_passwords = false;
  while (const auto usage = parts.take("KeyUsage")) {
    has_usage = true;
    for_passwords |= TRY(text_of_element(usage)) == "OTP";
  }
  if (has_usage && !for_passwords) return not_taken("its policy allows other uses than one-time passwords alone");
  if (parts.take("NumberOfTransactions")) return not_taken("its policy limits how often it is used");
  if (const auto foreign = parts.next())
    return not_taken("its policy has an element that is not known: '" + std::string(foreign->name()) + "'");
  return {};
}

struct Values {
  std::optional<std::uint64_t> counter;
  std::optional<std::uint64_t> time;
  std::optional<std::uint64_t> interval;
};

Result<Values> read_data(const std::optional<Element>& element, const Protection& protection, Seed& seed) {
  if (!element) return not_taken("it has no Data");
  Sequence parts(*element);
  const auto number = [&](std::string_view name, std::size_t octets) -> Result<std::optional<std::uint64_t>> {
    const auto value = parts.take(name);
    if (!value) return std::optional<std::uint64_t>();
    return std::optional(TRY(protection.number_in(*value, octets)));
  };
  const auto secret = parts.take("Secret");
  if (secret) seed.secret = TRY(protection.secret_in(*secret));
  Values values;
  values.counter = TRY(number("Counter", 8));
  values.time = TRY(number("Time", 4));
  values.interval = TRY(number("TimeInterval", 4));
  (void)parts.take("TimeDrift");  // of the token's clock, which is not ours
  if (const auto foreign = parts.next()) {
    if (foreign->namespace_uri() == internal::kPskc)
      return malformed("has a '" + std::string(foreign->name()) + "' in 'Data', where it does not belong");
    return not_taken("its Data have an element that is not known: '" + std::string(foreign->name()) + "'");
  }
  if (!secret) return not_taken("it has no Secret");
  if (seed.secret.size() < kShortestSecret || seed.secret.size() > kLongestSecret)
    return not_taken("its secret does not have 16 to 128 bytes");
  return values;
}

Result<Parameters> parameters_of(std::string_view algorithm, const Values& values, unsigned digits) {
  if (algorithm == kHotpAlgorithm) {
    if (!values.counter) return not_taken("it has no Counter, which HOTP needs");
    if (values.time || values.interval) return not_taken("it has a time, which HOTP does not know");
    return Hotp{.counter = *values.counter, .digits = digits};
  }
  if (values.counter) return not_taken("it has a Counter, which TOTP does not know");
  if (values.time.value_or(0) != 0) return not_taken("its time does not count from 1970 on");
  if (values.interval == 0) return not_taken("its TimeInterval is 0");
  return Totp{.digits = digits, .period = static_cast<std::uint32_t>(values.interval.value_or(Totp().period))};
}

// What the device adds to a key's seed. Returned: why its keys are not taken, if so.
Result<> read_device(Element device, Seed& seed) {
  Sequence parts(device);
  seed.manufacturer = TRY(text_of_element(parts.take("Manufacturer")));
  seed.serial = TRY(text_of_element(parts.take("SerialNo")));
  (void)parts.take("Model");
  (void)parts.take("IssueNo");
  const bool is_bound = parts.take("DeviceBinding").has_value();
  const auto start = TRY(date_in(parts.take("StartDate")));
  narrow(seed, start, TRY(date_in(parts.take("ExpiryDate"))));
  seed.user_id = TRY(text_of_element(parts.take("UserId")));
  parts.skip("Extensions");
  TRY(parts.end());
  if (is_bound) return not_taken("it is bound to a device");
  return {};
}

// Fault::kRefused says that this key is not taken.
Result<> read_key(Element key, const Protection& protection, Instant now, Seed& seed) {
  const Metadata metadata = TRY(read_metadata(key, seed));
  const std::string algorithm = key.attribute("Algorithm").value_or("");
  if (algorithm != kHotpAlgorithm && algorithm != kTotpAlgorithm) return not_taken("its algorithm is neither HOTP nor TOTP");
  if (metadata.needs_more) return not_taken("it needs a profile or a key that is not in the container");
  TRY(read_policy(metadata.policy, seed));
  if (seed.not_after && now >= *seed.not_after) return not_taken("it expired on " + format_time(*seed.not_after));
  const Format format = TRY(read_algorithm_parameters(metadata.algorithm_parameters));
  seed.digest = format.digest;
  const Values values = TRY(read_data(metadata.data, protection, seed));
  seed.parameters = TRY(parameters_of(algorithm, values, format.digits));
  return {};
}

class Reader {
 public:
  Reader(Protection protection, Instant now, const PskcLimits& limits) : protection_(std::move(protection)), now_(now), limits_(limits) {}

  // One KeyPackage: at most one key, and its device.
  Result<> read(Element package) {
    Sequence parts(package);
    Seed seed;
    const auto device = parts.take("DeviceInfo");
    (void)parts.take("CryptoModuleInfo");
    const auto key = parts.take("Key");
    parts.skip("Extensions");
    TRY(parts.end());
    if (!key) return {};
    if (container_.seeds.size() + container_.refused.size() == limits_.max_keys) {
      return malformed("has more than " + std::to_string(limits_.max_keys) + " keys");
    }
    seed.id = key->attribute("Id").value_or("");
    if (seed.id.empty() || seed.id.size() > 1024) return malformed("has a key without an Id, or with an overlong one");
    Result<> read;
    if (device) read = read_device(*device, seed);
    if (!known_.emplace(seed.manufacturer, seed.serial, seed.id).second) return malformed("has two keys with the Id '" + seed.id + "'");
    if (read) read = read_key(*key, protection_, now_, seed);
    if (read) {
      container_.seeds.push_back(std::move(seed));
    } else if (read.error().fault == Fault::kRefused) {
      container_.refused.push_back({.id = std::move(seed.id), .reason = std::move(read.error().message)});
    } else {
      return Failure(std::move(read.error()));
    }
    return {};
  }
  Container take() { return std::move(container_); }

 private:
  Protection protection_;
  Instant now_;
  const PskcLimits& limits_;
  Container container_;
  std::set<std::tuple<std::string, std::string, std::string>> known_;
};

}  // namespace

Result<Container> read_pskc(ByteView document, const PskcOpener& opener, Instant now, const PskcLimits& limits) {
  const xml::Document parsed = TRY(xml::Document::parse(document, {.max_bytes = limits.max_bytes, .max_depth = 32}));
  const Element root = parsed.root();
  if (!root.is(internal::kPskc, "KeyContainer")) return fail(Fault::kBadInput, "the document is no PSKC key container");
  TRY(only_attributes(root, {"Version", "Id"}));
  if (!root.attribute("Version").value_or("").starts_with("1.")) return malformed("has another version than 1");
  Sequence parts(root);
  const auto encryption_key = parts.take("EncryptionKey");
  const auto mac_method = parts.take("MACMethod");
  std::vector<Element> packages;
  while (const auto package = parts.take("KeyPackage")) packages.push_back(*package);
  if (parts.take("Signature", internal::kSignature)) {
    return fail(Fault::kRefused, "the key container is signed, and its signature cannot be verified here",
                "verify it with 'pskctool --verify', and import it without its signature");
  }
  parts.skip("Extensions");
  TRY(parts.end());
  if (packages.empty()) return malformed("has no KeyPackage");
  Reader reader(TRY(Protection::read(encryption_key, mac_method, opener, limits)), now, limits);
  for (const Element& package : packages) TRY(reader.read(package));
  return reader.take();
}

std::optional<std::string_view> hmac_algorithm(crypto::Digest digest) {
  switch (digest) {
    case crypto::Digest::kSha1: return uri::kHmacSha1;
    case crypto::Digest::kSha256: return uri::kHmacSha256;
    default: return std::nullopt;
  }
}

std::optional<crypto::Digest> digest_of_hmac(std::string_view algorithm) {
  if (algorithm == uri::kHmacSha1) return crypto::Digest::kSha1;
  if (algorithm == uri::kHmacSha256) return crypto::Digest::kSha256;
  return std::nullopt;
}

}  // namespace airtight::otp
