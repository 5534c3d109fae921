#include "xml/schema.h"

#include <libxml/xmlschemas.h>

#include <map>
#include <string>
#include <utility>

#include "xml/internal/libxml.h"

namespace airtight::xml {

using internal::ErrorTrap;
using internal::made;

struct Schema::Compiled {
  explicit Compiled(xmlSchemaPtr compiled) : schema(compiled) {}
  CHandle<xmlSchema, xmlSchemaFree> schema;
};

Schema::Schema(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

Result<Schema> Schema::compile(const std::vector<SchemaFile>& files) {
  if (files.empty()) return fail(Fault::kBadInput, "there is no schema file to compile");
  std::map<std::string, std::string, std::less<>> texts;
  for (const SchemaFile& file : files) {
    // libxml2 reads imported files by itself, so all are held to the rules for documents first.
    auto checked = Document::parse(bytes_of(file.text));
    if (!checked) return Failure(std::move(checked).error().in(file.location));
    texts.emplace(file.location, file.text);
  }
  internal::LoadableTexts loadable(std::move(texts));
  ErrorTrap trap;
  const CHandle<xmlSchemaParserCtxt, xmlSchemaFreeParserCtxt> context(
      made(xmlSchemaNewParserCtxt(std::string(files.front().location).c_str())));
  xmlSchemaSetParserStructuredErrors(context.get(), ErrorTrap::keep, &trap);
  auto compiled = std::make_unique<Compiled>(xmlSchemaParse(context.get()));
  if (!loadable.missing().empty()) {
    return fail(Fault::kBadInput, "the schema " + std::string(files.front().location) + " needs " + loadable.missing() +
                                      ", which is not among the given files");
  }
  if (trap.caught() || compiled->schema == nullptr) {
    return Failure(Error{Fault::kBadInput, trap.sentence("the schema cannot be compiled")}.in(files.front().location));
  }
  return Schema(std::move(compiled));
}

Result<> Schema::validate(const Document& document) const {
  ErrorTrap trap;
  const CHandle<xmlSchemaValidCtxt, xmlSchemaFreeValidCtxt> context(made(xmlSchemaNewValidCtxt(compiled_->schema.get())));
  xmlSchemaSetValidStructuredErrors(context.get(), ErrorTrap::keep, &trap);
  if (xmlSchemaValidateDoc(context.get(), document.doc()) == 0 && !trap.caught()) return {};
  return fail(Fault::kBadInput, trap.sentence("the document does not fit its schema"));
}

}  // namespace airtight::xml
