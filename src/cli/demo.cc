// airtight demo: the whole path on loopback, in the commands that a user would type, and then an attacker in the middle of it.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "cli/child_process.h"
#include "cli/commands.h"
#include "cli/demo_proxy.h"
#include "crypto/certificate.h"
#include "keygen2/messages.h"
#include "storage/files.h"

namespace airtight::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr std::size_t kMaxFile = 1U << 20;

// A folder that goes when the demonstration ends, unless it is to be kept.
class Scratch {
 public:
  [[nodiscard]] static Result<Scratch> make(bool keep) {
    std::string path = (fs::temp_directory_path() / "airtight-demo-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr)
      return fail(Fault::kUnavailable, "no scratch folder can be made in " + fs::temp_directory_path().string());
    return Scratch(path, keep);
  }
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})), keep_(other.keep_) {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty() && !keep_) fs::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  Scratch(fs::path path, bool keep) : path_(std::move(path)), keep_(keep) {}
  fs::path path_;
  bool keep_;
};

// Prints the story: chapters, the commands as typed, what they said.
class Stage {
 public:
  Stage(Context& context, const Scratch& scratch) : context_(context), scratch_(scratch) {}

  void chapter(std::string_view title) const { say("\n" + paint("1", std::string(title)) + "\n"); }
  void tell(std::string_view sentence) const { say("  " + std::string(sentence) + "\n"); }
  void proof(std::string_view sentence) const { say("  " + paint("32", "\u2714 ") + std::string(sentence) + "\n"); }
  void attack(std::string_view sentence) const { say("  " + paint("31", "\u2620 ") + std::string(sentence) + "\n"); }

  void command(const std::vector<std::string>& words) const {
    std::string line = "$";
    for (const std::string& word : words) {
      const std::string shown = shorten(word);
      line += shown.find_first_of(" =,") == std::string::npos ? " " + shown : " '" + shown + "'";
    }
    say("  " + paint("36", line) + "\n");
  }
  void output(std::string_view text) const {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      say("    " + shorten(std::string(text.substr(0, end))) + "\n");
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

 private:
  // Paths as seen from the scratch folder.
  [[nodiscard]] std::string shorten(std::string text) const {
    const std::string prefix = scratch_.path().string() + "/";
    for (std::size_t at = 0; (at = text.find(prefix, at)) != std::string::npos;) text.erase(at, prefix.size());
    const std::string self = "/proc/self/exe";
    return text == self ? "airtight" : text;
  }
  [[nodiscard]] std::string paint(std::string_view colour, const std::string& text) const {
    return context_.out_has_colours ? "\033[" + std::string(colour) + "m" + text + "\033[0m" : text;
  }
  void say(const std::string& text) const {
    if (!context_.json) context_.out << text << std::flush;
  }

  Context& context_;
  const Scratch& scratch_;
};

class Demo {
 public:
  Demo(Context& context, Scratch scratch)
      : context_(context), scratch_(std::move(scratch)), stage_(context, scratch_), log_(Log::silent()) {}

  Result<> run() {
    const auto begun = std::chrono::steady_clock::now();
    TRY(make_parties());
    TRY(start_issuer());
    TRY(enroll_honestly());
    TRY(sign_and_verify());
    TRY(show_air_tightness());
    TRY(show_the_end());
    const auto seconds = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun).count();
    stage_.chapter("Done");
    stage_.tell(std::to_string(proofs_.size()) + " proofs in " + std::to_string(seconds / 1000) + "." +
                std::to_string(seconds % 1000 / 100) + " s.");
    if (context_.json) context_.print_json(json::object{{"proofs", std::move(proofs_)}});
    return {};
  }

