// What goes over the administration socket: one frame a request and one a response, in the data types of SKS. A request is its number and
// its fields; a response is 0 and its fields, or 1 and an error. Both ends are the same program, so the numbers are free to change.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "sks/wire_types.h"

namespace airtight::device::internal {

using sks::Field;
using sks::Nothing;

struct VerifyStore {
  static constexpr std::uint8_t kNumber = 1;
  static constexpr auto fields() { return std::tuple(); }
  struct Response {
    std::uint64_t sessions = 0;
    std::uint64_t keys = 0;
    std::uint64_t records = 0;
    sks::LongList findings;  // id, subject and text of each, as many as fit
    static constexpr auto fields() {
      return std::tuple(Field{"Sessions", &Response::sessions}, Field{"Keys", &Response::keys}, Field{"Records", &Response::records},
                        Field{"Findings", &Response::findings});
    }
  };
};

struct FindKeys {
  static constexpr std::uint8_t kNumber = 2;
  sks::Bytes32 fingerprint{};
  static constexpr auto fields() { return std::tuple(Field{"Fingerprint", &FindKeys::fingerprint}); }
  struct Response {
    Bytes handles;  // 4 bytes each
    static constexpr auto fields() { return std::tuple(Field{"Handles", &Response::handles}); }
  };
};

struct SetDevicePin {
  static constexpr std::uint8_t kNumber = 3;
  SecretBytes pin;
  SecretBytes puk;
  static constexpr auto fields() { return std::tuple(Field{"PIN", &SetDevicePin::pin}, Field{"PUK", &SetDevicePin::puk}); }
  using Response = Nothing;
};

struct ChangeDevicePin {
  static constexpr std::uint8_t kNumber = 4;
  SecretBytes pin;
  SecretBytes new_pin;
  static constexpr auto fields() { return std::tuple(Field{"PIN", &ChangeDevicePin::pin}, Field{"NewPIN", &ChangeDevicePin::new_pin}); }
  using Response = Nothing;
};

struct UnlockDevicePin {
  static constexpr std::uint8_t kNumber = 5;
  SecretBytes puk;
  static constexpr auto fields() { return std::tuple(Field{"PUK", &UnlockDevicePin::puk}); }
  using Response = Nothing;
};

struct GetDevicePinStatus {
  static constexpr std::uint8_t kNumber = 6;
  static constexpr auto fields() { return std::tuple(); }
  struct Response {
    bool is_set = false;
    std::uint32_t pin_errors = 0;
    std::uint32_t pin_retry_limit = 0;
    std::uint32_t puk_errors = 0;
    std::uint32_t puk_retry_limit = 0;
    static constexpr auto fields() {
      return std::tuple(Field{"IsSet", &Response::is_set}, Field{"PINErrors", &Response::pin_errors},
                        Field{"PINRetryLimit", &Response::pin_retry_limit}, Field{"PUKErrors", &Response::puk_errors},
                        Field{"PUKRetryLimit", &Response::puk_retry_limit});
    }
  };
};

// The copy is left in the store's folder, for whoever asked to take away: the daemon may be confined to that folder.
struct BackUp {
  static constexpr std::uint8_t kNumber = 7;
  static constexpr auto fields() { return std::tuple(); }
  struct Response {
    std::string file;  // its name in the folder
    static constexpr auto fields() { return std::tuple(Field{"File", &Response::file}); }
  };
};

struct GetServiceStatus {
  static constexpr std::uint8_t kNumber = 8;
  static constexpr auto fields() { return std::tuple(); }
  struct Response {
    std::string seal;
    std::uint32_t process = 0;
    std::uint64_t connections = 0;
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    std::uint64_t closed_idle = 0;
    std::uint64_t requests = 0;
    static constexpr auto fields() {
      return std::tuple(Field{"Seal", &Response::seal}, Field{"Process", &Response::process}, Field{"Connections", &Response::connections},
                        Field{"Accepted", &Response::accepted}, Field{"Refused", &Response::refused},
                        Field{"ClosedIdle", &Response::closed_idle}, Field{"Requests", &Response::requests});
    }
  };
};

inline constexpr std::uint8_t kDone = 0;
inline constexpr std::uint8_t kFailed = 1;

// An Error on its way.
struct Refusal {
  std::uint8_t fault = 0;
  std::string message;
  std::string hint;
  bool has_status = false;
  std::uint8_t status = 0;  // of SKS
  static constexpr auto fields() {
    return std::tuple(Field{"Fault", &Refusal::fault}, Field{"Message", &Refusal::message}, Field{"Hint", &Refusal::hint},
                      Field{"HasStatus", &Refusal::has_status}, Field{"Status", &Refusal::status});
  }
};

}  // namespace airtight::device::internal
