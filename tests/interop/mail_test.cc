// Mail through a server of other people's make: aiosmtpd, in clear, after STARTTLS and in TLS, with and without a password.
#include "mail/mail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "crypto/random.h"
#include "tests/http/certificates.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_folder.h"

namespace airtight::mail {
namespace {

using ::testing::HasSubstr;
using tests::ChildProcess;
using tests::TemporaryFolder;

constexpr std::string_view kProgram = R"(
import asyncio, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

mode, chain, key, user, password, kept = sys.argv[1:7]

class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 there is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        secure = server.transport.get_extra_info("ssl_object") is not None
        with open(kept, "ab") as out:
            out.write(f"secure={secure} user={bool(session.authenticated)} from={envelope.mail_from} to={envelope.rcpt_tos}\n".encode())
            out.write(envelope.content)
        return "250 taken"

def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data.login == user.encode() and data.password == password.encode()
    return AuthResult(success=good)

async def main():
    context = None
    if mode != "plain":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
    def session():
        return SMTP(Handler(), hostname="localhost", tls_context=context if mode == "starttls" else None,
                    require_starttls=mode == "starttls", auth_required=bool(user), auth_require_tls=mode == "starttls",
                    authenticator=authenticate)
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=context if mode == "tls" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
)";

struct Setup {
  std::string mode = "plain";
  std::string user = {};
  std::string password = {};
};

class SmtpServer {
 public:
  explicit SmtpServer(const Setup& setup) {
    std::ofstream(folder_ / "server.py") << kProgram;
    std::ofstream(folder_ / "ca.pem") << ca_.pem();
    const http::ServerTls tls = ca_.issue();
    std::ofstream(folder_ / "chain.pem") << tls.certificate_chain_pem;
    std::ofstream(folder_ / "key.pem") << text_of(tls.private_key_pem.expose_secret());
    if (::pipe(output_) != 0) throw std::runtime_error("no pipe");
    std::vector<std::string> arguments{"/usr/bin/python3",    folder_ / "server.py", setup.mode,
                                       folder_ / "chain.pem", folder_ / "key.pem",   setup.user,
                                       setup.password,        folder_ / "mails"};
    process_ = std::make_unique<ChildProcess>([&](const std::function<void()>&) {
      ::dup2(output_[1], STDOUT_FILENO);
      std::vector<char*> pointers;
      for (std::string& argument : arguments) pointers.push_back(argument.data());
      pointers.push_back(nullptr);
      ::execv(pointers[0], pointers.data());
      return 127;
    });
    ::close(output_[1]);
    std::string line;
    for (char byte = 0; ::read(output_[0], &byte, 1) == 1 && byte != '\n';) line += byte;
    if (line.empty()) throw std::runtime_error("aiosmtpd did not start: is python3-aiosmtpd installed?");
    port_ = static_cast<unsigned short>(std::stoi(line));
  }
  SmtpServer(const SmtpServer&) = delete;
  SmtpServer& operator=(const SmtpServer&) = delete;
  ~SmtpServer() { ::close(output_[0]); }

  [[nodiscard]] Server as(Encryption encryption) const {
    Server server;
    server.host = "127.0.0.1";
    server.port = port_;
    server.encryption = encryption;
    server.ca_file = folder_ / "ca.pem";
    return server;
  }
  [[nodiscard]] Server as(Encryption encryption, const std::string& user, std::string_view password) const {
    Server server = as(encryption);
    server.user = user;
    server.password = SecretBytes::copy_of(bytes_of(password));
    return server;
  }
  [[nodiscard]] std::string mails() const {
    std::ostringstream text;
    text << std::ifstream(folder_ / "mails").rdbuf();
    return text.str();
  }

 private:
  TemporaryFolder folder_;
  http::testing::TestCa ca_;
  int output_[2] = {-1, -1};
  std::unique_ptr<ChildProcess> process_;
  unsigned short port_ = 0;
};

Result<> send_to(const Server& server, const std::string& to = "jane@example.org") {
  crypto::SystemRandom random;
  return send(server, {.from = "ca@example.com", .to = to, .subject = "Your code", .text = "The code is 1234.\n"}, SystemClock().now(),
              random);
}

TEST(Smtp, TakesMailInClear) {
  const SmtpServer server({});
  const Result<> sent = send_to(server.as(Encryption::kNone));
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_THAT(server.mails(), HasSubstr("secure=False user=False from=ca@example.com to=['jane@example.org']"));
  EXPECT_THAT(server.mails(), HasSubstr(base64_encode(bytes_of("The code is 1234.\r\n"))));
}

TEST(Smtp, TakesMailAfterStartTls) {
  const SmtpServer server({.mode = "starttls"});
  const Result<> sent = send_to(server.as(Encryption::kStartTls));
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_THAT(server.mails(), HasSubstr("secure=True user=False"));
}

TEST(Smtp, TakesMailInTlsFromTheFirstByte) {
  const SmtpServer server({.mode = "tls"});
  const Result<> sent = send_to(server.as(Encryption::kTls));
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_THAT(server.mails(), HasSubstr("secure=True user=False"));
}

TEST(Smtp, TakesMailOfAUserWithHisPassword) {
  const SmtpServer server({.mode = "starttls", .user = "issuer", .password = "s3cr\xc3\xa9t"});
  const Result<> sent = send_to(server.as(Encryption::kStartTls, "issuer", "s3cr\xc3\xa9t"));
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_THAT(server.mails(), HasSubstr("secure=True user=True"));
}

TEST(Smtp, RefusesAWrongPasswordAndNoneAtAll) {
  const SmtpServer server({.mode = "starttls", .user = "issuer", .password = "secret"});
  EXPECT_EQ(send_to(server.as(Encryption::kStartTls, "issuer", "secrets")).error().fault, Fault::kUnavailable);
  EXPECT_EQ(send_to(server.as(Encryption::kStartTls)).error().fault, Fault::kUnavailable);
  EXPECT_EQ(server.mails(), "");
}

TEST(Smtp, SendsNothingWithoutTheTlsThatIsWanted) {
  const SmtpServer server({});
  EXPECT_EQ(send_to(server.as(Encryption::kStartTls)).error().fault, Fault::kUnavailable);
  EXPECT_EQ(server.mails(), "");
}

TEST(Smtp, SendsNothingToAServerOfAnotherCa) {
  const SmtpServer server({.mode = "starttls"});
  const SmtpServer other({.mode = "starttls"});
  Server wrong = server.as(Encryption::kStartTls);
  wrong.ca_file = other.as(Encryption::kStartTls).ca_file;
  EXPECT_EQ(send_to(wrong).error().fault, Fault::kUnavailable);
  EXPECT_EQ(server.mails(), "");
}

TEST(Smtp, SaysWhatTheServerSaidNoTo) {
  const SmtpServer server({});
  const Result<> sent = send_to(server.as(Encryption::kNone), "nobody@example.org");
  ASSERT_FALSE(sent.has_value());
  EXPECT_THAT(sent.error().message, HasSubstr("there is no such mailbox"));
}

}  // namespace
}  // namespace airtight::mail
