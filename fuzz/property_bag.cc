// Property bags: setting a property to the value that it has gives the same bytes, setting it to another changes that value alone, and only
// what is writable can be set.
#include "sks/property_bag.h"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace airtight;
using namespace airtight::sks;

constexpr std::string_view kType = "urn:type";  // of each bag in the corpus
constexpr std::string_view kOther = "\t<&>\"'\n\r ]]> \xC3\xA5";

void require(bool ok) {
  if (!ok) std::abort();
}

void check_property(const PropertyBag& bag, std::size_t index, ByteView text) {
  const auto& property = bag.properties()[index];
  const auto same = bag.with(property.name, property.value);
  const auto changed = bag.with(property.name, kOther);
  require(same.has_value() == property.writable && changed.has_value() == property.writable);
  if (!property.writable) return;
  require(equal(*same, text));
  const auto next = PropertyBag::parse(*changed, kType);
  require(next.has_value() && next->properties().size() == bag.properties().size());
  for (std::size_t i = 0; i < bag.properties().size(); ++i) {
    const auto& before = bag.properties()[i];
    const auto& after = next->properties()[i];
    require(after.name == before.name && after.writable == before.writable);
    require(after.value == (i == index ? kOther : before.value));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView text = std::as_bytes(std::span(data, size));
  const auto bag = PropertyBag::parse(text, kType);
  if (!bag) return 0;
  require(!bag->properties().empty());
  require(!bag->with("a name that is not there: \x01", "").has_value());
  for (std::size_t i = 0; i < bag->properties().size() && i < 8; ++i) check_property(*bag, i, text);
  return 0;
}
