// Sends mail behind the backs of those who asked for it: an answer that waited for the mail server would say by its time, or by its words,
// what became of the mail. One thread, and a short queue.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
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

  // `patience`: how long the end waits for letters.
  explicit Postman(SendMail send, std::chrono::milliseconds patience = std::chrono::seconds(5));
  Postman(const Postman&) = delete;
  Postman& operator=(const Postman&) = delete;
  // Sends what waits for as long as its patience lasts, and then stops the letter under way. What is left is done with Fault::kUnavailable.
  ~Postman();

  // False, and nothing done, if too many letters wait already.
  [[nodiscard]] bool post(Letter letter);

 private:
  void work();

  SendMail send_;
  std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  std::deque<Letter> letters_;
  bool is_ending_ = false;
  bool is_finished_ = false;
  std::stop_source stop_;  // from then on nothing more is begun
  std::thread thread_;
};

}  // namespace airtight::issuer
