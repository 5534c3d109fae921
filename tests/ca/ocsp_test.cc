// The OCSP responder (RFC 6960, RFC 8954), asked with requests that this test writes.
#include "crypto/ocsp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ca/publisher.h"
#include "ca/rollover.h"
#include "tests/ca/issuing.h"
#include "tests/ca/reading.h"

namespace airtight::ca {
namespace {

using crypto::der::Reader;
using crypto::der::Tag;
using crypto::der::Writer;
using tests::must;

constexpr std::string_view kSha1 = "1.3.14.3.2.26";
constexpr std::string_view kSha256 = "2.16.840.1.101.3.4.2.1";
constexpr std::string_view kNonce = "1.3.6.1.5.5.7.48.1.2";

Bytes cert_id(const crypto::Certificate& issuer, ByteView serial, std::string_view digest = kSha256) {
  const auto hashes = must(crypto::ocsp_issuer_hashes(digest == kSha1 ? crypto::Digest::kSha1 : crypto::Digest::kSha256, issuer));
  Writer out;
  out.sequence([&](Writer& id) {
    id.sequence([&](Writer& algorithm) {
      algorithm.object_id(digest);
      algorithm.null();
    });
    id.octet_string(hashes.name);
    id.octet_string(hashes.key);
    id.unsigned_integer(serial);
  });
  return out.take();
}

struct Extension {
  std::string_view id;
  Bytes value;  // DER
  bool critical = false;
};

Bytes request_for(const std::vector<Bytes>& ids, const std::vector<Extension>& extensions = {}) {
  Writer out;
  out.sequence([&](Writer& request) {
    request.sequence([&](Writer& tbs) {
      tbs.sequence([&](Writer& list) {
        for (const Bytes& id : ids) list.sequence([&](Writer& one) { one.raw(id); });
      });
      if (extensions.empty()) return;
      tbs.nested(crypto::der::context_constructed(2), [&](Writer& wrapper) {
        wrapper.sequence([&](Writer& list) {
          for (const Extension& extension : extensions) {
            list.sequence([&](Writer& one) {
              one.object_id(extension.id);
              if (extension.critical) one.boolean(true);
              one.octet_string(extension.value);
            });
          }
        });
      });
    });
  });
  return out.take();
}

Extension nonce(std::size_t size) {
  Writer out;
  out.octet_string(Bytes(size, std::byte{0x5A}));
  return {kNonce, out.take()};
}

struct ReadSingle {
  char status;  // g, r or u
  std::optional<int> reason = {};
  friend bool operator==(const ReadSingle&, const ReadSingle&) = default;
};

struct ReadAnswer {
  int status = -1;
  std::vector<ReadSingle> singles = {};
  std::optional<Bytes> nonce = {};
  bool by_name = false;
  bool signature_verifies = false;
  std::optional<crypto::Certificate> responder = {};
};

ReadSingle read_single(Reader single) {
  must(single.element(Tag::kSequence));
  const crypto::der::Element status = must(single.element());
  if (status.tag == crypto::der::context(0)) return {'g'};
  if (status.tag == crypto::der::context(2)) return {'u'};
  Reader info(status.content);
  must(info.element(Tag::kGeneralizedTime));
  if (info.at_end()) return {'r'};
  return {'r', std::to_integer<int>(must(must(info.enter(crypto::der::context_constructed(0))).element()).content[0])};
}

ReadAnswer read_answer(const Bytes& der) {
  Reader outer(der);
  Reader response = must(outer.enter(Tag::kSequence));
  ReadAnswer out;
  out.status = std::to_integer<int>(must(response.element(Tag::kEnumerated)).content[0]);
  if (response.at_end()) return out;
  Reader wrapper = must(response.enter(crypto::der::context_constructed(0)));
  Reader bytes = must(wrapper.enter(Tag::kSequence));
  must(bytes.object_id());
  Reader basic_outer(must(bytes.octet_string()));
  Reader basic = must(basic_outer.enter(Tag::kSequence));
  const crypto::der::Element data = must(basic.element(Tag::kSequence));
  must(basic.element(Tag::kSequence));
  const ByteView signature = must(basic.bit_string());
  Reader certificates = must(basic.enter(crypto::der::context_constructed(0)));
  Reader list = must(certificates.enter(Tag::kSequence));
  out.responder = must(crypto::Certificate::parse(must(list.element()).whole));
  out.signature_verifies = must(out.responder->public_key())
                               .verify(crypto::SignatureScheme::kEcdsaDer, crypto::Digest::kSha256, data.whole, signature)
                               .has_value();
  Reader fields(data.content);
  out.by_name = must(fields.element()).tag == crypto::der::context_constructed(1);
  must(fields.element(Tag::kGeneralizedTime));
  Reader singles = must(fields.enter(Tag::kSequence));
  while (!singles.at_end()) out.singles.push_back(read_single(must(singles.enter(Tag::kSequence))));
  if (const auto extensions = must(fields.optional_element(crypto::der::context_constructed(1)))) {
    Reader inside(extensions->content);
    out.nonce = extension_value(must(inside.enter(Tag::kSequence)), kNonce);
  }
  return out;
}

class Ocsp : public testing::Test {
 protected:
  [[nodiscard]] ReadAnswer ask(const Bytes& request) { return read_answer(publisher_.answer_ocsp(*world_.database, request).body); }
  [[nodiscard]] ReadAnswer ask_about(ByteView serial) { return ask(request_for({cert_id(authority_.issuing(), serial)})); }
  void pass(std::chrono::milliseconds time) { world_.clock.set(world_.clock.now().plus(time)); }

