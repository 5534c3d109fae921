#include "crypto/internal/key_parts.h"

#include <openssl/core_names.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#include <array>

namespace airtight::crypto {
namespace {

using BignumHandle = CHandle<BIGNUM, BN_clear_free>;
using BignumContext = CHandle<BN_CTX, BN_CTX_free>;
using ParamBuilder = CHandle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using ParamList = CHandle<OSSL_PARAM, OSSL_PARAM_free>;
using PointHandle = CHandle<EC_POINT, EC_POINT_free>;

constexpr std::array kCurves = {
    CurveFacts{Curve::kP256, "P-256", "1.2.840.10045.3.1.7", "urn:oid:1.2.840.10045.3.1.7", 32, 256},
    CurveFacts{Curve::kP384, "P-384", "1.3.132.0.34", "urn:oid:1.3.132.0.34", 48, 384},
    CurveFacts{Curve::kP521, "P-521", "1.3.132.0.35", "urn:oid:1.3.132.0.35", 66, 521},
};

const EC_GROUP* group_of(Curve curve) {
  static const std::array<EC_GROUP*, 3> kGroups = {EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1),
                                                   EC_GROUP_new_by_curve_name(NID_secp384r1), EC_GROUP_new_by_curve_name(NID_secp521r1)};
  return kGroups[static_cast<std::size_t>(curve)];
}

BignumHandle number(ByteView magnitude, bool secret) {
  BignumHandle out(secret ? BN_secure_new() : BN_new());
  require(out && BN_bin2bn(octets(magnitude), static_cast<int>(magnitude.size()), out.get()) != nullptr, "reading a number");
  if (secret) BN_set_flags(out.get(), BN_FLG_CONSTTIME);
  return out;
}

Result<PkeyHandle> from_parameters(const char* type, int selection, const OSSL_PARAM_BLD* builder, std::string_view what) {
  const ParamList parameters(OSSL_PARAM_BLD_to_param(const_cast<OSSL_PARAM_BLD*>(builder)));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  require(parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1, what);
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &made, selection, parameters.get()) != 1) return openssl_failure(Fault::kBadInput, what);
  return PkeyHandle(made);
}

// e * d' = 1 mod (prime - 1) and d' = d mod (prime - 1): the CRT exponent d' fits.
bool exponent_fits(const BIGNUM* e, const BIGNUM* d, const BIGNUM* crt_exponent, const BIGNUM* prime, BN_CTX* context) {
  const BignumHandle order(BN_dup(prime));
  const BignumHandle value(BN_secure_new());
  return order && value && BN_sub_word(order.get(), 1) == 1 && !BN_is_zero(order.get()) &&
         BN_mod_mul(value.get(), e, crt_exponent, order.get(), context) == 1 && BN_is_one(value.get()) &&
         BN_mod(value.get(), d, order.get(), context) == 1 && BN_cmp(value.get(), crt_exponent) == 0;
}

// q * qi = 1 mod p.
bool coefficient_fits(const BIGNUM* p, const BIGNUM* q, const BIGNUM* qi, BN_CTX* context) {
  const BignumHandle product(BN_secure_new());
  return product && BN_mod_mul(product.get(), q, qi, p, context) == 1 && BN_is_one(product.get()) && BN_cmp(qi, p) < 0;
}

}  // namespace

const CurveFacts& facts_of(Curve curve) { return kCurves[static_cast<std::size_t>(curve)]; }

const CurveFacts* facts_of_oid(std::string_view oid) {
  for (const CurveFacts& facts : kCurves) {
    if (facts.oid == oid) return &facts;
  }
  return nullptr;
}

Result<PkeyHandle> make_rsa(const RsaParameters& parameters) {
  const BignumHandle n = number(parameters.modulus, false);
  const BignumHandle e = number(parameters.exponent, false);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  require(builder && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
              OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1,
          "making an RSA key");
  return from_parameters("RSA", EVP_PKEY_PUBLIC_KEY, builder.get(), "this is no RSA public key");
}

EVP_PKEY* curve_template(Curve curve) {
  static const std::array<PkeyHandle, kCurves.size()> kTemplates = {
      PkeyHandle(EVP_EC_gen(kCurves[0].group)), PkeyHandle(EVP_EC_gen(kCurves[1].group)), PkeyHandle(EVP_EC_gen(kCurves[2].group))};
  return kTemplates[static_cast<std::size_t>(curve)].get();
}

