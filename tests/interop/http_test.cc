// HTTP against its peers: curl reads and writes what our server writes and reads, and our client talks to OpenSSL's own server.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "http/client.h"
#include "http/server.h"
#include "tests/http/certificates.h"
#include "tests/interop/command.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_folder.h"

namespace airtight::http {
namespace {

using airtight::tests::ChildProcess;
using airtight::tests::Finished;
using airtight::tests::must;
using airtight::tests::run;
using airtight::tests::TemporaryFolder;

void write_file(const std::filesystem::path& path, std::string_view text) { std::ofstream(path) << text; }

Response echo(const Request& request) {
  return text_response(200, request.method + " " + request.target + " " + std::string(request.headers.get("Content-Type").value_or("-")) +
                                " " + to_text(request.body));
}

class Curl : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) { server_ = must(Server::start(std::move(options), echo, log_)); }
  void start_tls() { start({.tls = ca_.issue()}); }

  Finished curl(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"curl", "--silent", "--show-error", "--max-time", "10", "--noproxy", "*"});
    return run(arguments);
  }
  std::string url(const std::string& scheme = "http") const {
    return scheme + "://127.0.0.1:" + std::to_string(server_->port()) + "/p?q=r";
  }
  std::string ca_file() const {
    write_file(folder_ / "ca.pem", ca_.pem());
    return folder_ / "ca.pem";
  }
  std::string body_file(std::size_t size) const {
    write_file(folder_ / "body", std::string(size, 'b'));
    return "@" + (folder_ / "body").native();
  }

  Log log_ = Log::silent();
  testing::TestCa ca_;
  TemporaryFolder folder_;
  std::unique_ptr<Server> server_;
};

TEST_F(Curl, Gets) {
  start();
  const Finished finished = curl({"--include", url()});
  EXPECT_EQ(finished.status, 0) << finished.output;
  EXPECT_TRUE(finished.output.starts_with("HTTP/1.1 200 OK\r\n")) << finished.output;
  EXPECT_TRUE(finished.output.ends_with("\r\n\r\nGET /p?q=r - "));
}

TEST_F(Curl, Heads) {
  start();
  const Finished finished = curl({"--head", url()});
  EXPECT_EQ(finished.status, 0) << finished.output;
  EXPECT_TRUE(finished.output.contains("Content-Length: 14\r\n")) << finished.output;
}

TEST_F(Curl, Posts) {
  start();
  const Finished finished = curl({"--header", "Content-Type: a/b", "--data-binary", "body", url()});
  EXPECT_EQ(finished.output, "POST /p?q=r a/b body");
}

TEST_F(Curl, PostsInChunks) {
  start();
  const Finished finished =
      curl({"--header", "Content-Type: a/b", "--header", "Transfer-Encoding: chunked", "--data-binary", body_file(200000), url()});
  EXPECT_EQ(finished.output, "POST /p?q=r a/b " + std::string(200000, 'b'));
}

TEST_F(Curl, PostsAfterWaitingForContinue) {
  start();
  const Finished finished = curl({"--header", "Content-Type: a/b", "--header", "Expect: 100-continue", "--expect100-timeout", "9",
                                  "--max-time", "5", "--data-binary", body_file(2000000), url()});
  EXPECT_EQ(finished.output, "POST /p?q=r a/b " + std::string(2000000, 'b'));
}

TEST_F(Curl, ReadsWhyItsBodyIsRefused) {
  start({.max_body = 1000});
  const Finished finished = curl({"--header", "Expect:", "--data-binary", body_file(3000000), "--write-out", "%{http_code}", url()});
  EXPECT_TRUE(finished.output.ends_with("413")) << finished.output;
}

TEST_F(Curl, SpeaksHttp10) {
  start();
  EXPECT_EQ(curl({"--http1.0", url()}).output, "GET /p?q=r - ");
}

TEST_F(Curl, KeepsItsConnection) {
  start_tls();
  const Finished finished = curl({"--cacert", ca_file(), "--output", "/dev/null", "--output", "/dev/null", "--write-out",
                                  "%{num_connects} ", url("https"), url("https")});
  EXPECT_EQ(finished.output, "1 0 ");
}

TEST_F(Curl, SpeaksBothVersionsOfTls) {
  start_tls();
  for (const char* version : {"1.2", "1.3"}) {
    const Finished finished = curl({"--cacert", ca_file(), "--tls-max", version, url("https")});
    EXPECT_EQ(finished.output, "GET /p?q=r - ") << version;
  }
}

TEST_F(Curl, FindsNoOldTls) {
  start_tls();
  const Finished finished =
      curl({"--cacert", ca_file(), "--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0", url("https")});
  EXPECT_EQ(finished.status, 35) << finished.output;  // "A TLS/SSL connect error"
}

