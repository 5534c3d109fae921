// A store in a state where each method has something to work on, beside its model: an open session with what the method wants, and closed
// ones with keys of every kind behind a PIN and a PUK. What a hostile request destroys is made anew.
#pragma once

#include <functional>
#include <string>

#include "tests/model/model.h"
#include "tests/model/right_mac.h"
#include "tests/model/world.h"

namespace airtight::sks::model {

class Stage {
 public:
  explicit Stage(Pause* pause = nullptr);  // as World has it

  // Each of these compares the store's answer with the model's and throws Difference.
  template <typename Request>
  Answer<Request> call(const Request& request) {
    Answer<Request> answer = world_.call(request);
    model_.check(request, world_.now(), answer);
    (void)world_.waited();
    return answer;
  }
  // Any bytes: what cannot be read is ERROR_OPTION.
  Status send(ByteView request);
  // Everything that can be seen from outside.
  void compare_all();

  // A request that is right in every way, at this moment. One operation for a target is all that a session may have, so a session with one
  // is ended.
  template <typename Request>
  [[nodiscard]] Request valid();

  // A key of a closed session of its own: P-256, authentication, with a PIN policy and a PUK, but for what is wished.
  struct Wish {
    std::function<void(CreatePukPolicy&)> puk = {};
    std::function<void(CreatePinPolicy&)> pin = {};
    std::function<void(CreateKeyPair&)> key = {};
  };
  [[nodiscard]] Handle provision(const Wish& wish);
  // Certificates for `key`, of the open session.
  [[nodiscard]] SetCertificatePath path_request(Handle key, const crypto::PrivateKey* restored = nullptr);

  [[nodiscard]] const Model& model() const { return model_; }
  [[nodiscard]] World& world() { return world_; }

 private:
  // Keys of a closed session, all Updatable, each with a PIN of its own but `target`.
  struct Provisioned {
    Handle signer = 0;     // P-256, exportable with its PIN
    Handle victim = 0;     // P-256, deleted with its PIN
    Handle rsa = 0;        // RSA-1024, decrypts
    Handle agreeing = 0;   // P-256, agrees
    Handle symmetric = 0;  // AES-128 and HMAC, with a property bag
    Handle target = 0;     // P-256, without PIN
  };
  enum class Import : bool { kNo, kYes };

  [[nodiscard]] Handle open_session();
  [[nodiscard]] Handle new_puk_policy();
  [[nodiscard]] CreatePinPolicy pin_request(Handle puk_policy);
  [[nodiscard]] Handle new_pin_policy();
  [[nodiscard]] CreateKeyPair key_request(KeyUsage usage, Handle pin_policy, Import import = Import::kNo);
  [[nodiscard]] Handle new_key(KeyUsage usage, Handle pin_policy, Import import = Import::kNo);
  [[nodiscard]] Handle certified(Handle key, const crypto::PrivateKey* restored = nullptr);  // and restored
  [[nodiscard]] SetSymmetricKey symmetric_request(Handle key);
  [[nodiscard]] AddExtensionData bag_request(Handle key);
  [[nodiscard]] RestorePrivateKey restore_request(Handle key, const crypto::PrivateKey& restored);
  void close();
  [[nodiscard]] const Provisioned& provisioned();
  [[nodiscard]] std::string next_id(std::string_view prefix) { return std::string(prefix) + std::to_string(++ids_); }
  [[nodiscard]] SecretBytes pin_of(Handle key);

  Workshop& workshop_;
  World world_;
  Model model_;
  Handle session_ = 0;
  Provisioned keys_;
  unsigned ids_ = 0;
};

}  // namespace airtight::sks::model