 private:
  // Runs this program with `arguments`, shown as a command with its output. Fails unless it exits with `expected`.
  Result<ProgramResult> airtight(std::vector<std::string> arguments, int expected = kDone, bool show_output = true) {
    arguments.insert(arguments.begin(), "/proc/self/exe");
    stage_.command(arguments);
    return run(arguments, expected, show_output);
  }
  Result<ProgramResult> tool(const std::vector<std::string>& command) {
    stage_.command(command);
    return run(command, kDone, true);
  }
  Result<ProgramResult> run(const std::vector<std::string>& command, int expected, bool show_output) {
    ProgramResult result = TRY(run_program(command));
    if (show_output) stage_.output(result.out);
    if (result.status != expected) {
      return fail(Fault::kInternal,
                  "'" + command[std::min<std::size_t>(1, command.size() - 1)] + "' exited with " + std::to_string(result.status) +
                      " instead of " + std::to_string(expected) + ": " + result.err,
                  "run the demonstration again with --keep and look at its folder");
    }
    return result;
  }
  // The JSON that a command prints, without showing the command.
  Result<json::value> ask(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "/proc/self/exe");
    arguments.emplace_back("--json");
    const ProgramResult result = TRY(run(arguments, kDone, false));
    boost::system::error_code error;
    json::value value = json::parse(result.out, error);
    if (error) return fail(Fault::kInternal, "a command printed no JSON");
    return value;
  }
  void prove(std::string sentence) {
    stage_.proof(sentence);
    proofs_.emplace_back(std::move(sentence));
  }

  Result<> make_parties() {
    stage_.chapter("1. A maker makes a device");
    stage_.tell("Its attestation key is made inside the key store and certified: [device] -> [class] -> [vendor].");
    TRY(airtight(
        {"device", "create", "--store", file("card"), "--maker", file("maker"), "--vendor", "Example Cards", "--model", "Card One"}));
    stage_.chapter("2. An issuer that accepts the devices of this vendor, and no others");
    TRY(airtight({"issuer", "init", file("bank"), "--organization", "Example Bank", "--accept", "vendor=" + file("maker/root.pem")}));
    return {};
  }

  // The issuer behind a proxy that agents take for it: it has the issuer's own TLS identity, as an attacker inside the data centre might.
  Result<> start_issuer() {
    proxy_ = TRY(start_proxy(0, "bank"));
    const std::string url = "https://127.0.0.1:" + std::to_string(proxy_->port());
    std::string configuration = TRY(text_file("bank/issuer.toml"));
    const std::string placeholder = "# url = \"https://issuer.example.com\"";
    const std::size_t at = configuration.find(placeholder);
    if (at == std::string::npos) return fail(Fault::kInternal, "issuer.toml has no place for a URL");
    configuration.replace(at, placeholder.size(), "url = \"" + url + "\"");
    TRY(storage::write_file(file("bank/issuer.toml"), bytes_of(configuration), storage::FileMode::kPrivate));

    const std::vector<std::string> command = {"/proc/self/exe", "issuer", "serve", file("bank"), "--listen", "127.0.0.1:0"};
    stage_.command(command);
    auto issuer = TRY(BackgroundProgram::start(command, file("bank.log")));
    issuer_ = std::make_unique<BackgroundProgram>(std::move(issuer));
    const std::string line = issuer_->read_line().value_or("");
    constexpr std::string_view kListening = "listening ";
    if (!line.starts_with(kListening)) return fail(Fault::kInternal, "the issuer did not start: " + log_of_issuer());
    stage_.output(line);
    origin_ = line.substr(kListening.size());
    const std::string ca = TRY(text_file("bank/tls/ca.pem"));
    TRY(proxy_->pass_on_to(origin_, ca));
    stage_.tell("Devices reach it through " + url + ": a proxy with the issuer's own TLS key. For now it is honest.");
    return {};
  }

  Result<> enroll_honestly() {
    stage_.chapter("3. A user enrols: a P-256 key under PIN and PUK, attested, certified, confirmed");
    TRY(storage::write_file(file("pins"), bytes_of("PIN.1 Key.1 7391\n"), storage::FileMode::kPrivate));
    TRY(storage::write_file(file("pin"), bytes_of("7391\n"), storage::FileMode::kPrivate));
    const std::string url = TRY(new_url());
    TRY(airtight(enroll_command(url, "bank/tls/ca.pem")));
    TRY(airtight({"keys", "list", "--store", file("card")}));
    TRY(airtight({"issuer", "credentials", file("bank")}));
    const json::value credentials = TRY(ask({"issuer", "credentials", file("bank")}));
    if (credentials.at("credentials").as_array().size() != 1) return fail(Fault::kInternal, "the issuer has not one credential");
    prove("The issuer knows in which device the key lives, and the device has confirmed it");
    return {};
  }

  Result<> sign_and_verify() {
    stage_.chapter("4. The key signs, and OpenSSL verifies against the issued chain");
    TRY(storage::write_file(file("contract.txt"), bytes_of("I owe you one.\n"), storage::FileMode::kPublic));
    TRY(airtight({"keys", "sign", "Key.1", "--store", file("card"), "--in", file("contract.txt"), "--out", file("contract.sig"),
                  "--pin-file", file("pin")}));
    const json::value key = TRY(ask({"keys", "show", "Key.1", "--store", file("card")}));
    std::string others;
    const json::array& path = key.at("certificates").as_array();
    for (std::size_t i = 1; i < path.size(); ++i) others += path[i].as_string();
    TRY(write_public("user.pem", std::string(path.at(0).as_string())));
    TRY(write_public("chain.pem", others));
    TRY(tool(
        {"openssl", "verify", "-x509_strict", "-CAfile", file("bank/ca/root.pem"), "-untrusted", file("chain.pem"), file("user.pem")}));
    TRY(tool({"openssl", "x509", "-in", file("user.pem"), "-pubkey", "-noout", "-out", file("user.pub")}));
    TRY(tool({"openssl", "dgst", "-sha256", "-verify", file("user.pub"), "-signature", file("contract.sig"), file("contract.txt")}));
    prove("OpenSSL accepts the signature and the path from the user to the issuer's root");
    return {};
  }

  Result<> show_air_tightness() {
    stage_.chapter("5. The proxy turns hostile");
    TRY(attack("It makes the key exportable, on the way to the device:", "the key attestation shows which key was really asked for",
               Tampering{"KeyInitializationRequest", make_exportable}));
    TRY(attack("It changes one byte of the key attestation, on the way to the issuer:",
               "the attestation is bound to a session key it does not know", Tampering{"KeyInitializationResponse", change_attestation}));
    const Bytes stranger = TRY(stranger_certificate());
    TRY(attack(
        "It puts another certificate in place of the user's, on the way to the device:",
        "the key store finds that the issuer's MAC does not cover it",
        Tampering{"CredentialDeploymentRequest", [stranger](xml::Document& document) { replace_certificates(document, stranger); }}));
    return attack_tls();
  }

  // A proxy with a TLS certificate of its own that the user's machine trusts: no byte is changed, only the line is not straight.
  Result<> attack_tls() {
    const unsigned short port = proxy_->port();
    proxy_->stop();
    proxy_.reset();
    proxy_ = TRY(start_proxy(port, "mallory"));
    const std::string trusted = TRY(text_file("bank/tls/ca.pem"));
    TRY(proxy_->pass_on_to(origin_, trusted));
    return attack("It changes nothing, but has a TLS certificate of its own that the user's machine trusts:",
                  "the device signs the fingerprint of the certificate it saw", std::nullopt, "mallory/tls/ca.pem");
  }

  // One enrolment under attack: it must fail, leave nothing behind, and the proxy must really have changed something.
  Result<> attack(const std::string& what, const std::string& why, std::optional<Tampering> tampering,
                  const std::string& ca = "bank/tls/ca.pem") {
    stage_.attack(what);
    const bool changes = tampering.has_value();
    const std::string url = TRY(new_url(false));
    proxy_->tamper(std::move(tampering));
    std::vector<std::string> command = enroll_command(url, ca);
    command.insert(command.begin(), "/proc/self/exe");
    const ProgramResult result = TRY(run(command, kRefused, false));
    if (changes && proxy_->tampered() == 0) return fail(Fault::kInternal, "the attack did not take place: " + result.err);
    proxy_->tamper(std::nullopt);
    stage_.output("enroll: " + last_complaint(result.err));
    const json::value sessions = TRY(ask({"issuer", "sessions", file("bank")}));
    const json::object& last = sessions.at("sessions").as_array().back().as_object();
    stage_.output("issuer: session " + std::string(last.at("state").as_string()) + ", " + text_of_member(last, "refusal"));
    TRY(check_nothing_is_left());
    prove("Refused: " + why + "; nothing is left in the key store, nothing was confirmed");
    return {};
  }

  Result<> check_nothing_is_left() {
    const json::value keys = TRY(ask({"keys", "list", "--store", file("card")}));
    const json::value device_sessions = TRY(ask({"device", "sessions", "--store", file("card")}));
    const json::value credentials = TRY(ask({"issuer", "credentials", file("bank")}));
    const auto open =
        std::ranges::count_if(device_sessions.at("sessions").as_array(), [](const json::value& s) { return s.at("open").as_bool(); });
    const auto confirmed =
        std::ranges::count_if(credentials.at("credentials").as_array(), [](const json::value& c) { return !c.at("confirmed").is_null(); });
    if (keys.at("keys").as_array().size() != 1 || open != 0 || confirmed != 1) {
      return fail(Fault::kInternal, "the attack left something behind");
    }
    return {};
  }

  Result<> show_the_end() {
    stage_.chapter("6. What the issuer remembers");
    TRY(airtight({"issuer", "sessions", file("bank")}));
    const int status = issuer_->stop();
    if (status != kDone) return fail(Fault::kInternal, "the issuer exited with " + std::to_string(status));
    return {};
  }

  static void make_exportable(xml::Document& document) {
    for (xml::Element created : document.root().children(keygen2::kNamespace, "CreateObject")) expose(created);
  }
  static void expose(xml::Element element) {
    if (element.name() == "KeyPair") element.set_attribute("ExportPolicy", "none");
    for (xml::Element child : element.children()) expose(child);
  }
  static void change_attestation(xml::Document& document) {
    for (xml::Element key : document.root().children(keygen2::kNamespace, "GeneratedPublicKey")) {
      Bytes attestation = base64_decode(key.attribute("KeyAttestation").value_or("")).value_or(Bytes(32));
      attestation.front() ^= std::byte{1};
      key.set_attribute("KeyAttestation", base64_encode(attestation));
    }
  }
  static void replace_certificates(xml::Document& document, const Bytes& certificate) {
    constexpr std::string_view kSignatures = "http://www.w3.org/2000/09/xmldsig#";
    for (xml::Element key : document.root().children(keygen2::kNamespace, "CertifiedPublicKey")) {
      for (xml::Element data : key.children(kSignatures, "X509Data")) {
        std::vector<xml::Element> certificates = data.children(kSignatures, "X509Certificate");
        for (std::size_t i = 1; i < certificates.size(); ++i) certificates[i].remove();
        certificates.front().set_text(base64_encode(certificate));
      }
    }
  }

  Result<Bytes> stranger_certificate() {
    TRY(ask({"issuer", "init", file("mallory"), "--organization", "Mallory"}));
    const std::string pem = TRY(text_file("mallory/ca/root.pem"));
    const auto certificates = TRY(crypto::certificates_from_pem(pem));
    return certificates.front().der();
  }
  // A proxy with the TLS identity of `issuer`.
  Result<std::unique_ptr<DemoProxy>> start_proxy(unsigned short port, const std::string& issuer) {
    std::string chain = TRY(text_file(issuer + "/tls/server.pem"));
    SecretBytes key = TRY(storage::read_secret_file(file(issuer + "/tls/server.key"), kMaxFile));
    return DemoProxy::start(port, ProxyIdentity{std::move(chain), std::move(key)}, log_);
  }
  Result<std::string> text_file(const std::string& name) {
    const Bytes content = TRY(storage::read_file(file(name), kMaxFile));
    return to_text(content);
  }
  Result<> write_public(const std::string& name, const std::string& text) {
    return storage::write_file(file(name), bytes_of(text), storage::FileMode::kPublic);
  }
  Result<std::string> new_url(bool show = true) {
    std::vector<std::string> arguments = {"issuer", "url", file("bank"), "--subject", "CN=Jane Doe,O=Example Bank"};
    if (show) {
      ProgramResult result = TRY(airtight(arguments));
      return result.out.substr(0, result.out.find('\n'));
    }
    const json::value url = TRY(ask(arguments));
    return std::string(url.at("url").as_string());
  }
  [[nodiscard]] std::vector<std::string> enroll_command(const std::string& url, const std::string& ca) const {
    return {"enroll", url, "--store", file("card"), "--ca-file", file(ca), "--pin-file", file("pins"), "--yes"};
  }
  [[nodiscard]] std::string file(std::string_view name) const { return scratch_.file(name); }
  std::string log_of_issuer() { return text_file("bank.log").value_or(std::string()); }

  // What the agent said at last, without the name of the program and the hint.
  static std::string last_complaint(const std::string& err) {
    const std::size_t at = err.rfind("airtight: ");
    if (at == std::string::npos) return err;
    const std::size_t begin = at + std::string_view("airtight: ").size();
    return err.substr(begin, err.find('\n', begin) - begin);
  }
  static std::string text_of_member(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
  }

  Context& context_;
  Scratch scratch_;
  Stage stage_;
  Log log_;
  std::string origin_;  // of the issuer itself, behind the proxy
  std::unique_ptr<DemoProxy> proxy_;
  std::unique_ptr<BackgroundProgram> issuer_;
  json::array proofs_;
};

}  // namespace

void add_demo(CLI::App& root, Context& context) {
  const auto keep = std::make_shared<bool>(false);
  CLI::App& command = add_command(root, context, "demo",
                                  "Show the whole path on loopback: maker, device, issuer, enrolment, signature, and attacks that fail",
                                  "airtight demo\nTMPDIR=. airtight demo --keep", Secrets::kHandled, [keep, &context]() -> Result<> {
                                    Scratch scratch = TRY(Scratch::make(*keep));
                                    if (*keep && !context.json) context.out << "Everything stays in " << scratch.path().string() << '\n';
                                    return Demo(context, std::move(scratch)).run();
                                  });
  command.add_flag("--keep", *keep, "Leave the folder with the device, the issuer and all files when done");
}

}  // namespace airtight::cli
