#include "issuer/postman.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kMostLetters = 200;
constexpr std::chrono::seconds kPatienceAtTheEnd{5};

}  // namespace

Postman::Postman(SendMail send) : send_(std::move(send)), thread_([this] { work(); }) {}

Postman::~Postman() {
  {
    const std::lock_guard lock(mutex_);
    end_ = std::chrono::steady_clock::now() + kPatienceAtTheEnd;
  }
  wake_.notify_all();
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
    wake_.wait(lock, [this] { return end_ || !letters_.empty(); });
    if (letters_.empty() || (end_ && std::chrono::steady_clock::now() >= *end_)) return;
    const Letter letter = std::move(letters_.front());
    letters_.pop_front();
    lock.unlock();
    letter.done(send_(letter.message));
    lock.lock();
  }
}

}  // namespace airtight::issuer
