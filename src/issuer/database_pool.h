// A small pool of connections to the issuer's database: one for each request that is being answered, kept open with its prepared
// statements.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "storage/database.h"

namespace airtight::issuer {

class DatabasePool {
 public:
  explicit DatabasePool(std::filesystem::path file) : file_(std::move(file)) {}

  // A connection that goes back to the pool when it is destroyed.
  class Lease {
   public:
    Lease(DatabasePool& pool, std::unique_ptr<storage::Database> database) : pool_(&pool), database_(std::move(database)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    [[nodiscard]] storage::Database& operator*() const { return *database_; }

   private:
    DatabasePool* pool_;
    std::unique_ptr<storage::Database> database_;
  };

  // A free connection, or a new one. Errors as open_sqlite's. Thread-safe.
  [[nodiscard]] Result<Lease> take();

 private:
  std::filesystem::path file_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<storage::Database>> free_;
};

}  // namespace airtight::issuer
