// How many connections each peer of a server has, so that none of them has all: of those beyond its limit some get an answer that says so,
// and the others none.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

namespace airtight::http::internal {

enum class Admission : unsigned char {
  kServed,
  kRefused,  // one too many: its first request is answered with 503
  kClosed,   // it has as many of those as it can have
};

class PeerLimit {
 public:
  // At most `most` for a network (network.h); 0: any number.
  explicit PeerLimit(std::size_t most) : most_(most) {}

  // What becomes of another connection of `network`; what is not closed is to be removed at its end.
  [[nodiscard]] Admission add(const std::string& network);
  void remove(const std::string& network, Admission admission);

  // Whether this is the first refusal since the network had no connection: once is enough for a log.
  [[nodiscard]] bool is_news(const std::string& network);

 private:
  struct Peer {
    std::size_t served = 0;
    std::size_t refused = 0;
    bool is_known_to_be_many = false;
  };

  const std::size_t most_;
  std::mutex mutex_;
  std::unordered_map<std::string, Peer> peers_;  // those that have connections
};

}  // namespace airtight::http::internal
