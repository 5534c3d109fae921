// Extension objects of a key and the issuer's logotypes: texts, properties and files.
#include <algorithm>

#include "base/encoding.h"
#include "issuer/internal/profile_reader.h"
#include "issuer/texts.h"

namespace airtight::issuer {
namespace {

constexpr std::size_t kMaxExtension = 65536;  // ExtensionDataSize of sks.md section 10

bool is_mime_type(std::string_view text) {
  const auto is_token = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
    });
  };
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && is_token(text.substr(0, slash)) && is_token(text.substr(slash + 1));
}

Result<std::string> read_type(TomlTable& table, std::set<std::string>& types) {
  std::string type = TRY(table.required_text("type"));
  if (type.find(':') == std::string::npos || type.size() > 1000) {
    return Failure(table.error_at("type", "'" + type + "' is not a URI", "write it like urn:example:type"));
  }
  if (!types.insert(type).second) return Failure(table.error_at("type", "the key has two extensions of type '" + type + "'"));
  return type;
}

// What `file` or `base64` give.
Result<std::optional<Bytes>> read_content(TomlTable& table, ProfileReading& reading) {
  const std::optional<std::string> file = TRY(table.text("file"));
  const std::optional<std::string> base64 = TRY(table.text("base64"));
  if (file && base64) return Failure(table.error_at("base64", "either 'file' or 'base64' is given, not both"));
  if (file) return std::optional(TRY(reading.file(table, "file", *file, kMaxExtension, "base64", base64_encode)));
  if (!base64) return std::optional<Bytes>();
  Result<Bytes> decoded = base64_decode(*base64);
  if (!decoded) return Failure(table.error_at("base64", decoded.error().message));
  if (decoded->size() > kMaxExtension) return Failure(table.error_at("base64", "an extension has at most 65536 bytes"));
  return std::optional(*std::move(decoded));
}

Result<PropertyBagProfile> read_property_bag(TomlTable& table, std::set<std::string>& types) {
  PropertyBagProfile bag;
  bag.type = TRY(read_type(table, types));
  std::set<std::string> names;
  for (TomlTable& entry : TRY(table.tables("properties"))) {
    PropertyProfile property;
    property.name = TRY(entry.required_text("name"));
    property.value = TRY(entry.required_text("value"));
    property.writable = TRY(entry.boolean("writable"));
    TRY(check_template(entry, "value", property.value));
    if (property.name.empty() || !names.insert(property.name).second)
      return Failure(entry.error_at("name", "the property name '" + property.name + "' is used twice, or empty"));
    TRY(entry.finish());
    bag.properties.push_back(std::move(property));
  }
  if (bag.properties.empty())
    return Failure(
        table.error_at("properties", "a property bag needs a property", "add properties = [{ name = \"...\", value = \"...\" }]"));
  TRY(table.finish());
  return bag;
}

Result<ExtensionProfile> read_extension(TomlTable& table, ProfileReading& reading, std::set<std::string>& types) {
  ExtensionProfile extension;
  extension.type = TRY(read_type(table, types));
  extension.encrypted = TRY(table.boolean("encrypted")).value_or(false);
  std::optional<std::string> text = TRY(table.text("text"));
  std::optional<Bytes> content = TRY(read_content(table, reading));
  if (text.has_value() == content.has_value())
    return Failure(table.error_at("text", "an extension needs either 'text', or 'file' with what it holds"));
  if (text) {
    TRY(check_template(table, "text", *text));
    extension.data = *std::move(text);
  } else {
    extension.data = *std::move(content);
  }
  TRY(table.finish());
  return extension;
}

}  // namespace

Result<> check_template(const TomlTable& table, std::string_view name, std::string_view text) {
  const Result<std::vector<std::string>> names = names_in_text(text);
  if (!names) return Failure(table.error_at(name, names.error().message, names.error().hint));
  return {};
}

Result<ImageProfile> read_image(TomlTable& table, ProfileReading& reading) {
  ImageProfile image;
  image.mime_type = TRY(table.required_text("mime_type"));
  if (!is_mime_type(image.mime_type))
    return Failure(table.error_at("mime_type", "'" + image.mime_type + "' is not a MIME type", "write it like image/png"));
  std::optional<Bytes> content = TRY(read_content(table, reading));
  if (!content || content->empty()) return Failure(table.error_at("file", "a logotype needs a 'file' with its image"));
  image.image = *std::move(content);
  return image;
}

Result<std::vector<ExtensionObjectProfile>> read_extensions(TomlTable& key_table, ProfileReading& reading) {
  std::vector<ExtensionObjectProfile> out;
  std::set<std::string> types;
  for (TomlTable& bag : TRY(key_table.tables("property_bags"))) out.emplace_back(TRY(read_property_bag(bag, types)));
  for (TomlTable& table : TRY(key_table.tables("logotypes"))) {
    std::string type = TRY(read_type(table, types));
    ImageProfile image = TRY(read_image(table, reading));
    TRY(table.finish());
    out.emplace_back(LogotypeProfile{std::move(type), std::move(image.mime_type), std::move(image.image)});
  }
  for (TomlTable& table : TRY(key_table.tables("extensions"))) out.emplace_back(TRY(read_extension(table, reading, types)));
  return out;
}

Result<std::vector<IssuerLogotypeProfile>> read_issuer_logotypes(TomlTable& profile_table, ProfileReading& reading) {
  std::vector<IssuerLogotypeProfile> out;
  for (TomlTable& table : TRY(profile_table.tables("logotypes"))) {
    ImageProfile image = TRY(read_image(table, reading));
    TRY(table.finish());
    out.push_back({std::move(image.mime_type), std::move(image.image)});
  }
  return out;
}

}  // namespace airtight::issuer
