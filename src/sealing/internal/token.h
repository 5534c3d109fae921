// A PKCS #11 token: found by its URI through a module, logged in to with a PIN that is asked for once, and its answers as errors.
// p11-kit reads the URI and loads the module.
#pragma once

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/c_handle.h"
#include "base/result.h"
#include "sealing/seal.h"

namespace airtight::sealing::internal {

// A URI of RFC 7512 that names a token.
class TokenUri {
 public:
  // Fault::kBadInput if it does not name a token, holds a PIN, or its module-path is not absolute.
  [[nodiscard]] static Result<TokenUri> parse(const std::string& text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string module_path() const;  // empty: any module that p11-kit knows
  [[nodiscard]] std::string module_name() const;  // likewise
  [[nodiscard]] std::string object_label() const;
  [[nodiscard]] bool matches(const CK_TOKEN_INFO& token) const;

 private:
  using Uri = CHandle<P11KitUri, p11_kit_uri_free>;
  TokenUri(std::string text, Uri uri) : text_(std::move(text)), uri_(std::move(uri)) {}
  std::string text_;
  Uri uri_;
};

// What `code` says, as an error: Fault::kUnavailable.
[[nodiscard]] Failure token_failure(CK_RV code, std::string_view doing);
[[nodiscard]] Result<> check_token(CK_RV code, std::string_view doing);

// A session with a token, for as long as this object lives; it ends logged out.
class TokenSession {
 public:
  enum class Access : unsigned char { kRead, kWrite };

  // Fault::kNotFound if the module or the token is not there, kRefused if more than one token matches or the module could be changed by
  // others, kUnavailable if the module fails.
  [[nodiscard]] static Result<std::unique_ptr<TokenSession>> open(const TokenUri& uri, Access access);
  TokenSession(const TokenSession&) = delete;
  TokenSession& operator=(const TokenSession&) = delete;
  ~TokenSession();

  // Logs in, if the token wants that. Asks for the PIN once and tries it once, so that no token is locked by a program.
  // Fault::kRefused for a wrong or locked PIN.
  [[nodiscard]] Result<> log_in(const PassphrasePrompt& prompt);

  // Makes this session one that may write.
  [[nodiscard]] Result<> allow_writing();

  [[nodiscard]] CK_FUNCTION_LIST& functions() const { return *functions_; }
  [[nodiscard]] CK_SESSION_HANDLE handle() const { return handle_; }
  [[nodiscard]] CK_SLOT_ID slot() const { return slot_; }
  [[nodiscard]] const std::string& label() const { return label_; }  // the token's

 private:
  class Modules;
  explicit TokenSession(std::unique_ptr<Modules> modules);
  [[nodiscard]] Result<> find_token(const TokenUri& uri);
  [[nodiscard]] Result<CK_TOKEN_INFO> token_info() const;
  [[nodiscard]] Failure wrong_pin() const;

  std::unique_ptr<Modules> modules_;
  CK_FUNCTION_LIST* functions_ = nullptr;
  CK_SLOT_ID slot_ = 0;
  CK_SESSION_HANDLE handle_ = CK_INVALID_HANDLE;
  bool logged_in_ = false;
  std::string label_;
};

}  // namespace airtight::sealing::internal
