// An authority with certificates of every profile, for the programs of others to judge.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "ca/authority.h"
#include "ca/publisher.h"
#include "ca/revocation.h"
#include "crypto/random.h"
#include "tests/interop/command.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_folder.h"

namespace airtight::ca {

inline constexpr const char* kPublication = "http://pki.example.com";

class CaWorld : public testing::Test {
 protected:
  // Makes and opens the authority with keys of `kind`; writes root.pem and issuing.pem.
  void make_authority(KeyKind kind = KeyKind::kP256, const KeyStorage& storage = {}, const KeyAccess& access = {}) {
    tests::must(Authority::create(
        *database_, master_key_,
        {.organization = "Example Bank", .key = kind, .publication_url = kPublication, .issuing_storage = storage, .access = access},
        clock_, random_));
    authority_.emplace(
        tests::must(Authority::open(*database_, master_key_, clock_, random_, {.publication_url = kPublication, .access = access})));
    write("root.pem", crypto::to_pem(authority_->root()));
    write("issuing.pem", crypto::to_pem(authority_->issuing()));
  }

  [[nodiscard]] static CertificateProfile profile(Purpose purpose) {
    CertificateProfile out;
    out.name = name_of(purpose);
    out.purpose = purpose;
    out.policies = {"1.2.752.1.1"};
    using Kind = AlternativeName::Kind;
    const auto add = [&](Kind kind, const char* text) { out.alternative_names.push_back({kind, tests::must(Template::parse(text))}); };
    if (purpose == Purpose::kEmail || purpose == Purpose::kEmailSigning || purpose == Purpose::kEmailEncryption)
      add(Kind::kEmail, "{email}");
    if (purpose == Purpose::kSmartCardLogon) add(Kind::kUpn, "{upn}");
    if (purpose == Purpose::kTlsServer) {
      add(Kind::kDns, "{dns}");
      add(Kind::kIp, "{ip}");
    }
    out.subject = tests::must(NameTemplate::parse("CN={subject.cn},O=Example Bank,C=SE"));
    return out;
  }

  [[nodiscard]] static Facts facts() {
    Facts out;
    tests::must(out.add("subject.cn", "Zoë Löwe"));
    tests::must(out.add("email", "zoe@example.com"));
    tests::must(out.add("upn", "zoe@ad.example.com"));
    tests::must(out.add("dns", "www.example.com"));
    tests::must(out.add("ip", "192.0.2.1"));
    return out;
  }

  [[nodiscard]] crypto::Certificate issue(Purpose purpose, const crypto::PublicKey& key) {
    provenance::Verdict verdict;
    verdict.decision = provenance::Decision::kAllow;
    auto transaction = tests::must(storage::Transaction::begin(*database_, storage::Access::kWrite));
    crypto::Certificate out = tests::must(authority_->issue(*database_, profile(purpose), {}, key, verdict, facts()));
    tests::must(transaction.commit());
    return out;
  }

  void revoke_now(const crypto::Certificate& certificate, RevocationReason reason) {
    auto transaction = tests::must(storage::Transaction::begin(*database_, storage::Access::kWrite));
    tests::must(revoke(*database_, clock_, certificate.serial(), reason, ""));
    tests::must(transaction.commit());
  }

  [[nodiscard]] std::string file(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const std::string& name, std::string_view content) const {
    std::ofstream(file(name), std::ios::binary) << content;
    return file(name);
  }
  std::string write(const std::string& name, ByteView content) const { return write(name, text_of(content)); }

  // Runs a program that has to succeed; what it says.
  static std::string passes(const std::vector<std::string>& arguments) {
    const tests::Finished finished = tests::run(arguments);
    EXPECT_EQ(finished.status, 0) << arguments.front() << ": " << finished.output;
    return finished.output;
  }

  SystemClock clock_;
  crypto::SystemRandom random_;
  sealing::MasterKey master_key_{random_.secret(32)};
  std::unique_ptr<storage::Database> database_ = tests::must(storage::open_sqlite_in_memory());
  std::optional<Authority> authority_;
  tests::TemporaryFolder folder_;
};

}  // namespace airtight::ca
