// Sends mail behind the backs of those who asked for it: an answer that waited for the mail server would say by its time, or by its words,
// what became of the mail. One thread, and a short queue.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
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
  // Finishes the letter that is on its way; the others are done with Fault::kUnavailable.
  ~Postman();

  // False, and nothing done, if too many letters wait already.
  [[nodiscard]] bool post(Letter letter);

 private:
  void work();

  SendMail send_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Letter> letters_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace airtight::issuer
