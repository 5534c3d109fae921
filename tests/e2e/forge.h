// What only a dishonest issuer or agent can do to a message, and nobody on the road: make its signatures and MACs right again after it was
// changed. An issuer has the session key, an agent has the key store that signs with it.
#pragma once

#include <functional>
#include <string>

#include "base/bytes.h"
#include "tests/e2e/edits.h"
#include "tests/e2e/world.h"

namespace airtight::e2e {

// ProvisioningSessionResponse with a new signature by the session that the key store opened last.
[[nodiscard]] Bytes sign_again(World& world, ByteView text);

// CredentialDeploymentRequest with every MAC of it made anew with the session key of `site`, as that issuer can. For keys of other issuers
// it has no proof, and uses its own session key in place of theirs. The keys are those of `key_initialization`, the response's text.
[[nodiscard]] Bytes mac_again(World& world, Site& site, ByteView text, ByteView key_initialization);

// A request signed by somebody whom nobody knows, in place of any signature that it has.
[[nodiscard]] Bytes sign_by_stranger(ByteView text);

// CredentialDiscoveryRequest with its questions signed by a CA that has the name of the issuing CA of `site`, and a key of its own.
[[nodiscard]] Bytes sign_lookups_by_namesake(ByteView text, const Site& site);

}  // namespace airtight::e2e
