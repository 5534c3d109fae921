#include "xml/internal/libxml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>
#include <libxml/xmlschemastypes.h>
#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/xmlsec.h>

#include <mutex>
#include <stdexcept>
#include <utility>

namespace airtight::xml::internal {
namespace {

// Messages echo what was read; beyond this they help nobody.
constexpr std::size_t kLongestMessage = 300;

thread_local LoadableTexts* loadable_texts = nullptr;

xmlParserInputPtr load(const char* url, const char* /*id*/, xmlParserCtxtPtr context) {
  if (loadable_texts == nullptr || url == nullptr) return nullptr;
  const std::string* text = loadable_texts->find(url);
  if (text == nullptr) return nullptr;
  xmlParserInputBufferPtr buffer =
      made(xmlParserInputBufferCreateMem(text->data(), static_cast<int>(text->size()), XML_CHAR_ENCODING_NONE));
  xmlParserInputPtr input = made(xmlNewIOInputStream(context, buffer, XML_CHAR_ENCODING_NONE));
  // Locations inside this text are relative to it.
  input->filename = reinterpret_cast<const char*>(made(xmlStrdup(to_xml(url))));
  return input;
}

// What xmlsec says about a signature that does not verify names its own functions; callers say what failed.
void drop_error(const char* /*file*/, int /*line*/, const char* /*function*/, const char* /*object*/, const char* /*subject*/,
                int /*reason*/, const char* /*message*/) {}

// The library's sentence without its line feed and final stop, cut at a character's start if it is too long.
std::string tidy(std::string_view message) {
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ' || message.back() == '.')) message.remove_suffix(1);
  if (message.size() <= kLongestMessage) return std::string(message);
  std::size_t end = kLongestMessage;
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0U) == 0x80U) --end;
  return std::string(message.substr(0, end)) + "...";
}

}  // namespace

void start_libraries() {
  static std::once_flag once;
  std::call_once(once, [] {
    xmlInitParser();
    xmlSchemaInitTypes();
    if (xmlSecInit() != 0 || xmlSecCryptoInit() != 0) throw std::runtime_error("xmlsec does not start");
    xmlSecErrorsSetCallback(drop_error);
    xmlSetExternalEntityLoader(load);  // last: xmlSecInit sets one too
  });
}

ErrorTrap::ErrorTrap() : previous_(xmlStructuredError), previous_context_(xmlStructuredErrorContext) {
  xmlSetStructuredErrorFunc(this, keep);
}

ErrorTrap::~ErrorTrap() { xmlSetStructuredErrorFunc(previous_context_, previous_); }

std::string ErrorTrap::sentence(std::string_view otherwise) const {
  if (!caught()) return std::string(otherwise);
  return line_ > 0 ? "line " + std::to_string(line_) + ": " + message_ : message_;
}

void ErrorTrap::keep(void* trap, xmlErrorPtr error) {
  auto* self = static_cast<ErrorTrap*>(trap);
  if (self->caught() || error == nullptr) return;
  if (error->level < XML_ERR_ERROR && error->code != XML_WAR_NS_URI_RELATIVE) return;
  self->message_ = error->message == nullptr ? "unknown fault" : tidy(error->message);
  self->line_ = error->line;
}

LoadableTexts::LoadableTexts(std::map<std::string, std::string, std::less<>> texts) : texts_(std::move(texts)) { loadable_texts = this; }

LoadableTexts::~LoadableTexts() { loadable_texts = nullptr; }

const std::string* LoadableTexts::find(std::string_view location) {
  const auto found = texts_.find(location);
  if (found != texts_.end()) return &found->second;
  if (missing_.empty()) missing_ = location;
  return nullptr;
}

}  // namespace airtight::xml::internal
