#include "http/internal/peer_limit.h"

#include <utility>

namespace airtight::http::internal {
namespace {

// A refusal over TLS costs a handshake, and its connection a place: so many at a time are enough to tell somebody who reads it.
constexpr std::size_t kMostRefusals = 4;

}  // namespace

Admission PeerLimit::add(const std::string& network) {
  if (most_ == 0) return Admission::kServed;
  const std::scoped_lock lock(mutex_);
  Peer& peer = peers_[network];
  if (peer.served < most_) {
    ++peer.served;
    return Admission::kServed;
  }
  if (peer.refused >= kMostRefusals) return Admission::kClosed;
  ++peer.refused;
  return Admission::kRefused;
}

void PeerLimit::remove(const std::string& network, Admission admission) {
  if (most_ == 0) return;
  const std::scoped_lock lock(mutex_);
  const auto found = peers_.find(network);
  if (found == peers_.end()) return;
  Peer& peer = found->second;
  --(admission == Admission::kServed ? peer.served : peer.refused);
  if (peer.served == 0 && peer.refused == 0) peers_.erase(found);
}

bool PeerLimit::is_news(const std::string& network) {
  const std::scoped_lock lock(mutex_);
  const auto found = peers_.find(network);
  return found != peers_.end() && !std::exchange(found->second.is_known_to_be_many, true);
}

}  // namespace airtight::http::internal
