// Sequences of calls: the input is a script (tests/model/script.h) that is run against a key store and against a model of one, which was
// written from the documents alone. Any difference, in a status, in an output, or in what can be seen afterwards, aborts with all that was
// called.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <span>

#include "tests/model/script.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    airtight::sks::model::Script(std::as_bytes(std::span(data, size))).run();
  } catch (const airtight::sks::model::Difference& difference) {
    std::cerr << "the store " << difference.what() << std::endl;
    std::abort();
  }
  return 0;
}
