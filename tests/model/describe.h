// Requests as text for people: the name of the method and its fields.
#pragma once

#include <string>

#include "base/bytes.h"

namespace airtight::sks::model {

// A request's bytes; long values are cut.
[[nodiscard]] std::string describe(ByteView request);

}  // namespace airtight::sks::model
