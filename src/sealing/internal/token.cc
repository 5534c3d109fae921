#include "sealing/internal/token.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "sealing/internal/lines.h"

namespace airtight::sealing::internal {
namespace {

std::string text_or_empty(const char* text) { return text == nullptr ? std::string() : std::string(text); }

// A field of a token's information, which is padded with spaces.
template <std::size_t kSize>
std::string trimmed(const unsigned char (&field)[kSize]) {
  return {reinterpret_cast<const char*>(field), p11_kit_space_strlen(field, kSize)};
}

// A module runs inside this process: nobody but its owner or root may be able to replace it.
Result<> check_module_file(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return fail(Fault::kNotFound, "the PKCS #11 module " + path + " is missing", "install it, or name another with --pkcs11-uri");
  }
  const bool foreign = status.st_uid != 0 && status.st_uid != ::geteuid();
  if (!foreign && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  return fail(Fault::kRefused, "the PKCS #11 module " + path + " can be changed by others",
              "run: chmod go-w " + path + ", and check who owns it");
}

Failure bad_uri(const std::string& text, const std::string& why) {
  return fail(Fault::kBadInput, "\"" + text + "\" does not name a token: " + why,
              "write it as in 'pkcs11:token=NAME?module-path=/usr/lib/softhsm/libsofthsm2.so' (RFC 7512)");
}

}  // namespace

Result<TokenUri> TokenUri::parse(const std::string& text) {
  constexpr std::size_t kLongest = 1024;
  if (!fits_a_line(text, kLongest)) return bad_uri("pkcs11:...", "it is too long or no plain text");
  Uri uri(p11_kit_uri_new());
  if (uri == nullptr) return fail(Fault::kUnavailable, "there is no memory for a URI");
  const int code = p11_kit_uri_parse(text.c_str(), P11_KIT_URI_FOR_ANY, uri.get());
  if (code != P11_KIT_URI_OK) return bad_uri(text, text_or_empty(p11_kit_uri_message(code)));
  if (p11_kit_uri_get_pin_value(uri.get()) != nullptr || p11_kit_uri_get_pin_source(uri.get()) != nullptr) {
    return fail(Fault::kBadInput, "the URI holds a PIN or says where to find one",
                "leave pin-value and pin-source out: the PIN is asked for");
  }
  if (p11_kit_uri_any_unrecognized(uri.get()) != 0) return bad_uri(text, "it has an attribute that is not known");
  const CK_TOKEN_INFO& token = *p11_kit_uri_get_token_info(uri.get());
  if (token.label[0] == 0 && token.serialNumber[0] == 0) return bad_uri(text, "neither token nor serial is there");
  TokenUri out(text, std::move(uri));
  if (const std::string path = out.module_path(); !path.empty() && path.front() != '/') return bad_uri(text, "module-path is not absolute");
  return out;
}

std::string TokenUri::module_path() const { return text_or_empty(p11_kit_uri_get_module_path(uri_.get())); }
std::string TokenUri::module_name() const { return text_or_empty(p11_kit_uri_get_module_name(uri_.get())); }

std::string TokenUri::object_label() const {
  const CK_ATTRIBUTE* label = p11_kit_uri_get_attribute(uri_.get(), CKA_LABEL);
  return label == nullptr ? std::string() : std::string(static_cast<const char*>(label->pValue), label->ulValueLen);
}

bool TokenUri::matches(const CK_TOKEN_INFO& token) const {
  CK_TOKEN_INFO copy = token;
  return p11_kit_uri_match_token_info(uri_.get(), &copy) == 1;
}

Failure token_failure(CK_RV code, std::string_view doing) {
  return fail(Fault::kUnavailable, "the token cannot " + std::string(doing) + ": " + text_or_empty(p11_kit_strerror(code)),
              "check that it is inserted and works, then try again");
}

Result<> check_token(CK_RV code, std::string_view doing) {
  if (code == CKR_OK) return {};
  return token_failure(code, doing);
}

// The modules in which the token is looked for: one by its path, or those that p11-kit knows.
class TokenSession::Modules {
 public:
  static Result<std::unique_ptr<Modules>> load(const TokenUri& uri) {
    auto modules = std::make_unique<Modules>();
    const std::string path = uri.module_path();
    if (path.empty()) {
      modules->known_ = p11_kit_modules_load_and_initialize(0);
      return modules;
    }
    TRY(check_module_file(path));
    CK_FUNCTION_LIST* module = p11_kit_module_load(path.c_str(), 0);
    if (module == nullptr) {
      return fail(Fault::kNotFound, "the PKCS #11 module " + path + " cannot be loaded: " + text_or_empty(p11_kit_message()),
                  "check that it is a PKCS #11 module for this machine");
    }
    const CK_RV code = p11_kit_module_initialize(module);
    if (code != CKR_OK) {
      p11_kit_module_release(module);
      return fail(Fault::kUnavailable, "the PKCS #11 module " + path + " does not start: " + text_or_empty(p11_kit_strerror(code)),
                  "check its configuration (SOFTHSM2_CONF for SoftHSM) and that its reader or service runs");
    }
    modules->one_ = module;
    return modules;
  }
  Modules() = default;
  Modules(const Modules&) = delete;
  Modules& operator=(const Modules&) = delete;
  ~Modules() {
    if (known_ != nullptr) p11_kit_modules_finalize_and_release(known_);
    if (one_ == nullptr) return;
    p11_kit_module_finalize(one_);
    p11_kit_module_release(one_);
  }

