#include "issuer/postman.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kMostLetters = 200;

}  // namespace

Postman::Postman(SendMail send, std::chrono::milliseconds patience)
    : send_(std::move(send)), patience_(patience), thread_([this] { work(); }) {}

Postman::~Postman() {
  {
    std::unique_lock lock(mutex_);
    is_ending_ = true;
    wake_.notify_all();
    finished_.wait_for(lock, patience_, [this] { return is_finished_; });
  }
  stop_.request_stop();
  thread_.join();
  for (const Letter& letter : letters_) letter.done(fail(Fault::kUnavailable, "the issuer was stopped before the mail was sent"));
}

bool Postman::post(Letter letter) {
  {
    const std::lock_guard lock(mutex_);
    if (letters_.size() >= kMostLetters) return false;
    letters_.push_back(std::move(letter));
  }
  wake_.notify_one();
  return true;
}

void Postman::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return is_ending_ || !letters_.empty(); });
    if (letters_.empty() || stop_.stop_requested()) break;
    const Letter letter = std::move(letters_.front());
    letters_.pop_front();
    lock.unlock();
    letter.done(send_(letter.message, stop_.get_token()));
    lock.lock();
  }
  is_finished_ = true;
  finished_.notify_all();
}

}  // namespace airtight::issuer
