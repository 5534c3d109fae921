// The methods of SKS: one row each with its number, its name and its request (with its Response), which lists the fields in wire order.
// Dispatcher, client stub, help, log and fuzzer all read this one table.
#pragma once

#include <cstdint>
#include <string_view>
#include <tuple>

#include "sks/provisioning_methods.h"
#include "sks/user_methods.h"

namespace airtight::sks {

template <typename RequestType>
struct Method {
  using Request = RequestType;
  std::uint8_t number;
  std::string_view name;
};

inline constexpr auto kMethods = std::tuple(
    Method<CreateProvisioningSession>{1, "createProvisioningSession"}, Method<CloseProvisioningSession>{2, "closeProvisioningSession"},
    Method<GetProvisioningSession>{3, "getProvisioningSession"}, Method<EnumerateProvisioningSessions>{4, "enumerateProvisioningSessions"},
    Method<AbortProvisioningSession>{5, "abortProvisioningSession"}, Method<SignProvisioningSessionData>{6, "signProvisioningSessionData"},
    Method<CreatePukPolicy>{7, "createPUKPolicy"}, Method<CreatePinPolicy>{8, "createPINPolicy"}, Method<CreateKeyPair>{9, "createKeyPair"},
    Method<SetCertificatePath>{10, "setCertificatePath"}, Method<SetSymmetricKey>{11, "setSymmetricKey"},
    Method<AddExtensionData>{12, "addExtensionData"}, Method<RestorePrivateKey>{20, "restorePrivateKey"},
    Method<GetDeviceInfo>{31, "getDeviceInfo"}, Method<EnumerateKeys>{32, "enumerateKeys"},
    Method<PostProvisioningDeleteKey>{50, "postProvisioningDeleteKey"}, Method<PostProvisioningUpdateKey>{51, "postProvisioningUpdateKey"},
    Method<SignHashedData>{100, "signHashedData"}, Method<GetKeyProtectionInfo>{101, "getKeyProtectionInfo"},
    Method<GetExtensionObject>{102, "getExtensionObject"}, Method<DeleteKey>{103, "deleteKey"}, Method<UnlockKey>{104, "unlockKey"},
    Method<ExportKey>{105, "exportKey"}, Method<AsymmetricKeyDecrypt>{111, "asymmetricKeyDecrypt"}, Method<PerformHmac>{112, "performHMAC"},
    Method<SymmetricKeyEncrypt>{113, "symmetricKeyEncrypt"}, Method<KeyAgreement>{114, "keyAgreement"}, Method<ChangePin>{120, "changePIN"},
    Method<SetPin>{121, "setPIN"}, Method<SetProperty>{122, "setProperty"});

// The table's row for `Request`.
template <typename Request>
[[nodiscard]] constexpr const Method<Request>& method_of() {
  return std::get<Method<Request>>(kMethods);
}

}  // namespace airtight::sks
