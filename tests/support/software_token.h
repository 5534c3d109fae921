// A PKCS #11 token of a test's own: SoftHSM with its configuration and tokens in a folder that goes with this object. One at a time, as
// the module finds its configuration through the environment.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "tests/interop/command.h"
#include "tests/support/temporary_folder.h"

namespace airtight::tests {

inline constexpr std::string_view kSoftHsm = "/usr/lib/softhsm/libsofthsm2.so";

class SoftwareToken {
 public:
  explicit SoftwareToken(const std::string& label = "card") {
    std::filesystem::create_directory(tokens());
    const std::filesystem::path configuration = folder_ / "softhsm2.conf";
    std::ofstream(configuration) << "directories.tokendir = " << tokens().native() << "\nlog.level = ERROR\n";
    ::setenv("SOFTHSM2_CONF", configuration.c_str(), 1);
    add(label);
  }

  // Another token, in the next slot.
  static void add(const std::string& label) {
    const Finished made = run({"softhsm2-util", "--init-token", "--free", "--label", label, "--pin", "1234", "--so-pin", "12345678"});
    if (made.status != 0) throw std::runtime_error("softhsm2-util: " + made.output);
  }

  // Takes every token away; `label` is a new one in their place.
  void replace_by(const std::string& label) const {
    std::filesystem::remove_all(tokens());
    std::filesystem::create_directory(tokens());
    add(label);
  }

  [[nodiscard]] static std::string uri(const std::string& label = "card", std::string_view module = kSoftHsm) {
    return "pkcs11:token=" + label + "?module-path=" + std::string(module);
  }

  // Where SoftHSM keeps its tokens.
  [[nodiscard]] std::filesystem::path tokens() const { return folder_ / "tokens"; }

  // pkcs11-tool, logged in: what it prints.
  [[nodiscard]] static Finished tool(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"pkcs11-tool", "--module", std::string(kSoftHsm), "--token-label", "card", "--login",
                                          "--pin",       "1234"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace airtight::tests
