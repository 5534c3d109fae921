#include "sealing/internal/attributes.h"

namespace airtight::sealing::internal {

Result<std::vector<CK_OBJECT_HANDLE>> find_objects(TokenSession& session, Template& wanted) {
  constexpr CK_ULONG kMost = 8;
  std::vector<CK_OBJECT_HANDLE> found(kMost);
  CK_ULONG count = 0;
  TRY(check_token(session.functions().C_FindObjectsInit(session.handle(), wanted.data(), wanted.size()), "look for keys"));
  const CK_RV code = session.functions().C_FindObjects(session.handle(), found.data(), kMost, &count);
  session.functions().C_FindObjectsFinal(session.handle());
  TRY(check_token(code, "look for keys"));
  found.resize(count);
  return found;
}

}  // namespace airtight::sealing::internal
