// Owning pointers to what C libraries make: a std::unique_ptr that frees with the library's own function. The folder that owns a library
// names its handles by this, and nothing else is ever freed by hand.
#pragma once

#include <memory>

namespace airtight {

template <auto kFree>
struct CFreer {
  template <typename T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};

// CHandle<EVP_PKEY, EVP_PKEY_free>
template <typename T, auto kFree>
using CHandle = std::unique_ptr<T, CFreer<kFree>>;

}  // namespace airtight
