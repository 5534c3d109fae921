// The few pages that an issuer shows to people, and the headers that everything it sends has.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "http/message.h"

namespace airtight::issuer {

// A response that no cache keeps and no browser takes for something else.
[[nodiscard]] http::Response document(int status, std::string_view media_type, Bytes body);

// A page with a title and a sentence; both are text and are escaped here.
[[nodiscard]] http::Response page(int status, std::string_view title, std::string_view sentence);

// The same with a link below the sentence.
[[nodiscard]] http::Response page_with_link(int status, std::string_view title, std::string_view sentence, std::string_view url);

// A page with a form of one field, `name`, which is posted to the address that the page has. All but `name` is text and is escaped here.
struct FormPage {
  std::string_view title;
  std::string_view sentence;
  std::string_view name;
  std::string_view label;
  std::string_view button;
};
[[nodiscard]] http::Response form_page(int status, const FormPage& form);

}  // namespace airtight::issuer
