#include "base/constant_time.h"

// Alone in this file: tests/constant_time links functions of its own in their place.
namespace airtight {

void classify(ByteView /*secret*/) {}
void declassify(ByteView /*published*/) {}

}  // namespace airtight
