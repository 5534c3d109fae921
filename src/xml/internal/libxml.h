// What every file that calls libxml2 or xmlsec needs: the libraries started once and shut off from files and network, their complaints
// caught instead of printed, and their pointers checked.
#pragma once

#include <libxml/tree.h>

#include <map>
#include <new>
#include <string>
#include <string_view>

#include "base/c_handle.h"

namespace airtight::xml::internal {

// Starts libxml2 and xmlsec and gives them a loader that knows no file and no network; from any thread, as often as one likes.
void start_libraries();

// Catches what libxml2 reports in this thread while it lives, and keeps the first fault. Warnings are dropped, but for relative namespace
// URIs, which have no canonical form.
class ErrorTrap {
 public:
  ErrorTrap();
  ~ErrorTrap();
  ErrorTrap(const ErrorTrap&) = delete;
  ErrorTrap& operator=(const ErrorTrap&) = delete;

  [[nodiscard]] bool caught() const { return !message_.empty(); }
  // "line 3: the library's words", or `otherwise` if nothing was caught.
  [[nodiscard]] std::string sentence(std::string_view otherwise) const;

  // For libxml2: keeps `error` if it is the first. `trap` is an ErrorTrap.
  static void keep(void* trap, xmlErrorPtr error);

 private:
  std::string message_;
  int line_ = 0;
  xmlStructuredErrorFunc previous_;
  void* previous_context_;
};

// While one lives, libxml2 in this thread finds exactly these texts under these locations; a location that is not among them is kept.
class LoadableTexts {
 public:
  explicit LoadableTexts(std::map<std::string, std::string, std::less<>> texts);
  ~LoadableTexts();
  LoadableTexts(const LoadableTexts&) = delete;
  LoadableTexts& operator=(const LoadableTexts&) = delete;

  // The text at `location`, or nullptr, in which case missing() tells.
  [[nodiscard]] const std::string* find(std::string_view location);
  [[nodiscard]] const std::string& missing() const { return missing_; }

 private:
  std::map<std::string, std::string, std::less<>> texts_;
  std::string missing_;
};

// libxml2 returns nullptr from what it makes only when memory is out.
template <typename T>
T* made(T* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}

[[nodiscard]] inline const xmlChar* to_xml(const char* text) { return reinterpret_cast<const xmlChar*>(text); }
[[nodiscard]] inline const xmlChar* to_xml(const std::string& text) { return to_xml(text.c_str()); }
[[nodiscard]] inline std::string_view view_of(const xmlChar* text) {
  return text == nullptr ? std::string_view() : std::string_view(reinterpret_cast<const char*>(text));
}

}  // namespace airtight::xml::internal
