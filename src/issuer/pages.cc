#include "issuer/pages.h"

#include <string>

namespace airtight::issuer {
namespace {

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

// `body` is HTML.
http::Response html_page(int status, std::string_view title, const std::string& body) {
  const std::string head = escape_html(title);
  const std::string text = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + head +
                           "</title></head>\n<body><h1>" + head + "</h1>" + body + "</body></html>\n";
  http::Response response = document(status, "text/html; charset=utf-8", to_bytes(text));
  response.headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  return response;
}

}  // namespace

http::Response document(int status, std::string_view media_type, Bytes body) {
  http::Response response;
  response.status = status;
  response.headers.set("Content-Type", media_type);
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Referrer-Policy", "no-referrer");
  response.body = std::move(body);
  return response;
}

http::Response page(int status, std::string_view title, std::string_view sentence) {
  return html_page(status, title, "<p>" + escape_html(sentence) + "</p>");
}

http::Response page_with_link(int status, std::string_view title, std::string_view sentence, std::string_view url) {
  const std::string link = escape_html(url);
  return html_page(status, title, "<p>" + escape_html(sentence) + "</p><p><a href=\"" + link + "\">" + link + "</a></p>");
}

http::Response form_page(int status, const FormPage& form) {
  const std::string name(form.name);
  http::Response response =
      html_page(status, form.title,
                "<p>" + escape_html(form.sentence) + "</p><form method=\"post\"><p><label for=\"" + name + "\">" + escape_html(form.label) +
                    "</label> <input id=\"" + name + "\" name=\"" + name + "\" autocomplete=\"" + name + "\" required autofocus> <button>" +
                    escape_html(form.button) + "</button></p></form>");
  response.headers.set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'");
  return response;
}

}  // namespace airtight::issuer
