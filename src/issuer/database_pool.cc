#include "issuer/database_pool.h"

namespace airtight::issuer {

DatabasePool::Lease::~Lease() {
  if (!database_) return;
  const std::lock_guard lock(pool_->mutex_);
  pool_->free_.push_back(std::move(database_));
}

Result<DatabasePool::Lease> DatabasePool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      std::unique_ptr<storage::Database> database = std::move(free_.back());
      free_.pop_back();
      return Lease(*this, std::move(database));
    }
  }
  return Lease(*this, TRY(storage::open_sqlite(file_, {})));
}

}  // namespace airtight::issuer