TEST_F(Curl, TrustsNoStranger) {
  start_tls();
  EXPECT_EQ(curl({url("https")}).status, 60);  // "Peer certificate cannot be authenticated with known CA certificates"
}

// `openssl s_server -www`, which answers with a page on the connection and then closes it.
class OpenSslServer {
 public:
  OpenSslServer(const TemporaryFolder& folder, ServerTls tls, std::vector<std::string> more = {}) {
    write_file(folder / "server.pem", tls.certificate_chain_pem);
    write_file(folder / "server.key", text_of(tls.private_key_pem.expose_secret()));
    std::vector<std::string> arguments = {"openssl", "s_server",           "-www", "-accept", "127.0.0.1:0", "-cert", folder / "server.pem",
                                          "-key",    folder / "server.key"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    if (::pipe(output_) != 0) throw std::runtime_error("no pipe");
    process_ = std::make_unique<ChildProcess>([&](const std::function<void()>&) {
      ::dup2(output_[1], STDOUT_FILENO);
      ::dup2(output_[1], STDERR_FILENO);
      std::vector<char*> pointers;
      for (std::string& argument : arguments) pointers.push_back(argument.data());
      pointers.push_back(nullptr);
      ::execvp(pointers[0], pointers.data());
      return 127;
    });
    ::close(output_[1]);
    port_ = read_port();
  }
  ~OpenSslServer() { ::close(output_[0]); }

  [[nodiscard]] Url url() const { return must(Url::parse("https://127.0.0.1:" + std::to_string(port_) + "/")); }

 private:
  // It says "ACCEPT 127.0.0.1:PORT" once it listens.
  int read_port() const {
    std::string said;
    char c = 0;
    while (::read(output_[0], &c, 1) == 1) {
      if (c == '\n' && said.contains("ACCEPT")) return std::stoi(said.substr(said.rfind(':') + 1));
      said = c == '\n' ? std::string() : said + c;
    }
    throw std::runtime_error("openssl s_server did not start");
  }

  int output_[2] = {-1, -1};
  std::unique_ptr<ChildProcess> process_;
  int port_ = 0;
};

Request get() { return {.method = "GET", .target = {}, .headers = {}, .body = {}, .peer = {}}; }

TEST(OpenSslPeer, AnswersOurClient) {
  const testing::TestCa ca;
  const TemporaryFolder folder;
  ServerTls tls = ca.issue();
  const Bytes certificate = must(crypto::certificates_from_pem(tls.certificate_chain_pem)).front().der();
  const OpenSslServer server(folder, std::move(tls));
  const Exchange exchange = must(must(Client::create({.ca_pem = ca.pem()}))->send(server.url(), get()));
  EXPECT_EQ(exchange.response.status, 200);
  EXPECT_EQ(exchange.server_certificate, certificate);
  EXPECT_TRUE(text_of(exchange.response.body).contains("New, TLSv1.3")) << text_of(exchange.response.body);
}

TEST(OpenSslPeer, ResumesOurSession) {
  const testing::TestCa ca;
  const TemporaryFolder folder;
  for (const char* version : {"-tls1_3", "-tls1_2"}) {
    const OpenSslServer server(folder, ca.issue(), {version});
    const auto client = must(Client::create({.ca_pem = ca.pem()}));
    const Exchange first = must(client->send(server.url(), get()));
    const Exchange second = must(client->send(server.url(), get()));
    EXPECT_TRUE(text_of(first.response.body).contains("New, TLSv1")) << version;
    EXPECT_TRUE(text_of(second.response.body).contains("Reused, TLSv1")) << version;
    EXPECT_EQ(first.server_certificate, second.server_certificate) << version;
  }
}

TEST(OpenSslPeer, CannotLinkWhatFollowsForget) {
  const testing::TestCa ca;
  const TemporaryFolder folder;
  const OpenSslServer server(folder, ca.issue());
  const auto client = must(Client::create({.ca_pem = ca.pem()}));
  (void)must(client->send(server.url(), get()));
  client->forget();
  const Exchange second = must(client->send(server.url(), get()));
  EXPECT_TRUE(text_of(second.response.body).contains("New, TLSv1.3"));
}

TEST(OpenSslPeer, IsRefusedWithOldTls) {
  const testing::TestCa ca;
  const TemporaryFolder folder;
  const OpenSslServer server(folder, ca.issue(), {"-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"});
  const auto exchange = must(Client::create({.ca_pem = ca.pem()}))->send(server.url(), get());
  ASSERT_FALSE(exchange);
  EXPECT_TRUE(exchange.error().message.contains("no TLS connection")) << exchange.error().message;
}

}  // namespace
}  // namespace airtight::http
