// Mail that is sent behind the backs of those who asked for it, and what becomes of it at the end.
#include "issuer/postman.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <string>
#include <vector>

namespace airtight::issuer::testing {
namespace {

using ::testing::ElementsAre;

// What became of each letter, by its subject.
class Fates {
 public:
  Postman::Letter letter(const std::string& subject) {
    return {.message = {.from = "ca@example.com", .to = "jane@example.org", .subject = subject, .text = "Hello\n"},
            .done = [this, subject](const Result<>& sent) {
              lines_.push_back(subject + (sent ? " sent" : sent.error().fault == Fault::kUnavailable ? " unavailable" : " failed"));
            }};
  }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

TEST(Postman, SendsWhatWaitsBeforeItEnds) {
  Fates fates;
  {
    Postman postman([](const mail::Message&, const std::stop_token&) { return Result<>(); }, std::chrono::minutes(10));
    EXPECT_TRUE(postman.post(fates.letter("first")));
    EXPECT_TRUE(postman.post(fates.letter("second")));
  }
  EXPECT_THAT(fates.lines(), ElementsAre("first sent", "second sent"));
}

TEST(Postman, StopsTheLetterUnderWayWhenItsPatienceIsOver) {
  Fates fates;
  std::latch under_way(1);
  {
    Postman postman(
        [&](const mail::Message&, const std::stop_token& stop) -> Result<> {
          std::latch asked(1);
          const std::stop_callback wake(stop, [&] { asked.count_down(); });
          under_way.count_down();
          asked.wait();  // as on a server that never answers
          return fail(Fault::kUnavailable, "stopped");
        },
        std::chrono::milliseconds(0));
    EXPECT_TRUE(postman.post(fates.letter("first")));
    EXPECT_TRUE(postman.post(fates.letter("second")));
    under_way.wait();
  }
  EXPECT_THAT(fates.lines(), ElementsAre("first unavailable", "second unavailable"));
}

}  // namespace
}  // namespace airtight::issuer::testing
