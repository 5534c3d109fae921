// Sends mail behind the backs of those who asked for it: an answer that waited for the mail server would say by its time, or by its words,
// what became of the mail. One thread, and a short queue.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/result.h"
#include "issuer/invitation.h"

namespace airtight::issuer {

class Postman {
 public:
  struct Letter {
    mail::Message message;
    std::function<void(const Result<>&)> done;  // called once, on the postman's thread or on the one that ends it
  };

  explicit Postman(SendMail send);
  Postman(const Postman&) = delete;
  Postman& operator=(const Postman&) = delete;
  // Sends what waits, as long as that is a matter of seconds; what is left is done with Fault::kUnavailable.
  ~Postman();

  // False, and nothing done, if too many letters wait already.
  [[nodiscard]] bool post(Letter letter);

 private:
  void work();

  SendMail send_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Letter> letters_;
  std::optional<std::chrono::steady_clock::time_point> end_;  // from when on nothing more is begun
  std::thread thread_;
};

}  // namespace airtight::issuer