  TestAuthority world_;
  Authority authority_ = world_.made();
  Publisher publisher_{authority_};
  Bytes serial_ = must(issue(world_, authority_)).serial();
};

TEST_F(Ocsp, SaysThatACertificateIsGood) {
  const ReadAnswer answer = ask_about(serial_);
  EXPECT_EQ(answer.status, 0);
  EXPECT_THAT(answer.singles, testing::ElementsAre(ReadSingle{'g'}));
  EXPECT_TRUE(answer.signature_verifies);
  EXPECT_FALSE(answer.nonce);
}

TEST_F(Ocsp, TakesEitherHashOfTheIssuer) {
  EXPECT_EQ(ask(request_for({cert_id(authority_.issuing(), serial_, kSha1)})).singles.front().status, 'g');
}

TEST_F(Ocsp, SaysThatACertificateIsRevokedAndWhy) {
  must(revoke(world_, serial_, RevocationReason::kCessationOfOperation));
  EXPECT_THAT(ask_about(serial_).singles, testing::ElementsAre(ReadSingle{'r', 5}));
}

TEST_F(Ocsp, DoesNotAnswerFromMemoryWhatHasChanged) {
  EXPECT_EQ(ask_about(serial_).singles.front().status, 'g');
  must(hold(world_, serial_));
  EXPECT_EQ(ask_about(serial_).singles.front(), (ReadSingle{'r', 6}));
  must(release(world_, serial_));
  EXPECT_EQ(ask_about(serial_).singles.front().status, 'g');
}

TEST_F(Ocsp, KnowsNothingOfSerialNumbersThatWereNotIssued) {
  EXPECT_EQ(ask_about(bytes_of("\x01\x02")).singles.front().status, 'u');
  EXPECT_EQ(ask(request_for({cert_id(authority_.root(), serial_)})).singles.front().status, 'u') << "issued, but by another key";
}

TEST_F(Ocsp, ServesTheSameAnswerForAWhile) {
  const Bytes request = request_for({cert_id(authority_.issuing(), serial_)});
  const Published first = publisher_.answer_ocsp(*world_.database, request);
  pass(std::chrono::minutes(59));
  const Published second = publisher_.answer_ocsp(*world_.database, request);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(second.max_age, std::chrono::minutes(1));
  pass(std::chrono::minutes(1));
  EXPECT_NE(publisher_.answer_ocsp(*world_.database, request).body, first.body);
}

TEST_F(Ocsp, GivesANonceBack) {
  for (const std::size_t size : {1U, 16U, 32U}) {
    const Extension sent = nonce(size);
    const ReadAnswer answer = ask(request_for({cert_id(authority_.issuing(), serial_)}, {sent}));
    EXPECT_EQ(answer.nonce, sent.value) << size;
  }
}

TEST_F(Ocsp, RefusesANonceOfAnotherSize) {
  for (const std::size_t size : {0U, 33U}) {
    EXPECT_EQ(ask(request_for({cert_id(authority_.issuing(), serial_)}, {nonce(size)})).status, 1) << size;
  }
}

TEST_F(Ocsp, IgnoresAnExtensionUnlessItIsCritical) {
  Extension other{"1.2.3.4", must(hex_decode("0500"))};
  EXPECT_EQ(ask(request_for({cert_id(authority_.issuing(), serial_)}, {other})).status, 0);
  other.critical = true;
  EXPECT_EQ(ask(request_for({cert_id(authority_.issuing(), serial_)}, {other})).status, 1);
}

TEST_F(Ocsp, RefusesWhatIsMalformed) {
  const Bytes good = request_for({cert_id(authority_.issuing(), serial_)});
  EXPECT_EQ(ask({}).status, 1);
  EXPECT_EQ(ask(request_for({})).status, 1);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(ask(to_bytes(ByteView(good).first(size))).status, 1) << size;
  }
  Bytes longer = good;
  longer.push_back(std::byte{0});
  EXPECT_EQ(ask(longer).status, 1);
}

TEST_F(Ocsp, AnswersAboutSeveralUpToALimit) {
  const Bytes id = cert_id(authority_.issuing(), serial_);
  const Bytes unknown = cert_id(authority_.issuing(), bytes_of("\x01"));
  EXPECT_THAT(ask(request_for({id, unknown})).singles, testing::ElementsAre(ReadSingle{'g'}, ReadSingle{'u'}));
  EXPECT_EQ(ask(request_for(std::vector<Bytes>(16, id))).singles.size(), 16U);
  EXPECT_EQ(ask(request_for(std::vector<Bytes>(17, id))).status, 1);
}

TEST_F(Ocsp, IsUnauthorizedForOtherCasAndForTwoAtOnce) {
  const tests::Entity other = tests::new_root("CN=Other");
  EXPECT_EQ(ask(request_for({cert_id(other.certificate, serial_)})).status, 6);
  EXPECT_EQ(ask(request_for({cert_id(authority_.root(), serial_), cert_id(authority_.issuing(), serial_)})).status, 6);
  EXPECT_THAT(ask(request_for({cert_id(other.certificate, serial_), cert_id(authority_.issuing(), serial_)})).singles,
              testing::ElementsAre(ReadSingle{'u'}, ReadSingle{'g'}));
}

TEST_F(Ocsp, IsSignedByAResponderOfTheCaThatIsAskedAbout) {
  const crypto::Certificate responder = ask_about(serial_).responder.value();
  EXPECT_TRUE(responder.verify_issued_by(authority_.issuing()));
  const std::string der = hex_encode(responder.der());
  EXPECT_NE(der.find("06082b06010505070309"), std::string::npos) << "id-kp-OCSPSigning";
  EXPECT_NE(der.find("06092b0601050507300105"), std::string::npos) << "id-pkix-ocsp-nocheck";
  EXPECT_EQ(responder.key_usage(), 0x8000);
  EXPECT_FALSE(responder.is_ca());
  EXPECT_EQ(must(find(*world_.database, responder.serial())).value().profile, "ocsp");
  const crypto::Certificate of_root = ask(request_for({cert_id(authority_.root(), authority_.issuing().serial())})).responder.value();
  EXPECT_TRUE(of_root.verify_issued_by(authority_.root()));
}

TEST_F(Ocsp, RenewsItsResponderInTime) {
  const crypto::Certificate first = ask_about(serial_).responder.value();
  pass(std::chrono::days(19));
  EXPECT_EQ(ask_about(serial_).responder.value(), first);
  const Publisher after_a_restart(must(world_.open()));
  const Bytes request = request_for({cert_id(authority_.issuing(), serial_)});
  EXPECT_EQ(read_answer(after_a_restart.answer_ocsp(*world_.database, request).body).responder.value(), first);
  pass(std::chrono::days(2));
  const crypto::Certificate second = ask_about(serial_).responder.value();
  EXPECT_NE(second, first);
  EXPECT_TRUE(second.verify_issued_by(authority_.issuing()));
}

TEST_F(Ocsp, NamesItsResponderByKeyOrByName) {
  EXPECT_FALSE(ask_about(serial_).by_name);
  const Publisher by_name(authority_, {.responder_id = PublisherOptions::ResponderId::kByName});
  EXPECT_TRUE(read_answer(by_name.answer_ocsp(*world_.database, request_for({cert_id(authority_.issuing(), serial_)})).body).by_name);
}

TEST_F(Ocsp, GoesOnForAKeyThatWasReplaced) {
  const crypto::Certificate old = authority_.issuing();
  must(Rollover(authority_).new_issuing(*world_.database, {}));
  const ReadAnswer answer = ask(request_for({cert_id(old, serial_)}));
  EXPECT_EQ(answer.singles.front().status, 'g');
  EXPECT_TRUE(answer.responder->verify_issued_by(old));
}

TEST_F(Ocsp, IsAskedByGetToo) {
  const Bytes request = request_for({cert_id(authority_.issuing(), serial_)});
  std::string escaped;
  for (const char c : base64_encode(request)) {
    escaped += c == '+' ? "%2B" : c == '/' ? "%2F" : c == '=' ? "%3D" : std::string(1, c);
  }
  const auto answer = must(publisher_.get(*world_.database, "/ocsp/" + escaped)).value();
  EXPECT_EQ(answer.media_type, "application/ocsp-response");
  EXPECT_EQ(read_answer(answer.body).singles.front().status, 'g');
  for (const char* path : {"/ocsp/", "/ocsp/%", "/ocsp/AAAA", "/ocsp/not base64"}) {
    EXPECT_EQ(read_answer(must(publisher_.get(*world_.database, path)).value().body).status, 1) << path;
  }
}

}  // namespace
}  // namespace airtight::ca
