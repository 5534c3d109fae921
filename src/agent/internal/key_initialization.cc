// Key initialization: asks the user, then has the key store make every policy and key (keygen2.md section 3).
#include <utility>

#include "agent/internal/capabilities.h"
#include "agent/internal/device_pin.h"
#include "agent/internal/key_creation.h"
#include "agent/internal/pin_dialogue.h"
#include "agent/internal/run.h"

namespace airtight::agent {

Answer initialize_keys(Run& run, keygen2::KeyInitializationRequest& request) {
  TRY(check_client_session(run, request.client_session_id));
  TRY(find_session(run));
  UserInterface& user = run.tools.user;
  TRY(check_requested_keys(request, run.device, run.options.limits));
  const bool wanted = TRY(of_user(user.confirm({.issuer = run.issuer,
                                                .keys = request,
                                                .session_life_time = run.record.life_time,
                                                .updatable = run.record.updatable,
                                                .renews = run.record.renews})));
  if (!wanted) return refuse(keygen2::ClientError::kUserAbort, "the user does not want these keys");
  const ChosenPins pins = TRY(of_user(choose_pins(request, user)));
  TRY(provide_device_pin(request, run.device, user, run.tools.administration));
  user.progress(Step::kCreatingKeys, "");
  TRY(begin_work(run));
  std::vector<CreatedKey> created =
      TRY(create_keys(run.tools.key_store, {.handle = *run.session, .updatable = run.record.updatable}, request, pins));

  run.record.deferred_certification = request.deferred_certification;
  keygen2::KeyInitializationResponse response{
      .id = run.record.client_session_id, .server_session_id = request.id, .keys = {}, .server_cookie = std::move(request.server_cookie)};
  run.made_keys.emplace();
  for (CreatedKey& key : created) {
    run.made_keys->emplace(key.generated.id, key.handle);
    response.keys.push_back(std::move(key.generated));
  }
  user.progress(Step::kSendingKeys, "");
  return keygen2::write_message(std::move(response));
}

}  // namespace airtight::agent