Result<PkeyHandle> make_ec(const CurveFacts& facts, ByteView point) {
  // From the parameters of a key that is there: four times as fast as from the name of the curve. The point is checked against the curve.
  PkeyHandle made(EVP_PKEY_new());
  require(made && EVP_PKEY_copy_parameters(made.get(), curve_template(facts.curve)) == 1, "making an EC key");
  if (EVP_PKEY_set1_encoded_public_key(made.get(), octets(point), point.size()) != 1) {
    return openssl_failure(Fault::kBadInput, "this point is not on its curve");
  }
  return made;
}

Result<PkeyHandle> make_ec_private(const CurveFacts& facts, ByteView point, ByteView secret_scalar) {
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  const BignumHandle scalar = number(secret_scalar, true);
  require(builder && OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, facts.group, 0) == 1 &&
              OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1 &&
              OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar.get()) == 1,
          "making an EC key");
  return from_parameters("EC", EVP_PKEY_KEYPAIR, builder.get(), "this is no EC private key");
}

Result<PkeyHandle> make_rsa_private(const RsaPrivateNumbers& numbers) {
  const BignumContext context(BN_CTX_secure_new());
  const BignumHandle n = number(numbers.n, false), e = number(numbers.e, false);
  const BignumHandle d = number(numbers.d, true), p = number(numbers.p, true), q = number(numbers.q, true);
  const BignumHandle dp = number(numbers.dp, true), dq = number(numbers.dq, true), qi = number(numbers.qi, true);
  const BignumHandle product(BN_secure_new());
  require(context && product && BN_mul(product.get(), p.get(), q.get(), context.get()) == 1, "checking an RSA key");
  if (BN_cmp(product.get(), n.get()) != 0 || !exponent_fits(e.get(), d.get(), dp.get(), p.get(), context.get()) ||
      !exponent_fits(e.get(), d.get(), dq.get(), q.get(), context.get()) || !coefficient_fits(p.get(), q.get(), qi.get(), context.get())) {
    return airtight::fail(Fault::kBadInput, "the numbers of this RSA private key do not fit each other");
  }
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  require(builder != nullptr, "making an RSA key");
  const std::array<std::pair<const char*, const BIGNUM*>, 8> parts = {{{OSSL_PKEY_PARAM_RSA_N, n.get()},
                                                                       {OSSL_PKEY_PARAM_RSA_E, e.get()},
                                                                       {OSSL_PKEY_PARAM_RSA_D, d.get()},
                                                                       {OSSL_PKEY_PARAM_RSA_FACTOR1, p.get()},
                                                                       {OSSL_PKEY_PARAM_RSA_FACTOR2, q.get()},
                                                                       {OSSL_PKEY_PARAM_RSA_EXPONENT1, dp.get()},
                                                                       {OSSL_PKEY_PARAM_RSA_EXPONENT2, dq.get()},
                                                                       {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, qi.get()}}};
  for (const auto& [name, value] : parts) {
    require(OSSL_PARAM_BLD_push_BN(builder.get(), name, value) == 1, "making an RSA key");
  }
  return from_parameters("RSA", EVP_PKEY_KEYPAIR, builder.get(), "this is no RSA private key");
}

Result<Bytes> point_of(const CurveFacts& facts, ByteView secret_scalar) {
  const EC_GROUP* group = group_of(facts.curve);
  const BignumHandle scalar = number(secret_scalar, true);
  if (BN_is_zero(scalar.get()) || BN_cmp(scalar.get(), EC_GROUP_get0_order(group)) >= 0) {
    return airtight::fail(Fault::kBadInput, "this EC private key is out of range");
  }
  const PointHandle point(EC_POINT_new(group));
  require(point && EC_POINT_mul(group, point.get(), scalar.get(), nullptr, nullptr, nullptr) == 1, "computing a public key");
  Bytes out(1 + 2 * facts.coordinate);
  require(EC_POINT_point2oct(group, point.get(), POINT_CONVERSION_UNCOMPRESSED, octets(std::span(out)), out.size(), nullptr) == out.size(),
          "computing a public key");
  return out;
}

}  // namespace airtight::crypto
