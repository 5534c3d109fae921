// A PKCS #11 module for tests: SoftHSM behind a login that answers as the environment variable STUBBORN_TOKEN says. SoftHSM itself never
// locks a PIN and has no keypad.
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdlib.h>

#include <string_view>

namespace {

CK_FUNCTION_LIST* g_soft_hsm = nullptr;
CK_FUNCTION_LIST g_functions = {};

bool behaves(std::string_view how) {
  const char* variable = ::getenv("STUBBORN_TOKEN");
  return variable != nullptr && how == variable;
}

bool g_just_locked = false;

CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  const CK_RV code = g_soft_hsm->C_GetTokenInfo(slot, info);
  if (behaves("locked") || (behaves("locks-now") && g_just_locked)) info->flags |= CKF_USER_PIN_LOCKED;
  if (behaves("final")) info->flags |= CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY;
  if (behaves("keypad")) info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
  return code;
}

CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char* pin, CK_ULONG size) {
  if (behaves("locked")) return CKR_PIN_LOCKED;
  if (behaves("expired")) return CKR_PIN_EXPIRED;
  if (behaves("locks-now")) {
    g_just_locked = true;
    return CKR_PIN_INCORRECT;
  }
  unsigned char typed[] = {'1', '2', '3', '4'};
  if (behaves("keypad")) return pin == nullptr && size == 0 ? g_soft_hsm->C_Login(session, user, typed, sizeof typed) : CKR_ARGUMENTS_BAD;
  return g_soft_hsm->C_Login(session, user, pin, size);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  void* const library = ::dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return CKR_GENERAL_ERROR;
  const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  const CK_RV code = get(&g_soft_hsm);
  if (code != CKR_OK) return code;
  g_functions = *g_soft_hsm;
  g_functions.C_GetTokenInfo = get_token_info;
  g_functions.C_Login = login;
  g_functions.C_GetFunctionList = C_GetFunctionList;
  *list = &g_functions;
  return CKR_OK;
}
