// Schema validation: a set of XML Schema documents compiled once, used from any thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "xml/document.h"

namespace airtight::xml {

struct SchemaFile {
  std::string_view location;  // the schemaLocation by which others import it
  std::string_view text;
};

class Schema {
 public:
  // Compiles the first file; its imports are looked up among `files` by location, and nowhere else.
  [[nodiscard]] static Result<Schema> compile(const std::vector<SchemaFile>& files);
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;
  ~Schema();

  // Fault::kBadInput with the first fault in the validator's words and its line.
  [[nodiscard]] Result<> validate(const Document& document) const;

 private:
  struct Compiled;
  explicit Schema(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace airtight::xml
