// TLS client certificates: our server sees whose key its peer has, and asks for no more; our client shows its own. The other peer is curl.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "http/client.h"
#include "http/server.h"
#include "tests/http/certificates.h"
#include "tests/interop/command.h"
#include "tests/support/temporary_folder.h"

namespace airtight::http {
namespace {

using airtight::tests::Finished;
using airtight::tests::must;
using airtight::tests::run;
using airtight::tests::TemporaryFolder;

// The subject of the certificate that came, or "nobody".
Response whose(const Request& request) {
  if (!request.client_certificate) return text_response(200, "nobody");
  return text_response(200, must(crypto::Certificate::parse(*request.client_certificate)).subject());
}

class ClientCertificate : public ::testing::Test {
 protected:
  void start(bool asks) {
    ServerTls tls = ca_.issue();
    tls.ask_for_client_certificate = asks;
    ServerOptions options;
    options.tls = std::move(tls);
    server_ = must(Server::start(std::move(options), whose, log_));
  }
  [[nodiscard]] std::string url() const { return "https://127.0.0.1:" + std::to_string(server_->port()) + "/"; }
  [[nodiscard]] std::string file(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  Finished curl(const tests::Entity* identity) const {
    std::vector<std::string> arguments{"curl", "--silent", "--show-error",           "--max-time", "10", "--noproxy",
                                       "*",    "--cacert", file("ca.pem", ca_.pem())};
    if (identity != nullptr) {
      const SecretBytes key = must(crypto::to_pem(identity->key));
      arguments.insert(arguments.end(), {"--cert", file("client.pem", crypto::to_pem(identity->certificate)), "--key",
                                         file("client.key", text_of(key.expose_secret()))});
    }
    arguments.push_back(url());
    return run(arguments);
  }
  std::string ask_as(const tests::Entity* identity, bool twice = false) const {
    ClientOptions options;
    options.ca_pem = ca_.pem();
    if (identity != nullptr) {
      options.certificate_chain_pem = crypto::to_pem(identity->certificate);
      options.private_key_pem = must(crypto::to_pem(identity->key));
    }
    const auto client = must(Client::create(std::move(options)));
    Request request{.method = "GET", .target = {}, .headers = {}, .body = {}, .peer = {}};
    if (twice) {
      request.headers.set("Connection", "close");
      must(client->send(must(Url::parse(url())), request));
    }
    return to_text(must(client->send(must(Url::parse(url())), request)).response.body);
  }

  Log log_ = Log::silent();
  testing::TestCa ca_;
  TemporaryFolder folder_;
  tests::Entity jane_ = tests::new_leaf("CN=Jane", tests::new_root("CN=Some CA"));
  std::unique_ptr<Server> server_;
};

TEST_F(ClientCertificate, OfCurlIsSeen) {
  start(true);
  EXPECT_EQ(curl(&jane_).output, "CN=Jane");
}

TEST_F(ClientCertificate, IsNoMustForCurl) {
  start(true);
  EXPECT_EQ(curl(nullptr).output, "nobody");
}

TEST_F(ClientCertificate, IsNotAskedForOtherwise) {
  start(false);
  EXPECT_EQ(curl(&jane_).output, "nobody");
  EXPECT_EQ(ask_as(&jane_), "nobody");
}

TEST_F(ClientCertificate, OfOurClientIsSeenAndOnASecondConnectionToo) {
  start(true);
  EXPECT_EQ(ask_as(&jane_), "CN=Jane");
  EXPECT_EQ(ask_as(&jane_, true), "CN=Jane");
  EXPECT_EQ(ask_as(nullptr), "nobody");
}

TEST_F(ClientCertificate, NeedsItsOwnKey) {
  ClientOptions options;
  options.ca_pem = ca_.pem();
  options.certificate_chain_pem = crypto::to_pem(jane_.certificate);
  options.private_key_pem = must(crypto::to_pem(tests::new_root("CN=Another").key));
  EXPECT_EQ(Client::create(std::move(options)).error().fault, Fault::kBadInput);
}

}  // namespace
}  // namespace airtight::http