  [[nodiscard]] std::vector<CK_FUNCTION_LIST*> named(const std::string& name) const {
    if (one_ != nullptr) return {one_};
    std::vector<CK_FUNCTION_LIST*> out;
    for (CK_FUNCTION_LIST** module = known_; module != nullptr && *module != nullptr; ++module) {
      const CHandle<char, std::free> own(p11_kit_module_get_name(*module));
      if (name.empty() || text_or_empty(own.get()) == name) out.push_back(*module);
    }
    return out;
  }

 private:
  CK_FUNCTION_LIST* one_ = nullptr;
  CK_FUNCTION_LIST** known_ = nullptr;
};

TokenSession::TokenSession(std::unique_ptr<Modules> modules) : modules_(std::move(modules)) {}

TokenSession::~TokenSession() {
  if (handle_ == CK_INVALID_HANDLE) return;
  if (logged_in_) functions_->C_Logout(handle_);
  functions_->C_CloseSession(handle_);
}

Result<> TokenSession::find_token(const TokenUri& uri) {
  for (CK_FUNCTION_LIST* module : modules_->named(uri.module_name())) {
    CK_ULONG count = 0;
    if (module->C_GetSlotList(CK_TRUE, nullptr, &count) != CKR_OK) continue;
    std::vector<CK_SLOT_ID> slots(count);
    if (count == 0 || module->C_GetSlotList(CK_TRUE, slots.data(), &count) != CKR_OK) continue;
    slots.resize(std::min<std::size_t>(slots.size(), count));
    for (const CK_SLOT_ID slot : slots) {
      CK_TOKEN_INFO info{};
      if (module->C_GetTokenInfo(slot, &info) != CKR_OK || !uri.matches(info)) continue;
      if (functions_ != nullptr) {
        return fail(Fault::kRefused, "more than one token matches " + uri.text(), "add the token's serial to the URI");
      }
      functions_ = module;
      slot_ = slot;
      label_ = trimmed(info.label);
    }
  }
  if (functions_ != nullptr) return {};
  return fail(Fault::kNotFound, "there is no token here that matches " + uri.text(),
              "insert it; 'p11tool --list-tokens' or 'pkcs11-tool --list-slots' shows what there is");
}

Result<std::unique_ptr<TokenSession>> TokenSession::open(const TokenUri& uri, Access access) {
  auto modules = TRY(Modules::load(uri));
  std::unique_ptr<TokenSession> session(new TokenSession(std::move(modules)));
  TRY(session->find_token(uri));
  const CK_FLAGS flags = CKF_SERIAL_SESSION | (access == Access::kWrite ? CKF_RW_SESSION : 0);
  TRY(check_token(session->functions_->C_OpenSession(session->slot_, flags, nullptr, nullptr, &session->handle_), "open a session"));
  return session;
}

Result<CK_TOKEN_INFO> TokenSession::token_info() const {
  CK_TOKEN_INFO info{};
  TRY(check_token(functions_->C_GetTokenInfo(slot_, &info), "tell about itself"));
  return info;
}

Failure TokenSession::wrong_pin() const {
  const auto info = token_info();
  const CK_FLAGS flags = info ? info->flags : 0;
  if ((flags & CKF_USER_PIN_LOCKED) != 0) {
    return fail(Fault::kRefused, "the PIN of the token '" + label_ + "' is locked",
                "unlock it with the token's own tool, by its PUK or security officer's PIN; what it holds is not lost");
  }
  const bool last = (flags & CKF_USER_PIN_FINAL_TRY) != 0;
  return fail(Fault::kRefused, "the PIN of the token '" + label_ + "' is wrong",
              last ? "the next wrong one locks the token: be sure before you try again" : "try again; too many wrong ones lock the token");
}

Result<> TokenSession::log_in(const PassphrasePrompt& prompt) {
  const CK_TOKEN_INFO info = TRY(token_info());
  if ((info.flags & CKF_LOGIN_REQUIRED) == 0) return {};
  if ((info.flags & CKF_USER_PIN_LOCKED) != 0) return wrong_pin();
  if ((info.flags & CKF_USER_PIN_INITIALIZED) == 0) {
    return fail(Fault::kRefused, "the token '" + label_ + "' has no PIN yet", "set one with the token's own tool");
  }
  CK_SESSION_INFO state{};
  TRY(check_token(functions_->C_GetSessionInfo(handle_, &state), "tell about a session"));
  if (state.state == CKS_RO_USER_FUNCTIONS || state.state == CKS_RW_USER_FUNCTIONS) return {};  // by another session of this program
  SecretBytes pin;
  const bool has_keypad = (info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
  if (!has_keypad) {
    if (!prompt) return fail(Fault::kRefused, "a PIN is needed and there is nobody to ask", "run the command on a terminal");
    std::string token = label_;
    if ((info.flags & CKF_USER_PIN_FINAL_TRY) != 0) token += " (the last try before it locks)";
    pin = TRY(prompt({.about = SecretQuestion::About::kTokenPin, .is_new = false, .token = std::move(token)}));
  }
  auto* const bytes = reinterpret_cast<unsigned char*>(pin.expose_secret_for_writing().data());
  const CK_RV code = functions_->C_Login(handle_, CKU_USER, has_keypad ? nullptr : bytes, has_keypad ? 0 : pin.size());
  switch (code) {
    case CKR_OK: logged_in_ = true; return {};
    case CKR_USER_ALREADY_LOGGED_IN: return {};
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE: return wrong_pin();
    case CKR_PIN_LOCKED:
      return fail(Fault::kRefused, "the PIN of the token '" + label_ + "' is locked",
                  "unlock it with the token's own tool, by its PUK or security officer's PIN; what it holds is not lost");
    case CKR_PIN_EXPIRED:
      return fail(Fault::kRefused, "the PIN of the token '" + label_ + "' has expired", "set a new one with the token's own tool");
    default: return token_failure(code, "log in");
  }
}

Result<> TokenSession::allow_writing() {
  CK_SESSION_HANDLE writing = CK_INVALID_HANDLE;
  // The second session shares the login of the first.
  TRY(check_token(functions_->C_OpenSession(slot_, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &writing), "be written to"));
  functions_->C_CloseSession(std::exchange(handle_, writing));
  return {};
}

}  // namespace airtight::sealing::internal
